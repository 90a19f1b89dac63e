"""The matrix of how far customers of one segment belong to others."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from segml._core import text
from segml.clustering._empty import say_empty
from segml.clustering.overlap import MembershipOverlap

from .card import Description, describe
from .style import GREY, new_axes

_WORDS, _ALL = 8, 12  # segments whose names fit above columns; whose shares can all be written
_LEAST = 0.01


def plot_membership_overlap(overlap: MembershipOverlap, ax: Axes | None = None) -> Axes:
    """Draw the mean memberships between segments.

    Parameters
    ----------
    overlap : MembershipOverlap
        From `membership_overlap`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A cell per pair: how far customers of the segment of the row belong to that of
        the column, as a percentage on its shade.
    """
    names = list(overlap.segments["name"])
    n = len(names)
    ax = new_axes(ax, width=min(2.6 + 0.95 * n, 10.5), height=1.3 + 0.5 * n)
    values = overlap.matrix.to_numpy(dtype=float)
    # Overlaps are small: the square root keeps 2% and 10% apart.
    norm = PowerNorm(0.5, 0, 1)
    ax.set_facecolor(GREY)
    ax.pcolormesh(
        np.ma.masked_invalid(values),
        cmap=colormaps["Blues"],
        norm=norm,
        edgecolors="#ffffff",
        linewidth=2,
    )
    for (i, j), value in np.ndenumerate(values):
        ax.text(
            j + 0.5,
            i + 0.5,
            _cell(value, n),
            ha="center",
            va="center",
            fontsize=9.5 if n <= _WORDS else 8 if n <= _ALL else 7,
            fontweight="bold" if i == j else "normal",
            color="#ffffff" if np.isfinite(value) and norm(value) > 0.6 else "#111111",
        )
    empty = say_empty(
        [n for n, size in zip(names, overlap.segments["size"], strict=True) if not size]
    )
    wrapped = [textwrap.fill(name, 13, max_lines=3, placeholder="…") for name in names]
    down = names
    if n > _WORDS:  # names of columns would overlap: those of rows are numbered
        wrapped = [str(i + 1) for i in range(n)]
        down = [f"{name}  {i + 1}" for i, name in enumerate(names)]
    ax.set_xticks(np.arange(n) + 0.5, wrapped, fontsize=8.5 if n > 4 else None)
    ax.set_yticks(np.arange(n) + 0.5, down)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("belong on average to")
    ax.set_ylabel("customers of")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    finding = _finding(overlap, values)
    wide = overlap.matrix.set_axis([f"“{name}”" for name in names], axis=1)
    table = wide.reset_index(drop=True)
    table.insert(0, "customers of", names)
    table["torn"] = overlap.segments["torn"].to_numpy()
    noise = overlap.n_noise
    return describe(
        ax,
        Description(
            finding,
            f"Matrix of mean memberships between {n} segments. {finding}.",
            table,
            dict.fromkeys(table.columns[1:], text.share),
            "Mean membership of the customers of a row in the segment of a column; what is "
            "lacking to 100% is noise. “torn” in the numbers: customers who belong to their "
            "segment by less than one half."
            + f" Shares under {text.share(_LEAST)} are not written." * (n > _ALL)
            + f" {empty}." * bool(empty)
            + f" {text.count(noise)} customers without a segment are in no row." * bool(noise),
        ),
    )


def _cell(value: float, n: int) -> str:
    return "" if n > _ALL and value < _LEAST else text.share(value)


def _finding(overlap: MembershipOverlap, values: np.ndarray) -> str:
    names = overlap.segments["name"]
    apart = np.nan_to_num(values.copy())
    np.fill_diagonal(apart, 0)
    if len(names) < 2:
        return f"“{names.iloc[0]}” is the only segment: nothing overlaps"
    i, j = np.unravel_index(int(apart.argmax()), apart.shape)
    if apart[i, j] < 0.005:
        return "Segments do not overlap: every customer belongs to one of them"
    return (
        f"“{names.iloc[i]}” overlap most: on average they belong to "
        f"“{names.iloc[j]}” by {text.share(apart[i, j])}"
    )
