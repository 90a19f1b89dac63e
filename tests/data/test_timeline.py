from __future__ import annotations

import pandas as pd
import pytest

from segml.data import CustomerData, activity, read_orders


def weeks(*orders: tuple[str, str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(orders, columns=["customer_id", "order_id", "ordered_at", "revenue"])
    return activity(CustomerData(read_orders(frame)))


def test_weeks_by_hand():
    found = weeks(
        ("a", "1", "2026-01-07 10:00:00", 10.0),  # Wednesday
        ("a", "2", "2026-01-11 23:59:59", 5.5),  # Sunday of the same week
        ("b", "3", "2026-01-12 00:00:00", 1.0),  # Monday
        ("b", "3", "2026-01-12 00:00:00", 2.0),  # another line of the same order
        ("a", "4", "2026-01-18 08:00:00", 4.0),
        ("a", "5", "2026-02-03 08:00:00", 0.0),  # two weeks without an order between
    )
    assert found.index.name == "week"
    assert found.index.strftime("%a %Y-%m-%d").tolist() == [
        "Mon 2026-01-05",
        "Mon 2026-01-12",
        "Mon 2026-01-19",
        "Mon 2026-01-26",
        "Mon 2026-02-02",
    ]
    assert found["orders"].tolist() == [2, 2, 0, 0, 1]
    assert found["customers"].tolist() == [1, 2, 0, 0, 1]
    assert found["revenue"].tolist() == [15.5, 7.0, 0.0, 0.0, 0.0]
    assert found["complete"].tolist() == [False, True, True, True, False]


def test_weeks_that_begin_and_end_with_the_data_are_whole():
    found = weeks(("a", "1", "2026-01-05", 1.0), ("a", "2", "2026-01-18", 1.0))
    assert found["complete"].tolist() == [True, True]


@pytest.mark.parametrize("day", ["2026-01-05", "2026-01-08", "2026-01-11"])
def test_one_order(day):
    found = weeks(("a", "1", day, 7.0))
    assert found.index.tolist() == [pd.Timestamp("2026-01-05")]
    assert found.iloc[0].to_dict() == {
        "orders": 1,
        "customers": 1,
        "revenue": 7.0,
        "complete": False,
    }


def test_days_before_1970_and_over_new_year():
    found = weeks(("a", "1", "1969-12-28", 1.0), ("a", "2", "1970-01-01", 2.0))
    assert found.index.strftime("%Y-%m-%d").tolist() == ["1969-12-22", "1969-12-29"]
    assert found["revenue"].tolist() == [1.0, 2.0]


def test_real_orders_add_up(cdnow_sample):
    found = activity(cdnow_sample)
    orders = cdnow_sample.orders.to_pandas()
    assert found["orders"].sum() == len(orders) == 6919
    assert found["revenue"].sum() == pytest.approx(orders["revenue"].sum(), rel=1e-12)
    monday = orders["ordered_at"].dt.to_period("W-SUN").dt.start_time
    by_week = orders.groupby(monday)["customer_id"].nunique()
    assert found["customers"].tolist() == by_week.tolist()
    assert found["complete"].tolist() == [False] + [True] * (len(found) - 2) + [False]
