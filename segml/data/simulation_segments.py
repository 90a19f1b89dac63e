"""The true segments of a simulated store: how each buys, spends, answers and responds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import ParameterError

CHANNELS = ("organic", "direct", "paid_search", "social", "affiliate")
CATEGORIES = ("Fashion", "Electronics", "Home", "Beauty", "Sports", "Books")
SCALES = ("price_consciousness", "novelty_seeking", "brand_loyalty", "sustainability")

_POSITIVE = ("share", "r", "alpha", "a", "b", "p", "q", "v", "age", "income")
_SHARES = ("female", "urban", "mobile", "coupon_rate", "conversion")
_WEIGHTS = {"channels": CHANNELS, "categories": CATEGORIES}


@dataclass(frozen=True)
class TrueSegment:
    """One segment of a simulated store.

    Parameters
    ----------
    name : str
        Its name in the truth; it appears in none of the tables.
    share : float
        Weight among the segments.
    r, alpha : float
        Purchase rates a day are Gamma(shape `r`, rate `alpha` in days); at most 24 a day
        on average.
    a, b : float
        Chances to leave after a repeat purchase are Beta(`a`, `b`).
    p, q, v : float
        An order is worth Gamma(shape `p`, rate nu), nu is Gamma(shape `q`, rate `v` in money).
    age, income : float
        Mean age in years (standard deviation 9, at least 18) and median income a year
        (lognormal, sigma 0.35).
    female, urban, mobile, coupon_rate : float
        Shares: women, customers in large cities, customers whose device is a phone, and
        orders with a coupon.
    basket : float
        Mean number of different products in an order, at least 1.
    channels, categories : tuple of float
        Weights of how customers are won (``CHANNELS``) and what they buy (``CATEGORIES``).
    scales : tuple of float
        Mean answers from 1 to 5 to the psychographic questions (``SCALES``).
    nps : float
        Mean answer from 0 to 10 to the recommendation question.
    conversion, uplift : float
        Chance that an active customer who gets variant A of a campaign buys, and how much
        variant B adds to it.

    Raises
    ------
    ParameterError
        A value is out of range.

    Examples
    --------
    >>> TrueSegment("all", 1, r=0.8, alpha=60, a=0.8, b=2.5, p=6, q=4, v=15).conversion
    0.03
    """

    name: str
    share: float
    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float
    age: float = 40
    income: float = 40_000
    female: float = 0.5
    urban: float = 0.5
    mobile: float = 0.5
    coupon_rate: float = 0.1
    basket: float = 1.8
    channels: tuple[float, ...] = (3, 2, 2, 2, 1)
    categories: tuple[float, ...] = (1, 1, 1, 1, 1, 1)
    scales: tuple[float, ...] = (3, 3, 3, 3)
    nps: float = 7
    conversion: float = 0.03
    uplift: float = 0.01

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            number(getattr(self, name), name, low=0, open_low=True)
        # More purchases would take forever to draw, round by round.
        number(self.r / self.alpha, "r / alpha", high=24)
        for name in _SHARES:
            number(getattr(self, name), name, low=0, high=1)
        number(self.basket, "basket", low=1, high=50)
        number(self.nps, "nps", low=0, high=10)
        number(self.uplift, "uplift", low=-self.conversion, high=1 - self.conversion)
        for name, labels in {**_WEIGHTS, "scales": SCALES}.items():
            values = getattr(self, name)
            if len(values) != len(labels):
                raise ParameterError(
                    f"{name} has the wrong number of values",
                    where=name,
                    got=values,
                    expected=f"{len(labels)}: {', '.join(labels)}",
                )
            for value in values:
                number(value, name, low=1 if name == "scales" else 0)
            number(sum(values), name, low=0, open_low=True)


SEGMENTS: tuple[TrueSegment, ...] = (
    TrueSegment(
        "Loyal regulars", 0.15, r=4, alpha=110, a=0.8, b=12, p=6, q=6, v=50,
        age=45, income=46_000, female=0.6, urban=0.5, mobile=0.45, coupon_rate=0.08, basket=2.4,
        channels=(4, 4, 1, 1, 1), categories=(2, 1, 3, 3, 1, 2), scales=(2.6, 3.0, 4.4, 3.4),
        nps=9.0, conversion=0.08, uplift=0.0,
    ),
    TrueSegment(
        "Big spenders", 0.10, r=2, alpha=130, a=1, b=9, p=6, q=6, v=150,
        age=49, income=82_000, female=0.45, urban=0.75, mobile=0.35, coupon_rate=0.04, basket=2.8,
        channels=(3, 3, 3, 1, 0), categories=(2, 5, 3, 1, 2, 1), scales=(1.7, 3.9, 3.6, 3.2),
        nps=8.2, conversion=0.05, uplift=0.03,
    ),
    TrueSegment(
        "Bargain hunters", 0.25, r=1.5, alpha=100, a=1.2, b=5, p=5, q=5, v=24,
        age=36, income=31_000, female=0.62, urban=0.45, mobile=0.65, coupon_rate=0.45, basket=1.8,
        channels=(2, 1, 2, 2, 4), categories=(4, 1, 2, 3, 1, 1), scales=(4.6, 3.0, 2.0, 2.6),
        nps=7.2, conversion=0.10, uplift=0.05,
    ),
    TrueSegment(
        "Occasional", 0.30, r=1, alpha=200, a=1, b=4, p=4, q=4.5, v=52,
        age=41, income=40_000, female=0.5, urban=0.5, mobile=0.55, coupon_rate=0.12, basket=1.6,
        channels=(4, 2, 3, 2, 1), categories=(2, 2, 2, 1, 2, 2), scales=(3.2, 2.9, 2.9, 3.0),
        nps=7.0, conversion=0.03, uplift=0.01,
    ),
    TrueSegment(
        "Young one-timers", 0.20, r=0.5, alpha=250, a=2, b=2, p=4, q=4, v=45,
        age=27, income=27_000, female=0.48, urban=0.7, mobile=0.85, coupon_rate=0.2, basket=1.3,
        channels=(1, 1, 2, 5, 2), categories=(3, 3, 1, 2, 3, 0), scales=(3.6, 4.3, 1.8, 3.8),
        nps=5.8, conversion=0.02, uplift=-0.01,
    ),
)  # fmt: skip
"""The segments of :func:`segml.data.simulate_store` where no others are given.

