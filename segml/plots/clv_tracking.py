"""Figures of repeat purchases over calendar time, expected beside actual."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

from segml._core import text
from segml.clv.tracking import Tracking

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_axes

_NOTE = (
    "Customers who first bought up to the cut-off; each is expected from the own first "
    "purchase on. The band is the 95% interval of the expected number; it holds the "
    "uncertainty of the parameters, not the chance in what customers do."
)


def plot_cumulative_tracking(tracking: Tracking, ax: Axes | None = None) -> Axes:
    """Draw the repeat purchases up to each day, expected and actual.

    Parameters
    ----------
    tracking : Tracking
        From `track_purchases`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Two lines, the expected one with its 95% interval, and the cut-off marked.
    """
    table = tracking.table
    ax = _draw(
        tracking, new_axes(ax), table, ["actual_total", "expected_total", "low_total", "high_total"]
    )
    ax.set_ylabel("repeat purchases so far")
    last = table.iloc[-1]
    finding = (
        f"By {_day(table.index[-1])} the model expected {text.count(last['expected_total'])} "
        f"repeat purchases; {text.count(last['actual_total'])} happened"
    )
    return _described(
        ax, tracking, finding + _percent(tracking.error), "Repeat purchases so far", "_total"
    )


def plot_tracking(tracking: Tracking, ax: Axes | None = None) -> Axes:
    """Draw the repeat purchases of each week, month, quarter or year, expected and actual.

    Parameters
    ----------
    tracking : Tracking
        From `track_purchases`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Two lines, the expected one with its 95% interval, and the cut-off marked; what the
        data cover only in part is left out.
    """
    table = tracking.table[tracking.table["complete"]]
    if table.empty:
        table = tracking.table
    ax = _draw(tracking, new_axes(ax), table, ["actual", "expected", "low", "high"])
    ax.set_ylabel(f"repeat purchases per {tracking.step}")
    after = table[table["holdout"]]
    shown, when = (after, "After") if len(after) else (table, "Up to")
    expected, actual = shown["expected"].mean(), shown["actual"].mean()
    finding = (
        f"{when} the cut-off the model expected {_mean(expected)} repeat purchases "
        f"a {tracking.step}; {_mean(actual)} happened"
    )
    error = expected / actual - 1 if actual else float("nan")
    return _described(
        ax, tracking, finding + _percent(error), f"Repeat purchases per {tracking.step}", ""
    )


def _draw(tracking: Tracking, ax: Axes, table: pd.DataFrame, columns: list[str]) -> Axes:
    """Draw two lines and a band over the ends of the steps."""
    actual, expected, low, high = (table[name] for name in columns)
    ax.fill_between(table.index, low, high, color=PALETTE[1], alpha=0.25, linewidth=0)
    ax.plot(table.index, actual, color=PALETTE[0], linewidth=1.6)
    ax.plot(table.index, expected, color=PALETTE[1], linewidth=2, linestyle=(0, (5, 2)))
    most = max(float(actual.max()), float(expected.max()), 1e-9)
    ax.set_ylim(0, 1.08 * max(most, min(float(high.max()), 2 * most)))  # it may be infinite
    ax.axvline(float(date2num(tracking.as_of)), color=GREY, linewidth=1)
    ax.annotate(
        "cut-off ",
        (pd.Timestamp(tracking.as_of), 1),
        xycoords=("data", "axes fraction"),
        xytext=(-3, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color=INK,
    )
    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.yaxis.set_major_formatter(count_axis)
    ends = float(actual.iloc[-1]), float(expected.iloc[-1])
    gap = 0.07 * ax.get_ylim()[1]  # of two labels that would overlap
    middle = sum(ends) / 2
    close = abs(ends[0] - ends[1]) < gap
    for name, end, color, up in (
        ("actual", ends[0], PALETTE[0], ends[0] >= ends[1]),
        ("expected", ends[1], PALETTE[1], ends[1] > ends[0]),
    ):
        at = middle + (gap / 2 if up else -gap / 2) if close else end
        for said, ink, right in (("━", color, 4), (name, INK, 20)):
            ax.annotate(
                said,
                (1, at),
                xycoords=("axes fraction", "data"),
                xytext=(right, 0),
                textcoords="offset points",
                color=ink,
                va="center",
            )
    ax.margins(x=0.01)
    return ax


def _described(ax: Axes, tracking: Tracking, finding: str, what: str, kind: str) -> Axes:
    names = [f"{name}{kind}" for name in ("actual", "expected", "low", "high")]
    table = tracking.table
    shown = pd.DataFrame(
        {
            f"{tracking.step} to": [f"{day:%Y-%m-%d}" for day in table.index],
            "after the cut-off": ["yes" if after else "" for after in table["holdout"]],
            **{name.removesuffix(kind): table[name].to_numpy() for name in names},
        }
    )
    part = (
        "" if table["complete"].all() else f" The data do not cover every {tracking.step} wholly."
    )
    return describe(
        ax,
        Description(
            finding,
            f"{what}, expected and actual, {table.index[0]:%Y-%m-%d} to "
            f"{table.index[-1]:%Y-%m-%d}. {finding}.",
            shown,
            {"actual": text.count} | dict.fromkeys(["expected", "low", "high"], text.decimal),
            _NOTE + part,
        ),
    )


def _day(day: pd.Timestamp) -> str:
    return f"{day.day} {text.MONTHS[day.month - 1]} {day.year}"


def _mean(value: float) -> str:
    return text.count(value) if value >= 10 else text.decimal(value, 2)


def _percent(error: float) -> str:
    return "" if pd.isna(error) else f" ({error:+.0%})"
