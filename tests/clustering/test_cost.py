from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from segml._core.errors import DataError
from segml.clustering import HDBSCANSegmenter, UmapEmbedding
from segml.clustering._cost import Cost, check_cost, hdbscan_cost, umap_cost


@pytest.fixture
def memory(monkeypatch):
    def of(available: float) -> None:
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))

    return of


# Seconds of one core, for normally distributed customers without segments.
@pytest.mark.parametrize(
    ("n", "columns", "measured"),
    [
        (2_500, 2, 0.09),
        (20_000, 2, 0.81),
        (20_000, 4, 1.26),
        (10_000, 8, 2.22),
        (20_000, 8, 8.05),
        (20_000, 12, 8.25),
        (10_000, 20, 3.37),
    ],
)
def test_hdbscan_takes_about_what_was_measured(n, columns, measured):
    assert 0.5 < hdbscan_cost(n, columns).seconds / measured < 2


@pytest.mark.parametrize(
    ("n", "columns", "measured"),
    [(5_000, 8, 7.67), (20_000, 3, 11.8), (20_000, 8, 14.4), (20_000, 20, 16.6)],
)
def test_umap_takes_about_what_was_measured(n, columns, measured):
    compiled = umap_cost(n, columns, 15).seconds - 30
    assert 0.7 < compiled / measured < 1.4


def test_costs_grow_with_customers_columns_and_neighbours():
    for cost in (hdbscan_cost, lambda n, p: umap_cost(n, p, 15)):
        for less, more in (((1e5, 8), (2e5, 8)), ((1e5, 8), (1e5, 9))):
            assert cost(*less).seconds < cost(*more).seconds
        assert cost(1e5, 8).memory * 2 == pytest.approx(cost(2e5, 8).memory)
    assert umap_cost(1e5, 8, 15).memory < umap_cost(1e5, 8, 30).memory


def test_a_million_customers_in_twenty_columns_are_refused(memory):
    memory(1e12)
    for cost, what in ((hdbscan_cost(10**6, 20), "HDBSCAN"), (umap_cost(10**6, 20, 15), "UMAP")):
        with pytest.raises(DataError, match=f"{what} would not finish") as caught:
            check_cost(cost, what, 10**6, 20, "PCA first")
        assert caught.value.problem.got.startswith("1,000,000 customers x 20 columns")
        assert " hours and " in caught.value.problem.got
        assert caught.value.problem.hint == "PCA first"


def test_limits_are_an_hour_and_most_of_the_memory(memory):
    memory(10e9)
    check_cost(Cost(3600, 8e9), "HDBSCAN", 10, 2, "")
    for over in (Cost(3601, 1), Cost(1, 8.01e9)):
        with pytest.raises(DataError, match="would not finish") as caught:
            check_cost(over, "HDBSCAN", 10, 2, "")
        expected = "at most 1 hour and 8.0 GB, 80% of what is available"
        assert caught.value.problem.expected == expected


def test_fits_are_refused_before_they_begin(memory, monkeypatch):
    memory(10e3)
    monkeypatch.setitem(sys.modules, "hdbscan", None)
    monkeypatch.setitem(sys.modules, "umap", None)
    values = np.random.default_rng(0).normal(size=(200, 3))
    for estimator in (HDBSCANSegmenter(), UmapEmbedding()):
        with pytest.raises(DataError, match="would not finish") as caught:
            estimator.fit(values)
        assert "sample of customers" in caught.value.problem.hint
