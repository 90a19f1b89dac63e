"""The HTML that result objects and report pages share: tables, facts, notes.

Everything that comes from data is escaped here.  Colours derive from the text
colour of the page around, so that a table reads in light and dark, in
JupyterLab and in a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """<style data-segml>
.segml{color:inherit;font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-size:14px;line-height:1.45;margin:.75em 0}
.segml .scroll{overflow-x:auto;max-width:100%}
.segml .scroll+.scroll{margin-top:1.2em}
.segml table{border-collapse:collapse;margin:0;font-variant-numeric:tabular-nums;color:inherit;background:none}
.segml caption{text-align:left;font-weight:600;padding:0 0 .4em}
.segml caption span{display:inline-block;position:sticky;left:0;max-width:min(100%,86vw)}
.segml th,.segml td{padding:.35em .75em .35em 0;text-align:left;vertical-align:top;border:0;border-bottom:1px solid color-mix(in srgb,currentColor 16%,transparent);background:none;color:inherit;white-space:normal}
.segml thead th{font-weight:600;border-bottom-color:color-mix(in srgb,currentColor 45%,transparent);vertical-align:bottom}
.segml .num{text-align:right}
.segml td.num{white-space:nowrap}
.segml tbody th{font-weight:500}
.segml small,.segml .muted{font-size:.86em;font-weight:400;opacity:.78}
.segml .muted small{opacity:1}
.segml td small,.segml tbody th small{display:block}
.segml tbody th{min-width:9em}
.segml .swatch{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.45em}
.segml figure{margin:0}
.segml figcaption{font-size:.92em;opacity:.82;margin:.3em 0 .2em}
.segml .scroll svg{display:block;width:100%;max-width:760px;min-width:440px;height:auto}
.segml figure .finding{font-weight:600;margin:.2em 0 .5em}
.segml details{margin:.3em 0}
.segml summary{cursor:pointer;font-size:.92em}
.segml dl.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5em,1fr));gap:.6em 1.2em;margin:0 0 .9em}
.segml dl.facts dt{font-size:.86em;opacity:.78}
.segml dl.facts dd{margin:0;font-size:1.5em;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.2}
.segml dl.facts dd small{display:block;font-size:.55em;line-height:1.35}
.segml tr.group th{font-weight:600;padding-top:1em;border-bottom-color:color-mix(in srgb,currentColor 45%,transparent)}
.segml tr.group th span{position:sticky;left:0}
.segml .mark{margin-right:.35em}
.segml .bar{display:block;height:3px;margin-top:.25em;border-radius:2px;background:color-mix(in srgb,currentColor 10%,transparent)}
.segml .bar i{display:block;height:100%;border-radius:2px;background:color-mix(in srgb,currentColor 55%,transparent)}
@media screen{
.segml .tall{max-height:min(46em,85vh);overflow-y:auto}
.segml .tall thead th{position:sticky;top:0;z-index:2}
.segml .tall tbody th[scope=row],.segml .tall thead th:first-child{position:sticky;left:0}
.segml .tall tbody th[scope=row]{z-index:1;min-width:7em;max-width:11em}
.segml .tall thead th:first-child{z-index:3}
.segml .tall thead th,.segml .tall tbody th[scope=row]{background:var(--page,var(--jp-layout-color0,Canvas))}
}
.segml p.note{border-left:3px solid color-mix(in srgb,currentColor 40%,transparent);padding:.1em 0 .1em .8em;margin:.5em 0}
.segml .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22em),1fr));gap:1em;align-items:start}
.segml .card{border:1px solid color-mix(in srgb,currentColor 22%,transparent);border-radius:8px;padding:1em 1.1em;break-inside:avoid;min-width:0;overflow-wrap:anywhere}
.segml .card h3{font-size:1.15em;margin:0 0 .5em;line-height:1.25}
.segml .card h4{font-size:.86em;font-weight:600;margin:.9em 0 .15em;opacity:.78}
.segml .card ul{margin:0;padding-left:1.15em}
.segml .card p{margin:0}
.segml .card dl.facts{grid-template-columns:repeat(2,minmax(0,1fr));margin:0}
.segml .card dl.facts dd{font-size:1.25em}
.segml .card dl.facts dd small{font-size:.66em}
</style>"""


@dataclass(frozen=True)
class Cell:
    """One table cell.

    Parameters
    ----------
    text : str
        What it shows.
    detail : str
        A second, smaller line, such as an interval or a reason.
    color : str, optional
        A swatch before the text, as ``#rrggbb``.
    mark : tuple of str and str, optional
        A sign before the text, such as an arrow, and what it says in words.
    bar : float, optional
        Length of a bar below, 0 to 1 of the cell's width.
    """

    text: str
    detail: str = ""
    color: str | None = None
    mark: tuple[str, str] | None = None
    bar: float | None = None

    def html(self) -> str:
        """Return the cell's content, escaped."""
        swatch = (
            f'<span class="swatch" style="background:{escape(self.color)}"></span>'
            if self.color
            else ""
        )
        detail = f"<small>{escape(self.detail)}</small>" if self.detail else ""
        mark = ""
        if self.mark:
            sign, words = (escape(part) for part in self.mark)
            mark = (
                f'<span class="mark" role="img" aria-label="{words}" title="{words}">{sign}</span>'
            )
        width = f"{100 * min(max(self.bar or 0, 0), 1):.0f}%"
        bar = "" if self.bar is None else f'<span class="bar"><i style="width:{width}"></i></span>'
        return f"{swatch}{mark}{escape(self.text)}{detail}{bar}"


