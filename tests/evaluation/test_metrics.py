"""Metrics of forecasts against scikit-learn, by hand, and their influence by the jackknife."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as reference

from segml._core.errors import DataError, ParameterError
from segml.evaluation.backtest_metrics import METRICS, find_metric
from segml.evaluation.count_metrics import (
    bias,
    brier,
    calibration,
    log_loss,
    mae,
    poisson_deviance,
    rmse,
)
from segml.evaluation.ranking_metrics import auc, gini, top_capture


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(3)
    n = 1500  # the jackknife differs from the influence by the order 1 / n
    rate = rng.gamma(0.7, 1.5, n)
    return rng.poisson(rate).astype(float), np.round(rate * rng.lognormal(0, 0.4, n), 1) + 0.1


@pytest.fixture(scope="module")
def chances():
    rng = np.random.default_rng(4)
    chance = np.round(rng.beta(1, 1, 500), 2).clip(0.01, 0.99)  # with ties
    return (rng.random(500) < chance).astype(float), chance


def test_against_scikit_learn(counts, chances):
    y, f = counts
    assert mae(y, f).value == pytest.approx(reference.mean_absolute_error(y, f), rel=1e-12)
    assert rmse(y, f).value == pytest.approx(reference.root_mean_squared_error(y, f), rel=1e-12)
    deviance = reference.mean_poisson_deviance(y, f)
    assert poisson_deviance(y, f).value == pytest.approx(deviance, rel=1e-12)
    y, f = chances
    assert brier(y, f).value == pytest.approx(reference.brier_score_loss(y, f), rel=1e-12)
    assert log_loss(y, f).value == pytest.approx(reference.log_loss(y, f), rel=1e-12)
    assert auc(y, f).value == pytest.approx(reference.roc_auc_score(y, f), rel=1e-12)
    assert gini(y, f).value == pytest.approx(2 * reference.roc_auc_score(y, f) - 1, rel=1e-12)


def test_gini_by_pairs(counts):
    y, f = counts[0][:60], counts[1][:60]

    def pairs(by):
        total = sum(y[i] * np.sign(by[i] - by[j]) for i in range(60) for j in range(60))
        return total / 60**2

    assert gini(y, f).value == pytest.approx(pairs(f) / pairs(y), rel=1e-12)
    assert gini(y, y).value == pytest.approx(1)
    assert gini(y, -y).value == pytest.approx(-1)
    assert gini(y, np.zeros(60)).value == 0


def test_top_capture_counts_ties_in_part():
    y = np.array([8.0, 2, 0, 0, 0, 0, 0, 0, 0, 10])
    assert top_capture(y, np.r_[3, 3, np.zeros(8)]).value == pytest.approx(0.5 * 10 / 20)
    assert top_capture(y, np.ones(10)).value == pytest.approx(0.1)
    assert top_capture(y, y, share=0.2).value == pytest.approx(18 / 20)
    with pytest.raises(ParameterError, match="share"):
        top_capture(y, y, share=0)


def _assert_influence_is_the_jackknife(function, y, f):
    found, n = function(y, f), len(y)
    inside = ~np.eye(n, dtype=bool)
    without = np.array([function(y[row], f[row]).value for row in inside])
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    jackknife = (n - 1) * (without.mean() - without)
    np.testing.assert_allclose(found.influence, jackknife, atol=0.02 * np.ptp(jackknife))
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    assert found.std_error == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize("function", [mae, rmse, bias, poisson_deviance, gini])
def test_influence_is_the_jackknife(counts, function):
    _assert_influence_is_the_jackknife(function, *counts)


@pytest.mark.parametrize("function", [brier, log_loss, auc])
def test_influence_of_chances_is_the_jackknife(chances, function):
    _assert_influence_is_the_jackknife(function, *chances)


def test_standard_error_of_the_top_is_that_of_samples():
    rng = np.random.default_rng(8)
    values, errors = [], []
    for _ in range(300):
        rate = rng.gamma(0.7, 1.5, 800)
        found = top_capture(rng.poisson(rate), rate * rng.lognormal(0, 0.4, 800))
        values.append(found.value)
        errors.append(found.std_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (poisson_deviance([1, 2], [0, 2]), "0 was forecast for 1 customer who bought"),
        (poisson_deviance([1, -2], [1, 2]), "there are negative numbers"),
        (log_loss([0, 0], [1, 1]), "of 2 customers the opposite was held for certain"),
        (bias([0, 0], [1, 2]), "nothing was bought"),
        (top_capture([0, 0], [1, 2]), "nothing was bought"),
        (gini([3, 3], [1, 2]), "all customers did the same"),
        (auc([1, 1], [0.1, 0.2]), "everybody churned"),
        (auc([0, 0], [0.1, 0.2]), "nobody churned"),
    ],
)
def test_what_cannot_be_computed_is_missing_with_the_reason(found, reason):
    assert np.isnan(found.value)
    assert np.isnan(found.influence).all()
    assert found.reason == reason


def test_a_perfect_forecast():
    y = np.array([0.0, 1, 5])
    assert [f(y, y).value for f in (mae, rmse, bias, poisson_deviance)] == [0, 0, 0, 0]
    assert rmse(y, y).std_error == 0
    assert np.isnan(mae([1.0], [2.0]).std_error)


@pytest.mark.parametrize(
    ("y", "f", "match"),
    [
        ([1, 2], [1], "do not fit"),
        ([], [], "do not fit"),
        ([1, np.nan], [1, 2], "actual holds"),
        ([1, 2], [1, np.inf], "forecast holds"),
    ],
)
def test_bad_input(y, f, match):
    for function in (mae, gini, auc):
        with pytest.raises(DataError, match=match):
            function(y, f)


@pytest.mark.parametrize(("y", "f"), [([0, 2], [0.1, 0.2]), ([0, 1], [0.1, 1.2])])
def test_chances_are_chances(y, f):
    for function in (brier, log_loss):
        with pytest.raises(DataError, match="not chances"):
            function(y, f)


def test_calibration_by_hand():
    y, f = np.arange(20.0), np.repeat(np.arange(10.0), 2)
    table = calibration(y, f)
    assert table["customers"].tolist() == [2] * 10
    assert table["forecast"].tolist() == list(range(10))
    assert table["actual"].tolist() == [0.5 + 2 * i for i in range(10)]
    half = norm.ppf(0.975) * np.std([0, 1], ddof=1) / np.sqrt(2)
    assert table["high"].iloc[0] == pytest.approx(0.5 + half)
    # Twice the same customers: the interval is as wide as with each once.
    twice = calibration(np.tile(y, 2), np.tile(f, 2), np.tile(np.arange(20), 2))
    np.testing.assert_allclose(twice["high"], table["high"])
    assert len(calibration(y, np.ones(20))) == 1


def test_order_of_customers_changes_nothing(counts):
    y, f = counts
    order = np.random.default_rng(0).permutation(len(y))
    for metric in METRICS["purchases"].values():
        one, other = metric.function(y, f), metric.function(y[order], f[order])
        assert one.value == pytest.approx(other.value, rel=1e-12)
        np.testing.assert_allclose(one.influence[order], other.influence, atol=1e-10)
    one, other = calibration(y, f), calibration(y[order], f[order])
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_metrics_by_name():
    assert find_metric("revenue", None).name == "rmse"
    with pytest.raises(ParameterError, match="unknown value for metric") as caught:
        find_metric("churn", "briar")
    assert caught.value.problem.nearest == "brier"
    with pytest.raises(ParameterError, match="unknown value for target"):
        find_metric("sales", None)
    low, high = bias([2.0, 2], [1, 1]), bias([2.0, 2], [3, 3])
    loss = METRICS["purchases"]["bias"].loss
    assert loss(low).value == loss(high).value == 0.5
