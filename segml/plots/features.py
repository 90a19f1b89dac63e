"""Figures of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, NullFormatter

from segml._core import text
from segml.features import Feature, FeatureTable
from segml.features.words import all_levels, in_sentence, level_order, levels_of, say_value

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_figure, share_axis

COLUMNS = 4
_SAID = 5  # more medians than this make no title
_BARS = 8  # levels with a bar of their own
_QUARTILES = ["lower quartile", "median", "upper quartile"]


def plot_features(features: FeatureTable, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw how each feature is distributed over the customers.

    Parameters
    ----------
    features : FeatureTable
        From `build_features`.
    axes : sequence of Axes, optional
        One per feature; four side by side when not given.

    Returns
    -------
    sequence of Axes
        For numbers a histogram each, on a logarithmic axis where the feature's scale is
        "log", with the median marked; for categories bars of the eight most frequent
        levels, of the others, and of customers without one.
    """
    frame = features.to_pandas()
    n = len(features.features)
    figure = None
    if axes is None:
        rows = -(-n // COLUMNS)
        wide = min(n, COLUMNS)
        places = new_figure(2.45 * wide, 2.9 if rows == 1 else 2.5 * rows, wide, rows)
        for empty in places[n:]:
            empty.remove()
        axes, figure = places[:n], places[0].get_figure(root=True)
    drawn = [
        _draw(ax, feature, frame[feature.name])
        for ax, feature in zip(axes, features.features, strict=True)
    ]
    _label_heights(axes)
    table = pd.DataFrame(drawn)
    is_category = table["levels"].notna()
    shown = ["feature", "unit", *_QUARTILES]
    if is_category.all():
        shown = ["feature"]
    if is_category.any():
        shown += ["levels", "most frequent", "share"]
    finding, said = _finding(table)
    parts = [f"histograms of {_features(int((~is_category).sum()))}"] * bool((~is_category).any())
    parts += [f"bars of {_features(int(is_category.sum()))}"] * bool(is_category.any())
    drawing = " and ".join(parts) + f", over {text.count(len(frame))} customers"
    captions = ["The line marks the median. Skewed features have a logarithmic axis."]
    captions *= not is_category.all()
    if is_category.any():
        captions.append(
            f"Categories show their {_BARS} most frequent levels; grey are the others and "
            "customers without one."
        )
    if figure:
        _lay_out(figure, finding)
    describe(
        axes[0],
        Description(
            finding,
            f"{drawing[0].upper()}{drawing[1:]}. {said}.",
            table[[*shown, "missing"]],
            {
                **dict.fromkeys([*_QUARTILES, "levels"], text.plain),
                "share": text.share,
                "missing": text.count,
            },
            " ".join(captions),
        ),
    )
    return axes


def _features(count: int) -> str:
    return f"{count} feature" + "s" * (count != 1)


def _finding(table: pd.DataFrame) -> tuple[str, str]:
    """Return the title and what a reader who does not see the figure is told."""
    known = table[table["median"].notna()]
    what, opening = "Medians", "The median customer"
    if known.empty:
        known = table[table["share"].notna()]
        what, opening = "Most frequent", "Most frequent"
    if known.empty:
        return "No feature has a value", "None has a value"
    said = "; ".join(
        f"{in_sentence(feature)} {value}"
        for feature, value in zip(known["feature"][:_SAID], known["said"], strict=False)
    )
    more = f"; and {len(known) - _SAID} more" if len(known) > _SAID else ""
    return f"{opening}: {said}", f"{what}: {said}{more}"


def _draw(ax: Axes, feature: Feature, column: pd.Series) -> dict[str, Any]:
    """Draw one feature; return its row of the table."""
    row: dict[str, Any] = {"feature": feature.label, "unit": feature.unit}
    row |= dict.fromkeys([*_QUARTILES, "share", "levels"], np.nan) | {"most frequent": ""}
    row["missing"] = int(column.isna().sum())
    levels = levels_of(feature, column)
    if levels is None:
        values = column.dropna().to_numpy(dtype=float)
        _histogram(ax, feature, values)
        quartiles = np.quantile(values if len(values) else [np.nan], [0.25, 0.5, 0.75])
        row |= dict(zip(_QUARTILES, quartiles, strict=True))
        return row | {"said": say_value(feature, row["median"])}
    counts = levels.value_counts()
    if feature.scale == "cyclic":
        _columns(ax, feature, counts)
    else:
        _bars(ax, feature, counts, row["missing"])
    row["levels"] = len(counts)
    if len(counts):
        top = min(counts.index[counts == counts.max()])
        share = counts.max() / counts.sum()
        row |= {"most frequent": top, "share": share, "said": f"{top} ({text.share(share)})"}
    return row


def _label_heights(axes: Sequence[Axes]) -> None:
    """Say what upright bars measure, once in each row of panels."""
    rows = set()
    for ax in axes:
        place = ax.get_subplotspec()
        row = place.rowspan.start if place else 0
        if len(ax.get_yticks()) and ax.yaxis.get_major_formatter() is share_axis:
            ax.set_ylabel("" if row in rows else "share of customers")
            rows.add(row)


def _lay_out(figure: Figure, finding: str) -> None:
    """Fix the places of the panels: with the title, the first would be widened for it."""
    engine, (width, height) = figure.get_layout_engine(), figure.get_size_inches()
    lines = -(-len(finding) // int(width / 0.088))
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - (0.15 + 0.22 * lines) / height))
        engine.execute(figure)
        figure.set_layout_engine("none")


