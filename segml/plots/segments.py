"""Figures of segments: how large, what they bring, what they are like."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.clustering import SegmentProfile
from segml.features import FEATURES
from segml.kpis import KPIS, KpiTable
from segml.kpis.table import ALL

from .card import Description, describe
from .style import GREY, INK, new_axes, segment_color, share_axis


def known_rows(kpis: KpiTable, kpi: str) -> pd.DataFrame:
    """Return the rows of a KPI that has values.

    Raises
    ------
    NotEnoughDataError
        All are missing; says why.
    """
    rows = kpis.rows(kpi)
    if rows["value"].isna().all():
        raise NotEnoughDataError(
            f"there is nothing to draw: {KPIS[kpi].label} could not be computed",
            where=kpi,
            got=str(rows["reason"].iloc[0]),
        )
    return rows


def plot_segment_shares(kpis: KpiTable, ax: Axes | None = None) -> Axes:
    """Draw each segment's share of customers beside its share of revenue.

    Parameters
    ----------
    kpis : KpiTable
        With the KPIs share_of_customers and share_of_revenue.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Per segment a grey mark (customers) and a coloured one (revenue) with its
        95% interval.

    Raises
    ------
    NotEnoughDataError
        The shares of revenue are missing, as there is no revenue.
    """
    customers = known_rows(kpis, "share_of_customers").drop(index=ALL)
    revenue = known_rows(kpis, "share_of_revenue").drop(index=ALL)
    names = list(customers.index)
    ax = new_axes(ax, height=1.0 + 0.55 * len(names))
    for i, name in enumerate(names):
        color = segment_color(i)
        have, bring = customers.loc[name, "value"], revenue.loc[name, "value"]
        ax.plot([have, bring], [i, i], color=color, linewidth=2.5, alpha=0.4, zorder=1)
        ax.plot([have], [i], "o", ms=8, mfc=GREY, mec="none", zorder=2)
        ax.plot(
            [revenue.loc[name, "low"], revenue.loc[name, "high"]],
            [i, i],
            color=INK,
            linewidth=1,
            zorder=3,
        )
        ax.plot([bring], [i], "o", ms=10, mfc=color, mec="none", zorder=4)
        ends = sorted(
            [(have, have, have), (bring, revenue.loc[name, "low"], revenue.loc[name, "high"])]
        )
        for (at, low, high), side in zip(ends, (-1, 1), strict=True):
            ax.annotate(
                text.share(at),
                (min(at, low) if side < 0 else max(at, high), i),
                xytext=(side * 9, 0),
                textcoords="offset points",
                ha="right" if side < 0 else "left",
                va="center",
                fontsize=9,
                color=INK,
            )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.8)
    ax.set_xlim(left=0)
    ax.margins(x=0.12)
    ax.xaxis.set_major_formatter(share_axis)
    ax.set_xlabel("share of customers (grey) and of revenue (coloured)")
    ax.tick_params(axis="y", length=0)
    lead = str(revenue["value"].idxmax())
    finding = (
        f"“{lead}” are {text.share(customers.loc[lead, 'value'])} of customers "
        f"and {text.share(revenue.loc[lead, 'value'])} of revenue"
    )
    table = pd.DataFrame(
        {
            "segment": names,
            "share of customers": customers["value"].to_numpy(),
            "share of revenue": revenue["value"].to_numpy(),
            "low": revenue["low"].to_numpy(),
            "high": revenue["high"].to_numpy(),
        }
    )
    formats = dict.fromkeys(table.columns[1:], text.share)
    said = "; ".join(
        f"{row[0]}: {text.share(row[1])} of customers, {text.share(row[2])} of revenue"
        for row in table.itertuples(index=False)
    )
    return describe(
        ax,
        Description(
            finding,
            f"Share of customers beside share of revenue for {len(names)} segments. {said}.",
            table,
            formats,
            "The thin line is the 95% interval of the share of revenue.",
        ),
    )


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
        A cell per segment and feature: the median, on a colour for the standardised
        difference to everyone else.
    """
    effects, medians = profile.effects(), profile.medians()
    names = [str(name) for name in profile.segments["name"]]
    labels = [FEATURES[f].label if f in FEATURES else str(f) for f in effects.columns]
    ax = new_axes(ax, width=2.6 + 1.55 * len(labels), height=0.9 + 0.48 * len(names))
    values = effects.to_numpy(dtype=float)
    norm, colors = TwoSlopeNorm(0, -2.5, 2.5), colormaps["PuOr"]
    image = np.ma.masked_invalid(np.clip(values, -2.5, 2.5))
    ax.pcolormesh(image, cmap=colors, norm=norm, edgecolors="#ffffff", linewidth=2)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            shown = text.plain(medians.iloc[i, j])
            dark = np.isfinite(values[i, j]) and abs(values[i, j]) > 1.6
            ax.text(
                j + 0.5,
                i + 0.5,
                shown,
                ha="center",
                va="center",
                color="#ffffff" if dark else "#111111",
            )
    ax.set_xticks(np.arange(len(labels)) + 0.5, labels)
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    filled = np.abs(np.nan_to_num(values))
    i, j = divmod(int(filled.argmax()), values.shape[1])
    direction = "above" if values[i, j] > 0 else "below"
    finding = (
        f"“{names[i]}” differ most: {labels[j].lower()} "
        f"{text.decimal(filled[i, j], 2)} standard deviations {direction} everyone else"
        if filled[i, j] > 0
        else "The segments do not differ"
    )
    by_id = dict(zip(profile.segments.index, names, strict=True))
    table = profile.table.assign(
        segment=profile.table["segment"].map(by_id),
        feature=profile.table["feature"].map(dict(zip(effects.columns, labels, strict=True))),
    )[["segment", "feature", "median", "median_all", "effect", "low", "high"]]
    table = table.rename(columns={"median_all": "median of all"})
    return describe(
        ax,
        Description(
            finding,
            f"Heat map of {len(names)} segments by {len(labels)} features. {finding}.",
            table,
            dict.fromkeys(table.columns[2:], text.decimal),
            "Each cell holds the median; orange is below everyone else, purple above, in "
            "standard deviations of the feature on its scale.",
        ),
    )
