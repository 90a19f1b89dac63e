"""The map of customers: their segments, how densely they stand, and where segments mix."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy import ndimage

from segml._core import text
from segml.clustering._empty import say_empty
from segml.clustering._labels import NOISE
from segml.clustering.segment_map import SegmentMap

from .card import Description, describe
from .map_labels import place_labels
from .style import INK, count_axis, new_axes, segment_color

_ACROSS = 600  # cells of the picture
_DOT = 2  # radius of one customer, cells
_FAINT, _STRONG = 0.3, 0.95  # opacity of one customer and of the densest places
_COARSE = 6  # cells of the picture to one of the density
_SMOOTH = 1.6  # standard deviation of the density's kernel, coarse cells
_HALF = 0.5  # of a segment's customers within its line
_FEWEST = 20  # customers below which a density means little


def plot_segment_map(mapped: SegmentMap, ax: Axes | None = None) -> Axes:
    """Draw customers on a plane, coloured by segment.

    Parameters
    ----------
    mapped : SegmentMap
        From `map_segments`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A dot per customer, the stronger the more of them stand at a place, in the mixed
        colours of their segments, noise in grey; a line around the densest places that
        hold half of a segment; names as labels. Both axes have one scale.
    """
    ax = new_axes(ax, width=7.0, height=5.0)
    points, segments = mapped.points, mapped.segments
    x, y = points["x"].to_numpy(), points["y"].to_numpy()
    codes = points["segment"].to_numpy()
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(count_axis)
    ax.set_xlabel(mapped.axes[0])
    made_of, bracket, share = mapped.axes[1].rpartition(" (")
    ax.set_ylabel(textwrap.fill(made_of or share, 42) + f"\n({share}" * bool(bracket))
    ax.set_title(" ")  # room is left for it
    down = _set_limits(ax, x, y)
    shape = down, _ACROSS
    place = _cells(ax, x, y, shape)
    drawn = [i for i in segments.index if (codes == i).any()]
    kinds = [*([NOISE] * bool((codes == NOISE).any())), *drawn]
    counts = {i: np.bincount(place[codes == i], minlength=down * _ACROSS) for i in kinds}
    extent = (*ax.get_xlim(), *ax.get_ylim())
    ax.imshow(
        _picture({i: one.reshape(shape) for i, one in counts.items()}),
        extent=extent,
        origin="lower",
        aspect="auto",
        interpolation="none",
        zorder=1,
    )
    peaks = {}
    for i in drawn:
        peaks[i] = _outline(ax, counts[i].reshape(shape), segment_color(i))
    labels = [(str(segments.loc[i, "name"]), segment_color(i), peaks[i]) for i in drawn]
    everyone = np.sum(list(counts.values()), axis=0).reshape(shape)
    place_labels(ax, sorted(labels, key=lambda one: -one[2][1]), everyone)
    noise = int((codes == NOISE).sum())
    finding = _finding(mapped)
    table = pd.DataFrame(
        {
            "segment": segments["name"].astype(str),
            "customers": segments["size"],
            "share": segments["share"],
            "neighbours of its own": segments["own"],
        }
    )
    empty = [str(name) for name in segments.loc[segments["size"] == 0, "name"]]
    also = f" {say_empty(empty)}." if empty else ""
    also += f" Grey: {text.count(noise)} customers without a segment." if noise else ""
    said = "; ".join(
        f"{row[0]}: {text.count(row[1])} customers, {text.share(row[3])} of their neighbours "
        "their own"
        for row in table[table["customers"] > 0].itertuples(index=False)
    )
    return describe(
        ax,
        Description(
            finding,
            f"Map of {text.count(len(points))} customers in {len(segments)} segments. "
            f"{finding}. {said}.",
            table,
            {
                "customers": text.count,
                "share": text.share,
                "neighbours of its own": text.share,
            },
            "A dot is a customer, stronger where more stand. A line surrounds the densest "
            "places that hold half of a segment. Neighbours are the ten nearest customers on "
            f"the map.{also}",
        ),
    )


def _set_limits(ax: Axes, x: np.ndarray, y: np.ndarray) -> int:
    """Give both axes one scale that shows every customer; return the picture's height."""
    if (figure := ax.get_figure(root=True)) is not None:
        figure.draw_without_rendering()  # places the Axes
    box = ax.get_window_extent()
    ratio = box.height / box.width
    middle = [(one.min() + one.max()) / 2 for one in (x, y)]
    spans = np.ptp(x), np.ptp(y)
    half = 0.54 * max(spans[0], spans[1] / ratio)
    half = half or max(abs(middle[0]), abs(middle[1]), 1.0) / 10  # all at one place
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half * ratio, middle[1] + half * ratio)
    return max(round(_ACROSS * ratio), 1)


