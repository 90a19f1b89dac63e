import datetime as dt
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CustomerData, read_orders
from segml.features import FEATURES, FeatureTable, build_features

NAMES = ["recency_days", "orders", "revenue", "aov", "tenure_days", "items_per_order"]


def orders(*rows: tuple) -> pd.DataFrame:
    """Make orders of (customer, order, time, revenue, quantity)."""
    columns = ["customer_id", "order_id", "ordered_at", "revenue", "quantity"]
    return pd.DataFrame(rows, columns=columns)


HISTORY = orders(
    ("b", "4", "1997-01-31 23:59", 7.0, None),
    ("a", "1", "1997-01-01 09:00", 10.0, 1),
    ("a", "2", "1997-01-11 08:00", 2.5, 2),
    ("a", "2", "1997-01-11 09:00", 2.5, 3),  # two rows of one order
    ("a", "3", "1997-02-01 00:00", 99.0, 9),  # after the date
    ("c", "5", "1997-02-02 00:00", 99.0, 9),  # after the date
)


def test_values_by_hand() -> None:
    table = build_features(HISTORY, "1997-01-31", NAMES)
    found = table.to_pandas()
    assert table.names == found.columns.tolist() == NAMES
    assert table.as_of == dt.date(1997, 1, 31)
    assert table.left_out == {}
    assert found.index.tolist() == ["a", "b"]
    assert found.index.name == "customer_id"
    assert found.loc["a"].tolist() == [20, 2, 15.0, 7.5, 30, 3.0]
    assert found.loc["b"].fillna(-1).tolist() == [0, 1, 7.0, 7.0, 0, -1]


def test_the_last_order_is_the_date_when_none_is_given() -> None:
    table = build_features(HISTORY)
    assert table.as_of == dt.date(1997, 2, 2)
    assert table.to_pandas()["recency_days"].to_dict() == {"a": 1, "b": 2, "c": 0}


@pytest.mark.parametrize("kind", ["frame", "orders", "bundle"])
def test_what_it_takes(kind) -> None:
    table = read_orders(HISTORY)
    source = {"frame": HISTORY, "orders": table, "bundle": CustomerData(table)}[kind]
    found = build_features(source, "1997-01-31", ["aov"]).to_pandas()
    assert found["aov"].to_dict() == {"a": 7.5, "b": 7.0}


def test_chosen_features_stand_in_the_order_given_and_once() -> None:
    table = build_features(HISTORY, "1997-01-31", ["revenue", "orders", "revenue"])
    assert table.names == ["revenue", "orders"]
    assert table.table.columns == ["customer_id", "revenue", "orders"]


def test_a_feature_without_its_column_is_left_out_with_the_reason() -> None:
    table = build_features(HISTORY.drop(columns="quantity"), "1997-01-31", NAMES)
    assert table.names == NAMES[:-1]
    assert table.left_out == {"items_per_order": "the table orders has no column quantity"}


def test_orders_alone_are_enough_for_many_features() -> None:
    table = build_features(HISTORY, "1997-01-31")
    assert set(NAMES) <= set(table.names)
    kinds = {FEATURES[name].kind for name in table.names}
    assert kinds == {"value", "behavioural", "lifecycle"}
    assert table.left_out["sessions"] == "this needs the table sessions"
    assert table.left_out["margin"] == "the table orders has no column margin"
    assert table.left_out["survey_{level}"] == "this needs the table surveys"
    assert len(table.to_pandas()) == 2


def test_no_feature_can_be_computed() -> None:
    source = HISTORY.drop(columns="quantity")
    with pytest.raises(MissingTableError, match="no feature can be computed") as caught:
        build_features(source, "1997-01-31", ["items_per_order"])
    assert caught.value.problem.got == "the table orders has no column quantity"


def test_an_unknown_feature() -> None:
    with pytest.raises(ParameterError, match="unknown value for include") as caught:
        build_features(HISTORY, "1997-01-31", ["orders", "recency_day"])
    assert caught.value.problem.got == "recency_day"
    assert caught.value.problem.nearest == "recency_days"


def test_nobody_ordered_by_the_date() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody has ordered by as_of") as caught:
        build_features(HISTORY, "1996-12-31")
    assert caught.value.problem.got == "1996-12-31"


def test_what_is_not_a_date() -> None:
    with pytest.raises(ParameterError, match="as_of is not a date"):
        build_features(HISTORY, "soon")


def test_describe() -> None:
    described = build_features(HISTORY, "1997-01-31", NAMES).describe()
    assert described.index.tolist() == NAMES
    assert described.index.name == "feature"
    assert described.columns[0] == "missing"
    assert described["missing"].tolist() == [0, 0, 0, 0, 0, 1]
    assert described.loc["revenue", ["mean", "min", "50%", "max"]].tolist() == [11, 7, 11, 15]


