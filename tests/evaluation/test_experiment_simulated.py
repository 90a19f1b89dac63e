"""Whole tests of simulated campaigns: false findings are rare, and intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from segml.evaluation import experiment
from segml.kpis.table import ALL

from .test_experiment import outcomes

# Kinds of a test, the share treated, and whether CUPED is used
CAMPAIGNS = {
    "share": ("share", 0.5, None),
    "share, unequal groups": ("share", 0.85, None),
    "mean with CUPED": ("mean", 0.5, "before"),
    "revenue": ("revenue", 0.5, None),
    "revenue, few buyers in the control": ("revenue", 0.85, None),
    "revenue, few buyers in the variant": ("revenue", 0.15, None),
    "revenue with CUPED": ("revenue", 0.5, "before"),
}
_REPETITIONS = 100  # enough to see one false finding in six, which few buyers once gave
_WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
_BUYERS, _LOG_MEAN, _LOG_SD = 0.15, 3.0, 0.8


def _campaign(kind: str, treated: float, effects: np.ndarray, seed: int):
    """Return a simulated campaign, and by segment the outcome per customer without it.

    Effects are parts of that outcome. Half of the customers do what they did before.
    """
    rng = np.random.default_rng(seed)
    n = 1600
    segment = rng.choice(4, n, p=_WEIGHTS)
    treats = rng.random(n) < treated
    lift = 1 + effects[segment] * treats
    frame = pd.DataFrame({"segment": segment, "group": np.where(treats, "treatment", "control")})
    if kind == "share":
        return frame.assign(y=(rng.random(n) < 0.2 * lift).astype(int)), np.full(4, 0.2)
    if kind == "mean":
        frame["before"] = rng.gamma(4, 2, n)
        return frame.assign(y=frame["before"] / 2 + rng.gamma(4, 1, n) + 8 * (lift - 1)), np.full(
            4, 8.0
        )
    bought = rng.random(n) < _BUYERS
    buys = np.where(rng.random(n) < 0.5, bought, rng.random(n) < _BUYERS)
    taste = rng.normal(0, 0.7 * _LOG_SD, n)
    spent, spends = np.exp(_LOG_MEAN + taste + rng.normal(0, 0.51**0.5 * _LOG_SD, (2, n)))
    mean = _BUYERS * np.exp(_LOG_MEAN + _LOG_SD**2 / 2)
    return frame.assign(before=bought * spent, y=buys * spends * lift), np.full(4, mean)


def _assert_at_most(hits: list[bool], share: float) -> None:
    """Assert that hits are no more than chance makes of a share, but for one time in 1,000."""
    assert np.sum(hits) <= binom.ppf(0.999, len(hits), share)


def _assert_covers(hits: list[bool]) -> None:
    """Assert that hits are as many as chance makes of 95%, but for one time in 1,000."""
    low, high = binom.interval(0.999, len(hits), 0.95)
    assert low <= np.sum(hits) <= high


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_false_findings_of_whole_tests_are_as_rare_as_said(name):
    kind, treated, pre = CAMPAIGNS[name]
    anywhere, overall, differ = [], [], []
    for seed in range(_REPETITIONS):
        frame, _ = _campaign(kind, treated, np.zeros(4), seed)
        found = experiment(frame, "y", kind=kind, pre=pre, n_resamples=199)
        whole, *parts = found.lifts["significant"]
        anywhere.append(any(parts))
        overall.append(whole)
        differ.append(found.heterogeneity["p_value"] < 0.05)
    _assert_at_most(anywhere, 0.05)
    _assert_at_most(overall, 0.05)
    for scale in np.transpose(differ):
        _assert_at_most(scale, 0.05)


@pytest.mark.slow
def test_false_findings_beside_true_effects_are_as_rare_as_said():
    wrong = []
    for seed in range(_REPETITIONS):
        found = experiment(outcomes(6000, [0.0, 0.1, -0.08, 0.0], seed), "ordered")
        parts = found.lifts.set_index("segment")["significant"]
        wrong.append(bool(parts["0"] | parts["3"]))
    _assert_at_most(wrong, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_intervals_of_whole_tests_cover_known_effects(name):
    kind, treated, pre = CAMPAIGNS[name]
    rng = np.random.default_rng(4)
    overall, overall_relative, single, relative, shrunken = [], [], [], [], []
    for seed in range(_REPETITIONS):
        effects = rng.normal(0.05, 0.2, 4)
        frame, base = _campaign(kind, treated, effects, 1000 + seed)
        lifts = experiment(frame, "y", kind=kind, pre=pre, n_resamples=199).lifts
        sizes = frame["segment"].value_counts(normalize=True).sort_index().to_numpy()
        truth = np.append(sizes @ (effects * base), effects * base)
        ratio = np.append(sizes @ effects, effects)
        covers = (lifts["low"] <= truth) & (truth <= lifts["high"])
        known = lifts["relative_low"].notna()
        ratio_covers = (lifts["relative_low"] <= ratio) & (ratio <= lifts["relative_high"])
        drawn = (lifts["shrunken_low"] <= truth) & (truth <= lifts["shrunken_high"])
        overall.append(covers[0])
        overall_relative += ratio_covers[known & (lifts["segment"] == ALL)].tolist()
        single += covers[1:].tolist()
        relative += ratio_covers[known & (lifts["segment"] != ALL)].tolist()
        shrunken += drawn[1:].tolist()
    for hits in (overall, overall_relative, single, relative):
        _assert_covers(hits)
    _assert_at_most((~np.array(shrunken)).tolist(), 0.05)
