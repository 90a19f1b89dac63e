"""Figures of model comparisons show the numbers of the results."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.evaluation.backtest_metrics import METRICS
from segml.evaluation.backtest_run import backtest
from segml.evaluation.leaderboard_ranking import Leaderboard, leaderboard
from segml.plots import show
from segml.plots.leaderboard import plot_calibration, plot_leaderboard
from segml.plots.style import GREY, PALETTE

from .conftest import HOSTILE
from .test_segments import texts, title


def board(values, verdicts, names=None, metric="rmse") -> Leaderboard:
    n = len(values)
    apart = np.array(values) - values[0]
    table = pd.DataFrame(
        {
            "rank": np.arange(1.0, n + 1),
            "value": values,
            "low": np.array(values) - 0.1,
            "high": np.array(values) + 0.1,
            "difference": apart,
            "difference_low": apart - 0.05,
            "difference_high": apart + 0.05,
            "p_value": 0.5,
            "p_best": 0.5,
            "p_best_here": 0.5,
            "verdict": verdicts,
        },
        index=pd.Index(names or [f"m{i}" for i in range(n)], name="model"),
    )
    days = (dt.date(2026, 1, 1), dt.date(2026, 4, 1))
    return Leaderboard(table, METRICS["purchases"][metric], "purchases in 13 weeks", days)


@pytest.fixture(scope="module")
def results(cdnow_sample):
    models = ["BG/NBD", "own mean", "hiatus rule"]
    return backtest(cdnow_sample, models, ["1997-06-30", "1997-09-30"])


def test_marks_are_the_values_and_ties_are_grey():
    ax = Figure().subplots()
    words = ["best", "tie", "worse at these dates", "worse"]
    assert plot_leaderboard(board([0.5, 0.6, 0.7, 0.9], words), ax) is ax
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in marks] == [0.5, 0.6, 0.7, 0.9]
    colors = [to_hex(line.get_markeredgecolor()) for line in marks]
    assert colors == [PALETTE[0].lower(), GREY, PALETTE[1].lower(), PALETTE[4].lower()]
    drawn = [tuple(np.round(line.get_xdata(), 9)) for line in ax.lines if len(line.get_xdata()) > 1]
    assert (0.65, 0.75) in drawn
    assert {*words, "0.500", "0.900"} <= set(texts(ax))
    assert ax.yaxis_inverted()


@pytest.mark.parametrize(
    ("verdicts", "finding"),
    [
        (["best", "tie", "worse"], "m0 is first of 3, and another may be as good"),
        (["best", "worse", "worse"], "m0 forecasts best"),
        (["best", "tie", "tie"], "No model is better than another beyond chance"),
        (["best"], "Only m0 could be measured"),
    ],
)
def test_the_title_says_what_is_known(verdicts, finding):
    ax = plot_leaderboard(board(np.linspace(0.5, 0.9, len(verdicts)).tolist(), verdicts))
    assert title(ax) == f"{finding}: purchases in 13 weeks"


def test_wide_intervals_end_in_arrows():
    wide = board([0.5, 0.6], ["best", "tie"])
    wide.table.loc["m1", ["difference_low", "difference_high"]] = [-9.0, 9.0]
    ax = plot_leaderboard(wide)
    assert {line.get_marker() for line in ax.lines} >= {"<", ">"}
    assert ax.get_xlim()[0] > -1


def test_many_models_and_hostile_names():
    names = [*HOSTILE.values(), *(f"m{i}" for i in range(30))]
    n = len(names)
    card = show(plot_leaderboard(board([0.5] * n, ["best", *["tie"] * (n - 1)], names)))
    assert "<script" not in card._repr_html_()
    assert len(card.description.table) == 25
    assert f"{n - 25} further models" in card.description.caption


def test_a_real_leaderboard(results):
    found = leaderboard(results, "churn")
    card = show(plot_leaderboard(found))
    assert card.description.table["value"].tolist() == found.table["value"].tolist()
    assert "no purchase in 13 weeks" in card.description.finding
    assert found.verdict in card.description.alt


def test_calibration_points_are_the_table(results):
    ax = plot_calibration(results, ["BG/NBD", "hiatus rule"])
    table = results.calibration("BG/NBD", "purchases")
    drawn = ax.containers[0][0].get_xydata().astype(float)
    np.testing.assert_allclose(drawn, table[["forecast", "actual"]])
    card = show(ax)
    assert set(card.description.table["model"]) == {"BG/NBD", "hiatus rule"}
    assert title(ax).startswith("BG/NBD is nearest to what happened, right for ")


def test_calibration_of_one_model(results):
    ax = plot_calibration(results, "BG/NBD", "churn")
    assert "share without a purchase in 13 weeks" in title(ax)
    assert ax.get_xscale() == "linear"
    assert plot_calibration(results, "BG/NBD", "revenue", currency="USD").get_ylabel().count("USD")


@pytest.mark.parametrize("models", [["BG/NBD"] * 2, ["a", "b", "c", "d", "e"], ["BG/NDB"]])
def test_models_that_cannot_be_drawn(results, models):
    with pytest.raises(ParameterError):
        plot_calibration(results, models)


def test_no_forecast_to_draw(cdnow_sample):
    found = backtest(cdnow_sample, ["mean of all"], ["1997-06-30"], [26])
    with pytest.raises(NotEnoughDataError, match="no forecast of purchases"):
        plot_calibration(found, "mean of all")
