"""SQL texts with named placeholders, bound as quoted literals and identifiers."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from segml._core.check import nearest
from segml._core.errors import ParameterError

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


class Identifier(str):
    """A column or table name; rendered quoted."""


class Fragment(str):
    """SQL that segml composed from quoted parts; rendered as it is.

    Names and texts of users reach a query only within a fragment or as a value, never
    as part of the text: braces in them would be taken for placeholders.
    """


def identifier(name: str) -> Identifier:
    """Mark a name so that it is rendered as a quoted identifier."""
    return Identifier(name)


def quote(name: str) -> str:
    """Quote an identifier.

    Examples
    --------
    >>> print(quote('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Render a Python value as a SQL literal.

    Parameters
    ----------
    value : None, bool, int, float, Decimal, str, date, datetime or a list or tuple of these
        Times are taken as they stand, without a zone.

    Raises
    ------
    ParameterError
        For other types, for numbers that are not finite or need more than 128 bits, and
        for missing times.

    Examples
    --------
    >>> import datetime as dt
    >>> literal("O'Brien"), literal(dt.date(1998, 6, 30)), literal((1, 2))
    ("'O''Brien'", "DATE '1998-06-30'", '(1, 2)')
    """
    if value is None:
        return "NULL"
    if isinstance(value, (Identifier, Fragment)):
        return quote(value) if isinstance(value, Identifier) else str(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if (isinstance(value, int) and -(2**127) <= value < 2**127) or (
        isinstance(value, Decimal) and value.is_finite()
    ):
        return f"({value})" if value < 0 else str(value)  # "1 -{x}" must not become a comment
    if isinstance(value, float) and math.isfinite(value):
        return f"CAST({float(value)!r} AS DOUBLE)"  # float(): numpy's repr names its type
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, dt.datetime) and value == value:  # NaT is not
        return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(sep=' ')}'"
    if isinstance(value, dt.date) and value == value:
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, (list, tuple)) and value:
        return "(" + ", ".join(literal(item) for item in value) + ")"
    raise ParameterError(
        "this value cannot stand in a query",
        got=value,
        expected="text, a finite number, a date, a time, a truth value or None",
    )


def render(text: str, values: Mapping[str, Any]) -> str:
    """Fill the ``{name}`` placeholders of a SQL text.

    Parameters
    ----------
    text : str
        SQL with placeholders in braces.
    values : mapping
        A value for each placeholder: see :func:`literal`; identifiers are quoted.

    Raises
    ------
    ParameterError
        A placeholder has no value, or a value has no placeholder.

    Examples
    --------
    >>> print(render("SELECT {c} FROM t WHERE x = {x}", {"c": identifier("my col"), "x": "a'b"}))
    SELECT "my col" FROM t WHERE x = 'a''b'
    """
    used = set(_PLACEHOLDER.findall(text))
    if unknown := sorted(used - set(values)):
        raise ParameterError(
            "a placeholder of the query has no value",
            where="{" + unknown[0] + "}",
            nearest=nearest(unknown[0], values),
        )
    if unused := sorted(set(values) - used):
        raise ParameterError("the query has no placeholder for this value", where=unused[0])
    return _PLACEHOLDER.sub(lambda match: literal(values[match.group(1)]), text)