================  =====  ===================  ===================  =================  ======
segment           share  days between orders  leaves after each    mean of an order   uplift
                         (alpha / r)          (a / (a + b))        (p v / (q - 1))
================  =====  ===================  ===================  =================  ======
Loyal regulars      15%                 27.5                 6.2%                 60    0.00
Big spenders        10%                 65.0                10.0%                180    0.03
Bargain hunters     25%                 66.7                19.4%                 30    0.05
Occasional          30%                200.0                20.0%                 59    0.01
Young one-timers    20%                500.0                50.0%                 60   -0.01
================  =====  ===================  ===================  =================  ======
"""


def check_segments(segments: Sequence[TrueSegment]) -> tuple[TrueSegment, ...]:
    """Return the segments as a tuple.

    Raises
    ------
    ParameterError
        There is none, one is no :class:`TrueSegment`, or two have one name.
    """
    valid = isinstance(segments, Sequence) and all(isinstance(s, TrueSegment) for s in segments)
    if not valid or not segments or len({s.name for s in segments}) < len(segments):
        raise ParameterError(
            "these are no segments to simulate",
            where="segments",
            got=segments,
            expected="at least one TrueSegment, each with a name of its own",
        )
    return tuple(segments)


def column(segments: Sequence[TrueSegment], name: str) -> np.ndarray:
    """Return one parameter of all segments; weights and scales as a row for each segment."""
    return np.array([getattr(segment, name) for segment in segments], dtype=float)


def segment_table(segments: Sequence[TrueSegment]) -> pd.DataFrame:
    """Return the parameters, one row per segment; shares sum to 1.

    Examples
    --------
    >>> segment_table(SEGMENTS)["share"].to_dict()["Occasional"]
    0.3
    """
    table = pd.DataFrame([asdict(segment) for segment in segments]).set_index("name")
    table.index.name = "segment"
    table["share"] = table["share"] / table["share"].sum()
    return table
