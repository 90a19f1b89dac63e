"""Figures of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from segml._core import text
from segml.features import Feature, FeatureTable

from .card import Description, describe
from .style import INK, PALETTE, count_axis, new_figure, share_axis


def plot_features(features: FeatureTable, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw how each feature is distributed over the customers.

    Parameters
    ----------
    features : FeatureTable
        From `build_features`.
    axes : sequence of Axes, optional
        One per feature.

    Returns
    -------
    sequence of Axes
        A histogram each, on a logarithmic axis where the feature's scale is "log",
        with the median marked.
    """
    frame = features.to_pandas()
    n = len(features.features)
    if axes is None:
        axes = new_figure(2.45 * n, 2.9, n)
    rows = []
    for ax, feature in zip(axes, features.features, strict=True):
        values = frame[feature.name].dropna().to_numpy(dtype=float)
        _histogram(ax, feature, values)
        known = len(values) > 0
        quarter, median, three = np.quantile(values if known else [np.nan], [0.25, 0.5, 0.75])
        rows.append((feature.label, feature.unit, quarter, median, three, len(frame) - len(values)))
    axes[0].set_ylabel("share of customers")
    table = pd.DataFrame(
        rows, columns=["feature", "unit", "lower quartile", "median", "upper quartile", "missing"]
    )
    first = features.features[0]
    said = "; ".join(f"{row[0].lower()} {text.plain(row[3])}" for row in rows)
    numbers = dict.fromkeys(["lower quartile", "median", "upper quartile"], text.plain)
    describe(
        axes[0],
        Description(
            f"The median customer: {said}",
            f"Histograms of {n} features from {first.label.lower()}, over "
            f"{text.count(len(frame))} customers. Medians: {said}.",
            table,
            {**numbers, "missing": text.count},
            "The line marks the median. Skewed features have a logarithmic axis.",
        ),
    )
    return axes


def _histogram(ax: Axes, feature: Feature, values: np.ndarray) -> None:
    ax.xaxis.set_major_formatter(count_axis)
    ax.yaxis.set_major_formatter(share_axis)
    if not len(values):
        ax.set_xlabel(f"{feature.label.lower()} (no values)", fontsize=9)
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
        shown = values
    weights = np.full(len(values), 1 / len(values))
    ax.hist(shown, bins=edges.tolist(), weights=weights, color=PALETTE[0], alpha=0.85)
    ax.axvline(float(np.median(shown)), color=INK, linewidth=1)
    ax.xaxis.set_major_formatter(count_axis)  # a logarithmic scale brought its own
    ax.set_xlabel(feature.label.lower() + (" (log scale)" if skewed else ""), fontsize=9)
