"""The evidence for how many segments there should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segml._core import text
from segml.clustering.choosing import Selection

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_figure, share_axis

_SHARES = ("smallest_share", "noise_share", "explained", "explained_low", "explained_high")
_FOUND = "segments found"
# What is drawn where it is known: column, what it is, and whether it is a share.
_PANELS = (
    ("n_segments", _FOUND, False),
    ("stability", "stability (Jaccard)", False),
    ("border_density", "density at borders", False),
    ("silhouette", "silhouette", False),
    ("smallest_share", "smallest segment", True),
    ("explained", "later revenue explained", True),
)


def plot_selection(selection: Selection, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw what speaks for each number of segments.

    Parameters
    ----------
    selection : Selection
        From `select_n_segments`; ``table`` has a row per number of segments ``k``, or per
        ``min_segment_size``, ``recommended`` is the one to take and ``reason`` says why.
    axes : sequence of Axes, optional
        One for each of stability, density at the borders, silhouette, share of the
        smallest segment and explained later revenue that is known; before them one for the
        number of segments where that follows from the candidates.

    Returns
    -------
    sequence of Axes
        A line each, the recommended candidate marked; the 95% interval of what is explained.
    """
    table = selection.table
    by = str(table.columns[0])
    figure = None
    best = selection.recommended
    panels = [one for one in _PANELS if one[0] in table and table[one[0]].notna().any()]
    panels = panels[by == "k" :]  # which has the number of segments on the axis
    if axes is None:
        wide = len(panels) if len(panels) <= 4 else 3
        rows = -(-len(panels) // wide)
        places = new_figure(2.3 * max(wide, 2), 2.9 if rows == 1 else 2.5 * rows, wide, rows)
        for empty in places[len(panels) :]:
            empty.remove()
        axes = places[: len(panels)]
        figure = axes[0].figure
    for ax, (column, label, is_share) in zip(axes, panels, strict=True):
        form = text.share if is_share else text.count if label == _FOUND else _two_digits
        _panel(ax, table[by].to_numpy(float), table[column].to_numpy(float), best, form)
        if is_share:
            ax.yaxis.set_major_formatter(share_axis)
        if f"{column}_low" in table:
            low, high = (table[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
            ax.vlines(table[by].to_numpy(float), low, high, color=PALETTE[0], linewidth=1)
            _limits(ax, low, high)
        ax.set_ylabel(label)
        ax.set_xlabel("segments" if by == "k" else f"{by} (customers)")
    if isinstance(figure, Figure):  # laid out before the title, which would widen the first panel
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 0.9))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    _described(axes, selection, by, [label for _, label, _ in panels])
    return axes


def _two_digits(value: float) -> str:
    return text.decimal(value, 2)


def _panel(
    ax: Axes, x: np.ndarray, y: np.ndarray, best: float, form: Callable[[float], str]
) -> None:
    ax.plot(x, y, color=PALETTE[0], linewidth=1.6, marker="o", markersize=4)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(count_axis)
    ax.yaxis.set_major_formatter(count_axis)
    _limits(ax, y, y)
    ax.axvline(best, color=GREY, linewidth=1, zorder=0)
    here = y[x == best]
    if len(here) and np.isfinite(here[0]):
        ax.plot([best], here, "o", markersize=9, color=PALETTE[4], zorder=3)
        ax.annotate(
            form(here[0]),
            (best, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            color=INK,
        )


def _limits(ax: Axes, low: np.ndarray, high: np.ndarray) -> None:
    """Show all from 0 on, or from below it, with room for a number above."""
    top = float(np.nanmax(high)) if np.isfinite(high).any() else 1.0
    bottom = float(np.nanmin(low)) if np.isfinite(low).any() else 0.0
    ax.set_ylim(min(bottom, 0.0) * 1.1, max(1.25 * top, 0.0) or 0.1)


def _described(axes: Sequence[Axes], selection: Selection, by: str, drawn: list[str]) -> None:
    reason = selection.reason[:1].upper() + selection.reason[1:]
    finding = f"{selection.said()}: {selection.reason.partition(';')[0]}"
    table = selection.table.assign(
        recommended=np.where(selection.table["recommended"].fillna(False), "yes", "")
    ).dropna(axis=1, how="all")
    if by == "k":
        table = table.drop(columns="n_segments", errors="ignore").rename(columns={"k": "segments"})
    formats: dict[str, Any] = {}
    heads = {name: _head(str(name)) for name in table.columns}
    for name in map(str, table.columns.drop("recommended")):
        form = text.count if name in (by, "segments", "n_segments") else text.decimal
        formats[heads[name]] = text.share if name in _SHARES else form
    table = table.rename(columns=heads)
    describe(
        axes[0],
        Description(
            finding,
            f"Lines over candidates: {', '.join(drawn)}. {finding}. {reason}.",
            table,
            formats,
            f"{reason}. The mark is the recommended candidate.{_interval(selection)} "
            "Stability is that of the least "
            "stable segment; density at borders is relative to the centres of the two segments "
            "that are least apart. The silhouette does not decide.",
        ),
    )


def _head(name: str) -> str:
    """Return the head of a column; a parameter keeps its name."""
    if name == "min_segment_size":
        return name
    return {"n_segments": _FOUND}.get(name, name.replace("_", " "))


def _interval(selection: Selection) -> str:
    known = "explained_low" in selection.table and selection.table["explained_low"].notna().any()
    return " The lines on later revenue are 95% intervals." * bool(known)
