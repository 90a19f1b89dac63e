from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance
from statsmodels.stats.proportion import confint_proportions_2indep

from segml._core.errors import DataError
from segml.evaluation.distance import (
    interval,
    js_distance,
    psi,
    psi_expected,
    wasserstein,
)
from segml.evaluation.distance_bins import Bins, bin_values
from segml.evaluation.distance_of_shares import difference_of
from segml.features import FEATURES

COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=12)


def test_psi_by_hand():
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5)
    assert psi([50, 50], [30, 70]) == pytest.approx(0.169459572077)
    assert psi([10, 20], [100, 200]) == 0
    # An empty bin counts as half a customer: shares 0.5 / 10.5 and 10 / 10.5 beside halves.
    p, q = np.array([0.5, 0.5]), np.array([10, 0.5]) / 10.5
    assert psi([5, 5], [10, 0]) == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert np.isnan(psi([0, 0], [1, 2]))


@given(COUNTS)
def test_psi_against_brute_force(counts):
    a, b = np.array(counts).T
    if not a.sum() or not b.sum():
        return
    fixed = [[x or 0.5 for x in side] for side in (a.tolist(), b.tolist())]
    p, q = ([x / sum(side) for x in side] for side in fixed)
    expected = sum((y - x) * np.log(y / x) for x, y in zip(p, q, strict=True))
    assert psi(a, b) == pytest.approx(expected, abs=1e-12)
    assert psi(a, b) == pytest.approx(psi(b, a), abs=1e-12)
    assert 0 <= psi(a, b) < np.inf


@given(COUNTS)
def test_js_is_scipys_distance(counts):
    a, b = np.array(counts).T
    if not a.sum() or not b.sum():
        return
    found = js_distance(a, b)
    assert 0 <= found <= 1 + 1e-12
    assert found == pytest.approx(jensenshannon(a / a.sum(), b / b.sum(), 2), abs=1e-9)
    assert js_distance(a, 3 * a) == pytest.approx(0, abs=1e-7)


def test_wasserstein_is_scipys_and_its_interval_holds_it():
    rng = np.random.default_rng(0)
    a, b = rng.gamma(2, 10, 3000), rng.gamma(2, 12, 2000)
    found, low, high = wasserstein(a, b, 0.95, 400, np.random.default_rng(1))
    assert found == wasserstein_distance(a, b)
    assert low < found < high
    assert low < 4 < high  # the truth: a scaled gamma, 2 * (12 - 10)
    assert wasserstein(a, a, 0.95, 50, rng)[:2] == (0, 0)
    assert wasserstein(np.ones(5), np.ones(3), 0.95, 50, rng) == (0, 0, 0)
    assert np.isnan(wasserstein(np.array([]), b, 0.95, 50, rng)).all()


def test_difference_of_shares_is_newcombes():
    # Newcombe (1998), table II, example (a), method 10: 56/70 beside 48/80.
    found = difference_of(48, 80, 56, 70, 0.95)
    assert np.round(found, 4).tolist() == [0.2, 0.0524, 0.3339]
    reference = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert found[1:] == pytest.approx(reference)


def test_deciles_have_a_tenth_each():
    values = pd.Series(np.random.default_rng(0).normal(size=1000))
    bins = bin_values(values, values)
    assert bins.reference.tolist() == [100] * 10
    assert psi(bins.reference, bins.current) == 0
    assert psi_expected(bins)[0] == pytest.approx(9 * 2 / 1000)


def test_ties_make_fewer_bins_and_both_ends_are_open():
    reference = pd.Series([0] * 60 + [1] * 30 + [7] * 10)
    bins = bin_values(reference, pd.Series([-1, 0, 1, 3, 7, 8]))
    assert bins.labels == ["below 0", "0", "above 0 to 1", "above 1"]
    assert bins.reference.tolist() == [0, 60, 30, 10]
    assert bins.current.tolist() == [1, 1, 1, 3]


