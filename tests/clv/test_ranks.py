import numpy as np
import pytest
from scipy.stats import spearmanr

from segml.clv._ranks import rank_correlation


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(1)
    x = rng.poisson(2, 300).astype(float)
    return x, np.round(x + rng.normal(0, 15, 300))


def test_against_scipy_with_ties(columns):
    found = rank_correlation(*columns, np.ones(300))
    theirs = spearmanr(*columns)
    assert found.value == pytest.approx(theirs.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.02)
    assert found.low < found.value < found.high


def test_weights_are_repeated_rows(columns):
    x, y = columns
    times = np.random.default_rng(2).integers(1, 5, 300)
    weighted = rank_correlation(x, y, times.astype(float))
    repeated = rank_correlation(np.repeat(x, times), np.repeat(y, times), np.ones(times.sum()))
    assert weighted.value == pytest.approx(repeated.value, rel=1e-12)
    assert weighted.high == pytest.approx(repeated.high, rel=1e-12)


def test_the_interval_covers_and_the_test_keeps_its_level():
    rng = np.random.default_rng(3)
    rho = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman's, of normal columns correlated at 0.5
    covered, rejected = [], []
    for _ in range(1000):
        x, e = rng.normal(size=(2, 200))
        found = rank_correlation(x, 0.5 * x + np.sqrt(0.75) * e, np.ones(200))
        covered.append(found.low < rho < found.high)
        rejected.append(rank_correlation(x, e, np.ones(200)).p_value < 0.05)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.02)


def test_a_constant_column():
    assert np.isnan(rank_correlation(np.ones(9), np.arange(9.0), np.ones(9)).value)
