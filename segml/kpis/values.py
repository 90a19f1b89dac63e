"""From sums over customers to values, intervals and differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from .intervals import bounded, clustered, delta, median, newcombe, wilson
from .kpi import KPI
from .sums import Sums

NOBODY = "the segment has no customer"
NO_DENOMINATOR = "nobody to divide by"
ALONE = "one customer gives no interval"
AT_LIMIT = "no interval: all are alike"


@dataclass(frozen=True)
class Result:
    """One cell of the table of KPIs.

    Parameters
    ----------
    value, low, high : float
        Missing where they cannot be computed.
    difference, difference_low, difference_high : float
        To all customers.
    numerator, denominator : float
        What was divided.
    reason : str
        Why the value or its interval is missing.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    difference: float = math.nan
    difference_low: float = math.nan
    difference_high: float = math.nan
    numerator: float = math.nan
    denominator: float = math.nan
    reason: str = ""


def from_sums(kpi: KPI, sums: Sums, n: np.ndarray, period: int, level: float) -> Iterator[Result]:
    """Return a result for each segment and, last, for all customers in one period."""
    at = _At(kpi, sums.y[period], sums.x[period], sums.center[period], n[period], level)
    at.limits = sums.limits
    at.ee, at.ex, at.xx = sums.ee[period], sums.ex[period], sums.xx[period]
    for segment in range(len(at.n)):
        yield at.segment(segment)
    yield at.everyone()


class _At:
    """The sums of one KPI in one period."""

    ee: np.ndarray
    ex: np.ndarray
    xx: np.ndarray
    limits: tuple[float, float]

    def __init__(
        self,
        kpi: KPI,
        y: np.ndarray,
        x: np.ndarray,
        center: np.ndarray,
        n: np.ndarray,
        level: float,
    ) -> None:
        self.kpi, self.y, self.x, self.center, self.n, self.level = kpi, y, x, center, n, level
        self.total_y, self.total_x = float(y.sum()), float(x.sum())
        self.whole = self.total_y / self.total_x if self.total_x else math.nan

    def segment(self, i: int) -> Result:
        kpi, y = self.kpi, float(self.y[i])
        if not self.n[i] and not (kpi.of_all or kpi.numerator == "1"):
            return Result(reason=NOBODY)
        if kpi.interval == "none":
            return Result(y, difference=y - self.total_y, numerator=y)
        x = self.total_x if kpi.of_all else float(self.x[i])
        if x == 0:
            return Result(numerator=y, denominator=x, reason=NO_DENOMINATOR)
        value = y / x
        n = int(self.n.sum() if kpi.of_all else self.n[i])
        spread = self._spread(i)
        squares = float(self.xx.sum() if kpi.of_all else self.xx[i])
        low, high, reason = self._interval(value, spread, x, squares, n)
        if kpi.of_all and self.n[i] == self.n.sum():
            low, high, reason = math.nan, math.nan, ""  # the whole of the whole, no estimate
        return Result(
            value, low, high, value - self.whole, *self._difference(i, value), y, x, reason
        )

    def everyone(self) -> Result:
        kpi = self.kpi
        if not self.n.sum():
            return Result(reason="no customer has ordered yet")
        if kpi.interval == "none":
            return Result(self.total_y, difference=0.0, numerator=self.total_y)
        if self.total_x == 0:
            return Result(numerator=self.total_y, denominator=0.0, reason=NO_DENOMINATOR)
        if kpi.of_all:
            return Result(
                self.whole, difference=0.0, numerator=self.total_y, denominator=self.total_x
            )
        low, high, reason = self._interval(
            self.whole,
            self._spread_around(self.whole),
            self.total_x,
            float(self.xx.sum()),
            int(self.n.sum()),
        )
        return Result(
            self.whole,
            low,
            high,
            0.0,
            numerator=self.total_y,
            denominator=self.total_x,
            reason=reason,
        )

    def _spread(self, i: int) -> float:
        """Return the sum of (y - r x)² over the customers that the ratio is of."""
        if not self.kpi.of_all:
            return float(self.ee[i])
        # Those of other segments have y = 0.
        others = float(self.xx.sum() - self.xx[i])
        return float(self.ee[i]) + float(self.center[i]) ** 2 * others

    def _spread_around(self, ratio: float) -> float:
        shift = self.center - ratio
        return float((self.ee + 2 * shift * self.ex + shift**2 * self.xx).sum())

    def _interval(
        self, value: float, spread: float, total: float, squares: float, n: int
    ) -> tuple[float, float, str]:
        if self.kpi.interval == "wilson":
            return *wilson(value * total, total, self.level), ""
        if n < 2:
            return math.nan, math.nan, ALONE
        if self.kpi.interval == "clustered" and 0 <= value <= 1:
            return *clustered(value, spread, total, squares, n, self.level), ""
        low, high = delta(value, spread, total, n, self.level)
        leaves = low < self.limits[0] or high > self.limits[1] or value in self.limits
        if leaves and self.limits == (0, 1):
            return *clustered(value, spread, total, squares, n, self.level), ""
        low, high = bounded(value, value - low, *self.limits)
        return low, high, AT_LIMIT if math.isnan(low) else ""

    def _difference(self, i: int, value: float) -> tuple[float, float]:
        """Return the interval of the difference to all customers, of whom these are a part."""
        x, rest = float(self.x[i]), self.total_x - float(self.x[i])
        n = int(self.n.sum())
        if self.kpi.of_all or not rest or n < 2:
            return math.nan, math.nan
        if self.kpi.interval == "wilson":
            # The difference to all is that to the others, times their part.
            others = (self.total_y - float(self.y[i])) / rest
            low, high = newcombe(value, x, others, rest, self.level)
            part = rest / self.total_x
            return low * part, high * part
        # Each customer's influence: e / X of the segment, less that on the ratio of all.
        shift = self.center[i] - self.whole
        own = float(self.ee[i])
        cross = own + shift * float(self.ex[i])
        both = own + 2 * shift * float(self.ex[i]) + shift**2 * float(self.xx[i])
        others = max(self._spread_around(self.whole) - both, 0.0)
        squares = own / x**2 - 2 * cross / (x * self.total_x) + (both + others) / self.total_x**2
        half = float(norm.ppf(0.5 + self.level / 2)) * math.sqrt(n / (n - 1) * max(squares, 0.0))
        return value - self.whole - half, value - self.whole + half


def from_counts(found: pd.DataFrame, n: np.ndarray, period: int, level: float) -> Iterator[Result]:
    """Return the median of counted values for each segment and, last, for all customers."""
    here = found[found["period"] == period]
    groups = [here[here["code"] == code] for code in range(n.shape[1])]
    whole = _median(here.groupby("value")["n"].sum().reset_index(), math.nan, level)
    for code, group in enumerate(groups):
        if not n[period, code]:
            yield Result(reason=NOBODY)
        else:
            yield _median(group, whole.value, level)
    yield _median(here.groupby("value")["n"].sum().reset_index(), whole.value, level)


def _median(group: pd.DataFrame, whole: float, level: float) -> Result:
    if group.empty:
        return Result(reason="nobody to take the median of")
    n = float(group["n"].sum())
    value, low, high = median(group["value"].to_numpy(), group["n"].to_numpy(), level)
    reason = "too few customers for an interval" if math.isnan(low) else ""
    return Result(value, low, high, value - whole, denominator=n, reason=reason)
