"""Days said in words, as schedulers say them."""

from __future__ import annotations

import datetime as dt

from segml._core.errors import ParameterError


def spoken_day(text: str, time_zone: str | None = None, now: dt.datetime | None = None) -> dt.date:
    """Return the day that ``today``, ``yesterday`` or a date means.

    Parameters
    ----------
    text : str
        ``today``, ``yesterday`` or YYYY-MM-DD.
    time_zone : str, optional
        The store's IANA time zone, in whose days is thought; UTC when not given.
    now : datetime, optional
        With a time zone; the present when not given.

    Raises
    ------
    ParameterError
        It is none of them.

    Examples
    --------
    >>> late = dt.datetime(2026, 11, 30, 23, 30, tzinfo=dt.UTC)
    >>> spoken_day("today", "Europe/Berlin", late), spoken_day("yesterday", now=late)
    (datetime.date(2026, 12, 1), datetime.date(2026, 11, 29))
    """
    from zoneinfo import ZoneInfo

    here = (now or dt.datetime.now(dt.UTC)).astimezone(ZoneInfo(time_zone or "UTC")).date()
    if text in ("today", "yesterday"):
        return here - dt.timedelta(days=text == "yesterday")
    try:
        if len(text) == len("2026-11-30"):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise ParameterError(
        "there is no such day", where="--as-of", got=text, expected="today, yesterday or YYYY-MM-DD"
    )
