"""Ranges of what comes round again, such as the hours from 22 to 4, in words and as SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from segml.engine.sql import literal, quote
from segml.features.words import say_value

from ._conditions import Column, roundest

_BINS = 96  # of the circle, when it is looked for where to open it
_NAMED = ("weekday", "month")  # numbers that people say as names, each its nearest one


@dataclass(frozen=True)
class Arc:
    """Numbers on a circle after `start` and up to `end`, and those that are missing or not.

    Parameters
    ----------
    start, end : float
        Where they are the same, all numbers are meant.
    turn : float
        Where the circle is opened, for the order in which ranges are cut.
    missing : bool
        Whether it holds for those without a value.
    known : bool
        Whether it holds for any others.

    Examples
    --------
    >>> Arc(22, 4, 22).sql("hour"), Arc(4, 22, 22).sql("hour")
    ('("hour" > 22 OR "hour" <= 4)', '"hour" > 4 AND "hour" <= 22')
    """

    start: float
    end: float
    turn: float
    missing: bool = False
    known: bool = True

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Say for which numbers it holds."""
        with np.errstate(invalid="ignore"):
            after, until = values > self.start, values <= self.end
        inside = after & until if self.start < self.end else after | until
        inside = self.known & inside
        return inside | np.isnan(values) if self.missing else inside

    def both(self, other: Arc) -> Arc:
        """Return what holds where both do, of ranges that do not go over the turn."""
        first = max(self.start, other.start, key=lambda x: (x != self.turn, self._place(x)))
        last = min(self.end, other.end, key=lambda x: (x == self.turn, self._place(x)))
        return Arc(
            first, last, self.turn, self.missing and other.missing, self.known and other.known
        )

    def _place(self, value: float) -> tuple[bool, float]:
        return value <= self.turn, value

    def joined(self, other: Arc) -> Arc | None:
        """Return what holds where either does, if that is a range, which may go over the turn."""
        missing = self.missing or other.missing
        if not (self.known and other.known):
            return replace(self if self.known else other, missing=missing)
        first, second = (self, other) if self.end == other.start else (other, self)
        if first.end != second.start:
            return None
        return replace(first, end=second.end, missing=missing)

    @property
    def is_everything(self) -> bool:
        """Whether it holds for all."""
        return self.known and self.missing and self.start == self.end

    def sql(self, name: str) -> str:
        """Return it as SQL over a column of doubles."""
        column = quote(name)
        unknown = f"{column} IS NULL"
        if not self.known:
            return unknown
        if self.start == self.end:
            return f"{column} IS NOT NULL"
        after, until = f"{column} > {_number(self.start)}", f"{column} <= {_number(self.end)}"
        if self.start > self.end:
            parts = [after, until, *[unknown] * self.missing]
            return f"({' OR '.join(parts)})"
        inside = f"{after} AND {until}"
        return f"(({inside}) OR {unknown})" if self.missing else inside

    def say(self, column: Column) -> str:
        """Return it in words."""
        if not self.known:
            return f"{column.label} is unknown"
        if self.start == self.end:
            return f"{column.label} is known"
        unknown = " or unknown" if self.missing and column.has_missing else ""
        if column.whole or (_is_named(column) and self.start % 1 == self.end % 1 == 0.5):
            step = 1.0 if column.whole else 0.5
            first, last = (
                say_value(column.feature, value % column.cycle)
                for value in (self.start + step, self.end + step - 1)
            )
            said = f"is {first}" if first == last else f"from {first} to {last}"
            return f"{column.label} {said}{unknown}"
        return (
            f"{column.label} after {column.number(self.start)} until {column.number(self.end)}"
            f"{unknown}"
        )


def _number(value: float) -> str:
    return literal(int(value) if float(value).is_integer() else float(value))


def _is_named(column: Column) -> bool:
    return column.feature is not None and column.feature.unit in _NAMED


def cut(low: float, high: float, column: Column) -> float:
    """Return where to part two neighbours on a circle: a number that is easily said.

    Parameters
    ----------
    low, high : float
        The neighbours; from the last to the first one goes over the end of the cycle.
    column : Column
        Whole numbers are parted at the lower one, others at a full or half hour where that
        fits, and weekdays and months halfway, so that each is its nearest one.

    Examples
    --------
    >>> from segml.features import FEATURES
    >>> hour = Column("order_hour", FEATURES["order_hour"])
    >>> cut(8.3, 8.9, hour), cut(22.2, 1.5, hour)
    (8.5, 23.0)
    """
    if column.whole:
        return low
    high = high if low < high else column.cycle
    for step, offset in [(1.0, 0.5)] * _is_named(column) + [(1.0, 0.0), (0.5, 0.0), (0.25, 0.0)]:
        first = np.ceil((low - offset) / step)
        last = np.ceil((high - offset) / step) - 1
        if first <= last:
            middle = np.round(((low + high) / 2 - offset) / step)
            return float(np.clip(middle, first, last) * step + offset)
    return roundest(low, high)


def best_turn(values: np.ndarray, codes: np.ndarray, column: Column) -> float:
    """Return where to open a circle, so that one range of it tells segments apart best.

    Parameters
    ----------
    values : ndarray, shape (n,)
        From 0 to under the cycle.
    codes : ndarray of int, shape (n,)
        Segments.
    column : Column
        What they are.

    Notes
    -----
    Of all ranges between two of 96 places of the circle, that with the least impurity by
    Gini inside and outside; it begins where the circle is opened.
    """
    bins = _bins(values, column.cycle)
    counts = np.zeros((_BINS, int(codes.max(initial=0)) + 1))
    np.add.at(counts, (bins, codes), 1)
    upto = np.vstack([np.zeros(counts.shape[1]), counts.cumsum(axis=0)])
    first, last = np.triu_indices(_BINS + 1, 1)
    inside = upto[last] - upto[first]
    outside = upto[-1] - inside
    pure = [(one**2).sum(axis=1) / np.maximum(one.sum(axis=1), 1) for one in (inside, outside)]
    best = int(np.argmax(np.round(pure[0] + pure[1], 9)))
    distinct = np.unique(values)
    after = int(np.searchsorted(_bins(distinct, column.cycle), first[best]))
    return cut(distinct[after - 1], distinct[after % len(distinct)], column)


def _bins(values: np.ndarray, cycle: float) -> np.ndarray:
    """Return the place of values among those of the circle."""
    return np.minimum((values / cycle * _BINS).astype(int), _BINS - 1)
