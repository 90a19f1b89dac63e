"""Numbers as people read them: thousands separators, no false digits."""

from __future__ import annotations

import math
from typing import Any

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MISSING = "n/a"


def count(value: Any) -> str:
    """Format a count: ``12,345``.

    Examples
    --------
    >>> count(12345.0)
    '12,345'
    """
    return MISSING if _missing(value) else f"{round(value):,}"


def decimal(value: Any, digits: int = 3) -> str:
    """Format a number to about `digits` significant digits, whole where it is large.

    Examples
    --------
    >>> decimal(3.14159), decimal(1234.5), decimal(0.00123)
    ('3.14', '1,234', '0.00123')
    """
    if _missing(value):
        return MISSING
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def share(value: Any) -> str:
    """Format a share as a percentage.

    Examples
    --------
    >>> share(0.4136), share(0.0042), share(1)
    ('41%', '0.4%', '100%')
    """
    if _missing(value):
        return MISSING
    percent = 100 * value
    return f"{percent:.1f}%" if 0 < abs(percent) < 9.95 else f"{percent:.0f}%"


def money(value: Any, currency: str = "") -> str:
    """Format an amount with its currency.

    Examples
    --------
    >>> money(1234567, "USD"), money(35.5, "USD"), money(-3, "CHF")
    ('$1.23M', '$35.50', '-CHF 3.00')
    """
    if _missing(value):
        return MISSING
    size = abs(value)
    if size >= 999_500:
        body = f"{size / 1e6:,.2f}M"
    elif size >= 1000:
        body = f"{size:,.0f}"
    else:
        body = f"{size:,.2f}"
    mark = _SYMBOLS.get(currency, f"{currency} " if currency else "")
    return f"{'-' if value < 0 else ''}{mark}{body}"


def _missing(value: Any) -> bool:
    return value is None or value != value  # NaN and NA-like are not equal to themselves
