"""Figures of segments: how large, what they bring, what they are like."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml._core.errors import NotEnoughDataError
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


def color_position(segment: object, row: int) -> int:
    """Return the place of a segment in the palette: its id, where that is a number.

    Ids may have gaps, and noise comes before them: the rows of a table are not ids.
    """
    written = str(segment)
    return int(written) if written.removeprefix("-").isdecimal() else row


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
        color = segment_color(color_position(revenue.loc[name, "segment"], i))
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
