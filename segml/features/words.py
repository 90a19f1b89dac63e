"""Values of features as people say them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from segml._core import text

from .encoders import level_text
from .feature import Feature

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS: dict[str, Callable[[Any], str]] = {
    "share": text.share,
    "hour": lambda value: f"{round(value) % 24:02d}:00",
    "weekday": lambda value: _DAYS[round(value) % 7],
    "month": lambda value: text.MONTHS[round(value) % 12],
}


def say_value(feature: Feature | None, value: Any) -> str:
    """Return a number in the unit of its feature.

    Parameters
    ----------
    feature : Feature or None
        What it is a value of, where that is known.
    value : float
        The number.

    Returns
    -------
    str
        A percentage of a share, the nearest full hour, the weekday (0 is Monday), the
        month (0 is January), other numbers as they are; "n/a" where it is missing.

    Examples
    --------
    >>> from segml.features import FEATURES
    >>> say_value(FEATURES["order_weekday"], 5.8), say_value(FEATURES["aov"], 31.5)
    ('Sunday', '31.5')
    """
    if pd.isna(value):
        return text.MISSING
    return _UNITS.get(feature.unit if feature else "", text.plain)(value)


def in_sentence(label: str) -> str:
    """Return a label as it stands within a sentence.

    Examples
    --------
    >>> in_sentence("Average order value"), in_sentence("NPS class")
    ('average order value', 'NPS class')
    """
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def levels_of(feature: Feature, values: pd.Series) -> pd.Series | None:
    """Return values that are counted, not averaged, as texts.

    Parameters
    ----------
    feature : Feature
        What they are values of.
    values : Series
        By customer; missing values are left out.

    Returns
    -------
    Series of str or None
        Categories; the full hours, weekdays or months of a cyclic feature; "yes" and
        "no". None for other numbers.

    Examples
    --------
    >>> from segml.features import FEATURES
    >>> levels_of(FEATURES["order_hour"], pd.Series([23.8, None, 9.1])).tolist()
    ['00:00', '09:00']
    """
    known = values.dropna()
    if feature.is_category:
        return known.map(level_text).astype(object)
    if feature.scale == "cyclic" and feature.unit in _UNITS:
        return known.astype(float).map(_UNITS[feature.unit]).astype(object)
    if feature.unit == "yes or no":
        return known.astype(float).map(lambda value: "yes" if value else "no").astype(object)
    return None


def level_order(feature: Feature | None, counts: pd.Series) -> list[str]:
    """Return levels in their own order where they have one, else the most frequent first.

    Parameters
    ----------
    feature : Feature or None
        What they are levels of.
    counts : Series
        How many customers, by level.

    Examples
    --------
    >>> level_order(None, pd.Series({"DE": 1, "FR": 3, "AT": 1}))
    ['FR', 'AT', 'DE']
    """
    order = all_levels(feature) if feature else ()
    if set(counts.index) <= set(order):
        return [level for level in order if level in counts.index]
    return sorted(counts.index, key=lambda level: (-counts[level], level))


def all_levels(feature: Feature) -> tuple[str, ...]:
    """Return all possible levels in order, where these are known beforehand.

    Examples
    --------
    >>> from segml.features import FEATURES
    >>> all_levels(FEATURES["order_weekday"])[5:], all_levels(FEATURES["nps_class"])
    (('Saturday', 'Sunday'), ('detractor', 'passive', 'promoter'))
    """
    fixed = {"weekday": _DAYS, "month": text.MONTHS, "yes or no": ("yes", "no")}
    if feature.unit == "hour":
        return tuple(f"{hour:02d}:00" for hour in range(24))
    return feature.levels or fixed.get(feature.unit, ())
