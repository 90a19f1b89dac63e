"""The heat map of what segments are like."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from segml._core import text
from segml.clustering import SegmentProfile
from segml.clustering._empty import say_empty
from segml.clustering.profile import WIDE
from segml.features.words import in_sentence

from .card import Description, describe
from .style import GREY, new_axes

_LIMIT = 2.5  # standard deviations of the strongest colour
_PAGE = 8.4  # inches
_NARROWEST = 0.7  # column, inches
_SMALL = 8.5  # points, where columns are narrow


def plot_segment_profile(profile: SegmentProfile, ax: Axes | None = None) -> Axes:
    """Draw what sets each segment apart, feature by feature.

    Parameters
    ----------
    profile : SegmentProfile
        From `profile_segments`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A cell per segment and feature: the median, or the most over-represented level
        with its share, on a colour for the standardised difference to everyone else.
        More than eight features are set below each other.
    """
    effects, shown = profile.effects(), profile.shown()
    names = [str(name) for name in profile.segments["name"]]
    labels = [profile.label(name) for name in profile.names]
    has_levels = bool(profile.table["level"].notna().any())
    values = effects.to_numpy(dtype=float)
    cells = shown.to_numpy()
    across, down = labels, names
    if down_the_page := len(labels) > WIDE:
        values, cells, across, down = values.T, cells.T, names, labels
    wide = 1.9 if down_the_page and has_levels else 1.55
    # A page is as wide as eight inches: what is wider is shrunk, and its text with it.
    column = min(wide, max((_PAGE - 2.4) / len(across), _NARROWEST))
    one_line = down_the_page and column >= wide
    line = 0.6 if has_levels and not down_the_page else 0.48 if not down_the_page else 0.3
    if has_levels and down_the_page and not one_line:
        line = 0.42
    room = int(72 * column / (0.6 * _SMALL)) if column < wide else 22 if has_levels else 18
    ax = new_axes(ax, width=2.6 + column * len(across), height=0.9 + line * len(down))
    _cells(ax, values, cells, one_line, column)
    wrapped = [textwrap.fill(name, room, max_lines=4, placeholder="…") for name in across]
    small = _SMALL if column < wide else None
    ax.set_xticks(np.arange(len(across)) + 0.5, wrapped, fontsize=small)
    ax.set_yticks(np.arange(len(down)) + 0.5, down)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    finding = _finding(profile, labels)
    table, formats = _table(profile, dict(zip(profile.names, labels, strict=True)), has_levels)
    caption = (
        "Each cell holds the median; orange is below everyone else, purple above, in "
        "standard deviations of the feature on its scale."
    )
    if has_levels:
        caption += (
            " For categories it is the most over-represented level and its share of the "
            "segment, coloured by Cohen's h."
        )
    if profile.empty:
        caption += f" {say_empty(profile.empty)}."
    return describe(
        ax,
        Description(
            finding,
            f"Heat map of {len(names)} segments by {len(labels)} features. {finding}.",
            table,
            formats,
            caption,
        ),
    )


def _cells(ax: Axes, values: np.ndarray, cells: np.ndarray, one_line: bool, column: float) -> None:
    """Draw coloured cells, each with its text; grey where there is no difference to measure."""
    ax.set_facecolor(GREY)
    size = 9 if column >= 1.5 else 7
    room = min(int(72 * column / (0.52 * size)), 20)
    image = np.ma.masked_invalid(np.clip(values, -_LIMIT, _LIMIT))
    ax.pcolormesh(
        image,
        cmap=colormaps["PuOr"],
        norm=TwoSlopeNorm(0, -_LIMIT, _LIMIT),
        edgecolors="#ffffff",
        linewidth=2,
    )
    for (i, j), shown in np.ndenumerate(cells):
        dark = np.isfinite(values[i, j]) and abs(values[i, j]) > 1.6
        level, space, share = shown.rpartition(" ")
        if space:
            level = level if len(level) <= room else level[: room - 1] + "…"
            shown = f"{level} {share}" if one_line else f"{level}\n{share}"
        ax.text(
            j + 0.5,
            i + 0.5,
            shown,
            ha="center",
            va="center",
            fontsize=size if space else None,
            color="#ffffff" if dark else "#111111",
        )


def _finding(profile: SegmentProfile, labels: list[str]) -> str:
    table = profile.table
    if not (table["effect"].abs() > 0).any():
        return "The segments do not differ"
    row = table.iloc[int(np.nanargmax(table["effect"].abs()))]
    name = profile.segments.loc[row["segment"], "name"]
    label = in_sentence(labels[profile.names.index(row["feature"])])
    if pd.notna(row["level"]):
        return (
            f"“{name}” differ most: {label} {row['level']} for {text.share(row['share'])} "
            f"of them, for {text.share(row['share_all'])} of all"
        )
    direction = "above" if row["effect"] > 0 else "below"
    return (
        f"“{name}” differ most: {label} {text.decimal(abs(row['effect']), 2)} "
        f"standard deviations {direction} everyone else"
    )


def _table(
    profile: SegmentProfile, labels: dict[str, str], has_levels: bool
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the numbers behind the map and how they are written."""
    columns = ["segment", "feature", "median", "median_all", "effect", "low", "high"]
    if has_levels:
        columns += ["level", "share", "share_all", "lift"]
    if profile.table["missing"].any():
        columns.append("missing")
    table = profile.table[columns].assign(
        segment=profile.table["segment"].map(profile.segments["name"].astype(str)),
        feature=profile.table["feature"].map(labels),
    )
    if has_levels:
        table["level"] = table["level"].fillna("")
    table = table.rename(columns={"median_all": "median of all", "share_all": "share of all"})
    formats: dict[str, Any] = dict.fromkeys(table.columns[2:], text.decimal)
    formats.pop("level", None)
    shares = dict.fromkeys(["share", "share of all"], text.share)
    return table, formats | shares | {"missing": text.count}
