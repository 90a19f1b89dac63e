"""Cleaning: each policy, what it counts, and that a second time changes nothing."""

import datetime as dt
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.data import CleaningPolicy, CustomerData, clean, read_orders, read_table

from .samples import COLUMNS, frame

LATEST = dt.date(1998, 6, 30)
JOINED = "joins an earlier row of the same order"
SHARED = "order id that several customers share, kept apart"


def cleaned(source, read: dict | None = None, **policy):
    data, report = clean(
        read_orders(source, **(read or {})), CleaningPolicy(**{"latest": LATEST, **policy})
    )
    account = report.accounts["orders"]
    assert account.rows_in == len(source)
    assert len(data.orders.rejected_rows()) == account.rows_rejected
    return data.orders, account


def test_sound_orders_stay_as_they_are() -> None:
    source = frame(("a", "1", "1997-01-01", 5.0), ("b", "2", "1997-01-02", 7.0))
    orders, account = cleaned(source)
    assert account.to_dict()["rejected"] == account.to_dict()["noted"] == {}
    pd.testing.assert_frame_equal(orders.to_pandas(), read_orders(source).to_pandas())


@pytest.mark.parametrize(
    ("policy", "kept", "rejected", "noted"),
    [
        ({}, ["5", "0"], {"negative revenue": 1}, {"revenue is zero": 1}),
        (
            {"negative_revenue": "keep"},
            ["5", "0", "-3"],
            {},
            {"revenue is negative": 1, "revenue is zero": 1},
        ),
        ({"zero_revenue": "reject"}, ["5"], {"negative revenue": 1, "zero revenue": 1}, {}),
    ],
)
def test_negative_and_zero_revenue(policy, kept, rejected, noted) -> None:
    source = frame(*[(c, c, "1997-01-01", float(c)) for c in ("5", "0", "-3")])
    orders, account = cleaned(source, **policy)
    assert orders.to_pandas()["customer_id"].tolist() == kept
    assert account.rejected == rejected
    assert account.noted == noted


@pytest.mark.parametrize("latest", [LATEST, dt.datetime(1998, 6, 30, 8)])
def test_orders_after_the_latest_day_are_in_the_future(latest) -> None:
    source = frame(
        ("a", "1", "1998-06-30 23:59:59", 1.0),
        ("b", "2", "1998-07-01 00:00:00", 1.0),
        ("c", "3", "2998-01-01 00:00:00", 1.0),
    )
    orders, account = cleaned(source, latest=latest)
    assert orders.to_pandas()["customer_id"].tolist() == ["a"]
    assert account.rejected == {"future date": 2}


def test_the_latest_day_is_today_when_it_is_not_given() -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = [today + dt.timedelta(days=days) for days in (-1, 2)]
    _, account = cleaned(frame(*[("a", str(day), day, 1.0) for day in days]), latest=None)
    assert account.rejected == {"future date": 1}


def test_the_first_of_exact_duplicates_is_kept() -> None:
    row = ("a", "1", "1997-01-01", 5.0)
    orders, account = cleaned(frame(row, ("b", "2", "1997-01-01", 5.0), row, row))
    assert account.rejected == {"exact duplicate": 2}
    assert account.noted == {}
    assert orders.table.to_arrow()["_source_row"].to_pylist() == [1, 2]
    rows = orders.rejected_rows()
    assert rows["source_row"].tolist() == [3, 4]
    assert rows["reason"].tolist() == ["exact duplicate"] * 2
    assert rows["customer_id"].tolist() == ["a", "a"]


def test_exact_duplicates_that_are_kept_are_noted_and_merged() -> None:
    row = ("a", "1", "1997-01-01", 5.0)
    orders, account = cleaned(frame(row, row), exact_duplicates="keep")
    assert orders.to_pandas()["revenue"].tolist() == [10.0]
    assert account.noted == {"repeats another row exactly": 1, JOINED: 1}


def test_rows_that_differ_in_an_extra_column_are_no_duplicates() -> None:
    row = ("a", "1", "1997-01-01", 5.0)
    orders, account = cleaned(frame(row, row).assign(_sku=["x", "y"]))
    assert account.rejected == {}
    assert orders.to_pandas()["revenue"].tolist() == [10.0]


def test_generated_order_ids_do_not_hide_duplicates() -> None:
    row = ("a", "1", "1997-01-01", 5.0)
    source = frame(row, row, ("b", "2", "1997-01-01", 5.0)).drop(columns="order_id")
    _, account = cleaned(source, {"columns": {"order_id": None}})
    assert account.rejected == {"exact duplicate": 1}
    _, account = cleaned(source, {"columns": {"order_id": None}}, exact_duplicates="keep")
    assert account.rejected == {}
    assert account.noted == {"repeats another row exactly": 1}


