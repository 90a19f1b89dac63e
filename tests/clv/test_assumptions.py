import numpy as np
import pandas as pd
import pytest

from segml.clv import BetaGeoModel
from segml.clv._assumptions import cohort_drift, seasonality, spend_and_frequency
from segml.clv._simulate import simulate
from segml.clv.tracking import Tracking

from .simulation import add_spend
from .test_simulate import TRUTH, as_if, customers


def spenders(n, p=1.2, seed=0, factor=0.0):
    rng = np.random.default_rng(seed)
    rfm = pd.DataFrame({"frequency": rng.negative_binomial(1, 0.25, n)})
    rfm = add_spend(rfm, p, 4.0, 30.0, seed=[seed, 1])
    return rfm.assign(monetary_value=rfm["monetary_value"] * np.exp(factor * rfm["frequency"]))


def test_independent_spend_keeps_the_level():
    found = [spend_and_frequency(spenders(600, seed=seed), None) for seed in range(200)]
    p_values = np.array([one.p_value for one in found])
    # 200 tests at 5%: 10 expected, and at most 18 in 99 of 100 times. The ranks of spend
    # itself are rejected in 70% of these tables, as the mean of few purchases is skewed.
    assert (p_values < 0.05).sum() <= 18
    assert all(one.verdict == "holds" for one in found if one.p_value >= 0.05)


@pytest.mark.parametrize(("factor", "words"), [(0.08, "spend more"), (-0.04, "spend less")])
def test_dependent_spend_is_found(factor, words):
    found = spend_and_frequency(spenders(2000, p=6.0, factor=factor), None)
    assert found.verdict == "fails"
    assert np.sign(found.statistic) == np.sign(factor)
    assert words in found.text


def test_weak_dependence_of_very_many_is_called_slight():
    found = spend_and_frequency(spenders(40_000, p=6.0, factor=0.012), None)
    assert found.p_value < 0.05
    assert found.verdict == "fails slightly"


def test_weights_of_spenders():
    rfm = spenders(400, p=6.0, factor=0.05)
    times = np.random.default_rng(1).integers(1, 4, 400)
    weighted = spend_and_frequency(rfm, times.astype(float))
    repeated = spend_and_frequency(rfm.loc[rfm.index.repeat(times)], None)
    assert weighted.statistic == pytest.approx(repeated.statistic, rel=1e-6)


@pytest.mark.parametrize(
    ("rfm", "reason"),
    [
        (pd.DataFrame({"frequency": [1, 2]}), "no column monetary_value"),
        (pd.DataFrame({"frequency": [0, 2], "monetary_value": [0, 5.0]}), "fewer than 10"),
        (spenders(400).assign(frequency=2), "same frequency"),
        (spenders(400).assign(monetary_value=9.0), "no estimate"),
    ],
)
def test_spend_that_cannot_be_tested(rfm, reason):
    if "monetary_value" in rfm:
        rfm = rfm.fillna({"monetary_value": 9.0})
    found = spend_and_frequency(rfm, None)
    assert found.verdict == "not tested"
    assert reason in found.text
    assert np.isnan(found.p_value)


@pytest.fixture(scope="module")
def joint():
    truth = as_if(BetaGeoModel, TRUTH[BetaGeoModel])
    rfm = simulate(truth, customers(1_500), np.random.default_rng(1))
    return BetaGeoModel().fit(rfm), rfm


def test_cohorts_that_are_alike(joint):
    found = cohort_drift(*joint, None)
    assert found.verdict == "holds"
    assert found.p_value > 0.05
    assert "4 degrees of freedom" in found.text


def test_the_likelihood_ratio_by_hand(joint):
    model, rfm = joint
    late = rfm["T"] < np.sort(rfm["T"])[749]
    halves = [BetaGeoModel().fit(rfm[part]).log_likelihood_ for part in (late, ~late)]
    ratio = 2 * (sum(halves) - model.log_likelihood_)
    assert cohort_drift(*joint, None).statistic == pytest.approx(ratio, rel=1e-9)


def test_cohorts_that_drift():
    rng = np.random.default_rng(2)
    rfm = customers(3_000)
    late = rfm["T"] < 30
    early_model = as_if(BetaGeoModel, TRUTH[BetaGeoModel])
    late_model = as_if(BetaGeoModel, TRUTH[BetaGeoModel] | {"alpha": 12.0})
    rfm = pd.concat([simulate(early_model, rfm[~late], rng), simulate(late_model, rfm[late], rng)])
    found = cohort_drift(BetaGeoModel().fit(rfm), rfm, None)
    assert found.verdict == "fails"
    assert found.p_value < 1e-6
    assert "fit cohorts apart" in found.text


@pytest.mark.parametrize("T", [39.0, [39.0] * 1499 + [38.9]])
def test_cohorts_that_cannot_be_tested(joint, T):
    model, rfm = joint
    rfm = rfm.assign(T=T, recency=rfm["recency"].clip(upper=38.9))
    found = cohort_drift(model, rfm, None)
    assert found.verdict == "not tested"
    assert np.isnan(found.statistic)


def tracked(actual, expected):
    n = len(actual)
    table = pd.DataFrame(
        {"actual": actual, "expected": expected, "holdout": False, "complete": True},
        index=pd.date_range("2024-01-07", periods=n, freq="7D", name="end"),
    )
    return Tracking(table, table.index[-1].date(), "week", 1000)


def weekly(model, rate_of_week, seed, n=1500, weeks=40):
    """Draw repeat purchases by week, of customers who all came first on the first day."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.6, 1 / 6.0, n), rng.beta(0.8, 2.5, n)
    clock = np.concatenate([[0.0], np.cumsum(rate_of_week)])
    now, alive, times = np.zeros(n), np.ones(n, dtype=bool), []
    while alive.any():
        now = now + rng.exponential(1 / rate)
        alive &= now < clock[-1]
        times.append(now[alive])
        alive &= rng.random(n) > leave
    counts = np.histogram(np.concatenate(times), clock)[0]
    mean = model.expected_purchases_new_customer(np.arange(weeks + 1.0))
    return tracked(counts, n * np.diff(mean))


def test_even_purchases_keep_the_level():
    model = as_if(BetaGeoModel, TRUTH[BetaGeoModel])
    found = [seasonality(weekly(model, np.ones(40), seed)) for seed in range(200)]
    p_values = np.array([one.p_value for one in found])
    assert (p_values < 0.05).sum() <= 18
    assert np.median(p_values) == pytest.approx(0.5, abs=0.15)


def test_a_season_is_found():
    model = as_if(BetaGeoModel, TRUTH[BetaGeoModel])
    pace = 1 + 0.5 * np.sin(np.arange(40) * 2 * np.pi / 40)
    found = seasonality(weekly(model, pace, 1))
    assert found.verdict == "fails"
    assert "by season" in found.text
    assert "weeks differ by" in found.text


def test_too_few_weeks():
    model = as_if(BetaGeoModel, TRUTH[BetaGeoModel])
    tracking = weekly(model, np.ones(40), 1)
    short = Tracking(tracking.table.head(3), tracking.as_of, "week", 1000)
    found = seasonality(short)
    assert found.verdict == "not tested"
    assert "fewer than four full weeks" in found.text
