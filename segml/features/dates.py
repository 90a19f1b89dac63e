"""Cut-off dates and periods as users write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pandas as pd

from segml._core.check import one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml.data import CustomerData, DataTable, read_orders
from segml.engine import Table

# Period code to the prelude's index function and, where it is fixed, its length in days.
PERIODS: dict[str, tuple[str, float | None]] = {
    "h": ("hour_index", 1 / 24),
    "D": ("day_index", 1.0),
    "W": ("week_index", 7.0),
    "M": ("month_index", None),
    "Q": ("quarter_index", None),
    "Y": ("year_index", None),
}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}

_EPOCH = dt.date(1970, 1, 1).toordinal()
_YEAR_FIRST = re.compile(r"\s*\d{4}-?\d{1,2}-?\d{1,2}")  # 01/02/2026 could be two days


def as_day(value: Any, name: str) -> dt.date:
    """Return a date; a time of day is dropped. Text has the year first.

    Raises
    ------
    ParameterError
        It is not a date.

    Examples
    --------
    >>> as_day("1998-06-30 23:59", "as_of")
    datetime.date(1998, 6, 30)
    """
    if isinstance(value, dt.date) or (isinstance(value, str) and _YEAR_FIRST.match(value)):
        try:
            stamp = pd.Timestamp(value)
        except ValueError as error:
            raise ParameterError(
                f"{name} is not a date", where=name, got=value, expected="such as 1998-06-30"
            ) from error
        if not pd.isna(stamp):
            return stamp.date()
    raise ParameterError(
        f"{name} is not a date", where=name, got=value, expected="such as 1998-06-30"
    )


def as_orders(data: Any) -> Table:
    """Return the orders of a bundle or table; read anything else that `read_orders` takes."""
    if isinstance(data, CustomerData):
        data = data.orders
    elif not isinstance(data, DataTable):
        data = read_orders(data)
    return data.table


def last_day(orders: Table) -> dt.date:
    """Return the day of the last order."""
    last = orders.scalar("SELECT max(ordered_at) FROM {self}")
    if last is None:
        raise NotEnoughDataError("there are no orders")
    return last.date()


def unit_ratio(period: str, time_unit: str) -> tuple[float, float]:
    """Return how many `time_unit` one `period` lasts, as a numerator and a denominator.

    One of the two is 1, so that a conversion rounds once: days in weeks are days / 7.

    Raises
    ------
    ParameterError
        A period is unknown, or the two have no fixed ratio (a month in weeks).

    Examples
    --------
    >>> unit_ratio("D", "W"), unit_ratio("W", "D")
    ((1.0, 7.0), (7.0, 1.0))
    """
    one_of(period, PERIODS, "period")
    one_of(time_unit, PERIODS, "time_unit")
    if period == time_unit:
        return 1.0, 1.0
    length, unit = PERIODS[period][1], PERIODS[time_unit][1]
    if length is None or unit is None:
        raise ParameterError(
            f"a period {period} has no fixed length in {time_unit}",
            where="time_unit",
            got=time_unit,
            expected=f"{period}, or a period and a unit among h, D, W",
        )
    return max(1.0, length / unit), max(1.0, unit / length)


def period_index(day: dt.date, period: str) -> int:
    """Return the number of the period that the end of a day belongs to.

    The same number as that of the prelude's function: whole periods since 1970-01-01.

    Parameters
    ----------
    day : date
        A day; of its hours the last one is meant.
    period : {"h", "D", "W", "M", "Q", "Y"}
        The period.

    Examples
    --------
    >>> day = dt.date(1970, 2, 1)
    >>> [period_index(day, period) for period in ("h", "D", "W", "M", "Q", "Y")]
    [767, 31, 4, 1, 0, 0]
    """
    days = day.toordinal() - _EPOCH
    if period in _MONTHS:
        return ((day.year - 1970) * 12 + day.month - 1) // _MONTHS[period]
    return {"h": days * 24 + 23, "D": days, "W": (days + 3) // 7}[period]


def period_end(index: int, period: str) -> dt.datetime:
    """Return the last microsecond of a period, at most that of the year 9999.

    Parameters
    ----------
    index : int
        As :func:`period_index` numbers them.
    period : {"h", "D", "W", "M", "Q", "Y"}
        The period.

    Examples
    --------
    >>> str(period_end(4, "W")), str(period_end(0, "Q"))
    ('1970-02-01 23:59:59.999999', '1970-03-31 23:59:59.999999')
    """
    try:
        if period in _MONTHS:
            years, months = divmod((index + 1) * _MONTHS[period], 12)
            after = dt.datetime(1970 + years, 1 + months, 1)
        else:
            step = {"h": dt.timedelta(hours=1), "D": dt.timedelta(1), "W": dt.timedelta(7)}[period]
            start = dt.datetime(1969, 12, 29) if period == "W" else dt.datetime(1970, 1, 1)
            after = start + (index + 1) * step
    except (ValueError, OverflowError):  # Python knows no later year
        return dt.datetime.max
    return after - dt.timedelta(microseconds=1)
