"""Dates as they are written, and those that are refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import DataError, ParameterError
from segml.data import read_orders

from .samples import COLUMNS


def read(values, **options):
    rows = len(values)
    source = pd.DataFrame(
        {
            "customer_id": ["a"] * rows,
            "order_id": [str(i) for i in range(rows)],
            "ordered_at": values,
            "revenue": [1.0] * rows,
        }
    )
    assert list(source) == list(COLUMNS)
    return read_orders(source, **options)


def times(orders) -> list[dt.datetime]:
    return orders.table.to_arrow()["ordered_at"].to_pylist()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1998-06-30", dt.datetime(1998, 6, 30)),
        ("1998-6-3", dt.datetime(1998, 6, 3)),
        (" 1998-06-30\t", dt.datetime(1998, 6, 30)),
        ("1998-06-30 23:59:59", dt.datetime(1998, 6, 30, 23, 59, 59)),
        ("1998-06-30T23:59:59.25", dt.datetime(1998, 6, 30, 23, 59, 59, 250_000)),
        ("1998-06-30T23:59:59Z", dt.datetime(1998, 6, 30, 23, 59, 59)),
        ("1998-06-30T23:00:00+02:00", dt.datetime(1998, 6, 30, 21)),
        ("1998-06-30 23:00:00-0300", dt.datetime(1998, 7, 1, 2)),
        ("1969-07-20", dt.datetime(1969, 7, 20)),
    ],
)
def test_iso(value, expected) -> None:
    orders = read([value])
    assert times(orders) == [expected]
    choice = "ordered_at: dates read as ISO 8601 (year-month-day)"
    zoned = value[19:20] in tuple("Z+-")
    assert orders.account.choices == (
        f"{choice}; times with a zone are taken in UTC" if zoned else choice,
    )


@pytest.mark.parametrize("values", [["19980630", "20110102"], [19980630, 20110102]])
def test_eight_digits(values) -> None:
    orders = read(values)
    assert times(orders) == [dt.datetime(1998, 6, 30), dt.datetime(2011, 1, 2)]
    assert orders.account.choices == ("ordered_at: dates read as yearmonthday (eight digits)",)


@pytest.mark.parametrize("mark", "/.-")
def test_day_first_is_told_by_a_day_over_twelve(mark) -> None:
    orders = read([f"01{mark}02{mark}2011", f"31{mark}1{mark}2011 08:26"])
    assert times(orders) == [dt.datetime(2011, 2, 1), dt.datetime(2011, 1, 31, 8, 26)]
    assert orders.account.choices == ("ordered_at: dates read as day/month/year",)


@pytest.mark.parametrize("mark", "/.-")
def test_month_first_is_told_by_a_day_over_twelve(mark) -> None:
    orders = read([f"12{mark}1{mark}2010 8:26", f"1{mark}31{mark}2011 23:59:58"])
    assert times(orders) == [dt.datetime(2010, 12, 1, 8, 26), dt.datetime(2011, 1, 31, 23, 59, 58)]
    assert orders.account.choices == ("ordered_at: dates read as month/day/year",)


@pytest.mark.parametrize(
    ("values", "example"),
    [
        (["01/02/2011", "05/05/2011"], "01/02/2011"),
        (["01/13/2011", "13/01/2011"], "01/13/2011"),  # as much for one as for the other
    ],
)
def test_dates_that_can_be_read_two_ways_are_refused(values, example) -> None:
    with pytest.raises(DataError, match="the dates in ordered_at can be read two ways") as caught:
        read(values)
    problem = caught.value.problem
    assert problem.where == "column ordered_at"
    assert example in problem.got
    assert "date_format='%d/%m/%Y'" in problem.hint
    assert "date_format='%m/%d/%Y'" in problem.hint


def test_dates_that_are_the_same_both_ways_are_read() -> None:
    assert times(read(["05/05/2011", "7/7/2011"])) == [
        dt.datetime(2011, 5, 5),
        dt.datetime(2011, 7, 7),
    ]


@pytest.mark.parametrize(
    ("date_format", "value", "expected"),
    [
        ("%d/%m/%Y", "01/02/2011", dt.datetime(2011, 2, 1)),
        ("%m/%d/%Y", "01/02/2011", dt.datetime(2011, 1, 2)),
        ("%d-%b-%y", "30-Jun-98", dt.datetime(1998, 6, 30)),
        ("%Y%m%d%H", "1998063023", dt.datetime(1998, 6, 30, 23)),
    ],
)
def test_a_given_format(date_format, value, expected) -> None:
    orders = read([value], date_format=date_format)
    assert times(orders) == [expected]
    assert orders.account.choices == (f"ordered_at: dates read as {date_format}",)


@pytest.mark.parametrize("date_format", ["%Q", "%"])
def test_a_given_format_that_is_none(date_format) -> None:
    with pytest.raises(ParameterError, match="this is not a date format") as caught:
        read(["1998-06-30"], date_format=date_format)
    assert caught.value.problem.where == "date_format"
    assert caught.value.problem.got == date_format


def test_rows_that_do_not_follow_a_given_format_are_counted() -> None:
    orders = read(["30/06/1998", "1998-06-30", "{text}"], date_format="%d/%m/%Y")
    assert orders.account.rejected == {"ordered_at cannot be read": 2}


def test_most_rows_decide_and_the_others_are_counted() -> None:
    orders = read(["1998-06-30", "1998-07-01", "19980702", "30/06/1998", "never", None])
    assert orders.account.rejected == {"no ordered_at": 1, "ordered_at cannot be read": 3}
    assert times(orders) == [dt.datetime(1998, 6, 30), dt.datetime(1998, 7, 1)]


@pytest.mark.parametrize("values", [["soon", "later"], ["June 30", "July 1"], ["31/31/2011", "x"]])
def test_no_date_can_be_read(values) -> None:
    with pytest.raises(DataError, match="the dates in ordered_at cannot be read") as caught:
        read(values)
    assert caught.value.problem.got == f"such as {min(values)!r}"
    assert "date_format=" in caught.value.problem.hint


@pytest.mark.parametrize("values", [[None, None], ["", " "], [pd.NaT, pd.NaT]])
def test_no_date_at_all(values) -> None:
    with pytest.raises(DataError, match="no row can be used") as caught:
        read(values)
    assert caught.value.problem.got == "no ordered_at: 2"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_pandas_times(unit) -> None:
    orders = read(pd.Series(["1998-06-30 10:00", None]).astype(f"M8[{unit}]"))
    assert times(orders) == [dt.datetime(1998, 6, 30, 10)]
    assert orders.account.rejected == {"no ordered_at": 1}
    assert orders.account.choices == ()


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", dt.datetime(1998, 6, 30, 23)),
        ("Europe/Berlin", dt.datetime(1998, 6, 30, 21)),
        ("America/New_York", dt.datetime(1998, 7, 1, 3)),
    ],
)
def test_pandas_times_with_a_zone_become_utc(zone, expected) -> None:
    orders = read(pd.Series(pd.to_datetime(["1998-06-30 23:00"])).dt.tz_localize(zone))
    assert times(orders) == [expected]
    assert orders.account.choices == ("ordered_at: times with a zone are taken in UTC",)


def test_python_dates_and_times() -> None:
    assert times(read([dt.date(1998, 6, 30), None])) == [dt.datetime(1998, 6, 30)]
    assert times(read(pd.Series([dt.datetime(1998, 6, 30, 5)], dtype=object))) == [
        dt.datetime(1998, 6, 30, 5)
    ]


def test_years_that_python_does_not_know_are_counted() -> None:
    values = np.array(["12000-01-01", "1998-06-30"], dtype="M8[s]")
    orders = read(values)
    assert times(orders) == [dt.datetime(1998, 6, 30)]
    assert orders.account.rejected == {"ordered_at cannot be read": 1}


@settings(max_examples=25)
@given(st.lists(st.datetimes(dt.datetime(1000, 1, 1)), min_size=1, max_size=5))
def test_iso_round_trip(values: list[dt.datetime]) -> None:
    assert times(read([value.isoformat() for value in values])) == values


@settings(max_examples=25)
@given(st.lists(st.dates(dt.date(1000, 1, 1)), min_size=1, max_size=8))
def test_slashed_dates_are_never_misread(values: list[dt.date]) -> None:
    """Day first is read as day first, or refused; never as month first."""
    expected = [dt.datetime.combine(value, dt.time()) for value in values]
    texts = [f"{value:%d/%m/}{value.year:04}" for value in values]
    told = any(value.day > 12 for value in values)
    if not told and any(value.day != value.month for value in values):
        with pytest.raises(DataError, match="can be read two ways"):
            read(texts)
    else:
        assert times(read(texts)) == expected
