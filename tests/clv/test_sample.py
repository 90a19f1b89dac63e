"""A climb over many rows begins where one over a few has ended."""

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ConvergenceError
from segml.clv import BetaGeoModel, ParetoNBDModel, _sample
from segml.clv._sample import near_optimum, sampled

from .simulation import simulate_history


def test_few_rows_stand_for_all() -> None:
    weights = np.random.default_rng(1).integers(1, 50, 30_000).astype(float)
    few = sampled(weights)
    assert few.weights.sum() == pytest.approx(weights.sum(), rel=1e-12)
    assert (np.diff(few.rows) > 0).all()
    place = np.arange(30_000) / 30_000
    mean = np.average(place[few.rows], weights=few.weights)
    assert mean == pytest.approx(np.average(place, weights=weights), abs=1e-3)


def test_the_starts_stay_where_a_few_rows_have_no_maximum() -> None:
    def nowhere(rows, weights):
        raise ConvergenceError("no maximum")

    assert near_optimum(nowhere, np.ones(50_000), [[1.0], [2.0]]) == [[1.0], [2.0]]
    assert near_optimum(nowhere, np.ones(5), [[1.0]]) == [[1.0]]


@pytest.mark.parametrize("kind", [BetaGeoModel, ParetoNBDModel])
def test_the_optimum_is_that_of_all_starts(kind, monkeypatch) -> None:
    T = np.random.default_rng(5).integers(200, 730, 30_000).astype(float)
    rfm = simulate_history(0.6, 40.0, 0.8, 2.5, T, seed=7)
    rfm["recency"] = np.where(rfm["frequency"] > 0, np.maximum(np.floor(rfm["recency"]), 1), 0)
    quick = kind().fit(rfm)
    monkeypatch.setattr(_sample, "_MANY", 10**9)
    slow = kind().fit(rfm)
    pd.testing.assert_series_equal(quick.params_, slow.params_, rtol=1e-7)
    assert quick.log_likelihood_ == pytest.approx(slow.log_likelihood_, rel=1e-12)
