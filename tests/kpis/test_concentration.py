from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml.kpis.lorenz import concentration
from segml.kpis.table import ALL


def orders(revenue) -> pd.DataFrame:
    n = len(revenue)
    return pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(n)], "order_id": range(n),
         "ordered_at": "2026-01-01", "revenue": np.asarray(revenue, dtype=float)}
    )  # fmt: skip


def one(revenue):
    segments = pd.Series(0, index=[f"c{i}" for i in range(len(revenue))])
    return concentration(orders(revenue), segments)


def gini(y) -> float:
    y = np.asarray(y, dtype=float)
    return np.abs(y[:, None] - y[None]).sum() / (2 * len(y) ** 2 * y.mean())


@settings(max_examples=15)
@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=60).filter(any))
def test_gini_is_half_the_relative_mean_difference(cents):
    y = np.array(cents) / 100
    row = one(y).table.iloc[-1]
    assert row["gini"] == pytest.approx(gini(y), abs=1e-9)


def test_by_segment_and_against_pairs(cdnow_sample):
    spent = cdnow_sample.orders.to_pandas().groupby("customer_id")["revenue"].sum()
    segments = pd.Series(np.arange(len(spent)) % 2, index=spent.index)
    found = concentration(cdnow_sample, segments, {0: "A", 1: "B", 5: "Nobody"})
    table = found.table.set_index("name")
    assert table.index.tolist() == ["A", "B", "Nobody", ALL]
    for name, own in {"A": segments == 0, "B": segments == 1, ALL: segments >= 0}.items():
        y = spent[own].to_numpy()
        assert table.loc[name, "gini"] == pytest.approx(gini(y), rel=1e-9)
        assert table.loc[name, "revenue"] == pytest.approx(y.sum(), rel=1e-9)
        curve = found.curve[found.curve["name"] == name]
        assert curve.iloc[0][["customers", "revenue"]].tolist() == [0, 0]
        assert curve.iloc[-1][["customers", "revenue"]].tolist() == [1, 1]
        places = np.rint(curve["customers"].to_numpy() * len(y)).astype(int)
        lorenz = np.concatenate([[0], np.cumsum(np.sort(y)) / y.sum()])
        np.testing.assert_allclose(curve["revenue"], lorenz[places], rtol=1e-9, atol=1e-12)
    assert table.loc["Nobody", "reason"] == "the segment has no customer"
    assert "best 20% of customers bring" in found.verdict
    assert found.verdict in found._repr_html_()


@pytest.mark.slow
def test_the_interval_covers_the_index_of_the_law():
    rng = np.random.default_rng(3)
    # Of a gamma law of shape 1, the exponential, the index is 1/2; each sample is a segment.
    spent = rng.exponential(20, (2000, 400)).round(2).ravel()
    segments = pd.Series(np.repeat(np.arange(2000), 400), index=[f"c{i}" for i in range(800_000)])
    rows = concentration(orders(spent), segments).table.iloc[:-1]
    covered = ((rows["low"] <= 0.5) & (rows["high"] >= 0.5)).mean()
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(
    ("revenue", "reason"),
    [
        ([0, 0, 0], "there is no revenue"),
        ([5, -1, 3], "the revenue of a customer is negative"),
    ],
)
def test_what_cannot_be_computed_says_why(revenue, reason):
    found = one(revenue)
    assert set(found.table["reason"]) == {reason}
    assert found.table[["gini", "low", "high", "top_fifth"]].isna().all(axis=None)
    assert reason in found.verdict
    assert found.curve.empty


def test_even_and_single_customers():
    assert one([5, 5, 5, 5]).table["gini"].tolist() == [0, 0]
    row = one([5]).table.iloc[0]
    assert (row["gini"], row["reason"]) == (0, "one customer gives no interval")
