"""Checks of arguments, with messages of one shape."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from .errors import ParameterError

T = TypeVar("T")


def nearest(value: object, choices: Iterable[str]) -> str | None:
    """Return the choice spelt most like `value`, or None when nothing comes close.

    Examples
    --------
    >>> nearest("frequenzy", ["frequency", "recency"])
    'frequency'
    >>> nearest("x", ["frequency", "recency"]) is None
    True
    """
    choices = list(choices)
    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(str(value).casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def one_of(value: T, allowed: Iterable[T], name: str) -> T:
    """Return `value` if it is one of `allowed`.

    Raises
    ------
    ParameterError
        Names the parameter, what is allowed and the nearest spelling.

    Examples
    --------
    >>> one_of("D", ["D", "W"], "period")
    'D'
    """
    allowed = list(allowed)
    if value in allowed:
        return value
    raise ParameterError(
        f"unknown value for {name}",
        where=name,
        got=value,
        expected="one of " + ", ".join(str(choice) for choice in allowed),
        nearest=nearest(value, [str(choice) for choice in allowed]),
    )


def number(
    value: Any,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    whole: bool = False,
) -> float:
    """Return `value` as a finite number within bounds (whole numbers as int).

    Parameters
    ----------
    value : object
        What the caller passed; booleans are not numbers.
    name : str
        The parameter, for the message.
    low, high : float
        Bounds; `low` itself is excluded when `open_low`.
    whole : bool
        Whether only whole numbers are allowed.

    Raises
    ------
    ParameterError
        When it is not such a number.

    Examples
    --------
    >>> number(3, "n_segments", low=1, whole=True)
    3
    """
    wanted = "a whole number" if whole else "a finite number"
    if low > -math.inf:
        wanted += f" {'greater than' if open_low else 'of at least'} {low:g}"
    if high < math.inf:
        wanted += f"{' and' if low > -math.inf else ''} of at most {high:g}"
    valid = (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (not whole or float(value).is_integer())
        and low <= value <= high
        and not (open_low and value == low)
    )
    if not valid:
        raise ParameterError(f"{name} is out of range", where=name, got=value, expected=wanted)
    return int(value) if whole else float(value)
