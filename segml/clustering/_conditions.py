"""Conditions of rules: a range of numbers or a choice of levels, in words and as SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from segml._core import text
from segml.engine.sql import literal, quote
from segml.features import Feature
from segml.features.words import in_sentence


@dataclass(frozen=True)
class Range:
    """Numbers above `low` and up to `high`, and those that are missing or not.

    Examples
    --------
    >>> Range(2, 5).sql("orders"), Range(high=5, missing=True).sql("orders")
    ('"orders" > 2 AND "orders" <= 5', '("orders" <= 5 OR "orders" IS NULL)')
    """

    low: float = -math.inf
    high: float = math.inf
    missing: bool = False

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Say for which numbers it holds."""
        with np.errstate(invalid="ignore"):
            inside = (values > self.low) & (values <= self.high)
        return inside | np.isnan(values) if self.missing else inside

    def joined(self, other: Range) -> Range | None:
        """Return what holds where either does, if that is a range."""
        first, second = sorted((self, other), key=lambda one: (one.low, one.high))
        if first.high != second.low and math.inf not in (first.low, second.low):
            return None
        missing = first.missing or second.missing
        return Range(first.low, first.high if second.low == math.inf else second.high, missing)

    @property
    def is_everything(self) -> bool:
        """Whether it holds for all."""
        return self == Range(missing=True)

    def sql(self, name: str) -> str:
        """Return it as SQL over a column of doubles."""
        column = quote(name)
        if self.low == math.inf:
            return f"{column} IS NULL"
        ends = [f"{column} > {_literal(self.low)}"] if self.low > -math.inf else []
        if self.high < math.inf:
            ends.append(f"{column} <= {_literal(self.high)}")
        inside = " AND ".join(ends) or f"{column} IS NOT NULL"
        if not self.missing:
            return inside
        return f"({f'({inside})' if len(ends) > 1 else inside} OR {column} IS NULL)"

    def say(self, column: Column) -> str:
        """Return it in words."""
        label = column.label
        if self.low == math.inf:
            return f"{label} is unknown"
        unknown = " or unknown" if self.missing and column.has_missing else ""
        low, high = self.low > -math.inf, self.high < math.inf
        if column.feature and column.feature.unit == "yes or no" and low != high:
            return f"{label} is {'yes' if low else 'no'}{unknown}"
        if not low and not high:
            return f"{label} is known"
        above = (
            f">= {column.number(self.low + 1)}" if column.whole else f"> {column.number(self.low)}"
        )
        if low and high and column.whole and self.low + 1 == self.high:
            said = f"= {column.number(self.high)}"
        elif low and high and column.whole:
            said = f"from {column.number(self.low + 1)} to {column.number(self.high)}"
        elif low and high:
            said = f"{above} and <= {column.number(self.high)}"
        else:
            said = above if low else f"<= {column.number(self.high)}"
        return f"{label} {said}{column.unit}{unknown}"


@dataclass(frozen=True)
class Choice:
    """Some of the levels that a category is known to have; `others` are all further ones.

    Examples
    --------
    >>> print(Choice(frozenset({"DE"}), ("DE", "FR")).sql("country"))
    "country" IN ('DE')
    >>> print(Choice(frozenset({"DE"}), ("DE", "FR"), others=True).sql("country"))
    "country" NOT IN ('FR')
    """

    chosen: frozenset[str]
    levels: tuple[str, ...]
    others: bool = False
    missing: bool = False

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Say for which levels, None where missing, it holds."""
        known = np.array([value is not None for value in values], dtype=bool)
        named = np.isin(values.astype(str), self.levels) & known
        inside = np.isin(values.astype(str), sorted(self.chosen)) & named
        return inside | (self.others & known & ~named) | (self.missing & ~known)

    def joined(self, other: Choice) -> Choice:
        """Return what holds where either does."""
        return replace(
            self,
            chosen=self.chosen | other.chosen,
            others=self.others or other.others,
            missing=self.missing or other.missing,
        )

    @property
    def is_everything(self) -> bool:
        """Whether it holds for all."""
        return self.others and self.missing and len(self.chosen) == len(self.levels)

    def sql(self, name: str) -> str:
        """Return it as SQL over a column of texts."""
        column = quote(name)
        listed = [one for one in self.levels if (one in self.chosen) != self.others]
        if self.others:
            inside = f"{column} NOT IN {literal(listed)}" if listed else f"{column} IS NOT NULL"
        else:
            inside = f"{column} IN {literal(listed)}" if listed else ""
        if not self.missing:
            return inside or "FALSE"
        return f"({inside} OR {column} IS NULL)" if inside else f"{column} IS NULL"

    def say(self, column: Column) -> str:
        """Return it in words."""
        listed = [one for one in self.levels if (one in self.chosen) != self.others]
        if not listed:
            if not self.others:
                return f"{column.label} is unknown"
            return f"{column.label} is known"
        said = f"{column.label} is {'not ' if self.others else ''}{_either(listed)}"
        if self.others and not self.missing and column.has_missing:
            return f"{said}, and known"
        return f"{said} or unknown" if self.missing and not self.others else said


@dataclass(frozen=True)
class Column:
    """What words need to know of a feature."""

    name: str
    feature: Feature | None = None
    whole: bool = False
    has_missing: bool = False

    @property
    def cycle(self) -> float:
        """After how much its numbers come round, 0 where they do not."""
        return self.feature.cycle if self.feature else 0.0

    @property
    def label(self) -> str:
        """Its name within a sentence."""
        return in_sentence(self.feature.label) if self.feature else str(self.name)

    @property
    def unit(self) -> str:
        """What its numbers count, where the label does not say so."""
        unit = self.feature.unit if self.feature else ""
        return f" {unit}" if unit in ("days", "years", "seconds") and unit not in self.label else ""

    def number(self, value: float) -> str:
        """Return a threshold, with all its digits."""
        unit = self.feature.unit if self.feature else ""
        if unit == "share":
            return f"{Decimal(repr(float(value))) * 100:,f}".removesuffix(".0") + "%"
        if unit == "hour" and (value * 60).is_integer():
            return f"{int(value):02d}:{round(value * 60) % 60:02d}"
        if unit in ("weekday", "month"):
            return f"{float(value):g} ({'Monday' if unit == 'weekday' else text.MONTHS[0]} is 0)"
        return f"{Decimal(repr(float(value))):,f}".removesuffix(".0")


def roundest(low: float, high: float) -> float:
    """Return the number of the fewest digits from `low` to under `high`.

    Of several with as few, the one nearest to the middle.

    Examples
    --------
    >>> roundest(22, 25), roundest(1812.3, 2210.7), roundest(0.3312, 0.3391)
    (23.0, 2000.0, 0.335)
    """
    if low <= 0 < high:
        return 0.0
    a, b = Decimal(low), Decimal(high)
    middle = (a + b) / 2
    start = max(abs(a), abs(b)).adjusted()
    for exponent in range(start, start - 20, -1):
        step = Decimal(1).scaleb(exponent)
        first, last = math.ceil(a / step), math.ceil(b / step) - 1
        if first <= last:
            best = min(max(math.ceil(middle / step - Decimal("0.5")), first), last)
            found = float(best * step)
            if low <= found < high:
                return found
    return float(low)


def _literal(value: float) -> str:
    whole = float(value).is_integer() and abs(value) < 2**53
    return literal(int(value) if whole else float(value))


def _either(levels: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(levels[:-1]), levels[-1]]))
