"""Who moved between segments: as flows, and as a matrix."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from segml._core import text
from segml.evaluation.migration_result import Migration
from segml.evaluation.migration_tables import ENTRY, EXIT

from .card import Description, describe
from .style import GREY, INK, new_axes, segment_color

_BAR = 0.035  # width of a bar, of the way between the two
_LONGEST = 30  # characters of a line


def plot_migration_flow(migration: Migration, ax: Axes | None = None) -> Axes:
    """Draw where the customers of each segment went.

    Parameters
    ----------
    migration : Migration
        From `segml.evaluation.migration`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The segments before on the left and now on the right, as high as they have
        customers, joined by bands in the colour of the segment before. Grey are new
        customers and those who are gone.
    """
    table = migration.table[migration.table["customers"] > 0]
    ids: list[Any] = [*migration.segments.index, None]
    n = len(ids)
    ax = new_axes(ax, width=7.6, height=min(2.2 + 0.5 * n, 7.5))
    total = float(table["customers"].sum())
    gap = 0.022 * total
    rows = zip(table["old"], table["new"], table["customers"], strict=True)
    counts = {(_id(old), _id(new)): int(customers) for old, new, customers in rows}
    left = _places([sum(counts.get((i, j), 0) for j in ids) for i in ids], gap)
    right = _places([sum(counts.get((i, j), 0) for i in ids) for j in ids], gap)
    names = dict(zip(migration.segments.index, migration.segments["name"], strict=True))
    from_top, to_top = [top for top, _ in left], [top for top, _ in right]
    for a, i in enumerate(ids):
        for b, j in enumerate(ids):
            if height := counts.get((i, j), 0):
                stays = i == j and i is not None
                color = GREY if i is None else segment_color(int(i))
                _band(ax, from_top[a], to_top[b], height, color, 0.55 if stays else 0.4)
                from_top[a] += height
                to_top[b] += height
    bottom = max(left[-1][1], right[-1][1])
    for x, side, places, last in ((0.0, "right", left, ENTRY), (1.0, "left", right, EXIT)):
        shown = [(i, top, end) for i, (top, end) in zip(ids, places, strict=True) if end > top]
        at = _spread([(top + end) / 2 for _, top, end in shown], 0.058 * bottom, bottom)
        for (i, top, end), y in zip(shown, at, strict=True):
            color = GREY if i is None else segment_color(int(i))
            width = _BAR if side == "left" else -_BAR
            ax.add_patch(Rectangle((x, top), width, end - top, color=color, linewidth=0))
            name = last if i is None else str(names[i])
            ax.annotate(
                two_lines(f"{name}  {text.count(end - top)}"),
                (x + width, y),
                xytext=(-6 if side == "right" else 6, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=8.5,
                color=INK,
            )
    ax.set_xlim(-0.75, 1.75)
    ax.set_ylim(bottom, -0.05 * bottom)
    for x, word, side in ((-_BAR, "before", "left"), (1 + _BAR, "now", "right")):
        ax.annotate(
            f"customers {word}",
            (x, -0.03 * bottom),
            ha=side,
            va="bottom",
            fontsize=9.5,
            color=INK,
        )
    ax.set_axis_off()
    finding = _finding(migration, names)
    return describe(ax, _described(migration, finding, "Bands between segments before and now"), 12)


def plot_migration_matrix(migration: Migration, ax: Axes | None = None) -> Axes:
    """Draw the share of each segment's customers that went to each segment.

    Parameters
    ----------
    migration : Migration
        From `segml.evaluation.migration`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A row per segment before, with its customers, and one of new customers; a column
        per segment now, and one of those who are gone. A row adds up to 100%.
    """
    shares, counts = migration.shares(), migration.counts()
    rows, columns = shares.shape
    width = min(max(0.62 * columns, 2.4), 6.2)
    ax = new_axes(ax, width=2.9 + width, height=2.9 + 0.44 * rows)
    values = shares.to_numpy(dtype=float)
    ax.pcolormesh(
        np.ma.masked_invalid(values),
        cmap=colormaps["Blues"],
        vmin=0,
        vmax=1,
        edgecolors="#ffffff",
        linewidth=2,
    )
    for (i, j), share in np.ndenumerate(values):
        if np.isnan(share) or counts.iloc[i, j] == 0:
            continue
        ax.text(
            j + 0.5,
            i + 0.5,
            text.share(share),
            ha="center",
            va="center",
            fontsize=9 if columns <= 10 else 7.5,
            color="#ffffff" if share > 0.55 else "#111111",
        )
    for k in range(min(rows, columns, len(migration.segments))):
        ax.add_patch(Rectangle((k, k), 1, 1, fill=False, edgecolor=INK, linewidth=1.2))
    ax.set_xticks(
        np.arange(columns) + 0.5,
        [two_lines(str(name)) for name in shares.columns],
        fontsize=8,
        rotation=90,
        va="bottom",
    )
    total = counts.sum(axis=1)
    labels = [two_lines(f"{name}  {text.count(total[name])}") for name in shares.index]
    ax.set_yticks(np.arange(rows) + 0.5, labels, fontsize=8.5)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_ylabel("before, customers")
    ax.set_xlabel("now, share of the customers before")
    ax.xaxis.set_label_position("bottom")
    finding = _opening(migration)
    stayed = migration.segments.dropna(subset="stay_share")
    if len(stayed) > 1:
        least: Any = stayed.iloc[int(np.argmin(stayed["stay_share"]))]
        name = textwrap.shorten(str(least["name"]), 2 * _LONGEST, placeholder="…")
        finding += f"; “{name}” keeps the fewest ({text.share(least['stay_share'])})"
    return describe(
        ax, _described(migration, finding, "Matrix of segments before by segments now"), 10
    )


def _described(migration: Migration, finding: str, drawn: str) -> Description:
    table = migration.table[migration.table["customers"] > 0]
    shown = table[["old_name", "new_name", "customers", "share", "low", "high"]]
    shown = shown.rename(columns={"old_name": "before", "new_name": "now"})
    said = f"{drawn}, of {text.count(shown['customers'].sum())} customers. {finding}."
    most = table[(table["old"] != table["new"]).fillna(True)].nlargest(3, "customers")
    for row in most.to_dict("records"):
        said += f" {row['old_name']} to {row['new_name']}: {text.count(row['customers'])}."
    return Description(
        finding,
        said,
        shown,
        {"customers": text.count} | dict.fromkeys(["share", "low", "high"], text.share),
        f"{migration.verdict}. Shares are of the customers of a segment before; their "
        f"{text.share(migration.level)} intervals hold for all of a segment at once.",
    )


def _opening(migration: Migration) -> str:
    said = f"{text.share(migration.moved)} of customers changed segment"
    if migration.noise is not None:
        if migration.excess_low > 0:
            said += f", {text.share(migration.excess)} beyond what refits move"
        else:
            said += ", no more than refits alone move"
    return said


def _finding(migration: Migration, names: Mapping[Any, str]) -> str:
    said = _opening(migration)
    between = migration.table[
        migration.table["old"].notna()
        & migration.table["new"].notna()
        & (migration.table["old"] != migration.table["new"])
        & (migration.table["customers"] > 0)
    ]
    if between.empty:
        return said
    top: Any = between.iloc[int(np.argmax(between["customers"]))]
    return (
        f"{said}; most of them from “{names[top['old']]}” to “{names[top['new']]}” "
        f"({text.count(top['customers'])})"
    )


def _id(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _places(sizes: list[int], gap: float) -> list[tuple[float, float]]:
    """Return the upper and lower ends of bars below each other; empty ones take no room."""
    places, at = [], 0.0
    for size in sizes:
        places.append((at, at + size))
        at += size + gap * (size > 0)
    return places


def _spread(wanted: list[float], room: float, bottom: float) -> list[float]:
    """Move labels apart that would stand on each other, as little as it takes."""
    room = min(room, bottom / max(len(wanted), 1))
    at = list(wanted)
    for k in range(1, len(at)):
        at[k] = max(at[k], at[k - 1] + room)
    limit = bottom
    for k in reversed(range(len(at))):  # back from the end, where they ran over it
        at[k] = min(at[k], limit)
        limit = at[k] - room
    return at


def _band(ax: Axes, start: float, end: float, height: float, color: str, alpha: float) -> None:
    """Draw a band of the same height from a place on the left to one on the right."""
    x0, x1, middle = 0.0, 1.0, 0.5
    points = [(x0, start), (middle, start), (middle, end), (x1, end)]
    points += [(x1, end + height), (middle, end + height), (middle, start + height)]
    points += [(x0, start + height), (x0, start)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(points, codes), facecolor=color, alpha=alpha, linewidth=0))


def two_lines(name: str, longest: int = _LONGEST) -> str:
    """Break a label into two lines of that many characters, and cut what is longer."""
    return textwrap.fill(name, longest, max_lines=2, placeholder="…")
