"""The comparison of two runs as HTML: a page of its own, and the block that JupyterLab shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from segml._core import html, text
from segml.kpis.table import ALL

from .compare_words import SAME, all_last, change_words, interval_words, value_words
from .figures import FigurePair
from .page import PAGE_NAME, render
from .run_tables import day_and_time, duration

if TYPE_CHECKING:
    from .compare import RunComparison, Side

_APART = "the intervals of the two runs have nothing in common"


def comparison_page(found: RunComparison, folder: Path) -> str:
    """Return the comparison as a page that lies in `folder` and links to the two reports."""
    return render(
        "compare.html",
        found=found,
        sides=[_side(name, side, folder) for name, side in (("A", found.a), ("B", found.b))],
        parts=[(slug, head, Markup(_bare(part))) for slug, head, part in parts(found)],
        figures=[_pair(pair) for pair in found.figures],
        shared_style=Markup(html.STYLE),
    )


def _pair(pair: FigurePair) -> dict[str, Any]:
    """Return two figures as the page shows them; what both runs drew alike, once."""
    sides = [("A and B, the same", pair.a)] if pair.same else [("A", pair.a), ("B", pair.b)]
    return {
        "place": pair.place,
        "same": pair.same,
        "sides": [
            {"name": name, "said": one, "drawing": Markup(one.drawing if one else "")}
            for name, one in sides
        ],
    }


def comparison_block(found: RunComparison) -> str:
    """Return the comparison, without its figures, as a result object shows itself."""
    names = [f"A {found.a.name}", f"B {found.b.name}"]
    head = html.facts([(names[0], found.a.run.status, ""), (names[1], found.b.run.status, "")])
    said = [html.note(line) for line in (*found.verdict, *found.notes)]
    inside = [
        html.fold(title, _bare(part), is_open=slug == "metrics")
        for slug, title, part in parts(found)
    ]
    return html.block(head, *said, *inside)


def parts(found: RunComparison) -> list[tuple[str, str, str]]:
    """Return the parts of a comparison that have something to show: anchor, heading, HTML."""
    made = [
        ("metrics", "Metrics", _metrics(found)),
        ("parameters", "Parameters", _texts(found.params, "parameter")),
        ("data", "Data", _texts(found.data, "data")),
        ("segments", "Segments", _segments(found)),
        ("kpis", "KPIs", _kpis(found)),
        ("versions", "Versions", _texts(found.versions, "version of")),
    ]
    return [part for part in made if part[2]]


def _side(name: str, side: Side, folder: Path) -> dict[str, Any]:
    report = side.folder / PAGE_NAME
    link = ""
    if report.is_file():
        try:
            link = quote(Path(os.path.relpath(report, folder)).as_posix())
        except ValueError:  # on another drive
            link = ""
    return {
        "name": name,
        "run": side.run,
        "when": day_and_time(side.run.started_at),
        "took": duration(side.run.seconds),
        "report": link,
    }


def _texts(frame: pd.DataFrame, what: str) -> str:
    if not len(frame):
        return ""
    rows = [
        [str(row["name"]), *(str(row[side]) or "–" for side in "ab")]
        for row in frame.to_dict("records")
    ]
    return html.block(html.table([what, "A", "B"], rows))


def _metrics(found: RunComparison) -> str:
    rows: list[list[str | html.Cell]] = []
    for row in found.metrics.to_dict("records"):
        cells = [
            html.Cell(
                value_words(row, side, row[f"{side}_currency"]),
                interval_words(row, side, row[f"{side}_currency"]),
            )
            for side in "ab"
        ]
        rows.append([row["label"], *cells, change_words(row) or text.MISSING])
    if not rows:
        return ""
    head = ["all customers", "A", "B", "change"]
    return html.block(html.table(head, rows, numeric=[1, 2, 3]))


def _segments(found: RunComparison) -> str:
    if found.migration is None:
        return ""
    rows = []
    for row in found.segments.to_dict("records"):
        sizes = [text.count(row[f"{s}_size"]) if row[f"{s}_name"] else "–" for s in "ab"]
        rows.append(
            [
                row["a_name"] or "– (new)",
                sizes[0],
                row["b_name"] or "– (gone)",
                sizes[1],
                "–" if pd.isna(row["stayed"]) else text.count(row["stayed"]),
                "–" if pd.isna(row["jaccard"]) else text.share(row["jaccard"]),
            ]
        )
    head = ["segment of A", "customers", "segment of B", "customers", "stayed", "in common"]
    caption = "Which segment is which; in common: customers in both, of those in either"
    table = html.table(head, rows, caption=caption, numeric=[1, 3, 4, 5])
    return html.block(table) + found.migration._repr_html_()


def _kpis(found: RunComparison) -> str:
    if not len(found.kpis):
        return ""
    segments = dict.fromkeys(found.kpis["segment"])
    names = found.kpis.drop_duplicates("segment").set_index("segment")["name"]
    columns = [*(i for i in segments if i != ALL), *(i for i in segments if i == ALL)]
    rows: list[list[str | html.Cell]] = []
    same: list[str] = []
    for label, group in found.kpis.groupby("label", sort=False):
        if (group["change"] == 0).all():
            same.append(str(label))
            continue
        cells = {row["segment"]: _kpi_cell(found, row) for row in group.to_dict("records")}
        rows.append([str(label), *(cells.get(i, html.Cell("–")) for i in columns)])
    made = []
    if rows:
        head = ["KPI", *(all_last(str(names[i])) if i != ALL else all_last(ALL) for i in columns)]
        caption = "Values of B, below them those of A and the change"
        numeric = range(1, len(head))
        made.append(html.table(head, rows, caption=caption, numeric=numeric, tall=len(rows) > 12))
        made.append(html.note(f"◆ {_APART}."))
    if same:
        made.append(html.note(f"The same in every segment: {', '.join(same)}."))
    return html.block(*made)


def _kpi_cell(found: RunComparison, row: dict[Any, Any]) -> html.Cell:
    if pd.isna(row["a"]):
        return html.Cell(value_words(row, "b", found.b.currency), "not in A")
    if pd.isna(row["b"]):
        return html.Cell("–", f"A: {value_words(row, 'a', found.a.currency)}")
    moved = change_words(row)
    before = value_words(row, "a", found.a.currency)
    said = moved if moved == SAME else f"was {before}" + (f", {moved}" if moved else "")
    mark = ("◆", _APART) if row["apart"] else None
    return html.Cell(value_words(row, "b", found.b.currency), said, mark=mark)


def _bare(block: str) -> str:
    """Return the HTML of results without the style that a page holds once."""
    return block.replace(html.STYLE, "")
