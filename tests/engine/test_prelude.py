import datetime as dt
import random

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core.errors import DataError
from segml.engine import Engine, default_engine

EPOCH = dt.date(1970, 1, 1)
MOMENTS = st.datetimes(dt.datetime(1600, 1, 1), dt.datetime(2400, 1, 1))


def index(name: str, moment: dt.date) -> int:
    return default_engine().fetch_row(f"SELECT {name}_index({{t}})", t=moment)[0]


@given(MOMENTS)
def test_indexes_against_python(t: dt.datetime) -> None:
    days = (t.date() - EPOCH).days
    monday = t.date() - dt.timedelta(days=t.weekday())
    assert index("hour", t) == days * 24 + t.hour
    assert index("day", t) == days
    assert index("week", t) == (monday - dt.date(1969, 12, 29)).days // 7
    assert index("month", t) == (t.year - 1970) * 12 + t.month - 1
    assert index("quarter", t) == (t.year - 1970) * 4 + (t.month - 1) // 3
    assert index("year", t) == t.year - 1970


@given(MOMENTS)
def test_the_index_of_a_day_is_that_of_its_first_moment(t: dt.datetime) -> None:
    for name in ("hour", "day", "week", "month", "quarter", "year"):
        midnight = dt.datetime.combine(t.date(), dt.time())
        assert index(name, t.date()) == index(name, midnight)


@given(
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
)
def test_differences_are_those_of_pandas_periods(a: dt.datetime, b: dt.datetime) -> None:
    for name, code in zip(
        ("hour", "day", "week", "month", "quarter", "year"), "hDWMQY", strict=True
    ):
        expected = pd.Period(b, code).ordinal - pd.Period(a, code).ordinal
        assert index(name, b) - index(name, a) == expected, name


@pytest.mark.parametrize("year", [1, 1969, 1970, 9999])
def test_the_last_microsecond_of_an_hour_belongs_to_it(year: int) -> None:
    last = dt.datetime(year, 12, 31, 23, 59, 59, 999_999)
    assert index("hour", last) == (last.date() - EPOCH).days * 24 + 23


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("1969-12-28", -1),  # Sunday
        ("1969-12-29", 0),  # Monday
        ("1970-01-04", 0),  # Sunday
        ("1970-01-05", 1),  # Monday
    ],
)
def test_weeks_run_from_monday_to_sunday(day: str, week: int) -> None:
    assert index("week", dt.date.fromisoformat(day)) == week


@pytest.mark.parametrize("name", ["hour", "day", "week", "month", "quarter", "year"])
def test_indexes_are_whole_numbers_and_null_of_null(name: str) -> None:
    kind, missing = default_engine().fetch_row(
        f"SELECT typeof({name}_index(TIMESTAMP '1997-01-01')),"
        f" {name}_index(CAST(NULL AS TIMESTAMP))"
    )
    assert (kind, missing) == ("BIGINT", None)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=60), st.randoms())
def test_the_sum_of_fixed_does_not_depend_on_the_order(cents: list, rng: random.Random) -> None:
    amounts = [value / 100 for value in cents]
    rng.shuffle(amounts)
    total = (
        default_engine()
        .register(pd.DataFrame({"x": amounts}))
        .scalar("SELECT CAST(sum(fixed(x)) AS DOUBLE) FROM {self}")
    )
    assert total == sum(cents) / 100


def test_floats_need_fixed() -> None:
    """The sum of these depends on their order when it is taken in floats."""
    amounts = [1e9, *[0.1] * 10, -1e9]
    totals = []
    for values in (amounts, [*amounts[1:-1], 1e9, -1e9]):
        table = default_engine().register(pd.DataFrame({"x": values}))
        plain, exact = table.row("SELECT sum(x), CAST(sum(fixed(x)) AS DOUBLE) FROM {self}")
        totals.append(plain)
        assert exact == 1.0
    assert totals[0] != totals[1]


def test_fixed_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(DataError, match="DECIMAL"):
        default_engine().fetch_row("SELECT fixed(1e15)")


@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [(1, 4, 0.25), (1, 0, None), (0, 0, None), (None, 2, None), (2, None, None)],
)
def test_safe_ratio(a, b, ratio) -> None:
    assert default_engine().fetch_row("SELECT safe_ratio({a}, {b})", a=a, b=b) == (ratio,)


def test_white_space_around_a_text_goes(any_engine: Engine) -> None:
    texts = ["a", "a ", " a", "\ta\r\n", "é", " é", "a\u00a0", "\t\u3000a", "", " ", "a b", "\x1fa"]
    table = any_engine.register(pa.table({"i": range(len(texts)), "x": texts}))
    found = any_engine.sql("SELECT stripped(x) AS x FROM {table} ORDER BY i", table=table)
    expected = ["a", "a", "a", "a", "é", "é", "a", "a", "", "", "a b", "\x1fa"]
    assert found.to_arrow()["x"].to_pylist() == expected
