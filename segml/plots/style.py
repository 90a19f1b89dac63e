"""How figures look: one palette, quiet axes, ink that follows the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from segml._core import text

# Drawn in this colour, text and axes take the colour of the page around (see card.py).
INK = "#21242a"
GREY = "#8a8f98"

# Okabe and Ito's colour-blind safe palette without black and yellow, and three more hues.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#8C6BB1",
    "#A6761D",
)

# Beyond eight, lighter and darker tones of the same hues, chosen so that all twenty and the
# grey differ as far as can be in CIELAB, seen normally and with each kind of colour blindness
# (Machado, Oliveira and Fernandes 2009). Twenty colours are too many to tell by eye alone:
# where there are so many, names stand beside the marks.
TONES = (
    "#80B9D8",
    "#F7E0AD",
    "#003F2E",
    "#7A4964",
    "#552600",
    "#C9E7F8",
    "#382B47",
    "#CAAD77",
    "#00446B",
    "#F0C566",
    "#005F45",
    "#E6BCD3",
)

_STYLE: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "font.size": 10,
    "text.parse_math": False,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "segml",
}


def segment_color(position: int) -> str:
    """Return the colour of the segment with that id, grey for noise; they repeat after twenty."""
    colors = PALETTE + TONES
    return GREY if position < 0 else colors[position % len(colors)]


def new_axes(ax: Axes | None, width: float = 7.0, height: float = 3.6, title: str = "") -> Axes:
    """Return `ax`, or the Axes of a new figure (inches) in segml's style."""
    if ax is None:
        ax = new_figure(width, height, 1)[0]
    if title:
        ax.set_title(title)
    return ax


def new_figure(width: float, height: float, columns: int, rows: int = 1) -> Sequence[Axes]:
    """Return the Axes of a new figure that no window manager tracks, row by row."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
    return list(axes)


def style_context() -> Any:
    """Return the context in which segml draws and saves."""
    return mpl.rc_context(_STYLE)


def money_axis(currency: str) -> FuncFormatter:
    """Return a tick formatter for amounts."""
    return FuncFormatter(lambda value, _: _short_money(value, currency))


def _short_money(value: float, currency: str) -> str:
    return text.money(value, currency).removesuffix(".00")


share_axis = FuncFormatter(lambda value, _: f"{round(100 * value, 4):g}%")
count_axis = FuncFormatter(lambda value, _: f"{value:,.10g}")
