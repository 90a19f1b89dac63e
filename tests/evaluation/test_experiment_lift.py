"""Intervals and tests of one comparison: published numbers, other programs, and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from segml.evaluation.cuped import cuped
from segml.evaluation.experiment_lift import (
    PERMUTATION,
    WELCH,
    mean_lift,
    share_lift,
    skewed_lift,
)
from segml.evaluation.experiment_means import (
    Mean,
    fieller,
    mean_of,
    mixed,
    t_quantiles,
    welch,
)
from segml.evaluation.experiment_permutation import permutation_t, permuted_means
from segml.evaluation.experiment_score import share_difference, share_p_value, share_ratio

ONE = np.ones(1)


def _assert_covers(hits: np.ndarray) -> None:
    """Assert that 94 to 96% are hits, but for chance one time in 1,000."""
    low, high = (stats.binom.ppf(q, len(hits), p) for q, p in ((0.0005, 0.94), (0.9995, 0.96)))
    assert low <= np.sum(hits) <= high


# Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 6 (Miettinen-Nurminen)
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0528, 0.3382),
        ((9, 10, 3, 10), 0.1700, 0.8406),
        ((10, 10, 0, 20), 0.7156, 1.0000),
    ],
)
def test_published_intervals_of_a_difference(counts, low, high):
    found = share_difference(*counts, 0.95)
    assert [float(end) for end in found] == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize("counts", [(7, 100, 3, 100), (120, 1000, 100, 900), (3, 40, 19, 60)])
def test_ratio_is_that_of_statsmodels(counts):
    theirs = confint_proportions_2indep(*counts, method="score", compare="ratio")
    assert [float(end) for end in share_ratio(*counts, 0.95)] == pytest.approx(theirs, rel=1e-6)


def test_p_value_is_pearsons_less_one_customer():
    x1, n1, x0, n0 = 23, 150, 11, 170
    table = [[x1, n1 - x1], [x0, n0 - x0]]
    chi = stats.chi2_contingency(table, correction=False).statistic * (n1 + n0 - 1) / (n1 + n0)
    assert float(share_p_value(x1, n1, x0, n0)) == pytest.approx(stats.chi2.sf(chi, 1), rel=1e-9)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_intervals_of_shares_and_their_test_agree(level):
    for counts in itertools.product(range(0, 21, 4), [20], range(0, 31, 6), [30]):
        low, high = share_difference(*counts, level)
        significant = float(share_p_value(*counts)) < 1 - level
        assert (low > 0 or high < 0) == significant
        ratio = share_ratio(*counts, level)
        if counts[2]:
            assert (ratio[0] > 1 or ratio[1] < 1) == significant


def test_zero_conversions():
    lift = share_lift([np.zeros(50)], [np.zeros(50)], ONE, 0.95)
    assert (lift.difference, lift.p_value) == (0, 1)
    assert lift.low == pytest.approx(-lift.high)
    assert 0.05 < lift.high < 0.08
    assert np.isnan(lift.relative)
    assert np.isnan(lift.relative_high)
    assert "no relative lift" in lift.reason
    some = share_lift([np.zeros(50)], [np.r_[np.ones(5), np.zeros(45)]], ONE, 0.95)
    assert (some.relative, some.relative_low) == (-1, -1)
    assert some.reason == ""


def test_shares_over_segments_of_one_share_are_those_pooled():
    one = [np.r_[np.ones(10), np.zeros(90)], np.r_[np.ones(30), np.zeros(270)]]
    base = [np.r_[np.ones(8), np.zeros(92)], np.r_[np.ones(24), np.zeros(276)]]
    found = share_lift(one, base, np.array([0.25, 0.75]), 0.95)
    pooled = share_lift([np.concatenate(one)], [np.concatenate(base)], ONE, 0.95)
    assert found[2:10] == pytest.approx(pooled[2:10], rel=1e-9)


def test_segments_of_other_sizes_in_the_groups_are_no_effect():
    one = [np.r_[np.ones(90), np.zeros(810)], np.r_[np.ones(50), np.zeros(50)]]
    base = [np.r_[np.ones(10), np.zeros(90)], np.r_[np.ones(450), np.zeros(450)]]
    assert share_lift(one, base, np.array([0.5, 0.5]), 0.95).difference == pytest.approx(0)
    assert mean_lift(one, base, np.array([0.5, 0.5]), 0.95).difference == pytest.approx(0)


def test_welch_is_that_of_statsmodels_and_scipy():
    rng = np.random.default_rng(3)
    a, b = rng.normal(5, 3, 40), rng.normal(4, 1, 25)
    p, low, high = welch(mean_of(a), mean_of(b), 0.9)
    theirs = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(0.1, usevar="unequal")
    assert (low, high) == pytest.approx(theirs, rel=1e-9)
    assert p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, rel=1e-9)


def test_fiellers_ends_are_where_the_test_turns():
    one, base = Mean(12.0, 0.5, 60.0), Mean(9.0, 0.4, 50.0)
    low, high = fieller(one, base, -1.9, 2.1)
    at_low = (12 - low * 9) / np.sqrt(0.5 + low**2 * 0.4)
    at_high = (12 - high * 9) / np.sqrt(0.5 + high**2 * 0.4)
    assert (at_low, at_high) == pytest.approx((2.1, -1.9), rel=1e-9)


def test_ratio_to_a_mean_near_zero_has_no_interval():
    rng = np.random.default_rng(0)
    lift = mean_lift([rng.normal(3, 1, 30)], [np.linspace(-2, 2.2, 30)], ONE, 0.95)
    assert np.isnan(lift.relative_low)
    assert "not clearly above 0" in lift.reason
    assert not np.isnan(lift.low)


def test_outcomes_that_do_not_vary():
    lift = mean_lift([np.full(5, 2.0)], [np.full(5, 2.0)], ONE, 0.95)
    assert lift.difference == 0
    assert np.isnan([lift.low, lift.high, lift.p_value]).all()
    assert lift.reason == "the outcome does not vary"


def test_weights_over_segments():
    found = mixed([Mean(1.0, 0.1, 9.0), Mean(5.0, 0.2, 19.0)], np.array([0.3, 0.7]))
    assert found.value == pytest.approx(3.8)
    assert found.variance == pytest.approx(0.09 * 0.1 + 0.49 * 0.2)


def test_permutations_are_all_as_likely():
    one, base = np.array([0.0, 4.0, 1.0]), np.array([0.0, 0.0, 9.0])
    draws = permuted_means(one, base, 40_000, np.random.default_rng(1))
    pooled = np.concatenate([one, base])
    exact = [pooled[list(some)].mean() for some in itertools.combinations(range(6), 3)]
    values, counts = np.unique(np.round(draws[0].value, 9), return_counts=True)
    true_values, true_counts = np.unique(np.round(exact, 9), return_counts=True)
    assert values.tolist() == true_values.tolist()
    expected = 40_000 * true_counts / true_counts.sum()
    assert stats.chisquare(counts, expected).pvalue > 0.001
    assert (draws[0].value * 3 + draws[1].value * 3) == pytest.approx(np.full(40_000, 14.0))


def test_variances_of_permutations_are_those_of_their_values():
    rng = np.random.default_rng(5)
    one, base = rng.lognormal(0, 1, 6), np.r_[rng.lognormal(0, 1, 5), 0, 0]
    found = permuted_means(one, base, 5000, rng)
    pooled = np.concatenate([one, base])
    possible = {}
    for some in itertools.combinations(range(13), 6):
        values = pooled[list(some)]
        possible[round(values.mean(), 9)] = values.var(ddof=1) / 6
    theirs = [possible[round(mean, 9)] for mean in found[0].value]
    assert found[0].variance == pytest.approx(np.array(theirs), rel=1e-9)


def test_permutation_p_value_is_that_of_scipy():
    rng = np.random.default_rng(8)
    one = np.where(rng.random(300) < 0.2, rng.lognormal(3, 1, 300), 0) * 1.5
    base = np.where(rng.random(200) < 0.2, rng.lognormal(3, 1, 200), 0)
    lift = skewed_lift([one], [base], ONE, 0.95, [permuted_means(one, base, 20_000, rng)])
    theirs = stats.permutation_test(
        (one, base),
        lambda x, y, axis: stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic,
        vectorized=True,
        n_resamples=20_000,
        batch=2000,
        rng=np.random.default_rng(1),
    )
    assert lift.method == PERMUTATION
    assert lift.p_value == pytest.approx(theirs.pvalue, abs=0.02)


def test_interval_and_test_of_permutations_agree():
    rng = np.random.default_rng(2)
    draws = (Mean(rng.normal(size=999), 1.0, 9), Mean(np.zeros(999), 0.0, 9))
    for seen in np.linspace(-3, 3, 601):
        p, below, above = permutation_t(seen, 1.0, draws, 0.95)
        excludes = seen - above > 0 or seen - below < 0
        assert excludes == (p < 0.05 - 1e-12) or p == pytest.approx(0.05, abs=0.0021)


def test_nobody_buys():
    zeros = [np.zeros(30)]
    draws = [permuted_means(zeros[0], zeros[0], 99, np.random.default_rng(0))]
    lift = skewed_lift(zeros, zeros, ONE, 0.95, draws)
    assert lift.method == WELCH
    assert np.isnan(lift.p_value)


def test_cuped_is_the_analysis_of_covariance():
    rng = np.random.default_rng(4)
    groups = np.repeat(["a", "b"], [60, 40])
    x = rng.normal(10, 2, 100)
    y = 3 * x + rng.normal(0, 1, 100) + 2 * (groups == "b")
    found = cuped(y, x, groups)
    design = np.column_stack([groups == "a", groups == "b", x]).astype(float)
    theta = np.linalg.lstsq(design, y, rcond=None)[0][2]
    assert found.theta == pytest.approx(theta, rel=1e-9)
    inside = [found.values[groups == g].var() * (groups == g).sum() for g in "ab"]
    before = [y[groups == g].var() * (groups == g).sum() for g in "ab"]
    assert found.reduction == pytest.approx(1 - sum(inside) / sum(before), rel=1e-9)
    assert found.values.mean() == pytest.approx(y.mean(), rel=1e-12)
    assert cuped(y, np.ones(100), groups).reduction == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("p1", "n1", "p0", "n0"),
    [(0.10, 400, 0.10, 400), (0.13, 800, 0.10, 400), (0.02, 1000, 0.03, 1000), (0.5, 60, 0.3, 60)],
)
def test_intervals_of_shares_cover(p1, n1, p0, n0):
    rng = np.random.default_rng(12)
    x1, x0 = rng.binomial(n1, p1, 8000), rng.binomial(n0, p0, 8000)
    low, high = share_difference(x1, n1, x0, n0, 0.95)
    _assert_covers((low <= p1 - p0) & (p1 - p0 <= high))
    low, high = share_ratio(x1, n1, x0, n0, 0.95)
    _assert_covers((low <= p1 / p0) & (p1 / p0 <= high))
    if p1 == p0:
        false = share_p_value(x1, n1, x0, n0) < 0.05
        assert np.sum(false) <= stats.binom.ppf(0.999, 8000, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.2])
def test_intervals_of_means_cover(effect):
    rng = np.random.default_rng(7)
    one, base = rng.gamma(4, 1 + effect, (6000, 80)), rng.gamma(4, 1, (6000, 120))
    m1, m0 = mean_of(one), mean_of(base)
    p, low, high = welch(m1, m0, 0.95)
    _assert_covers((low <= 4 * effect) & (4 * effect <= high))
    low, high = fieller(m1, m0, *t_quantiles(m1, m0, 0.95))
    _assert_covers((low <= 1 + effect) & (1 + effect <= high))
    if not effect:
        assert np.sum(p < 0.05) <= stats.binom.ppf(0.999, 6000, 0.05)


def _revenue(rng: np.random.Generator, n: int, buyers: float) -> np.ndarray:
    return np.where(rng.random(n) < buyers, rng.lognormal(3, 1, n), 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n1", "n0", "buyers", "effect"),
    [
        (400, 400, 0.10, 0.0),
        (150, 1350, 0.10, 0.0),  # where Welch's has a false-positive rate of 9%
        (40, 360, 0.10, 0.0),  # four buyers
        (600, 600, 0.10, 0.3),
        (1200, 600, 0.13, 0.0),
    ],
)
def test_intervals_of_revenue_that_is_mostly_zero_cover(n1, n0, buyers, effect):
    rng = np.random.default_rng(21)
    truth = np.exp(3.5) * (buyers * (1 + effect) - 0.1)
    ratio = buyers * (1 + effect) / 0.1 - 1
    hits, ratio_hits, found = [], [], []
    for _ in range(500):
        one, base = _revenue(rng, n1, buyers) * (1 + effect), _revenue(rng, n0, 0.1)
        lift = skewed_lift([one], [base], ONE, 0.95, [permuted_means(one, base, 199, rng)])
        hits.append(lift.low <= truth <= lift.high)
        if not np.isnan(lift.relative_low):
            ratio_hits.append(lift.relative_low <= ratio <= lift.relative_high)
        found.append(lift.p_value <= 0.05)
    _assert_covers(np.array(hits))
    if n1 > 100:  # else there is an interval of the ratio only where the control is lucky
        assert len(ratio_hits) > 450
        _assert_covers(np.array(ratio_hits))
    if truth == 0:
        assert np.sum(found) <= stats.binom.ppf(0.999, 500, 0.05)
