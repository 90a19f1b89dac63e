"""Numbers as people read them: thousands separators, no false digits.

What is missing or not finite reads "n/a".
"""

from __future__ import annotations

import math
from typing import Any

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MONTHS = (  # strftime's follow the locale
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
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


def plain(value: Any) -> str:
    """Format a number whole where it is whole, to three significant digits elsewhere.

    Examples
    --------
    >>> plain(8.0), plain(8.25), plain(None)
    ('8', '8.25', 'n/a')
    """
    if _missing(value):
        return MISSING
    return count(value) if float(value).is_integer() else decimal(value)


def share(value: Any) -> str:
    """Format a share as a percentage.

    Examples
    --------
    >>> share(0.4136), share(0.0042), share(1), share(0.00001)
    ('41%', '0.4%', '100%', '<0.1%')
    """
    if _missing(value):
        return MISSING
    percent = 100 * value
    if 0 < percent < 0.05:
        return "<0.1%"
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
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return not math.isfinite(value)
