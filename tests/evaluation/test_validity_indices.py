"""Indices from the features, and who can be reached."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from scipy.stats import binomtest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from segml.evaluation import internal_indices as module
from segml.evaluation.internal_indices import INDICES, dbcv, internal_indices, within_spread
from segml.evaluation.reachability import reachability
from tests.features.bundles import bundle


def blobs(n: int = 120, k: int = 3, apart: float = 8, seed: int = 0):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % k
    return random.normal(size=(n, 2)) + apart * labels[:, None], labels


def test_indices_are_those_of_scikit_learn():
    points, labels = blobs(apart=3)
    found = internal_indices(points, labels)["value"]
    assert found.index.tolist() == list(INDICES)
    assert found["silhouette"] == pytest.approx(silhouette_score(points, labels))
    assert found["Calinski-Harabasz"] == pytest.approx(calinski_harabasz_score(points, labels))
    assert found["Davies-Bouldin"] == pytest.approx(davies_bouldin_score(points, labels))
    between = found["Calinski-Harabasz"] * 2 / (120 - 3)
    assert found["within-segment variance"] == pytest.approx(1 / (1 + between))


def test_noise_is_left_out_but_lowers_dbcv():
    points, labels = blobs()
    noisy = np.where(np.arange(120) < 30, -1, labels)
    whole, part = internal_indices(points, noisy), internal_indices(points[30:], labels[30:])
    alike = [name for name in INDICES if name != "DBCV"]
    np.testing.assert_allclose(whole["value"][alike], part["value"][alike])
    assert whole.loc["DBCV", "value"] == pytest.approx(part.loc["DBCV", "value"] * 90 / 120)


def test_the_interval_of_a_sampled_silhouette_holds_that_of_all(monkeypatch):
    points, labels = blobs(900, apart=2)
    exact = silhouette_score(points, labels)
    monkeypatch.setattr(module, "_LOOKED_AT", 300)
    rows = [internal_indices(points, labels, random_state=i).loc["silhouette"] for i in range(20)]
    assert {row["n"] for row in rows} == {300}
    held = [row["low"] < exact < row["high"] for row in rows]
    assert sum(held) >= 17
    assert len({row["value"] for row in rows}) == 20
    again = internal_indices(points, labels, random_state=3)
    pd.testing.assert_series_equal(again.loc["silhouette"], rows[3])


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.zeros(9, int), "a single segment has nothing to be apart from"),
        (np.where(np.arange(9) < 5, -1, 0), "a single segment has nothing to be apart from"),
        (np.arange(9), "each segment is a single customer"),
    ],
)
def test_what_has_no_index_says_why(labels, reason):
    found = internal_indices(np.arange(18.0).reshape(9, 2), labels)
    assert found["value"].isna().all()
    assert set(found["reason"]) == {reason}


def test_customers_who_are_all_alike():
    found = internal_indices(np.ones((9, 2)), np.arange(9) % 3)
    assert set(found["reason"]) == {"all customers have the same features"}
    assert within_spread(np.ones((9, 2)), np.arange(9) % 3).isna().all()


def test_no_index_is_infinite_where_segments_are_points():
    points = np.repeat([[0.0, 0.0], [5.0, 5.0]], 6, axis=0)
    found = internal_indices(points, np.repeat([0, 1], 6))
    assert np.isfinite(found["value"].dropna()).all()
    assert (found["value"].isna() == (found["reason"] != "")).all()


def test_spread_is_variance_for_variance():
    points, labels = blobs(apart=3)
    total = points.var(axis=0).sum()
    found = within_spread(points, labels)
    for i in range(3):
        assert found[i] == pytest.approx(points[labels == i].var(axis=0).sum() / total)


# DBCV


def brute(points: np.ndarray, labels: np.ndarray) -> float:
    """Return DBCV by its definition, with scipy's spanning tree."""
    d, parts = points.shape[1], []
    for label in range(labels.max() + 1):
        own = points[labels == label]
        apart = cdist(own, own)
        with np.errstate(divide="ignore"):
            powers = np.where(np.eye(len(own), dtype=bool), 0.0, apart ** (-float(d)))
        core = (powers.sum(axis=1) / (len(own) - 1)) ** (-1 / d)
        order = np.argsort(core)
        own, core, apart = own[order], core[order], apart[np.ix_(order, order)]
        reach = np.maximum(apart, np.maximum.outer(core, core))
        # Of trees that are as short, the one with most edges at the densest customers.
        denser = np.minimum.outer(np.arange(len(own)), np.arange(len(own)))
        tree = minimum_spanning_tree(reach * (1 + 1e-9 * denser)).tocoo()
        degree = np.bincount(np.r_[tree.row, tree.col], minlength=len(own))
        inner = (degree[tree.row] > 1) & (degree[tree.col] > 1)
        edges = reach[tree.row, tree.col]
        parts.append((own[degree > 1], core[degree > 1], edges[inner].max()))
    total = 0.0
    for i, (mine, core, sparse) in enumerate(parts):
        separation = min(
            np.maximum(cdist(mine, other), np.maximum.outer(core, theirs)).min()
            for j, (other, theirs, _) in enumerate(parts)
            if j != i
        )
        total += (labels == i).sum() * (separation - sparse) / max(separation, sparse)
    return total / len(labels)