def _cells(ax: Axes, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the cell of each customer."""
    at = []
    for values, (low, high), n in ((x, ax.get_xlim(), shape[1]), (y, ax.get_ylim(), shape[0])):
        at.append(np.clip(((values - low) / (high - low) * n).astype(int), 0, n - 1))
    return np.ravel_multi_index((at[1], at[0]), shape)


def _picture(counts: dict[int, np.ndarray]) -> np.ndarray:
    """Return colours and opacities of the cells."""
    reach = np.arange(-_DOT, _DOT + 1)
    disc = np.clip(_DOT + 0.5 - np.hypot(reach[:, None], reach), 0, 1)  # with a soft edge
    shape = next(iter(counts.values())).shape
    total, color = np.zeros(shape), np.zeros((*shape, 3))
    for i, one in counts.items():
        spread = ndimage.convolve(one.astype(float), disc, mode="constant")
        total += spread
        rgb = to_rgb(segment_color(i))
        color += spread[..., None] * np.square(rgb)  # light adds up, codes do not
    most = np.quantile(total[total > 0], 0.995)
    strength = np.log1p(total) / np.log1p(max(most, 2.0))
    low = np.log1p(1.0) / np.log1p(max(most, 2.0))
    part = np.clip((strength - low) / max(1 - low, 1e-9), 0, 1)
    picture = np.empty((*shape, 4))
    picture[..., :3] = np.sqrt(color / np.maximum(total, 1e-9)[..., None])
    picture[..., 3] = _FAINT * np.minimum(total, 1) + (_STRONG - _FAINT) * part
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _outline(ax: Axes, counts: np.ndarray, color: str) -> tuple[float, float]:
    """Draw a line around the densest half of a segment; return where it is densest."""
    rows, columns = (-(-n // _COARSE) for n in counts.shape)
    padded = np.zeros((rows * _COARSE, columns * _COARSE))
    padded[: counts.shape[0], : counts.shape[1]] = counts
    coarse = padded.reshape(rows, _COARSE, columns, _COARSE).sum(axis=(1, 3))
    density = ndimage.gaussian_filter(coarse, _SMOOTH, mode="constant")
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = left + (np.arange(columns) + 0.5) * _COARSE / counts.shape[1] * (right - left)
    y = low + (np.arange(rows) + 0.5) * _COARSE / counts.shape[0] * (high - low)
    at = np.unravel_index(int(density.argmax()), density.shape)
    if counts.sum() >= _FEWEST:
        # Customers within the line are counted, not the density: smoothing spreads it.
        order = np.argsort(-density.ravel(), kind="stable")
        inside = np.cumsum(coarse.ravel()[order])
        level = density.ravel()[order][np.searchsorted(inside, _HALF * inside[-1])]
        ax.contour(x, y, density, levels=[level], colors=[INK], linewidths=2.4, alpha=0.5)
        ax.contour(x, y, density, levels=[level], colors=[color], linewidths=1.5)
    return float(x[at[1]]), float(y[at[0]])


def _finding(mapped: SegmentMap) -> str:
    """Say how far the segments stand apart, and which two mix the most."""
    segments, mixing = mapped.segments, mapped.mixing
    known = segments[segments["own"].notna()]
    if len(known) < 2:
        plural = "" if len(known) == 1 else "s"
        return (
            f"{text.count(len(mapped.points))} customers, {len(known)} segment{plural} on the map"
        )
    own = float(np.average(known["own"], weights=known["size"]))
    opening = f"On the map {text.share(own)} of neighbours share a segment"
    ids = list(known.index)
    apart = mixing.reindex(index=ids, columns=ids).to_numpy(dtype=float, copy=True)
    np.fill_diagonal(apart, 0)
    i, j = np.unravel_index(int(apart.argmax()), apart.shape)
    if apart[i, j] < 0.005:
        return f"{opening}: the segments stand apart"
    names = known["name"]
    return (
        f"{opening}; “{names.iloc[i]}” mix most, with “{names.iloc[j]}” "
        f"({text.share(apart[i, j])} of neighbours)"
    )
