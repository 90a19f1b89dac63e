"""Figures of model comparisons: which is best, and can forecasts be taken at their word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml._core.check import one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml.evaluation.backtest_metrics import TARGETS, Metric
from segml.evaluation.backtest_result import Backtest
from segml.evaluation.leaderboard_ranking import Leaderboard

from .card import Description, describe
from .style import GREY, INK, PALETTE, count_axis, new_axes, segment_color, share_axis

_COLORS = {
    "best": PALETTE[0],
    "tie": GREY,
    "worse at these dates": PALETTE[1],
    "worse": PALETTE[4],
}
_MOST = 25  # models that are drawn
_CURVES = 4  # that can be told apart in one drawing


def plot_leaderboard(board: Leaderboard, ax: Axes | None = None) -> Axes:
    """Draw a metric of each model, with the interval of its difference to the best.

    Parameters
    ----------
    board : Leaderboard
        From `leaderboard`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A mark per model, the best on top; grey where it may be as good as the best. The first
        25 models are drawn.
    """
    ranked = board.table[board.table["rank"].notna()]
    shown = ranked.iloc[:_MOST]
    ax = new_axes(ax, height=1.5 + 0.36 * len(shown))
    say, best = board.metric.format, float(shown["value"].iloc[0])
    low_end, high_end = _ends(shown, board.metric)
    ax.axvline(best, color=GREY, linewidth=0.9, zorder=1)
    for i, row in enumerate(shown.to_dict("records")):
        color = _COLORS[row["verdict"]]
        low, high = best + row["difference_low"], best + row["difference_high"]
        if i and not np.isnan(low):
            ends = max(low, low_end), min(high, high_end)
            ax.plot(ends, [i, i], color=color, linewidth=1.6, zorder=2)
            for beyond, end, mark in (
                (low < low_end, low_end, "<"),
                (high > high_end, high_end, ">"),
            ):
                if beyond:
                    ax.plot([end], [i], mark, color=color, ms=6, zorder=2)
        filled = "none" if row["verdict"] == "worse at these dates" else color
        ax.plot([row["value"]], [i], "o", ms=8, mfc=filled, mec=color, mew=1.6, zorder=3)
        for words, away in ((say(row["value"]), 8), (str(row["verdict"]), 56)):
            ax.annotate(
                words,
                (1, i),
                xycoords=("axes fraction", "data"),
                xytext=(away, 0),
                textcoords="offset points",
                va="center",
                fontsize=9.5,
                color=INK,
            )
    ax.set_yticks(range(len(shown)), [str(model) for model in shown.index])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    span = high_end - low_end
    ax.set_xlim(low_end - 0.03 * span, high_end + 0.03 * span)
    ax.xaxis.set_major_formatter(share_axis if board.metric.unit == "share" else count_axis)
    better = {"low": "lower is better", "high": "higher is better", "zero": "0 is best"}
    ax.set_xlabel(f"{board.metric.label} ({better[board.metric.better]})")
    caption = (
        f"{board.about[0].upper()}{board.about[1:]}; means over {_dates(len(board.cutoffs))}. "
        f"Lines are {text.share(board.level)} intervals of the difference to the best in the same "
        "customers"
        + (" and dates" if len(board.cutoffs) > 1 else "")
        + "; an arrow says that it goes on. Grey: may be as good as the best."
    )
    if len(ranked) > len(shown):
        caption += f" {len(ranked) - len(shown)} further models rank behind."
    if len(board.table) > len(ranked):
        caption += " Not ranked: " + ", ".join(map(str, board.table.index[len(ranked) :])) + "."
    table = shown.reset_index()[
        ["model", "value", "difference", "difference_low", "difference_high", "p_best", "verdict"]
    ].rename(columns={"difference_low": "low", "difference_high": "high", "p_best": "p (best)"})
    said = "; ".join(f"{row[0]}: {say(row[1])}, {row[6]}" for row in table.itertuples(index=False))
    return describe(
        ax,
        Description(
            _finding(board, len(ranked)),
            f"{board.metric.label} of {len(shown)} models. {board.verdict}. {said}.",
            table,
            dict.fromkeys(["value", "difference", "low", "high"], say)
            | {"p (best)": lambda value: text.decimal(value, 2)},
            caption,
        ),
    )


def _ends(shown: pd.DataFrame, metric: Metric) -> tuple[float, float]:
    """Return the ends of the axis: those of intervals, unless these dwarf the values.

    No end is where the metric has no values.
    """
    values, best = shown["value"], float(shown["value"].iloc[0])
    span = float(values.max() - values.min()) or abs(best) * 0.1 or 1.0
    low = float(min(values.min(), np.nanmin([best, *(best + shown["difference_low"])])))
    high = float(max(values.max(), np.nanmax([best, *(best + shown["difference_high"])])))
    return (
        max(low, float(values.min()) - 0.6 * span, metric.least),
        min(high, float(values.max()) + 0.6 * span, metric.most),
    )


def _finding(board: Leaderboard, n: int) -> str:
    ties, about = len(board.ties), board.about
    if n == 1:
        return f"Only {board.best} could be measured: {about}"
    if not ties:
        return f"{board.best} forecasts best: {about}" if n > 1 else about
    if ties == n - 1:
        return f"No model is better than another beyond chance: {about}"
    others = "another" if ties == 1 else f"{text.count(ties)} others"
    return f"{board.best} is first of {n}, and {others} may be as good: {about}"


def _dates(count: int) -> str:
    return "one date" if count == 1 else f"{text.count(count)} dates"


def plot_calibration(
    results: Backtest,
    models: str | Sequence[str] | None = None,
    target: str = "purchases",
    horizon: int | None = None,
    ax: Axes | None = None,
    currency: str = "",
) -> Axes:
    """Draw what happened over what was forecast, by tenths of customers.

    Parameters
    ----------
    results : Backtest
        From `backtest`.
    models : str or sequence of str, optional
        One to four models; the first one that made such a forecast when not given.
    target : {"purchases", "revenue", "churn"}, default "purchases"
        What was forecast.
    horizon : int, optional
        The shortest one when not given.
    ax : Axes, optional
        Where to draw.
    currency : str, optional
        ISO code, for revenue.

    Returns
    -------
    Axes
        A point per tenth with the 95% interval of what happened; a forecast that can be taken
        at its word lies on the diagonal. Axes are logarithmic where forecasts are 20 times
        apart and nothing is 0.

    Raises
    ------
    NotEnoughDataError
        None of the models made such a forecast.
    ParameterError
        More than four models, or an unknown one.
    """
    one_of(target, TARGETS, "target")
    names = [models] if isinstance(models, str) else list(models or _first(results, target))
    if not 1 <= len(names) <= _CURVES or len(set(names)) < len(names):
        raise ParameterError(
            "these models cannot be drawn together",
            where="models",
            got=names,
            expected=f"one to {_CURVES} different models",
        )
    made = {name: results.calibration(name, target, horizon) for name in names}
    made = {name: table for name, table in made.items() if len(table)}
    if not made:
        raise NotEnoughDataError(
            f"there is no forecast of {target}", where="models", got=", ".join(names)
        )
    every = pd.concat(made, names=["model"]).reset_index()
    ax = new_axes(ax, width=6.2, height=5.0)
    edge = every[["forecast", "actual"]]
    logarithmic = (
        target != "churn"
        and edge.to_numpy().min() > 0
        and every["forecast"].max() > 20 * every["forecast"].min()
    )
    if logarithmic:
        ax.set_xscale("log")
        ax.set_yscale("log")
    top = float(np.nanmax(every[["forecast", "actual", "high"]].to_numpy()))
    bottom = float(edge.to_numpy().min()) / 1.5 if logarithmic else min(0.0, edge.to_numpy().min())
    ax.plot([bottom, top], [bottom, top], color=GREY, linewidth=1, zorder=1)
    for i, (name, table) in enumerate(made.items()):
        low = table["low"].clip(lower=bottom)
        bars = np.vstack([table["actual"] - low, table["high"] - table["actual"]])
        color = segment_color(i)
        ax.errorbar(
            table["forecast"],
            table["actual"],
            yerr=np.nan_to_num(np.maximum(bars, 0)),
            fmt="os^D"[i],
            color=color,
            ecolor=color,
            elinewidth=1.2,
            ms=6,
            zorder=3,
        )
        ax.annotate(
            f"{'●■▲◆'[i]} {name}",
            (0, 1),
            xycoords="axes fraction",
            xytext=(10, -8 - 16 * i),
            textcoords="offset points",
            va="center",
            color=color,
            fontweight="bold",
        )
    scale = ", log scale" if logarithmic else ""
    words, length = _words(results, target, horizon, currency)
    ax.set_xlabel(f"mean forecast of a tenth of customers{scale}")
    ax.set_ylabel(f"what happened: mean {words}{scale}")
    formatter = share_axis if target == "churn" else count_axis
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(formatter)
    finding = f"{_calibrated(made)}: {words} in {length}"
    say: Any = text.share if target == "churn" else text.decimal
    return describe(
        ax,
        Description(
            finding,
            f"Means of forecast and outcome by tenths of customers. {finding}.",
            every,
            {"group": text.count, "customers": text.count}
            | dict.fromkeys(["forecast", "actual", "low", "high"], say),
            "Customers are put into tenths by their forecast, all cut-off dates together. On the "
            "line what happened is what was forecast; above it, more happened. Bars are 95% "
            "intervals over customers.",
        ),
    )


def _first(results: Backtest, target: str) -> list[str]:
    made = [name for name in results.models if len(results.calibration(name, target))]
    return made[:1] or list(results.models[:1])


def _words(results: Backtest, target: str, horizon: int | None, currency: str) -> tuple[str, str]:
    words = {"purchases": "purchases", "revenue": "revenue", "churn": "share without a purchase"}
    unit = f" ({currency})" if currency and target == "revenue" else ""
    length = results.horizons[0] if horizon is None else horizon
    return words[target] + unit, results.say_horizon(length)


def _calibrated(made: dict[str, pd.DataFrame]) -> str:
    """Say how near the forecasts of a model, or of the nearest of several, are to the line."""

    def distance(table: pd.DataFrame) -> float:
        apart = (table["forecast"] - table["actual"]).abs()
        return float(np.average(apart, weights=table["customers"]))

    name, table = min(made.items(), key=lambda item: distance(item[1]))
    inside = (table["forecast"] >= table["low"]) & (table["forecast"] <= table["high"])
    total, actual = (
        float(np.average(table[column], weights=table["customers"]))
        for column in ("forecast", "actual")
    )
    said = f"{name} is nearest to what happened, right" if len(made) > 1 else f"{name} is right"
    said += f" for {int(inside.sum())} of {len(table)} groups"
    if actual and abs(total / actual - 1) >= 0.005:
        said += (
            f" and {abs(total / actual - 1):.0%} too {'high' if total > actual else 'low'} in all"
        )
    return said