@pytest.mark.parametrize("seed", range(6))
def test_dbcv_by_its_definition(seed):
    points, labels = blobs(90, 3, apart=1.0 + seed, seed=seed)
    assert dbcv(points, labels) == pytest.approx(brute(points, labels), rel=1e-9)


def test_dbcv_sees_shapes_that_the_silhouette_does_not():
    at = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    ring = np.column_stack([np.cos(at), np.sin(at)])
    points, labels = np.vstack([ring, 4 * ring]), np.repeat([0, 1], 150)
    halves = (points[:, 0] > 0).astype(int)
    assert dbcv(points, labels) > 0.7 > 0 > dbcv(points, halves)
    assert silhouette_score(points, labels) < silhouette_score(points, halves)


def test_dbcv_whatever_the_order_of_customers():
    points, labels = blobs(100, 2, apart=3)
    shuffled = np.random.default_rng(1).permutation(100)
    assert dbcv(points[shuffled], labels[shuffled]) == pytest.approx(
        dbcv(points, labels), rel=1e-12
    )


def test_dbcv_of_twins_of_many_columns_and_of_single_customers():
    points, labels = blobs(40, 2)
    twins = dbcv(np.repeat(points, 2, axis=0), np.repeat(labels, 2))
    assert -1 <= twins <= 1
    wide = np.random.default_rng(0).normal(size=(60, 200)) * 1e-3  # its powers overflow
    assert -1 <= dbcv(wide + 9 * (np.arange(60) % 2)[:, None], np.arange(60) % 2) <= 1
    alone = labels.copy()
    alone[0] = 7
    rest = dbcv(points[1:], labels[1:]) * 39 / 40
    assert dbcv(points, alone) == pytest.approx(rest)
    assert np.isnan(dbcv(points, np.zeros(40, int)))


# Reachability

CUSTOMERS = pa.table(
    {
        "customer_id": ["a", "b", "c", "d", "e", "e", "f", "g"],
        "email": ["a@x.org", "b@x.org", None, " ", "e@x.org", "e@x.org", "f@x.org", "g@x.org"],
        "consent_marketing": [True, False, True, True, True, False, None, True],
    }
)
ORDERS = pa.table(
    {
        "customer_id": ["a"],
        "order_id": ["1"],
        "ordered_at": pa.array(pd.to_datetime(["2026-01-01"]).astype("datetime64[us]")),
        "revenue": [1.0],
    }
)
SEGMENTS = pd.Series({"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 1, "h": 1, "g": -1})


def test_reachable_by_hand(any_engine):
    data = bundle({"orders": ORDERS, "customers": CUSTOMERS}, any_engine)
    table, reason = reachability(data, SEGMENTS)
    assert reason == ""
    assert table.index.tolist() == [-1, 0, 1]
    assert table["customers"].tolist() == [1, 3, 4]
    assert table["reachable"].tolist() == [1, 1, 0]
    theirs = binomtest(1, 3).proportion_ci(method="wilson")
    assert tuple(table.loc[0, ["low", "high"]]) == pytest.approx(tuple(theirs))


@pytest.mark.parametrize(
    ("drop", "reason"),
    [
        ("email", "the table customers has no column email"),
        ("consent_marketing", "the table customers has no column consent_marketing"),
        (None, "this needs the table customers"),
    ],
)
def test_what_is_missing_is_said(drop, reason):
    tables = {"orders": ORDERS} | ({"customers": CUSTOMERS.drop_columns([drop])} if drop else {})
    table, why = reachability(bundle(tables), SEGMENTS)
    assert why == reason
    assert table[["reachable", "share", "low", "high"]].isna().all(axis=None)
    assert table["customers"].tolist() == [1, 3, 4]


def test_a_column_without_values_is_not_refusal():
    empty = CUSTOMERS.set_column(2, "consent_marketing", pa.nulls(8, pa.bool_()))
    _, why = reachability(bundle({"orders": ORDERS, "customers": empty}), SEGMENTS)
    assert why == "the column consent_marketing of the table customers has no values"