def _columns(ax: Axes, feature: Feature, counts: pd.Series) -> None:
    """Draw hours, weekdays or months beside each other."""
    order = all_levels(feature)
    total = max(int(counts.sum()), 1)
    heights = [counts.get(level, 0) / total for level in order]
    ax.bar(range(len(order)), heights, color=PALETTE[0], alpha=0.85, width=0.85)
    every = 6 if len(order) == 24 else 1
    short = [level[:2] if every > 1 else level[0] for level in order]
    ax.set_xticks(range(0, len(order), every), short[::every])
    ax.yaxis.set_major_formatter(share_axis)
    ax.set_xlabel(in_sentence(feature.label), fontsize=9)


def _bars(ax: Axes, feature: Feature, counts: pd.Series, missing: int) -> None:
    """Draw levels below each other, the first on top, with their shares."""
    ordered = level_order(feature, counts)
    kept = set(sorted(ordered, key=lambda level: -counts[level])[:_BARS])
    if len(ordered) == _BARS + 1:  # "other" would be one level, which has a name
        kept = set(ordered)
    bars = [(level, counts[level], PALETTE[0]) for level in ordered if level in kept]
    if others := counts.sum() - sum(count for _, count, _ in bars):
        bars.append((f"{len(ordered) - len(kept)} others", others, GREY))
    if missing:
        word = "not applicable" if feature.missing == "not applicable" else "unknown"
        bars.append((word, missing, GREY))
    ax.set_xlabel(in_sentence(feature.label), fontsize=9)
    ax.tick_params(axis="both", length=0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    total = counts.sum() + missing
    for i, (_, count, color) in enumerate(bars):
        share = count / total
        ax.barh(i, share, color=color, alpha=0.85, height=0.75)
        ax.annotate(
            text.share(share),
            (share, i),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    ax.set_yticks(range(len(bars)), [_short(str(level)) for level, _, _ in bars], fontsize=8)
    ax.set_ylim(max(len(bars), 4) - 0.5, -0.5)
    ax.set_xlim(0, max([count / total for _, count, _ in bars], default=1) * 1.3)


def _short(level: str) -> str:
    return level if len(level) <= 16 else level[:15] + "…"


def _histogram(ax: Axes, feature: Feature, values: np.ndarray) -> None:
    ax.xaxis.set_major_formatter(share_axis if feature.unit == "share" else count_axis)
    ax.yaxis.set_major_formatter(share_axis)
    if not len(values):
        ax.set_xlabel(f"{in_sentence(feature.label)} (no values)", fontsize=9)
        return
    low, high = float(values.min()), float(values.max())
    skewed = feature.scale == "log" and low >= 0 and high > 20 * max(float(np.median(values)), 1.0)
    if skewed:
        floor = 1.0 if low < 1 else low
        edges = np.geomspace(floor, high * 1.0001, 25)
        shown = np.maximum(values, floor)
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        whole = feature.unit == "count" and high - low < 30
        edges = np.arange(low, high + 2) - 0.5 if whole else np.linspace(low, high + 1e-9, 25)
        if high == low and not whole:  # a constant: one bar in the middle
            half = max(abs(low), 1.0) / 20
            edges = np.array([low - half, low + half])
            ax.set_xlim(low - 6 * half, low + 6 * half)
        shown = values
        ax.xaxis.set_major_locator(MaxNLocator(3 if high >= 10_000 else 4))
    weights = np.full(len(values), 1 / len(values))
    ax.hist(shown, bins=edges.tolist(), weights=weights, color=PALETTE[0], alpha=0.85)
    ax.axvline(float(np.median(shown)), color=INK, linewidth=1)
    if skewed:  # a logarithmic scale brought its own
        ax.xaxis.set_major_formatter(count_axis)
    ax.set_xlabel(in_sentence(feature.label) + (" (log scale)" if skewed else ""), fontsize=9)
