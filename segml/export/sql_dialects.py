"""SQL of segml's engine as a warehouse reads it, without segml's own functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

#: A text or a quoted name; what stands within one is not touched.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_TYPE = re.compile(r"\b(VARCHAR|DOUBLE|BIGINT)\b")
_FUNCTION = re.compile(r"\b(isnan|isfinite)\(")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Dialect:
    """How a warehouse spells names, texts, types and the two functions that differ.

    Parameters
    ----------
    name_quote : str
        What stands around a name.
    escapes : bool
        Whether a backslash in a text begins an escape.
    upper : bool
        Whether names that are written without quotes are kept in capitals, as is usual for
        columns there; plain names are then looked for in capitals.
    types : mapping of str to str
        The engine's type to its own name.
    is_nan, is_finite : str
        What a number that is no number, and one that is neither that nor infinite, are told
        by; ``{x}`` is the number, which is not missing.
    """

    name_quote: str = '"'
    escapes: bool = False
    upper: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    is_nan: str = "isnan({x})"
    is_finite: str = "isfinite({x})"


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "duckdb": Dialect(),
        "spark": Dialect(
            name_quote="`",
            escapes=True,
            types={"VARCHAR": "STRING"},
            is_finite="(NOT isnan({x}) AND abs({x}) < CAST('Infinity' AS DOUBLE))",
        ),
        # NaN is equal to itself there, and more than infinity.
        "postgres": Dialect(
            types={"DOUBLE": "DOUBLE PRECISION"},
            is_nan="({x} = CAST('NaN' AS DOUBLE PRECISION))",
            is_finite="(abs({x}) < CAST('Infinity' AS DOUBLE PRECISION))",
        ),
        "bigquery": Dialect(
            name_quote="`",
            escapes=True,
            types={"VARCHAR": "STRING", "DOUBLE": "FLOAT64", "BIGINT": "INT64"},
            is_nan="is_nan({x})",
            is_finite="(NOT is_nan({x}) AND NOT is_inf({x}))",
        ),
        "snowflake": Dialect(
            escapes=True,
            upper=True,
            is_nan="({x} = CAST('NaN' AS DOUBLE))",
            is_finite="(abs({x}) < CAST('inf' AS DOUBLE))",
        ),
    }
)


def translate(text: str, dialect: Dialect) -> str:
    r"""Spell a SQL text as a dialect has it.

    Parameters
    ----------
    text : str
        In the engine's terms: names in double quotes, standard types, ``isnan`` and
        ``isfinite`` the only functions that dialects have not in common.
    dialect : Dialect
        Whose.

    Examples
    --------
    >>> print(translate('SELECT CAST("a b" AS DOUBLE)', DIALECTS["bigquery"]))
    SELECT CAST(`a b` AS FLOAT64)
    >>> print(translate('SELECT isnan(CAST("(" AS DOUBLE))', DIALECTS["postgres"]))
    SELECT (CAST("(" AS DOUBLE PRECISION) = CAST('NaN' AS DOUBLE PRECISION))
    """
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(_spelled(found.group(), dialect))
        return f"\0{len(kept) - 1}\0"

    plain = _QUOTED.sub(keep, text)
    # Lines of many columns are broken, for who reads them.
    plain = re.sub(r"( AS (?:encoded|scaled|distance)_\d+,) ", r"\1\n", plain)
    plain = re.sub(r"(\),?) (?=SELECT |nearest AS )| (?=FROM )", r"\1\n", plain)
    plain = _TYPE.sub(lambda found: dialect.types.get(found[1], found[1]), plain)
    plain = _functions(plain, dialect)
    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], plain)


def _functions(text: str, dialect: Dialect) -> str:
    """Spell the two functions; no quoted part is left in the text, so parentheses pair."""
    done, rest = [], text
    while found := _FUNCTION.search(rest):
        end, depth = found.end(), 1
        while depth:
            depth += {"(": 1, ")": -1}.get(rest[end], 0)
            end += 1
        inner = _functions(rest[found.end() : end - 1], dialect)
        spelled = dialect.is_nan if found[1] == "isnan" else dialect.is_finite
        done += [rest[: found.start()], spelled.replace("{x}", inner)]
        rest = rest[end:]
    return "".join([*done, rest])


def _spelled(quoted: str, dialect: Dialect) -> str:
    mark = quoted[0]
    value = quoted[1:-1].replace(mark * 2, mark)
    if mark == "'":
        if not dialect.escapes:
            return quoted
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return quote_name(value, dialect)


def quote_name(name: str, dialect: Dialect) -> str:
    r"""Quote a name as a dialect has it.

    Examples
    --------
    >>> print(quote_name("order_days", DIALECTS["snowflake"]), quote_name("a b", DIALECTS["spark"]))
    "ORDER_DAYS" `a b`
    """
    if dialect.upper and _PLAIN_NAME.fullmatch(name):
        name = name.upper()
    mark = dialect.name_quote
    if mark == "`" and dialect.types.get("DOUBLE") == "FLOAT64":  # BigQuery escapes, Spark doubles
        return mark + name.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
    return mark + name.replace(mark, mark * 2) + mark