def test_every_note_counts_all_its_rows() -> None:
    row = ("a", "1", "1997-01-01", 0.0)
    _, account = cleaned(frame(row, row), exact_duplicates="keep", repeated_order_ids="keep")
    assert account.noted == {"repeats another row exactly": 1, "revenue is zero": 2}


def test_rows_of_one_order_are_merged() -> None:
    source = frame(
        ("a", "1", "1997-01-02 09:00", 5.1),
        ("b", "2", "1997-01-01 09:00", 7.0),
        ("a", "1", "1997-01-01 10:00", 0.2),
        ("a", "1", "1997-01-03 10:00", 0.1),
    ).assign(quantity=[1, 2, 3, None], coupon=[None, None, "X", "Y"], shop=["s", "t", "u", "v"])
    orders, account = cleaned(source)
    assert orders.table.to_arrow().select([*COLUMNS, "quantity", "coupon", "shop"]).to_pylist() == [
        {
            "customer_id": "a",
            "order_id": "1",
            "ordered_at": dt.datetime(1997, 1, 1, 10),
            "revenue": 5.4,
            "quantity": 4.0,
            "coupon": "X",
            "shop": "s",
        },
        {
            "customer_id": "b",
            "order_id": "2",
            "ordered_at": dt.datetime(1997, 1, 1, 9),
            "revenue": 7.0,
            "quantity": 2.0,
            "coupon": None,
            "shop": "t",
        },
    ]
    assert orders.columns == [*COLUMNS, "quantity", "coupon", "shop"]
    assert account.to_dict()["rows_used"] == 4
    assert account.rejected == {}
    assert account.noted == {JOINED: 2}


def test_rows_of_one_order_can_be_kept() -> None:
    source = frame(("a", "1", "1997-01-02", 5.1), ("a", "1", "1997-01-01", 0.2))
    orders, account = cleaned(source, repeated_order_ids="keep")
    assert orders.to_pandas()["revenue"].tolist() == [5.1, 0.2]
    assert account.noted == {}


def test_an_order_id_that_customers_share_is_kept_apart() -> None:
    source = frame(
        ("a", "1", "1997-01-01", 1.0), ("b", "1", "1997-01-01", 2.0), ("a", "1", "1997-01-01", 4.0)
    )
    orders, account = cleaned(source)
    found = orders.to_pandas().set_index("customer_id")["revenue"]
    assert found.to_dict() == {"a": 5.0, "b": 2.0}
    assert account.noted == {SHARED: 1, JOINED: 1}


def test_rejected_rows_of_reading_and_cleaning_stand_together() -> None:
    source = frame(
        (None, "1", "1997-01-01", "x"),
        ("b", "2", "1997-01-01", "-2"),
        ("c", "3", "1997-01-01", "3"),
    ).assign(reason=["r1", "r2", "r3"])
    orders, account = cleaned(source)
    assert account.rejected == {"no customer_id": 1, "negative revenue": 1}
    rows = orders.rejected_rows()
    assert rows["source_row"].tolist() == [1, 2]
    assert rows["reason"].tolist() == ["no customer_id", "negative revenue"]
    assert rows["reason_1"].tolist() == ["r1", "r2"]
    assert orders.to_pandas()["reason"].tolist() == ["r3"]


def test_no_order_is_left() -> None:
    source = frame(("a", "1", "1997-01-01", -1.0), ("a", "2", "2997-01-01", 1.0))
    with pytest.raises(NotEnoughDataError, match="no order is left after cleaning") as caught:
        clean(source, CleaningPolicy(latest=LATEST))
    assert caught.value.problem.got == "future date: 1, negative revenue: 1"


@pytest.mark.parametrize(
    ("policy", "near"),
    [
        ({"exact_duplicates": "dropp"}, "drop"),
        ({"repeated_order_ids": "Merge"}, "merge"),
        ({"negative_revenue": "rejct"}, "reject"),
        ({"zero_revenue": "no"}, None),
        ({"similar_ids": "folt"}, "fold"),
        ({"unknown_customers": "rejected"}, "reject"),
        ({"negative_lines": "kep"}, "keep"),
        ({"negative_costs": "Reject"}, "reject"),
    ],
)
def test_a_policy_has_known_values(policy, near) -> None:
    (name,) = policy
    with pytest.raises(ParameterError, match=f"unknown value for {name}") as caught:
        CleaningPolicy(**policy)
    assert caught.value.problem.nearest == near


