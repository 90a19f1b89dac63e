"""Silhouettes: how well customers fit their segments."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from segml._core import text
from segml.clustering._empty import say_empty
from segml.clustering.silhouettes import Silhouettes

from .card import Description, describe
from .style import INK, count_axis, new_axes, segment_color

_HEIGHT = 0.86  # of a segment's strip
_STEPS = 100  # of a strip


def plot_silhouettes(silhouettes: Silhouettes, ax: Axes | None = None) -> Axes:
    """Draw the silhouettes of each segment's customers, sorted.

    Parameters
    ----------
    silhouettes : Silhouettes
        From `silhouette_values`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A strip of one height per segment, however many customers it has; a
        mark at its mean, and a line at the mean of all.
    """
    table = silhouettes.table
    ax = new_axes(ax, height=1.2 + 0.62 * len(table))
    ax.axvline(0, color=INK, linewidth=0.8)
    for row, i in enumerate(table.index):
        mine = silhouettes.values["segment"] == i
        value = np.sort(silhouettes.values.loc[mine, "silhouette"].to_numpy())[::-1]
        if len(value) > _STEPS:  # more could not be told apart
            value = np.quantile(value, 1 - (np.arange(_STEPS) + 0.5) / _STEPS)
        # Each customer is as high as the next: a step from one edge to the other.
        edges = row - _HEIGHT / 2 + _HEIGHT * np.arange(len(value) + 1) / len(value)
        ax.fill_betweenx(
            np.repeat(edges, 2)[1:-1],
            np.repeat(value, 2),
            color=segment_color(int(i)),
            linewidth=0,
            alpha=0.85,
            zorder=2,
        )
        mean = float(table.loc[i, "mean"])
        reach = max(float(value[0]), float(table.loc[i, "high"]), 0.0)
        ax.plot([mean, mean], [edges[0], edges[-1]], color="#ffffff", linewidth=3, zorder=3)
        ax.plot([mean, mean], [edges[0], edges[-1]], color="#111111", linewidth=1.2, zorder=3)
        ax.annotate(
            text.decimal(mean, 2),
            (reach, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    ax.axvline(silhouettes.mean, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        f"mean of all {text.decimal(silhouettes.mean, 2)}",
        (silhouettes.mean, -0.72),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=INK,
    )
    share = table["size"] / table["size"].sum()
    ax.set_yticks(
        range(len(table)),
        [f"{name}\n{text.share(part)}" for name, part in zip(table["name"], share, strict=True)],
    )
    ax.set_ylim(len(table) - 0.45, -1.0)
    low = min(float(silhouettes.values["silhouette"].min()), 0.0)
    ax.set_xlim(low - 0.03, 1.0)
    ax.xaxis.set_major_formatter(count_axis)
    ax.set_xlabel("silhouette (below 0: nearer to another segment)")
    ax.tick_params(axis="y", length=0)
    finding = _finding(silhouettes)
    shown = table.assign(share=share)[
        ["name", "size", "share", "sampled", "mean", "low", "high", "negative"]
    ].rename(
        columns={
            "name": "segment",
            "size": "customers",
            "sampled": "looked at",
            "mean": "mean silhouette",
            "negative": "nearer to another",
        }
    )
    said = "; ".join(
        f"{row[0]}: mean {text.decimal(row[4], 2)}, {text.share(row[7])} nearer to another segment"
        for row in shown.itertuples(index=False)
    )
    noise = silhouettes.n_noise
    return describe(
        ax,
        Description(
            finding,
            f"Silhouettes of customers by segment. {finding}. {said}.",
            shown,
            dict.fromkeys(["customers", "looked at"], text.count)
            | dict.fromkeys(["share", "nearer to another"], text.share)
            | dict.fromkeys(["mean silhouette", "low", "high"], lambda v: text.decimal(v, 2)),
            "Customers of a segment from the best to the worst fit, strips of one height; the "
            "mark is the segment's mean. Percentages are of customers in a segment."
            + _sampled(silhouettes)
            + f" {say_empty(silhouettes.empty)}." * bool(silhouettes.empty)
            + f" {text.count(noise)} customers without a segment are left out." * bool(noise),
        ),
    )


def _sampled(silhouettes: Silhouettes) -> str:
    looked, all_ = len(silhouettes.values), int(silhouettes.table["size"].sum())
    if looked == all_:
        return ""
    return (
        f" {text.count(looked)} of {text.count(all_)} customers are looked at; intervals are "
        "those of the sample."
    )


def _finding(silhouettes: Silhouettes) -> str:
    table = silhouettes.table
    best, least = table.iloc[int(table["mean"].argmax())], table.iloc[int(table["mean"].argmin())]
    return (
        f"“{best['name']}” is the clearest segment (silhouette "
        f"{text.decimal(best['mean'], 2)}), “{least['name']}” the least clear "
        f"({text.decimal(least['mean'], 2)}): {text.share(least['negative'])} of its customers "
        "are nearer to another"
    )
