"""A figure as a page shows it: the finding, the drawing, the table behind it."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from segml._core import html

from .style import INK, style_context

_DESCRIPTION = "segml_description"


@dataclass(frozen=True)
class Description:
    """What a drawing says.

    Parameters
    ----------
    finding : str
        What is seen, as the title.
    alt : str
        What is drawn and found, for those who do not see it.
    table : DataFrame
        The numbers drawn.
    formats : mapping of str to callable
        How columns of `table` are written.
    caption : str
        How to read it.
    """

    finding: str
    alt: str
    table: pd.DataFrame
    formats: Mapping[str, Callable[[Any], str]]
    caption: str = ""


def describe(ax: Axes, description: Description, room: float | None = None) -> Axes:
    """Attach a description to the Axes it belongs to, and set the title.

    `room`, in points, is left between the Axes and the title.
    """
    ax.set_title(description.finding, loc="left", wrap=True, pad=room)
    for artist in ax.findobj(Text):
        artist.set_parse_math(False)  # names of segments may hold dollar signs
    setattr(ax, _DESCRIPTION, description)
    return ax


@dataclass(frozen=True)
class FigureCard:
    """A figure with its finding, alternative text and table.

    Parameters
    ----------
    svg : str
        The drawing, without its title.
    description : Description
        What it says.
    """

    svg: str
    description: Description

    def _repr_html_(self) -> str:
        said = self.description
        table = said.table
        rows = [
            [
                said.formats[name](value) if name in said.formats else str(value)
                for name, value in zip(table.columns, row, strict=True)
            ]
            for row in table.itertuples(index=False)
        ]
        numeric = [i for i, name in enumerate(table.columns) if name in said.formats]
        caption = f"<figcaption>{escape(said.caption)}</figcaption>" if said.caption else ""
        return html.block(
            f'<figure><p class="finding">{escape(said.finding)}</p>'
            f'<div class="scroll" tabindex="0">{self.svg}</div>{caption}'
            f"<details><summary>The numbers</summary>"
            f"{html.table([str(name) for name in table.columns], rows, numeric=numeric)}"
            "</details></figure>"
        )


def show(drawn: Axes | Sequence[Axes]) -> FigureCard:
    """Turn what a plot function returned into a figure with its text and table.

    Parameters
    ----------
    drawn : Axes or sequence of Axes
        From one of the ``plot_`` functions.

    Returns
    -------
    FigureCard
        Shows itself in JupyterLab and in reports; text takes the colour of the page.
    """
    ax = drawn if isinstance(drawn, Axes) else drawn[0]
    description: Description = getattr(ax, _DESCRIPTION)
    figure = ax.figure
    if not isinstance(figure, Figure):
        figure = figure.figure
    return FigureCard(_svg(figure, ax, description.alt), description)


def _svg(figure: Figure, ax: Axes, alt: str) -> str:
    title = ax.get_title(loc="left")
    ax.set_title("", loc="left")  # the page shows the finding as text, which wraps
    buffer = io.StringIO()
    with style_context():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    ax.set_title(title, loc="left")
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    # A drawing of seven inches fills the page; a narrower one keeps its proportion, for phones.
    width = 72 * figure.get_figwidth()
    size = f"max-width:{min(760, round(1.5 * width))}px;min-width:{min(440, round(0.87 * width))}px"
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', rf'\1 style="{size}"', svg, count=1)
    # Ids are unique within one drawing only; a page holds several.
    prefix = "s" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub("<[^>]*>", lambda tag: _tag(tag[0], prefix), svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def _tag(tag: str, prefix: str) -> str:
    """Fit a tag of a drawing into a page; the texts between tags stay as they are."""
    tag = tag.replace(INK, "currentColor")
    tag = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", tag)
    tag = re.sub(r'\bid="', f'id="{prefix}-', tag)
    return tag.replace("url(#", f"url(#{prefix}-").replace(
        'xlink:href="#', f'xlink:href="#{prefix}-'
    )
