"""Figures of money: how lifetime value is spread, and how well spend is fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from segml._core import text
from segml.clv.distribution import ValueDistribution
from segml.clv.spend import SpendFit

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, money_axis, new_axes


def plot_value_distribution(
    distribution: ValueDistribution,
    ax: Axes | None = None,
    currency: str = "",
    horizon: str = "",
) -> Axes:
    """Draw how many customers have which lifetime value.

    Parameters
    ----------
    distribution : ValueDistribution
        From `value_distribution`.
    ax : Axes, optional
        Where to draw.
    currency : str, optional
        ISO code.
    horizon : str, optional
        The horizon in words, such as "52 weeks".

    Returns
    -------
    Axes
        A histogram over a logarithmic axis; above it the mean of all customers and those
        of the highest and the lowest tenth, with 95% intervals.
    """
    ax = new_axes(ax, height=3.9)
    bins, tenths = distribution.bins, distribution.tenths
    _bars(ax, bins["low"], bins["high"], bins["customers"])
    top = float(bins["customers"].max())
    marks = [("mean of all", distribution.mean)]
    if len(tenths) > 1:
        first, last = tenths.iloc[0], tenths.iloc[-1]
        marks.insert(0, ("lowest tenth", last.rename({"mean": "value"})))
        marks.append(("highest tenth", first.rename({"mean": "value"})))
    for i, (name, row) in enumerate(marks):
        at = top * (1.1 + 0.13 * i)
        ax.plot([row["low"], row["high"]], [at, at], color=INK, linewidth=1.4)
        ax.plot([row["value"]], [at], "o", ms=6, color=PALETTE[1])
        left = name == "highest tenth"  # has its room on the left
        ax.annotate(
            f"{name} {text.money(row['value'], currency)}",
            (row["low" if left else "high"], at),
            xytext=(-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9.5,
            color=INK,
        )
    ax.set_ylim(0, top * (1.2 + 0.13 * len(marks)))
    _ticks_up_to(ax, top)
    within = f" in {horizon}" if horizon else ""
    _money_axis(ax, currency)
    ax.set_xlabel(f"lifetime value per customer{within}, log scale")
    ax.set_ylabel("customers")
    total, share = distribution.total, distribution.top_share

    def money(value: float) -> str:
        return text.money(value, currency)

    finding = (
        f"Customers are worth {money(total['value'])}{within} "
        f"({money(total['low'])} to {money(total['high'])}); "
        f"the top tenth hold {text.share(share['value'])} "
        f"({text.share(share['low'])} to {text.share(share['high'])})"
    )
    shown = tenths.reset_index().rename(columns={"tenth": "tenth of customers"})
    caption = "Points are means with 95% intervals, which hold the uncertainty of the parameters."
    if distribution.n_least:
        caption += (
            f" Not drawn are customers worth less than {money(0.01)}: "
            f"{text.count(distribution.n_least)}."
        )
    return describe(
        ax,
        Description(
            finding,
            f"Histogram of lifetime value over {text.count(distribution.n_customers)} customers. "
            f"{finding}.",
            shown,
            {"tenth of customers": text.count, "customers": text.count, "share": text.share}
            | dict.fromkeys(["mean", "low", "high"], money),
            caption,
        ),
    )


def plot_spend_fit(fit: SpendFit, ax: Axes | None = None, currency: str = "") -> Axes:
    """Draw the mean spend of repeat buyers, observed and as the Gamma-Gamma model expects it.

    Parameters
    ----------
    fit : SpendFit
        From `spend_fit`.
    ax : Axes, optional
        Where to draw.
    currency : str, optional
        ISO code.

    Returns
    -------
    Axes
        A histogram of customers over a logarithmic axis, and the expected numbers as a line
        with its 95% interval.
    """
    ax = new_axes(ax)
    bins = fit.bins
    _bars(ax, bins["from"], bins["to"], bins["observed"])
    middle = np.sqrt(bins["from"] * bins["to"])
    ax.fill_between(middle, bins["low"], bins["high"], color=PALETTE[1], alpha=0.3, linewidth=0)
    ax.plot(middle, bins["expected"], color=PALETTE[1], linewidth=2)
    ax.set_ylim(0, 1.1 * max(bins["observed"].max(), bins["expected"].max()))
    _money_axis(ax, currency)
    ax.set_xlabel("mean spend per repeat purchase of a customer, log scale")
    ax.set_ylabel("repeat buyers")
    ax.yaxis.set_major_formatter(count_axis)
    for i, (mark, name, color) in enumerate(
        (("■", "observed", PALETTE[0]), ("━", "expected", PALETTE[1]))
    ):
        for said, ink, right in ((mark, color, 0), (name, INK, 16)):
            ax.annotate(
                said,
                (0.02, 0.95 - 0.09 * i),
                xycoords="axes fraction",
                xytext=(right, 0),
                textcoords="offset points",
                color=ink,
                va="center",
            )
    median = fit.median

    def money(value: float) -> str:
        return text.money(value, currency)

    finding = (
        f"Half of the repeat buyers spend less than {money(median['observed'])} a purchase; "
        f"the model expects {money(median['expected'])} "
        f"({money(median['low'])} to {money(median['high'])})"
    )
    caption = (
        "Bars are customers; the line is how many the model expects in each bar from their "
        "numbers of purchases, with its 95% interval, which holds the uncertainty of the "
        f"parameters. It expects {text.decimal(fit.n_outside, 2)} customers beyond the ends."
    )
    return describe(
        ax,
        Description(
            finding,
            f"Histogram of mean spend over {text.count(fit.n_customers)} repeat buyers with the "
            f"numbers expected by the model. {finding}.",
            bins,
            {"observed": text.count}
            | dict.fromkeys(["from", "to"], money)
            | dict.fromkeys(["expected", "low", "high"], text.decimal),
            caption,
        ),
    )


def _bars(ax: Axes, low: pd.Series, high: pd.Series, height: pd.Series) -> None:
    ax.set_xscale("log")
    ax.bar(low, height, width=high - low, align="edge", color=PALETTE[0], alpha=0.75, linewidth=0)


def _money_axis(ax: Axes, currency: str) -> None:
    ax.xaxis.set_major_formatter(money_axis(currency))
    low, high = ax.get_xlim()
    if high / low < 1e4:  # powers of ten alone would be few
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _ticks_up_to(ax: Axes, top: float) -> None:
    """Leave out ticks above the bars, where means stand and nothing is counted."""
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= top])
    ax.yaxis.set_major_formatter(count_axis)
    ax.axhline(0, color=GREY, linewidth=0.8)
