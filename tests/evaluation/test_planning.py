from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from segml._core.errors import DataError, ParameterError
from segml.evaluation.experiment_means import mean_of, welch
from segml.evaluation.experiment_score import share_p_value
from segml.evaluation.planning import experiment_baseline, plan_experiment
from segml.kpis.table import ALL

ONE = pd.DataFrame({"mean": [0.1], "sd": [0.3], "customers": [100_000]}, index=[0])


def _needed(plan) -> float:
    return plan.table["needed"].iloc[0]


@pytest.mark.parametrize(
    ("base", "other", "n"), [(0.1, 0.11, 14751), (0.10, 0.15, 686), (0.4, 0.5, 388)]
)
def test_published_sizes_of_shares(base, other, n):
    # Fleiss, Levin and Paik (2003), chapter 4, before the correction for continuity
    plan = plan_experiment(ONE.assign(mean=base), other - base, relative=False, kind="share")
    assert _needed(plan) == pytest.approx(2 * n, abs=2)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_shares_are_those_of_statsmodels(share):
    shares = {"control": 1 - share, "treatment": share}
    plan = plan_experiment(ONE, 0.02, relative=False, kind="share", shares=shares, power=0.9)
    n1 = samplesize_proportions_2indep_onetail(0.02, 0.1, 0.9, (1 - share) / share, 0.05)
    assert _needed(plan) == pytest.approx(n1 / share, rel=0.02)


def test_means_are_those_of_statsmodels():
    plan = plan_experiment(ONE.assign(mean=5.0, sd=2.0), 0.5, relative=False, kind="mean")
    n = normal_sample_size_one_tail(0.5, 0.8, 0.025, std_null=np.sqrt(8))
    assert _needed(plan) == np.ceil(2 * n)


def test_cuped_saves_the_square_of_the_correlation():
    plain = _needed(plan_experiment(ONE, 0.1, kind="mean"))
    less = _needed(plan_experiment(ONE.assign(correlation=0.6), 0.1, kind="mean"))
    assert less == pytest.approx(plain * 0.64, abs=1)


def test_segments_and_variants_share_the_chance_of_a_false_finding():
    many = pd.concat([ONE.assign(mean=1.0)] * 4, ignore_index=True)
    shares = {"control": 0.4, "a": 0.3, "b": 0.3}
    plan = plan_experiment(many, 0.1, kind="mean", shares=shares)
    alone = plan_experiment(many[:1], 0.1, kind="mean", shares=shares, level=1 - 0.05 / 4)
    assert _needed(plan) == _needed(alone)
    assert "8 comparisons at once" in plan.notes[0]
    whole = plan.table.iloc[-1]
    assert whole["segment"] == ALL
    assert whole["needed"] == _needed(plan_experiment(many[:1], 0.1, kind="mean", shares=shares))


def test_days_and_feasibility():
    table = pd.DataFrame(
        {"mean": 1.0, "sd": 1.0, "customers": [9000, 500, 500, 500], "per_day": [0, 100, 1, 0]}
    )
    plan = plan_experiment(table, 0.1, kind="mean", level=0.8)
    rows = plan.table.iloc[:4]
    n = rows["needed"].iloc[0]
    assert rows["days"].tolist() == pytest.approx(
        [0, np.ceil((n - 500) / 100), np.ceil(n - 500), np.nan], nan_ok=True
    )
    assert rows["feasible"].tolist() == [True, True, False, False]
    assert "days" in rows["reason"].iloc[2]
    assert "too few" in rows["reason"].iloc[3]
    assert plan.verdict.startswith("2 of 4 segments")
    assert "customers too few" in plan._repr_html_()


@pytest.mark.parametrize("kind", ["share", "mean", "revenue"])
@pytest.mark.parametrize("effect", [0.1, -0.1])
def test_the_detectable_effect_needs_the_customers_there_are(kind, effect):
    table = ONE.assign(customers=20_000)
    found = plan_experiment(table, effect, kind=kind).table["detectable"].iloc[0]
    assert np.sign(found) == np.sign(effect)
    again = plan_experiment(table, found, kind=kind, relative=False)
    assert _needed(again) == pytest.approx(20_000, abs=1)  # rounded up


@pytest.mark.slow
def test_power_is_that_planned():
    rng = np.random.default_rng(3)
    n = int(_needed(plan_experiment(ONE.assign(mean=0.2), 0.25, kind="share")) / 2)
    x0, x1 = rng.binomial(n, 0.2, 5000), rng.binomial(n, 0.25, 5000)
    assert np.mean(share_p_value(x1, n, x0, n) < 0.05) == pytest.approx(0.8, abs=0.02)
    n = int(_needed(plan_experiment(ONE.assign(mean=1.0, sd=1.0), 0.3, kind="revenue")) / 2)
    base, grown = rng.gamma(1, 1, (5000, n)), 1.3 * rng.gamma(1, 1, (5000, n))
    p, _, _ = welch(mean_of(grown), mean_of(base), 0.95)
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.025)


