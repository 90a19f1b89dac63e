"""Sizes of groups, many comparisons, and whether segments differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests

from segml._core.errors import DataError, ParameterError
from segml.evaluation.corrections import CORRECTIONS, adjusted
from segml.evaluation.heterogeneity import cochran, shrunken
from segml.evaluation.sample_ratio import loss_p_value, p_text, sample_ratio

HALF = {"control": 0.5, "treatment": 0.5}
# Rubin (1981): coaching in eight schools
EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def test_eight_schools_as_published():
    mean, low, high = shrunken(EFFECTS, ERRORS**2, 0.95)
    # Gelman et al. (2013), table 5.3, medians of 200 draws; means of the exact posterior here
    assert mean == pytest.approx([11, 8, 6, 7.5, 5, 6, 10.5, 8.5], abs=1)
    assert low[0] == pytest.approx(-2, abs=1)
    assert high[0] == pytest.approx(31, abs=1.5)
    assert cochran(EFFECTS, ERRORS**2).q == pytest.approx(4.7, abs=0.05)


def test_posterior_means_are_those_of_another_integration():
    def density(tau: float) -> tuple[float, np.ndarray]:
        total = ERRORS**2 + tau**2
        center = np.sum(EFFECTS / total) / np.sum(1 / total)
        likelihood = np.prod(stats.norm.pdf(EFFECTS, center, np.sqrt(total)))
        keep = tau**2 / total
        return likelihood / np.sqrt(np.sum(1 / total)), keep * EFFECTS + (1 - keep) * center

    norm = integrate.quad(lambda t: density(t)[0], 0, 1000, limit=500, epsabs=0)[0]
    first = integrate.quad(
        lambda t: density(t)[0] * density(t)[1][0], 0, 1000, limit=500, epsabs=0
    )[0]
    assert shrunken(EFFECTS, ERRORS**2, 0.95)[0][0] == pytest.approx(first / norm, rel=1e-3)


def test_cochran_is_that_of_statsmodels():
    found = cochran(EFFECTS, ERRORS**2)
    theirs = combine_effects(EFFECTS, ERRORS**2)
    assert found.q == pytest.approx(theirs.q, rel=1e-9)
    assert found.p_value == pytest.approx(theirs.test_homogeneity().pvalue, rel=1e-9)
    assert found.i_squared == pytest.approx(max(0, theirs.i2), abs=1e-12)


def test_cochran_beside_normal_chance_is_the_chi_square():
    rng = np.random.default_rng(3)
    drawn = rng.normal(0, ERRORS, (20_000, 8)), np.broadcast_to(ERRORS**2, (20_000, 8))
    for effects in (EFFECTS, 2 * EFFECTS):
        plain, found = cochran(effects, ERRORS**2), cochran(effects, ERRORS**2, drawn)
        assert found.q == plain.q
        low, high = stats.binom.interval(0.999, 20_000, plain.p_value)
        assert low <= found.p_value * 20_000 <= high


def test_chance_that_has_no_log_ratio_counts_as_large():
    drawn = np.zeros((99, 8)), np.ones((99, 8))
    assert cochran(EFFECTS, ERRORS**2, drawn).p_value == 0.01
    drawn[0][:30, 2] = -np.inf
    drawn[1][:30, 2] = np.inf
    assert cochran(EFFECTS, ERRORS**2, drawn).p_value == pytest.approx(0.31)


def test_missing_effects_do_not_count():
    effects, variances = np.append(EFFECTS, [np.nan, 3]), np.append(ERRORS**2, [1, 0])
    assert cochran(effects, variances) == cochran(EFFECTS, ERRORS**2)
    mean = shrunken(effects, variances, 0.95)[0]
    assert np.isnan(mean[8:]).all()
    assert mean[:8].tolist() == shrunken(EFFECTS, ERRORS**2, 0.95)[0].tolist()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_effects(n):
    assert np.isnan(shrunken(EFFECTS[:n], ERRORS[:n], 0.95)).all()
    assert np.isnan(cochran(EFFECTS[:n], ERRORS[:n]).p_value) == (n < 2)


@pytest.mark.slow
@pytest.mark.parametrize(("tau", "high"), [(0.5, 1.0), (2.0, 0.966), (5.0, 0.966)])
def test_shrunken_intervals_cover_and_are_closer(tau, high):
    rng = np.random.default_rng(9)
    errors = np.array([0.5, 0.8, 1, 1, 1.5, 2])
    hits, ours, raw = [], [], []
    for _ in range(500):
        truth = rng.normal(2, tau, 6)
        seen = truth + rng.normal(0, errors)
        mean, low, top = shrunken(seen, errors**2, 0.95)
        hits.append((low <= truth) & (truth <= top))
        ours.append((mean - truth) ** 2)
        raw.append((seen - truth) ** 2)
    # 3,000 effects, those of one time drawn towards one mean: at most twice the binomial error
    assert 0.95 - 2 * 2 * np.sqrt(0.95 * 0.05 / 3000) <= np.mean(hits) <= high
    assert np.mean(ours) < np.mean(raw)


@pytest.mark.parametrize(
    ("correction", "theirs"), list(zip(CORRECTIONS, ["holm", "fdr_bh"], strict=True))
)
def test_corrections_are_those_of_statsmodels(correction, theirs):
    p = np.array([0.001, 0.04, 0.03, 0.2, 0.012])
    assert adjusted(p, correction) == pytest.approx(multipletests(p, method=theirs)[1])
    with_missing = adjusted(np.append(p, np.nan), correction)
    assert with_missing[:5].tolist() == adjusted(p, correction).tolist()
    assert np.isnan(with_missing[5])
    assert np.isnan(adjusted(np.array([np.nan]), correction)).all()


def test_unknown_correction_names_the_nearest():
    with pytest.raises(ParameterError) as caught:
        adjusted(np.ones(2), "benjamini")
    assert caught.value.problem.where == "correction"


def test_sample_ratio_is_the_chi_square_of_scipy():
    counts = pd.DataFrame({"control": [5000, 4900], "treatment": [5050, 5100]}, index=[0, 1])
    found = sample_ratio(counts, HALF)
    assert found.p_value == pytest.approx(stats.chisquare([9900, 10150]).pvalue)
    assert not found.alarm
    one = found.table[found.table["segment"] == "1"]
    assert one["p_value"].iloc[0] == pytest.approx(stats.chisquare([4900, 5100]).pvalue)


def test_an_alarm_in_one_segment_is_one():
    counts = pd.DataFrame({"control": [500, 400], "treatment": [400, 500]}, index=["a", "b"])
    found = sample_ratio(counts, HALF)
    assert found.p_value == 1
    assert found.alarm == (2 * stats.chisquare([500, 400]).pvalue < 0.001)
    counts.loc["a"] = [600, 400]
    assert sample_ratio(counts, HALF).alarm
    assert "Do not read" in sample_ratio(counts, HALF)._repr_html_()


def test_a_group_without_customers_counts():
    assert sample_ratio(pd.DataFrame({"control": [100]}), HALF).alarm


def test_few_customers_give_no_p_value():
    found = sample_ratio(pd.DataFrame({"control": [4], "treatment": [4]}), HALF)
    assert np.isnan(found.p_value)
    assert not found.alarm
    assert "Too few" in found.verdict


@pytest.mark.parametrize(
    "shares", [{"control": 0.5, "treatment": 0.4}, {"control": 1.2, "treatment": -0.2}, {}, None, 3]
)
def test_shares_that_do_not_add_up(shares):
    with pytest.raises(ParameterError, match="do not add up"):
        sample_ratio(pd.DataFrame({"control": [1], "treatment": [1]}), shares)


@pytest.mark.parametrize("bad", [-1, 0.5, np.nan])
def test_counts_that_cannot_be(bad):
    with pytest.raises(DataError, match="negative or not whole"):
        sample_ratio(pd.DataFrame({"control": [bad], "treatment": [1]}), HALF)


def test_groups_that_were_not_planned():
    with pytest.raises(DataError, match="not planned") as caught:
        sample_ratio(pd.DataFrame({"other": [5]}), HALF)
    assert caught.value.problem.got == "other"


def test_unequal_losses():
    assigned = pd.Series({"a": 1000, "b": 1000})
    assert np.isnan(loss_p_value(assigned, assigned))
    assert loss_p_value(assigned, pd.Series({"a": 950, "b": 948})) > 0.5
    assert loss_p_value(assigned, pd.Series({"a": 1000})) < 1e-9


def test_false_alarms_are_as_rare_as_said():
    rng = np.random.default_rng(0)
    alarms = [
        sample_ratio(pd.DataFrame({"control": [k], "treatment": [2000 - k]}), HALF).p_value < 0.05
        for k in rng.binomial(2000, 0.5, 400)
    ]
    low, high = stats.binom.interval(0.999, 400, 0.05)
    assert low <= np.sum(alarms) <= high


def test_p_values_as_text():
    assert p_text(0.5) == "0.50"
