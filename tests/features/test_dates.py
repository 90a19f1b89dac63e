import datetime as dt

import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.engine import default_engine
from segml.engine.sql import Fragment
from segml.features.dates import PERIODS, as_day, last_day, period_end, period_index, unit_ratio


@pytest.mark.parametrize(
    "value",
    [
        "1998-06-30",
        "19980630",
        " 1998-6-30",
        "1998-06-30 23:59",
        "1998-06-30T23:59:59Z",
        dt.date(1998, 6, 30),
        dt.datetime(1998, 6, 30, 23, 59),
        pd.Timestamp("1998-06-30 23:59"),
        pd.Timestamp("1998-06-30 23:59", tz="Europe/Berlin"),
    ],
)
def test_a_date_in_many_ways(value) -> None:
    found = as_day(value, "as_of")
    assert found == dt.date(1998, 6, 30)
    assert type(found) is dt.date


@pytest.mark.parametrize(
    "value",
    ["", "soon", "01/02/2011", "30.06.1998", "1998-13-01", "1998-02-30", "today", "99999-01-01",
     None, 19980630, 3.5, pd.NaT, ["1998-06-30"]],
)  # fmt: skip
def test_what_is_not_a_date(value) -> None:
    with pytest.raises(ParameterError, match="holdout_end is not a date") as caught:
        as_day(value, "holdout_end")
    assert caught.value.problem.where == "holdout_end"
    assert caught.value.problem.expected == "such as 1998-06-30"


def test_the_last_day_of_no_orders() -> None:
    empty = default_engine().sql("SELECT TIMESTAMP '1998-06-30' AS ordered_at WHERE false")
    with pytest.raises(NotEnoughDataError, match="there are no orders"):
        last_day(empty)


@pytest.mark.parametrize(
    ("period", "time_unit", "ratio"),
    [
        ("D", "D", (1, 1)),
        ("M", "M", (1, 1)),
        ("D", "W", (1, 7)),
        ("W", "D", (7, 1)),
        ("D", "h", (24, 1)),
        ("h", "D", (1, 24)),
        ("W", "h", (168, 1)),
        ("h", "W", (1, 168)),
    ],
)
def test_ratios_are_exact(period, time_unit, ratio) -> None:
    assert unit_ratio(period, time_unit) == ratio


@pytest.mark.parametrize("period", PERIODS)
def test_periods_are_numbered_as_the_engine_numbers_them(period) -> None:
    engine = default_engine()
    days = [dt.date(1900, 1, 1), dt.date(1969, 12, 28), dt.date(1969, 12, 31), dt.date(1970, 1, 1),
            dt.date(1970, 1, 5), dt.date(2024, 2, 29), dt.date(2025, 12, 31)]  # fmt: skip
    for day in days:
        index = period_index(day, period)
        end = period_end(index, period)
        values = {"day": dt.datetime.combine(day, dt.time.max), "end": end}
        values["after"] = end + dt.timedelta(microseconds=1)
        found = engine.fetch_row(
            "SELECT {index}({day}), {index}({end}), {index}({after})",
            index=Fragment(PERIODS[period][0]),
            **values,
        )
        assert found == (index, index, index + 1)


@pytest.mark.parametrize("period", PERIODS)
def test_no_period_ends_after_the_year_9999(period) -> None:
    last = dt.date(9999, 12, 31)
    assert period_end(period_index(last, period), period) == dt.datetime.max
    assert period_end(10**12, period) == dt.datetime.max