def test_describe_categories() -> None:
    described = build_features(HISTORY, "1997-02-02", ["cohort", "orders"]).describe()
    assert described.loc["cohort", ["missing", "levels", "top"]].tolist() == [0, 2, "1997-01"]
    assert described.loc["cohort", "top_share"] == pytest.approx(2 / 3)
    assert pd.isna(described.loc["cohort", "mean"])
    assert pd.isna(described.loc["orders", "levels"])


def test_html_shows_features_and_what_is_left_out() -> None:
    source = HISTORY.drop(columns="quantity")
    made = build_features(source, "1997-01-31", [*NAMES, "cohort"])._repr_html_()
    assert "<dt>customers</dt><dd>2<small>as of 1997-01-31" in made
    assert "Days since last order<small>Days from the last order" in made
    assert "items_per_order is left out: the table orders has no column quantity" in made
    assert "Value features" in made
    assert "Behavioural categories" in made
    assert re.search(r">11(\.0)?</td>", made)  # median revenue


def test_html_escapes() -> None:
    table = build_features(HISTORY, "1997-01-31", ["orders"])
    hostile = FeatureTable(table.table, table.features, table.as_of, {"<script>": "a & <b>"})
    assert "&lt;script&gt; is left out: a &amp; &lt;b&gt;" in hostile._repr_html_()
    assert "<script>" not in hostile._repr_html_()


def test_to_parquet(tmp_path) -> None:
    table = build_features(HISTORY, "1997-01-31", [*NAMES, "cohort"])
    path = table.to_parquet(tmp_path / "features.parquet")
    assert pq.read_table(path).to_pydict() == table.table.to_arrow().to_pydict()


def test_the_order_of_rows_does_not_matter(cdnow_sample) -> None:
    frame = cdnow_sample.orders.to_pandas()
    pd.testing.assert_frame_equal(
        build_features(frame, "1997-09-30").to_pandas(),
        build_features(frame.sample(frac=1, random_state=2), "1997-09-30").to_pandas(),
        check_exact=True,
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("123456"),
        st.datetimes(dt.datetime(1997, 1, 1), dt.datetime(1997, 3, 1)),
        st.integers(0, 10_000).map(lambda cents: cents / 100),
        st.none() | st.integers(1, 9),
    ),
    max_size=15,
)


@settings(max_examples=12)
@given(ROWS, st.dates(dt.date(1997, 1, 1), dt.date(1997, 3, 1)))
def test_nothing_after_the_date_counts(rows, day) -> None:
    rows = [("a", "0", dt.datetime(1997, 1, 1), 1.0, 1), *rows]
    known = [row for row in rows if row[2].date() <= day]
    found = build_features(orders(*rows), day, NAMES).to_pandas()
    pd.testing.assert_frame_equal(found, build_features(orders(*known), day, NAMES).to_pandas())
    assert (found[["recency_days", "tenure_days"]] >= 0).all(axis=None)


@settings(max_examples=12)
@given(ROWS)
def test_against_pandas(rows) -> None:
    rows = [("a", "0", dt.datetime(1997, 1, 1), 1.0, 1), *rows]
    frame = orders(*rows).astype({"quantity": float})
    found = build_features(frame, "1997-03-01", NAMES).to_pandas()
    grouped = frame.assign(day=frame["ordered_at"].dt.normalize()).groupby("customer_id")
    end = pd.Timestamp("1997-03-01")
    n = grouped["order_id"].nunique()
    expected = pd.DataFrame(
        {
            "recency_days": (end - grouped["day"].max()).dt.days,
            "orders": n,
            "revenue": grouped["revenue"].sum(),
            "aov": grouped["revenue"].sum() / n,
            "tenure_days": (end - grouped["day"].min()).dt.days,
            "items_per_order": grouped["quantity"].sum(min_count=1) / n,
        }
    )
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("include", ["orders", []])
def test_include_is_a_list_with_something_in_it(cdnow_sample, include):
    with pytest.raises(ParameterError, match="include is not a list of features"):
        build_features(cdnow_sample, include=include)


def test_an_order_of_several_rows_counts_once_and_for_whatever_one_of_them_says() -> None:
    frame = orders(
        ("a", "1", "1997-01-01", 10.0, 1),
        ("a", "2", "1997-03-01", 5.0, 1),
        ("a", "2", "1997-05-20", 5.0, 1),
        ("a", "2", "1997-05-20", 0.0, 1),
    ).assign(coupon=[None, None, "SPRING", None], refund=[None, 1.0, None, 0.0])
    names = ["orders_30d", "orders_90d", "orders_365d", "coupon_share", "refunded_share"]
    found = build_features(frame, "1997-05-31", names).to_pandas()
    assert found.loc["a"].tolist() == [1, 1, 2, 0.5, 0.5]