def test_constants():
    same = bin_values(pd.Series([3, 3]), pd.Series([3, 3, 3]))
    assert same.labels == ["3"]
    assert psi(same.reference, same.current) == 0
    assert psi_expected(same)[0] == 0
    assert np.isnan(psi_expected(same)[1])
    for other, label in ((2, "below 3"), (4, "above 3")):
        moved = bin_values(pd.Series([3] * 9), pd.Series([other] * 9))
        assert set(moved.labels) == {"3", label}
        assert psi(moved.reference, moved.current) > 1


def test_missing_and_unseen_levels_have_bins_of_their_own():
    reference = pd.Series(["FR"] * 60 + ["DE"] * 39 + [None])
    bins = bin_values(reference, pd.Series(["FR", "IT", None, None]))
    assert bins.labels == ["FR", "DE", "not seen before", "missing"]
    assert bins.reference.tolist() == [60, 39, 0, 1]
    assert bins.current.tolist() == [1, 0, 1, 2]
    numbers = bin_values(pd.Series([1.0, 2.0, None]), pd.Series([None, None, 1.0]))
    assert numbers.labels[-1] == "missing"
    assert numbers.current[-1] == 2
    none = bin_values(pd.Series([None, None], dtype=float), pd.Series([1.0, None]))
    assert none.labels == ["any value", "missing"]


def test_rare_levels_are_one_bin_and_days_have_names():
    reference = pd.Series(["a"] * 500 + [f"r{i}" for i in range(4)])
    bins = bin_values(reference, reference)
    assert bins.labels == ["a", "other"]
    weekdays = bin_values(pd.Series([0.0, 5.0] * 9), pd.Series([5.0]), FEATURES["order_weekday"])
    assert weekdays.labels == ["Monday", "Saturday"]


def test_infinite_values_are_refused():
    with pytest.raises(DataError, match="infinite"):
        bin_values(pd.Series([1.0, np.inf]), pd.Series([1.0, 2.0]))


def test_every_customer_is_in_one_bin():
    rng = np.random.default_rng(4)
    for draw in range(40):
        kind = draw % 3
        sides = [
            pd.Series(
                rng.choice(["a", "b", None], n)
                if kind == 0
                else np.where(rng.random(n) < 0.2, np.nan, rng.poisson(2, n) - kind)
            )
            for n in rng.integers(1, 60, 2)
        ]
        bins = bin_values(*sides)
        assert (bins.reference.sum(), bins.current.sum()) == tuple(map(len, sides))
        assert (bins.reference + bins.current > 0).all()


@pytest.mark.parametrize(("n", "m", "cells"), [(2000, 2000, 10), (500, 3000, 5)])
def test_no_drift_is_called_drift_as_often_as_it_should(n, m, cells):
    rng = np.random.default_rng(5)
    p = np.full(cells, 1 / cells)
    found, expected = [], []
    for _ in range(2000):
        bins = Bins([""] * cells, rng.multinomial(n, p), rng.multinomial(m, p))
        found.append(psi_expected(bins)[1])
        expected.append(psi(bins.reference, bins.current))
    assert 0.035 <= np.mean(np.array(found) < 0.05) <= 0.065
    assert np.mean(expected) == pytest.approx((cells - 1) * (1 / n + 1 / m), rel=0.05)


@pytest.mark.parametrize("shift", [0.0, 0.06])
def test_intervals_of_psi_cover(shift):
    p = np.full(10, 0.1)
    q = p + np.r_[np.full(5, shift), np.full(5, -shift)]
    truth = float(((q - p) * np.log(q / p)).sum())
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        bins = Bins([""] * 10, rng.multinomial(1500, p), rng.multinomial(1500, q))
        low, high = interval(bins, psi, 0.95, 300, rng)
        held += low <= truth <= high
    assert held >= 0.93 * 400
    if shift:
        assert held <= 0.985 * 400
