"""Leaderboards: the true model wins or ties, worse ones are said to be, nothing is invented."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.evaluation.backtest_metrics import METRICS
from segml.evaluation.backtest_run import backtest
from segml.evaluation.count_metrics import rmse
from segml.evaluation.forecasters import Forecast
from segml.evaluation.forecasters_naive import OwnMean
from segml.evaluation.leaderboard_contest import Contest, overlap
from segml.evaluation.leaderboard_ranking import leaderboard

CUTOFFS = ["1997-06-30", "1997-09-30", "1997-12-30"]
MODELS = ["BG/NBD", "Pareto/NBD", "own mean", "same as last period", "hiatus rule"]


@pytest.fixture(scope="module")
def results(cdnow_sample):
    return backtest(cdnow_sample, MODELS, CUTOFFS, [13, 26])


def bg_nbd_orders(n=2500, weeks=104, seed=5):
    """Draw orders from the BG/NBD model, first ones in the first quarter."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.8, 1 / 8, n), rng.beta(1.2, 3.0, n)
    now, alive = rng.uniform(0, 13, n), np.ones(n, dtype=bool)
    who, when = [np.arange(n)], [now.copy()]
    while alive.any():
        now = now + rng.exponential(1 / rate)
        alive &= now < weeks
        who.append(np.flatnonzero(alive))
        when.append(now[alive])
        alive &= rng.random(n) > leave
    who, when = np.concatenate(who), np.concatenate(when)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:04d}" for i in who],
            "order_id": np.arange(len(who)),
            "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(when * 7 * 86400, unit="s"),
            "revenue": np.round(rng.gamma(6, 5, len(who)), 2),
        }
    )


def test_the_model_that_orders_were_drawn_from_wins_or_ties():
    cutoffs = ["2024-08-01", "2024-10-15", "2025-01-01", "2025-03-15", "2025-06-01"]
    found = backtest(bg_nbd_orders(), MODELS, cutoffs, [10])
    for target in ("purchases", "churn"):
        table = leaderboard(found, target).table
        assert table.loc["BG/NBD", "verdict"] in ("best", "tie")
        assert table.loc["BG/NBD", "p_best"] > 0.05
        assert table.loc["same as last period", "verdict"] == "worse"


def test_values_are_means_over_dates(results):
    board = leaderboard(results, "purchases", "gini", 13)
    expected = results.table("purchases", 13)["gini"]
    np.testing.assert_allclose(board.table["value"], expected[board.table.index])
    assert board.table["value"].is_monotonic_decreasing
    assert (board.table["difference"].iloc[1:] < 0).all()
    assert board.table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert (board.table["low"] <= board.table["value"]).all()
    assert (board.table["high"] <= 1).all()


def test_a_standard_error_of_one_date_is_over_customers(cdnow_sample):
    found = backtest(cdnow_sample, ["BG/NBD", "own mean"], CUTOFFS[:1])
    board = leaderboard(found)
    outcome = found.outcomes[0]
    y, f = outcome.actual["purchases"], outcome.forecasts["purchases"]
    one, other = (rmse(y, f[name]) for name in ("BG/NBD", "own mean"))
    n, apart = len(y), other.influence - one.influence
    error = np.sqrt((apart**2).sum() / (n * (n - 1)))
    row = board.table.loc["own mean"]
    assert row["difference"] == pytest.approx(other.value - one.value)
    half = norm.ppf(0.975) * error
    assert row["difference_low"] == pytest.approx(row["difference"] - half)
    assert np.isnan(row["p_best"])
    assert row["verdict"] == "worse at these dates"
    assert row["p_value"] == pytest.approx(2 * norm.sf(row["difference"] / error))
    assert "One date says nothing" in board.notes[0]


def test_models_are_compared_at_the_dates_that_all_have(results):
    board = leaderboard(results, "purchases", horizon=26)
    assert board.cutoffs == (dt.date(1997, 9, 30), dt.date(1997, 12, 30))
    assert "hiatus rule has no value at the others: nobody had bought" in board.notes[0]
    assert any("Horizons overlap" in note for note in board.notes)


def test_models_without_a_value_are_last_with_the_reason(results):
    board = leaderboard(results, "churn", "log_loss", 13)
    assert set(board.table.index[-2:]) == {"own mean", "same as last period"}
    assert board.table["verdict"].iloc[-1].startswith("of ")
    assert np.isnan(board.table["rank"].iloc[-1])
    assert "held for certain" in board._repr_html_()


def test_models_that_never_meet():
    day, index = [dt.date(2026, 1, d) for d in (1, 2)], pd.RangeIndex(4)
    y = np.array([0.0, 1, 2, 3])
    made, none = rmse(y, y + 1), rmse(y, y + 1).missing(4, "away")
    estimates = {day[0]: {"a": made, "b": none}, day[1]: {"a": none, "b": made}}
    metric = METRICS["purchases"]["rmse"]

    class Two:
        def contest(self, *_):
            return Contest(metric, "x", ("a", "b"), estimates, dict.fromkeys(day, index), 1)

    board = leaderboard(Two())
    assert board.table["verdict"].to_dict() == {"a": "best", "b": "away"}
    assert board.verdict.startswith("a alone could be measured")


def test_no_model_could_be_measured(cdnow_sample):
    class Empty:
        def forecast(self, known):
            return Forecast(pd.DataFrame(index=known.rfm.index))

    found = backtest(cdnow_sample, {"empty": Empty()}, CUTOFFS[:1])
    with pytest.raises(NotEnoughDataError, match="no model could be measured"):
        leaderboard(found)


def test_the_same_model_twice_ties(cdnow_sample):
    models = {"one": OwnMean(), "two": OwnMean()}
    board = leaderboard(backtest(cdnow_sample, models, CUTOFFS))
    assert board.table["rank"].tolist() == [1, 1]
    assert board.table["verdict"].tolist() == ["best", "tie"]
    assert board.ties == ["two"]


def test_overlap_of_horizons():
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 8), dt.date(2026, 1, 15)]
    assert [overlap(days, length) for length in (7, 8, 14, 15, 99)] == [0, 1, 1, 2, 2]


def test_the_same_in_each_run(results):
    one, other = leaderboard(results), leaderboard(results)
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    assert "is best by root mean squared error" in one.verdict


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"target": "sales"}, "target"),
        ({"metric": "auc"}, "metric"),
        ({"horizon": 5}, "horizon"),
        ({"level": 2}, "level"),
    ],
)
def test_bad_input(results, options, match):
    with pytest.raises(ParameterError, match=match):
        leaderboard(results, **options)


def test_something_else_cannot_be_ranked():
    with pytest.raises(ParameterError, match="cannot be ranked"):
        leaderboard(pd.DataFrame())
