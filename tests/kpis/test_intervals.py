from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from scipy.stats import poisson as scipy_poisson

from segml.kpis.intervals import bounded, delta, delta_ratio, poisson, wilson


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


@pytest.mark.slow
@pytest.mark.parametrize(("n", "chance"), [(20, 0.2), (40, 0.1), (100, 0.05)])
def test_the_log_scale_covers_where_few_customers_spend(n, chance):
    """Of means of a few payers among many: near 0 the plain interval misses far more often."""
    rng = np.random.default_rng(1)
    hits = {"plain": 0, "bounded": 0}
    samples = 0
    for _ in range(3000):
        y = rng.exponential(10, n) * (rng.random(n) < chance)
        mean = y.mean()
        low, high = delta(mean, ((y - mean) ** 2).sum(), n, n, 0.95)
        if mean == 0 or low >= 0:
            continue
        samples += 1
        ends = bounded(mean, mean - low, 0, np.inf)
        assert 0 < ends[0] < mean < ends[1]
        hits["plain"] += low <= 10 * chance <= high
        hits["bounded"] += ends[0] <= 10 * chance <= ends[1]
    covered = {name: hit / samples for name, hit in hits.items()}
    assert 0.88 <= covered["bounded"] <= 0.97
    assert covered["bounded"] > covered["plain"] + 0.05


def test_limits_on_both_sides():
    low, high = bounded(-0.9, 0.3, -1, np.inf)  # a growth of at least -100%
    assert (low, high) == pytest.approx((-1 + 0.1 / np.e**3, -1 + 0.1 * np.e**3))
    low, high = bounded(0.95, 0.1, -np.inf, 1)  # a margin of at most 100%
    assert (low, high) == pytest.approx((1 - 0.05 * np.e**2, 1 - 0.05 / np.e**2))
    assert bounded(0.5, 0.1, 0, 1) == (0.4, 0.6)
    assert np.isnan(bounded(0.0, 0.0, 0, np.inf)).all()


@pytest.mark.parametrize("events", [0, 1, 7, 300])
def test_the_interval_of_a_count_leaves_out_what_would_be_a_surprise(events):
    low, high = poisson(events, 0.95)
    assert scipy_poisson.cdf(events, high) == pytest.approx(0.025)
    if events:
        assert scipy_poisson.sf(events - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0
