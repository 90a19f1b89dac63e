"""Names on a map, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.transforms import Bbox

from .style import INK

_LONGEST = 40
_GAP = 3.0  # pixels between two labels
_FAR = 2500.0  # pixels that weigh as much as to cover all customers
_RINGS = (0, 12, 24, 36, 50, 65, 80, 100, 125, 150, 180, 220, 270, 330, 400, 500)


def place_labels(
    ax: Axes, labels: Sequence[tuple[str, str, tuple[float, float]]], counts: np.ndarray
) -> None:
    """Write names on the colours of their segments, near their places, without overlap.

    A label stands where it covers few customers and is near: a line leads to its place.

    Parameters
    ----------
    ax : Axes
        With its limits set.
    labels : sequence of (name, colour, (x, y))
        Those first in line have the first choice.
    counts : ndarray, shape (n_rows, n_columns)
        Customers by cell of the Axes, from the lower left.
    """
    taken: list[Bbox] = []
    frame = ax.get_window_extent()
    covered = np.pad(counts.astype(float).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    covered /= max(covered[-1, -1], 1.0)
    for name, color, (x, y) in labels:
        shown = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        label = ax.text(
            x,
            y,
            shown,
            ha="center",
            va="center",
            fontsize=9,
            color=_readable_on(color),
            bbox={"boxstyle": "round,pad=0.25", "facecolor": color, "edgecolor": "none"},
            zorder=5,
            parse_math=False,
        )
        size = label.get_window_extent().padded(3)
        box = _free_place(size, frame, taken, covered)
        taken.append(box)
        moved = (box.x0 + box.x1 - size.x0 - size.x1) / 2, (box.y0 + box.y1 - size.y0 - size.y1) / 2
        there = ax.transData.inverted().transform(ax.transData.transform((x, y)) + moved)
        label.set_position((float(there[0]), float(there[1])))
        if abs(moved[0]) > size.width / 2 or abs(moved[1]) > size.height / 2:
            ax.plot([x, there[0]], [y, there[1]], color=INK, linewidth=0.8, zorder=4)
            ax.plot([x], [y], "o", color=INK, markersize=2.5, zorder=4)


def _free_place(size: Bbox, frame: Bbox, taken: list[Bbox], covered: np.ndarray) -> Bbox:
    """Return the best place within the frame where no label is yet, else the first."""
    best, least = _within(size, frame), np.inf
    for distance in _RINGS:
        for turn in np.linspace(0, 2 * np.pi, 24 if distance else 1, endpoint=False):
            shift = distance * np.sin(turn), distance * np.cos(turn)
            box = _within(size.translated(*shift), frame)
            away = np.hypot(box.x0 - size.x0, box.y0 - size.y0)
            cost = _covers(box, frame, covered) + away / _FAR
            padded = box.padded(_GAP)
            if cost < least and not any(padded.overlaps(other) for other in taken):
                best, least = box, cost
    return best


def _covers(box: Bbox, frame: Bbox, covered: np.ndarray) -> float:
    """Return the share of customers under a box."""
    rows, columns = covered.shape[0] - 1, covered.shape[1] - 1
    x = np.clip((np.array([box.x0, box.x1]) - frame.x0) / frame.width * columns, 0, columns)
    y = np.clip((np.array([box.y0, box.y1]) - frame.y0) / frame.height * rows, 0, rows)
    (left, right), (low, high) = x.astype(int), y.astype(int)
    return float(
        covered[high, right] - covered[low, right] - covered[high, left] + covered[low, left]
    )


def _within(box: Bbox, frame: Bbox) -> Bbox:
    """Move a box into the frame."""
    dx = max(frame.x0 - box.x0, 0) or min(frame.x1 - box.x1, 0)
    dy = max(frame.y0 - box.y0, 0) or min(frame.y1 - box.y1, 0)
    return box.translated(dx, dy)


def _readable_on(color: str) -> str:
    """Return black or white, whichever contrasts more (WCAG 2.1, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#111111"
