"""SQL expressions of presets: which columns they name, and how texts are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from segml._core.errors import ParameterError
from segml.engine.sql import quote

# Texts, then names: what stands within single quotes names no column.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"((?:[^\"]|\"\")+)\"")
_FORBIDDEN = re.compile(r";|--|/\*|\bselect\b", re.IGNORECASE)

_NUMBER = "replace_all({x}, '[$€£¥\\s]|\\b[A-Z]{3}\\b', '')"
_YES = "('yes', 'y', 'true', 't', '1', 'subscribed', 'opted in', 'opt-in', 'granted')"
_NO = "('no', 'n', 'false', 'f', '0', 'unsubscribed', 'not subscribed', 'opted out', 'opt-out')"


def _moment(microseconds: str) -> str:
    """Return the SQL of a moment since 1970 as a text that says it is in UTC."""
    at = f"moment(TRY_CAST({microseconds} AS BIGINT))"
    return f"coalesce(CAST({at} AS STRING) || 'Z', {{x}})"


#: Names that arranging gives to an expression beside the source's columns.
OWN = ("_question", "_answer", "_visit", "_user", "_at", "_source_row")

#: How the text of a source column is read; ``{x}`` is the text.
TYPES: dict[str, str] = {
    # 1,234.50 and $12: a comma that does not part thousands stays, and is refused later
    "amount": f"CASE WHEN regexp_matches({_NUMBER}, '^-?\\d{{1,3}}(,\\d{{3}})+(\\.\\d+)?$')"
    f" THEN replace({_NUMBER}, ',', '') ELSE {_NUMBER} END",
    "flag": f"CASE WHEN lower({{x}}) IN {_YES} THEN 'true' WHEN lower({{x}}) IN {_NO}"
    " THEN 'false' ELSE {x} END",
    "count": "coalesce(CAST(number_of({x}) > 0 AS STRING), {x})",
    "given": "CASE WHEN {x} IS NULL THEN 'false' ELSE 'true' END",
    "unmarked": "regexp_replace({x}, '^''+', '')",
    "seconds": _moment("TRY_CAST({x} AS DECIMAL(28, 6)) * 1000000"),
    "milliseconds": _moment("TRY_CAST({x} AS DECIMAL(28, 3)) * 1000"),
    "microseconds": _moment("TRY_CAST({x} AS BIGINT)"),
    "time": "{x}",
}
MEANINGS = {
    "amount": "a number that may have a currency and commas between thousands",
    "flag": "yes or no, in several spellings",
    "count": "yes where the number is above zero",
    "given": "yes where there is anything",
    "unmarked": "text without the apostrophe that spreadsheets put first",
    "seconds": "seconds since 1970 in UTC",
    "milliseconds": "milliseconds since 1970 in UTC",
    "microseconds": "microseconds since 1970 in UTC",
    "time": "a time with its zone",
}


def read_as(kind: str, column: str) -> str:
    """Return the SQL that reads a column, given as SQL, as one of :data:`TYPES`."""
    text = f"nullif(trim(CAST({column} AS STRING)), '')"
    return TYPES[kind].replace("{x}", text)


def plain(name: str) -> str:
    """Fold case and punctuation of a column name.

    Examples
    --------
    >>> plain("Amount spent (USD)"), plain("device.category")
    ('amount_spent_usd', 'device_category')
    """
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def matching(name: str, present: Sequence[str]) -> str | None:
    """Return the column that a preset calls `name`: exact, else without case and punctuation.

    Examples
    --------
    >>> matching("Amount spent (*)", ["Day", "Amount Spent (EUR)"])
    'Amount Spent (EUR)'
    """
    if name in present:
        return name
    if "*" in name:
        pattern = re.compile(".*".join(re.escape(plain(part)) for part in name.split("*")))
        return next((c for c in present if pattern.fullmatch(plain(c))), None)
    return next((c for c in present if plain(c) == plain(name)), None)


def references(text: str, where: str = "preset") -> list[str]:
    """Return the names in double quotes of a SQL expression.

    Raises
    ------
    ParameterError
        It is more than an expression.

    Examples
    --------
    >>> references('"Quantity" * "UnitPrice"')
    ['Quantity', 'UnitPrice']
    """
    if bad := _FORBIDDEN.search(_TOKEN.sub("''", text)):
        raise ParameterError(
            "this is more than an expression over the columns of a row",
            where=where,
            got=bad.group(),
            expected="SQL without statements, queries and comments",
        )
    found = [match.group(1) for match in _TOKEN.finditer(text) if match.group(1) is not None]
    return list(dict.fromkeys(name.replace('""', '"') for name in found))


def resolved(text: str, find: Callable[[str], str | None]) -> str | None:
    """Put the source's names for those of a SQL expression; None where one is not there."""
    known = {name: find(name) for name in references(text)}
    if any(found is None for found in known.values()):
        return None

    def name(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group()
        return quote(str(known[match.group(1).replace('""', '"')]))

    return _TOKEN.sub(name, text)