def test_baseline_of_outcomes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"segment": np.arange(200) % 2, "x": rng.normal(size=200)})
    frame["y"] = frame["x"] + rng.normal(size=200)
    found = experiment_baseline(frame, "y", pre="x")
    inside = frame[frame["segment"] == 1]
    assert found.loc[1, "sd"] == pytest.approx(inside["y"].std())
    assert found.loc[1, "correlation"] == pytest.approx(inside["x"].corr(inside["y"]))
    constant = experiment_baseline(frame.assign(y=1.0), "y", pre="x")
    assert constant[["skewness", "correlation"]].isna().all(axis=None)


def test_what_cannot_be_planned_is_missing_with_a_reason():
    plan = plan_experiment(ONE.assign(mean=0.0), 0.1, kind="share")
    row = plan.table.iloc[0]
    assert np.isnan([row["needed"], row["days"], row["detectable"]]).all()
    assert not row["feasible"]
    assert row["reason"] == "a mean of 0 has no relative effect"
    assert "n/a" in plan._repr_html_()
    plan = plan_experiment(ONE.assign(mean=0.9), 0.2, kind="share")
    assert "cannot change by so much" in plan.table["reason"].iloc[0]
    everybody = plan_experiment(ONE.assign(mean=1.0), 0.2, kind="share").table.iloc[0]
    assert "cannot change by so much" in everybody["reason"]
    assert np.isnan(everybody["detectable"])
    plan = plan_experiment(ONE.assign(mean=0.0), 0.1, kind="revenue")
    assert np.isnan(plan.table["needed"].iloc[0])


@pytest.mark.parametrize("kind", ["share", "revenue"])
def test_a_segment_without_any_purchase_has_its_reason_and_does_not_spoil_the_others(kind):
    table = pd.DataFrame({"mean": [0.1, 0.0], "sd": [0.3, 0.0], "customers": [60_000, 20_000]})
    quiet, whole = (plan_experiment(table, 0.1, kind=kind).table.iloc[i] for i in (1, 2))
    assert quiet["reason"] == "a mean of 0 has no relative effect"
    assert np.isnan([quiet["needed"], quiet["detectable"]]).all()
    assert whole["feasible"]
    # by hand: the effect is 0.1 * 0.075, and a quarter of the customers has no variance
    null = other = 0.75 * 0.3**2 * (1 + 1.1**2)
    if kind == "share":
        null, other = 0.75 * 2 * 0.105 * 0.895, 0.75 * (0.1 * 0.9 + 0.11 * 0.89)
    n = 2 * ((1.959964 * np.sqrt(null) + 0.841621 * np.sqrt(other)) / 0.0075) ** 2
    assert whole["needed"] == pytest.approx(n, abs=1)
    flat = plan_experiment(table, 0.1, kind="revenue", relative=False).table.iloc[1]
    assert "did not vary" in flat["reason"]
    assert np.isnan(flat["needed"])


def test_skewed_revenue_gets_a_warning():
    table = ONE.assign(mean=3.0, sd=20.0, skewness=30.0)
    assert "so skewed" in plan_experiment(table, 0.1, kind="revenue").notes[-1]
    assert not plan_experiment(table.assign(skewness=1.0), 0.1, kind="revenue").notes


@pytest.mark.parametrize(
    "bad",
    [
        {"effect": 0},
        {"effect": np.nan},
        {"power": 1},
        {"level": 0},
        {"kind": "shares"},
        {"shares": {"control": 1.0}},
        {"shares": {"a": 0.5, "b": 0.5}},
        {"shares": {"control": 0.5, "b": 0.2}},
        {"max_days": -1},
    ],
)
def test_bad_parameters(bad):
    with pytest.raises(ParameterError):
        plan_experiment(ONE, **({"effect": 0.1, "kind": "mean"} | bad))


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (ONE.drop(columns="sd"), "lacks a column"),
        (ONE.assign(customers=-5), "cannot be"),
        (ONE.assign(mean=np.nan), "cannot be"),
        (ONE.assign(correlation=1.2), "cannot be"),
        (ONE.assign(customers=0), "no segment has a customer"),
        (ONE[:0], "no segments"),
        (pd.concat([ONE, ONE]), "there twice"),
    ],
)
def test_bad_baselines(table, what):
    with pytest.raises(DataError, match=what):
        plan_experiment(table, 0.1, kind="mean")