@dataclass(frozen=True)
class Group:
    """A row of a table that heads the rows below it.

    Parameters
    ----------
    label : str
        What they are.
    """

    label: str


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Cell] | Group],
    *,
    caption: str = "",
    numeric: Sequence[int] = (),
    tall: bool = False,
) -> str:
    """Return an HTML table whose first column heads the rows.

    Parameters
    ----------
    header : sequence of str
        Column heads.
    rows : iterable of sequences of str or Cell, or Group
        As many cells a row as there are heads.
    caption : str
        What the table shows.
    numeric : sequence of int
        Positions of the columns that are set flush right.
    tall : bool
        Whether it may be longer than a screen: its heads then stay in sight.

    Examples
    --------
    >>> "x &lt; y" in table(["a", "n"], [["x < y", "1"]], numeric=[1])
    True
    """
    right = set(numeric)

    def cls(i: int) -> str:
        return ' class="num"' if i in right else ""

    heads = "".join(f'<th scope="col"{cls(i)}>{escape(h)}</th>' for i, h in enumerate(header))
    body = []
    for row in rows:
        if isinstance(row, Group):
            label = f"<span>{escape(row.label)}</span>"
            body.append(
                f'<tr class="group"><th scope="rowgroup" colspan="{len(header)}">{label}</th></tr>'
            )
            continue
        cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]
        first, rest = cells[0], cells[1:]
        body.append(
            f'<tr><th scope="row"{cls(0)}>{first.html()}</th>'
            + "".join(f"<td{cls(i)}>{cell.html()}</td>" for i, cell in enumerate(rest, 1))
            + "</tr>"
        )
    title = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    return (
        f'<div class="scroll{" tall" if tall else ""}" tabindex="0"><table>{title}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def facts(items: Iterable[tuple[str, str, str]]) -> str:
    """Return headline numbers: (what, value, detail) each."""
    parts = []
    for what, value, detail in items:
        small = f"<small>{escape(detail)}</small>" if detail else ""
        parts.append(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}{small}</dd></div>")
    return f'<dl class="facts">{"".join(parts)}</dl>'


def fold(summary: str, content: str, *, is_open: bool = False) -> str:
    """Return content, which is HTML, that opens and closes under a line of text."""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(summary)}</summary>{content}</details>"


def note(text: str) -> str:
    """Return a paragraph set apart."""
    return f'<p class="note">{escape(text)}</p>'


def block(*parts: str) -> str:
    """Wrap parts as one result: the style and a ``div`` that scopes it."""
    return f'{STYLE}<div class="segml">{"".join(parts)}</div>'