def test_latest_is_a_date() -> None:
    with pytest.raises(ParameterError, match="latest is not a date"):
        CleaningPolicy(latest="1998-06-30")


def test_raw_frames_tables_and_bundles_clean_alike() -> None:
    source = frame(("a", "1", "1997-01-01", 5.0), ("a", "1", "1997-01-01", 5.0))
    orders = read_orders(source)
    reports = [clean(data)[1].to_dict() for data in (source, orders, CustomerData(orders))]
    assert reports[0] == reports[1] == reports[2]


def test_the_default_policy_is_the_documented_one() -> None:
    assert CleaningPolicy() == CleaningPolicy(
        consent="apply",
        exact_duplicates="drop",
        repeated_order_ids="merge",
        negative_revenue="reject",
        zero_revenue="keep",
        test_customers=(),
        currency="",
        rates={},
        outliers="keep",
        partial_periods="keep",
        latest=None,
        similar_ids="note",
        unknown_customers="keep",
        negative_lines="reject",
        negative_costs="reject",
    )


def test_the_report_is_json() -> None:
    _, report = clean(frame(("a", "1", "1997-01-01", 5.0), ("a", "1", "1997-01-01", 5.0)))
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == {
        "orders": {
            "table": "orders",
            "rows_in": 2,
            "rows_used": 1,
            "rows_rejected": 1,
            "rejected": {"exact duplicate": 1},
            "noted": {},
            "choices": ["ordered_at: dates read as ISO 8601 (year-month-day)"],
        }
    }
    assert "left out: exact duplicate" in report._repr_html_()


def test_a_merged_order_that_a_second_policy_rejects_counts_its_rows() -> None:
    source = frame(
        ("a", "1", "1997-01-01", 0.0), ("a", "1", "1997-01-02", 0.0), ("b", "2", "1997-01-01", 3.0)
    )
    data, _ = clean(source)
    again, report = clean(data, CleaningPolicy(zero_revenue="reject"))
    account = report.accounts["orders"]
    assert (account.rows_in, account.rows_used) == (3, 1)
    assert account.rejected == {"zero revenue": 2}
    assert account.noted == {}
    assert len(again.orders.table) == 1


rows = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("123"),
        st.sampled_from(["1997-01-01", "1997-01-02", "2997-01-01"]),
        st.sampled_from([-1.0, 0.0, 0.37, 2.5]),
    ),
    max_size=12,
)
policies = st.builds(
    CleaningPolicy,
    exact_duplicates=st.sampled_from(["drop", "keep"]),
    repeated_order_ids=st.sampled_from(["merge", "keep"]),
    negative_revenue=st.sampled_from(["reject", "keep", "net"]),
    zero_revenue=st.sampled_from(["reject", "keep"]),
    latest=st.just(LATEST),
)


@settings(max_examples=12)
@given(rows, policies)
def test_cleaning_again_changes_nothing(rows: list, policy: CleaningPolicy) -> None:
    rows = [*rows, ("c", "9", "1997-01-01", 1.0)]
    once, report = clean(frame(*rows), policy)
    account = report.accounts["orders"]
    assert account.rows_in == len(rows) == account.rows_used + account.rows_rejected
    joined = account.noted.get(JOINED, 0)
    assert len(once.orders.table) == account.rows_used - joined
    twice, second = clean(once, policy)
    again = second.accounts["orders"]
    assert (again.rows_in, again.rows_used) == (account.rows_in, account.rows_used)
    assert again.rejected == account.rejected
    assert again.noted.get(JOINED, 0) == joined
    pd.testing.assert_frame_equal(twice.orders.to_pandas(), once.orders.to_pandas())


def test_only_customers_who_consented_are_cleaned() -> None:
    orders = frame(("a", "1", "1997-01-01", 5.0), ("b", "2", "1997-01-02", 7.0))
    customers = pd.DataFrame({"customer_id": ["a", "b"], "consent_analytics": [True, False]})
    data = CustomerData(read_orders(orders), customers=read_table(customers, "customers"))
    kept, report = clean(data, CleaningPolicy(latest=LATEST))
    assert kept.orders.to_pandas()["customer_id"].tolist() == ["a"]
    assert report.accounts["orders"].rejected == {"consent refused": 1}
    assert report.accounts["customers"].rejected == {"consent refused": 1}
    everyone, _ = clean(data, CleaningPolicy(latest=LATEST, consent="ignore"))
    assert everyone.orders.to_pandas()["customer_id"].tolist() == ["a", "b"]
