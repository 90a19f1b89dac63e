"""The periods of a table of KPIs: dates as users give them, or calendar periods."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError, ParameterError
from segml.features.dates import as_day, period_end, period_index

Calendar = Literal["week", "month", "quarter", "year"]
CODES: dict[str, str] = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}
_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Period:
    """One column block of a table of KPIs.

    Parameters
    ----------
    label : str
        What it is called.
    start, end : date
        First and last day that count.
    recent : date
        First day of the window that retention, churn and growth look at; it ends with the
        period, and is the period itself unless the table is of all that is known so far.
    earlier : date
        First day of the window just before, which they compare it with.
    """

    label: str
    start: dt.date
    end: dt.date
    recent: dt.date
    earlier: dt.date

    def window(self, name: str) -> tuple[int, int]:
        """Return the first and the last day of a window, as `day_index` numbers them."""
        first, last = {
            "period": (self.start, self.end),
            "recent": (self.recent, self.end),
            "earlier": (self.earlier, self.recent - dt.timedelta(1)),
            "so_far": (dt.date.min, self.end),
            "before": (dt.date.min, self.start - dt.timedelta(1)),
        }[name]
        return first.toordinal() - _EPOCH, last.toordinal() - _EPOCH


def so_far(first: dt.date, as_of: dt.date, days: int) -> Period:
    """Return the period of all that is known, which compares the last `days` days."""
    recent = _back(as_of, days - 1)
    return Period("so far", min(first, as_of), as_of, recent, _back(recent, days))


def as_periods(periods: Any, first: dt.date, as_of: dt.date | None) -> list[Period]:
    """Read periods as users give them, in order of time.

    Parameters
    ----------
    periods : sequence of (start, end), or calendar word, or (word, how many)
        Dates, both of which belong to the period; or the calendar periods, of "week",
        "month", "quarter" and "year", that are over by `as_of`, the last ones or all.
    first : date
        Day of the first order.
    as_of : date or None
        Last day that is known.

    Raises
    ------
    ParameterError
        They overlap, end before they start or after `as_of`, or are no periods.
    NotEnoughDataError
        No calendar period is over.

    Examples
    --------
    >>> import datetime as dt
    >>> [p.label for p in as_periods(("month", 2), dt.date(2025, 1, 5), dt.date(2026, 3, 30))]
    ['2026-01', '2026-02']
    """
    if isinstance(periods, str):
        periods = (periods, None)
    periods = list(periods) if isinstance(periods, Iterable) else []
    if len(periods) == 2 and isinstance(periods[0], str) and not isinstance(periods[1], str):
        return _calendar(periods[0], periods[1], first, as_of)
    found = sorted((_pair(pair) for pair in periods), key=lambda period: period.start)
    if not found:
        raise ParameterError(
            "there are no periods",
            where="periods",
            got=periods,
            expected="pairs of dates, or a calendar word such as 'month', or ('month', 6)",
        )
    for one, other in itertools.pairwise(found):
        if other.start <= one.end:
            raise ParameterError(
                "two periods overlap",
                where="periods",
                got=f"{one.label} and {other.label}",
                expected="each to start after the one before has ended",
            )
    if as_of is not None and found[-1].end > as_of:
        raise ParameterError(
            "a period ends after the last day that counts",
            where="periods",
            got=found[-1].label,
            expected=f"an end by as_of, {as_of.isoformat()}",
        )
    return found


def period_label(index: int, word: str) -> str:
    """Return the name of a calendar period, by the number that `period_index` gives it.

    Examples
    --------
    >>> period_label(673, "month"), period_label(224, "quarter"), period_label(56, "year")
    ('2026-02', '2026-Q1', '2026')
    >>> period_label(2927, "week")  # the Monday
    '2026-02-02'
    """
    start = _starts(index, word)
    if word == "quarter":
        return f"{start.year:04}-Q{(start.month + 2) // 3}"
    return start.isoformat()[: {"week": 10, "month": 7, "year": 4}[word]]


def last_complete(as_of: dt.date, word: str) -> int:
    """Return the number of the last calendar period that is over at the end of a day."""
    index = period_index(as_of, CODES[word])
    return index if period_end(index, CODES[word]).date() == as_of else index - 1


def _starts(index: int, word: str) -> dt.date:
    return (period_end(index - 1, CODES[word]) + dt.timedelta(microseconds=1)).date()


def _calendar(word: str, n: Any, first: dt.date, as_of: dt.date | None) -> list[Period]:
    one_of(word, CODES, "periods")
    last = last_complete(as_of or first, word)
    start = period_index(first, CODES[word])
    if n is not None:
        start = last + 1 - int(number(n, "number of periods", low=1, whole=True))
    if start > last:
        raise NotEnoughDataError(
            f"no {word} is over yet",
            where="periods",
            got=f"orders from {first.isoformat()}, known to {as_of.isoformat() if as_of else ''}",
        )
    return [
        Period(
            period_label(index, word),
            _starts(index, word),
            period_end(index, CODES[word]).date(),
            _starts(index, word),
            _starts(index - 1, word),  # months differ in length: the month before
        )
        for index in range(start, last + 1)
    ]


def _pair(pair: Any) -> Period:
    if isinstance(pair, str) or not isinstance(pair, Iterable) or len(pair := list(pair)) != 2:
        raise ParameterError(
            "a period is not a pair of dates",
            where="periods",
            got=pair,
            expected="its first and its last day, such as ('2026-01-01', '2026-03-31')",
        )
    start, end = (as_day(day, "periods") for day in pair)
    if end < start:
        raise ParameterError(
            "a period ends before it starts",
            where="periods",
            got=f"{start.isoformat()} to {end.isoformat()}",
        )
    label = f"{start.isoformat()} to {end.isoformat()}"
    return Period(label, start, end, start, _back(start, (end - start).days + 1))


def _back(day: dt.date, days: int) -> dt.date:
    return dt.date.fromordinal(max(1, day.toordinal() - days))
