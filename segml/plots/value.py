"""Figures of forecasts: held-out purchases and lifetime value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml.clv import HoldoutCheck
from segml.kpis import KpiTable
from segml.kpis.table import ALL

from .card import Description, describe
from .segments import color_position, known_rows
from .style import GREY, INK, PALETTE, count_axis, money_axis, new_axes, segment_color


def plot_holdout(check: HoldoutCheck, ax: Axes | None = None, time_unit: str = "") -> Axes:
    """Draw expected and actual purchases after the cut-off by purchases before it.

    Parameters
    ----------
    check : HoldoutCheck
        From `holdout_check`.
    ax : Axes, optional
        Where to draw.
    time_unit : str, optional
        Plural name of the time unit, such as "weeks".

    Returns
    -------
    Axes
        Actual means with 95% intervals as points, expected means as a line.
    """
    ax = new_axes(ax)
    table = check.table
    at = np.arange(len(table))
    ax.plot(at, table["expected"], color=PALETTE[1], linewidth=2, marker="s", ms=5)
    bars = np.vstack([table["actual"] - table["low"], table["high"] - table["actual"]])
    ax.errorbar(
        at, table["actual"], yerr=bars, fmt="o", color=PALETTE[0], ecolor=INK, elinewidth=1, ms=6
    )
    ax.set_xticks(at, list(table.index))
    ax.set_xlabel("repeat purchases before the cut-off")
    ax.set_ylabel("mean purchases after it")
    ax.set_ylim(bottom=0)
    ax.set_xlim(-0.4, len(table) - 0.2)
    ax.yaxis.set_major_formatter(count_axis)
    for name, mark, down in (("actual", "●", -8), ("expected", "■", -24)):  # where no mark can be
        ax.annotate(
            f"{mark} {name}",
            (0, 1),
            xycoords="axes fraction",
            xytext=(10, down),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    span = f"{text.count(check.duration)} {time_unit}".strip()
    finding = (
        f"In the {span} after the cut-off the model expected {text.count(check.expected)} "
        f"purchases; {text.count(check.actual)} happened"
    )
    if check.actual:
        finding += f" ({check.error:+.0%})"
    shown = table.reset_index().rename(columns={"frequency": "purchases before"})
    return describe(
        ax,
        Description(
            finding,
            f"Expected and actual mean purchases by earlier repeat purchases. {finding}.",
            shown,
            {"customers": text.count}
            | dict.fromkeys(["actual", "low", "high", "expected"], text.decimal),
            "Points are what customers did, with 95% intervals of the mean; squares what the "
            "model expected of them from their purchases before the cut-off.",
        ),
    )


def plot_value_by_segment(kpis: KpiTable, ax: Axes | None = None, horizon: str = "") -> Axes:
    """Draw the mean predicted lifetime value of each segment.

    Parameters
    ----------
    kpis : KpiTable
        With the KPI clv.
    ax : Axes, optional
        Where to draw.
    horizon : str, optional
        The horizon in words, such as "52 weeks".

    Returns
    -------
    Axes
        A mark with its 95% interval per segment, on a logarithmic axis where the
        largest value is more than 20 times the smallest.

    Raises
    ------
    NotEnoughDataError
        The KPI is missing, as the table was made without the prediction.
    """
    every = known_rows(kpis, "clv")
    table = every.drop(index=ALL)
    names = list(table.index)
    ax = new_axes(ax, height=1.0 + 0.5 * len(names))
    values = table["value"].to_numpy(dtype=float)
    skewed = values.min() > 0 and values.max() > 20 * values.min()
    if skewed:
        ax.set_xscale("log")
    mean = float(every["value"].loc[ALL])
    ax.axvline(mean, color=GREY, linewidth=1)
    for i, name in enumerate(names):
        low, high = table.loc[name, "low"], table.loc[name, "high"]
        ax.plot([low, high], [i, i], color=INK, linewidth=1.4, zorder=2)
        color = segment_color(color_position(table.loc[name, "segment"], i))
        ax.plot([values[i]], [i], "o", ms=9, mfc=color, mec="none", zorder=3)
        ax.annotate(
            kpis.format("clv", values[i]),
            (max(values[i], high), i),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=INK,
        )
    ax.annotate(
        f"mean of all {kpis.format('clv', mean)}",
        (mean, -0.75),
        xytext=(5, 0),
        textcoords="offset points",
        color=INK,
        fontsize=9,
        va="center",
    )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -1.1)
    ax.margins(x=0.16)
    if not skewed:
        ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(money_axis(kpis.currency))
    scale = ", log scale" if skewed else ""
    ax.set_xlabel(f"mean lifetime value per customer{' in ' + horizon if horizon else ''}{scale}")
    ax.tick_params(axis="y", length=0)
    best = str(table["value"].idxmax())
    top = kpis.format("clv", float(values.max()))
    finding = f"A customer of “{best}” is worth {top}"
    if mean:
        finding += f", {text.decimal(values.max() / mean, 2)} times the mean"
    shown = pd.DataFrame(
        {
            "segment": names,
            "customers": table["n"].to_numpy(),
            "lifetime value": values,
            "low": table["low"].to_numpy(),
            "high": table["high"].to_numpy(),
        }
    )
    money = dict.fromkeys(
        ["lifetime value", "low", "high"], lambda value: text.money(value, kpis.currency)
    )
    said = "; ".join(
        f"{row[0]}: {text.money(row[2], kpis.currency)}" for row in shown.itertuples(index=False)
    )
    return describe(
        ax,
        Description(
            finding,
            f"Mean predicted lifetime value by segment. {said}.",
            shown,
            {"customers": text.count, **money},
            "Intervals hold the uncertainty of the model's parameters; they are narrow where "
            "many customers inform the model.",
        ),
    )
