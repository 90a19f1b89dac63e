from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from segml.kpis.intervals import delta_ratio, wilson


@given(st.integers(1, 5000), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(trials, data, level):
    successes = data.draw(st.integers(0, trials))
    theirs = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert wilson(successes, trials, level) == pytest.approx(tuple(theirs), rel=1e-9, abs=1e-12)


def test_wilson_stays_within_shares_and_has_width_at_both_ends():
    assert wilson(0, 10, 0.95)[0] == 0
    assert 0.2 < wilson(0, 10, 0.95)[1] < 0.3
    assert 1 - 1e-12 < wilson(10, 10, 0.95)[1] <= 1


@pytest.fixture(scope="module")
def customers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    orders = rng.geometric(0.4, size=400).astype(float)
    return orders * rng.lognormal(3, 0.6, size=400), orders


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_delta_method_agrees_with_a_bootstrap(customers, level):
    y, x = customers
    rng = np.random.default_rng(6)
    picks = rng.integers(0, len(y), size=(4000, len(y)))
    ratios = y[picks].sum(axis=1) / x[picks].sum(axis=1)
    low, high = delta_ratio(y, x, level)
    tail = (1 - level) / 2
    assert [low, high] == pytest.approx(np.quantile(ratios, [tail, 1 - tail]), rel=0.02)
    width = np.subtract(*np.quantile(ratios, [1 - tail, tail]))
    assert high - low == pytest.approx(width, rel=0.07)


def test_delta_method_by_the_formula(customers):
    y, x = customers
    n, ratio = len(y), y.sum() / x.sum()
    residuals = y - ratio * x
    error = np.sqrt(residuals @ residuals / (n - 1) / n) / x.mean()
    half = norm.ppf(0.975) * error
    assert delta_ratio(y, x, 0.95) == pytest.approx((ratio - half, ratio + half), rel=1e-12)


def test_delta_method_of_a_mean_is_the_interval_of_a_mean():
    y = np.array([1.0, 4.0, 10.0])
    half = norm.ppf(0.95) * y.std(ddof=1) / np.sqrt(3)
    assert delta_ratio(y, np.ones(3), 0.9) == pytest.approx((5 - half, 5 + half), rel=1e-12)


def test_an_exact_ratio_has_no_width():
    assert delta_ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0]), 0.95) == (2.0, 2.0)
