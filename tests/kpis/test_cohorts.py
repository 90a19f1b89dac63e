from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.kpis.cohorts import cohort_retention

CODES = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def by_pandas(orders: pd.DataFrame, period: str, as_of: str) -> dict[tuple[int, int], int]:
    orders = orders[orders["ordered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    at = orders["ordered_at"].dt.to_period(CODES[period])
    at = pd.Series([p.ordinal for p in at], index=orders.index)
    end = pd.Period(as_of, CODES[period])
    last = end.ordinal if end.end_time.date().isoformat() == as_of else end.ordinal - 1
    first = at.groupby(orders["customer_id"]).transform("min")
    frame = pd.DataFrame({"who": orders["customer_id"], "cohort": first, "age": at - first})
    frame = frame[at <= last].drop_duplicates()
    return frame.groupby(["cohort", "age"])["who"].count().to_dict(), last


@pytest.mark.parametrize("period", CODES)
@pytest.mark.parametrize("as_of", ["1998-06-30", "1998-03-31", "1998-02-15"])
def test_against_pandas(cdnow_sample, period, as_of):
    counts, last = by_pandas(cdnow_sample.orders.to_pandas(), period, as_of)
    table = cohort_retention(cdnow_sample, period, as_of=as_of).table
    cohorts = sorted({cohort for cohort, _ in counts})
    expected = [(c, age) for c in cohorts for age in range(last - c + 1)]
    assert len(table) == len(expected)
    assert table["active"].tolist() == [counts.get(pair, 0) for pair in expected]
    assert table["customers"].tolist() == [counts[c, 0] for c, _ in expected]
    assert table.query("age == 0")["share"].eq(1).all()
    row = table[table["age"] == 1].iloc[0] if (table["age"] == 1).any() else table.iloc[0]
    theirs = binomtest(int(row["active"]), int(row["customers"])).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(tuple(theirs), rel=1e-9)


def test_segments_have_triangles_of_their_own_that_add_up(cdnow_sample):
    ids = cdnow_sample.orders.to_pandas()["customer_id"].unique()
    segments = pd.Series(np.arange(len(ids)) % 3, index=ids)
    whole = cohort_retention(cdnow_sample, "quarter").table
    parts = cohort_retention(cdnow_sample, "quarter", segments, {0: "A", 1: "B", 2: "C"})
    assert parts.table["name"].unique().tolist() == ["A", "B", "C"]
    summed = parts.table.groupby(["cohort", "age"])[["customers", "active"]].sum().reset_index()
    pd.testing.assert_frame_equal(summed, whole[["cohort", "age", "customers", "active"]])
    assert parts.wide(1).shape == whole.pivot(index="cohort", columns="age", values="share").shape
    with pytest.raises(ParameterError):
        parts.wide(9)


def test_an_observed_zero_is_a_share_and_what_is_not_over_is_not_there():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"], "order_id": range(3), "revenue": 1.0,
            "ordered_at": ["2026-01-31 23:59:59", "2026-03-01", "2026-04-29"],
        }
    )  # fmt: skip
    table = cohort_retention(orders).table
    assert table["cohort"].tolist() == ["2026-01"] * 3
    assert table["share"].tolist() == [1, 0, 1]
    assert table["low"].iloc[1] == 0 < table["high"].iloc[1]


def test_bad_input(cdnow_sample):
    with pytest.raises(ParameterError) as caught:
        cohort_retention(cdnow_sample, "months")
    assert caught.value.problem.nearest == "month"
    with pytest.raises(NotEnoughDataError, match="no year"):
        cohort_retention(cdnow_sample, "year", as_of="1997-05-31")
    with pytest.raises(DataError, match="have no order"):
        cohort_retention(cdnow_sample, "month", pd.Series({"nobody": 0}))


def test_html_shows_sizes_and_shares(cdnow_sample):
    page = cohort_retention(cdnow_sample, "quarter")._repr_html_()
    assert "Share of customers who ordered again, by quarters since their first" in page
    assert "1997-Q1<small>2,357 customers</small>" in page
