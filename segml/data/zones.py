"""Times with and without a zone; the canonical tables hold the store's local time."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import pandas as pd

from segml._core.check import nearest
from segml._core.errors import ParameterError
from segml.engine.sql import literal

#: Canonical columns that hold days: midnight in UTC is that day, in whatever zone.
DAYS = ("birth_date", "date")

_KNOWN = "BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'"


def check_zone(time_zone: str | None) -> str | None:
    """Return the store's time zone as it is, if there is one of this name.

    Raises
    ------
    ParameterError
        Names the nearest zone.

    Examples
    --------
    >>> check_zone("Europe/London")
    'Europe/London'
    """
    if time_zone is None or (isinstance(time_zone, str) and time_zone in _zones()):
        return time_zone
    raise ParameterError(
        "unknown value for time_zone",
        where="time_zone",
        got=time_zone,
        expected="an IANA name such as Europe/London",
        nearest=nearest(time_zone, _zones()) or _city(str(time_zone)),
    )


def has_zone(date_format: str) -> bool:
    """Say whether a strptime format reads a zone.

    Examples
    --------
    >>> has_zone("%d/%m/%Y %H:%M %z"), has_zone("%d/%m/%Y %%z")
    (True, False)
    """
    return not {"%z", "%Z"}.isdisjoint(re.findall("%.", date_format))


def has_hours(date_format: str) -> bool:
    """Say whether a strptime format reads a time of day.

    Examples
    --------
    >>> has_hours("%d/%m/%Y %H:%M"), has_hours("%d/%m/%Y")
    (True, False)
    """
    return not set("HIXcT").isdisjoint(re.findall("%-?(.)", date_format))


def within_years(value: str) -> str:
    """Return the SQL that says whether Python knows the year of a time without zone."""
    return f"{value} {_KNOWN}"


def local_time(instant: str, time_zone: str | None, days: bool = False) -> str:
    """Return the SQL of the store's local time at an instant; UTC without a time zone.

    Parameters
    ----------
    instant : str
        SQL of a time with zone.
    time_zone : str or None
        The store's.
    days : bool
        Whether midnights in UTC are days, and stay.
    """
    utc = f"utc_of({instant})"
    if time_zone is None:
        return utc
    local = f"in_zone({instant}, {literal(time_zone)})"
    return f"CASE WHEN {is_day(instant)} THEN {utc} ELSE {local} END" if days else local


def is_day(instant: str) -> str:
    """Return the SQL that says whether an instant is midnight in UTC."""
    return f"CAST(CAST(utc_of({instant}) AS DATE) AS TIMESTAMP) = utc_of({instant})"


def zoned_value(value: Any) -> Any:
    """Return a value for SQL: a Python time with a zone as text that says it.

    Examples
    --------
    >>> import datetime as dt
    >>> zoned_value(dt.datetime(2026, 7, 1, 9, tzinfo=dt.timezone.utc)), zoned_value(7)
    ('2026-07-01T09:00:00+00:00', 7)
    """
    aware = isinstance(value, dt.datetime) and value.tzinfo is not None
    return value.isoformat() if aware else value


def mixed_as_text(source: Any) -> Any:
    """Write the columns of Python times of a frame, some with a zone and some without, as text.

    Arrow would take either all as having a zone, or none.
    """
    if not isinstance(source, pd.DataFrame):
        return source
    texts = {}
    for place in range(source.shape[1]):
        column = source.iloc[:, place]
        if column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) != "datetime":
            continue
        times = [None if pd.isna(value) else value for value in column]
        if len({value.tzinfo is None for value in times if value is not None}) > 1:
            texts[place] = [value and value.isoformat(sep=" ") for value in times]
    if not texts:
        return source
    copy = source.copy(deep=False)
    for place, values in texts.items():
        copy.isetitem(place, pd.array(values, dtype="str"))
    return copy


@cache
def _zones() -> frozenset[str]:
    # Names of files of the system's time zones that are no zones of their own.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def _city(name: str) -> str | None:
    """Return the zone whose city is spelt most like `name`."""
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(_zones())}
    found = nearest(name.strip().replace(" ", "_"), cities)
    return found and cities[found]
