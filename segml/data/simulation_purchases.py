"""When the customers of a simulated store buy, until when, and for how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core.seeds import generator

from .simulation_segments import TrueSegment, column

_YEAR = 365.25
_PEAK = 334  # days after New Year: the end of November


@dataclass(frozen=True)
class Clock:
    r"""The store's own time, which runs fast in the season and slowly out of it.

    On each day the clock runs at the constant pace

    .. math:: s(d) = 1 + A \cos(2 \pi (d - d_{peak}) / 365.25),

    so that :math:`\tau(t) = \int_0^t s(u) du` is piecewise linear and both ways exact.

    Parameters
    ----------
    start : Timestamp
        Midnight of the first day.
    days : int
        Length of the simulation.
    amplitude : float
        A; with 0 both times are the same.
    """

    start: pd.Timestamp
    days: int
    amplitude: float

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        day = np.arange(self.days)
        phase = self.start.day_of_year - 1 + day + 0.5 - _PEAK
        pace = 1 + self.amplitude * np.cos(2 * np.pi * phase / _YEAR)
        return np.arange(self.days + 1, dtype=float), np.concatenate([[0.0], np.cumsum(pace)])

    def to_store(self, days: np.ndarray | float) -> np.ndarray:
        """Turn days since the start into store time."""
        return np.asarray(days) if self.amplitude == 0 else np.interp(days, *self._knots())

    def to_days(self, moments: np.ndarray) -> np.ndarray:
        """Turn store time into days since the start."""
        days = moments if self.amplitude == 0 else np.interp(moments, *self._knots()[::-1])
        return np.minimum(days, np.nextafter(self.days, 0))


@dataclass(frozen=True)
class Population:
    """What is true of each customer; all arrays have one entry per customer.

    Parameters
    ----------
    segment : array of int
        Position among the true segments.
    rate, leave, spend_rate : array of float
        lambda (a day of store time), p, and the rate nu of the value of an order.
    first, left : array of float
        Days of the first purchase, and of the one after which the customer never came
        back: infinite for who is active at the end.
    """

    segment: np.ndarray
    rate: np.ndarray
    leave: np.ndarray
    spend_rate: np.ndarray
    first: np.ndarray
    left: np.ndarray


def draw_purchases(
    n: int, seed: int, segments: Sequence[TrueSegment], clock: Clock
) -> tuple[Population, np.ndarray, np.ndarray]:
    """Draw customers and their purchases, round by round.

    Returns
    -------
    population : Population
        The truth.
    customer, day : array
        One entry per purchase, the first ones included.
    """
    shares = column(segments, "share")
    rng = generator(seed, "simulation", "segment")
    segment = rng.choice(len(segments), size=n, p=shares / shares.sum()).astype(np.int8)
    rng = generator(seed, "simulation", "purchases")
    r, alpha, a, b = (column(segments, name)[segment] for name in ("r", "alpha", "a", "b"))
    # A rate of exactly 0 (underflow at small r) would never buy again: the same as tiny.
    rate = np.maximum(rng.gamma(r) / alpha, np.finfo(float).tiny)
    leave = rng.beta(a, b)
    spend_rate = draw_spend_rate(seed, segments, segment, "purchases")
    end = float(clock.to_store(float(clock.days)))
    now = rng.random(n) * end
    first = clock.to_days(now)
    left = np.full(n, np.inf)
    buyers, days = [np.arange(n, dtype=np.int32)], [first]
    living = buyers[0]
    while len(living):
        now = now + rng.exponential(size=len(living)) / rate[living]
        known = now < end
        living, now = living[known], now[known]
        day = clock.to_days(now)
        buyers.append(living)
        days.append(day)
        leaves = rng.random(len(living)) < leave[living]
        left[living[leaves]] = day[leaves]
        living, now = living[~leaves], now[~leaves]
    population = Population(segment, rate, leave, spend_rate, first, left)
    return population, np.concatenate(buyers), np.concatenate(days)


def draw_spend_rate(
    seed: int, segments: Sequence[TrueSegment], segment: np.ndarray, purpose: str
) -> np.ndarray:
    """Draw nu, the rate of the value of a customer's orders, from Gamma(q, rate v)."""
    rng = generator(seed, "simulation", "spend rate", purpose)
    q, v = column(segments, "q")[segment], column(segments, "v")[segment]
    return np.maximum(rng.gamma(q), np.finfo(float).tiny) / v


def draw_spend(
    seed: int,
    segments: Sequence[TrueSegment],
    segment: np.ndarray,
    spend_rate: np.ndarray,
    purpose: str,
) -> np.ndarray:
    """Draw the values of orders from Gamma(p, rate nu), in whole cents and at least one."""
    rng = generator(seed, "simulation", "spend", purpose)
    value = rng.gamma(column(segments, "p")[segment]) / spend_rate
    return np.clip(np.round(value, 2), 0.01, 1e12)
