"""Figures of the orders themselves."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from segml._core import text

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_axes


def plot_activity(activity: pd.DataFrame, ax: Axes | None = None, currency: str = "") -> Axes:
    """Draw orders per week.

    Parameters
    ----------
    activity : DataFrame
        From `segml.data.activity`.
    ax : Axes, optional
        Where to draw.
    currency : str, optional
        ISO code, for the table.

    Returns
    -------
    Axes
        Weeks that the data cover only in part are hollow.
    """
    ax = new_axes(ax)
    weeks, orders = activity.index, activity["orders"]
    whole = activity[activity["complete"]]
    ax.fill_between(weeks, orders, color=PALETTE[0], alpha=0.18, linewidth=0)
    ax.plot(weeks, orders, color=PALETTE[0], linewidth=1.6)
    partial = activity[~activity["complete"]]
    ax.plot(partial.index, partial["orders"], "o", ms=5, mfc="none", mec=GREY, linestyle="none")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("orders per week")
    ax.yaxis.set_major_formatter(count_axis)
    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    total = text.count(orders.sum())
    if len(whole):
        busiest = whole.index[int(whole["orders"].to_numpy().argmax())]
        most = text.count(whole["orders"].max())
        when = f"{busiest.day} {busiest:%B %Y}"
        ax.plot([busiest], [whole["orders"].max()], "o", ms=5, color=PALETTE[0])
        ax.annotate(
            f"{most} in the week of {when}",
            (busiest, whole["orders"].max()),
            xytext=(7, 2),
            textcoords="offset points",
            fontsize=9.5,
            color=INK,
        )
        middle = text.count(whole["orders"].median())
        finding = f"{total} orders; the busiest week had {most}, a typical one {middle}"
    else:
        finding = f"{total} orders in less than a whole week"
    table = activity.reset_index()[["week", "orders", "customers", "revenue"]]
    table = table.assign(week=table["week"].dt.strftime("%Y-%m-%d"))
    return describe(
        ax,
        Description(
            finding,
            f"Line of orders per week, {weeks[0]:%Y-%m-%d} to {weeks[-1]:%Y-%m-%d}. {finding}.",
            table,
            {
                "orders": text.count,
                "customers": text.count,
                "revenue": lambda value: text.money(value, currency),
            },
            "Weeks from Monday; a circle marks a week that the data cover only in part."
            if len(partial)
            else "Weeks from Monday.",
        ),
    )
