"""SQL that brings one source column to the type of its canonical column."""

from __future__ import annotations

from dataclasses import dataclass

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import quote

from .dates import given_format, infer, stripped
from .tables import Column

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT")
_UNSIGNED = ("UINTEGER", "UBIGINT", "UHUGEINT")
_REALS = ("FLOAT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True)
class Coercion:
    """How one canonical column comes from its source column.

    Parameters
    ----------
    name : str
        The canonical column.
    value : str
        SQL of the typed value, NULL where it is missing or cannot be read.
    filled : str
        SQL that says whether the source holds anything there.
    choice : str
        What was decided, for the account; empty when nothing was.
    costly : bool
        Whether computing the value takes long, as for dates held as text.
    """

    name: str
    value: str
    filled: str
    choice: str = ""
    costly: bool = False


def coerce(column: Column, source: str, table: Table, date_format: str | None) -> Coercion:
    """Say how to read `source`, a column of `table`, as the canonical `column`.

    Raises
    ------
    DataError
        The source column is of a type that cannot become this one.
    """
    raw = quote(source)
    kind = table.types[source].upper()
    is_text = kind.startswith(("VARCHAR", "ENUM")) or kind == '"NULL"' or kind == "NULL"
    text = f"nullif({stripped(source)}, '')" if is_text else f"CAST({raw} AS VARCHAR)"
    scalar = kind.startswith((*_INTEGERS, *_UNSIGNED, *_REALS, "BOOLEAN", "TIMESTAMP", "DATE"))
    if kind.endswith("]") or not (is_text or scalar):
        raise DataError(
            f"the column {source} cannot be {column.name}",
            where=column.name,
            got=f"type {kind}",
            expected=column.type,
        )
    filled = f"{text} IS NOT NULL" if is_text else f"{raw} IS NOT NULL"
    if kind.startswith(_REALS):  # pandas hands NaN on as missing, others as a number
        filled = f"({raw} IS NOT NULL AND NOT isnan(CAST({raw} AS DOUBLE)))"
    if column.type == "timestamp":
        return _timestamp(column, source, table, kind, text, filled, date_format)
    if column.type == "number":
        value = f"TRY_CAST({text if is_text else raw} AS DOUBLE)"
        # Larger numbers than money are errors; sums of fixed-point numbers hold up to there.
        return Coercion(column.name, f"CASE WHEN abs({value}) < 1e14 THEN {value} END", filled)
    if column.type == "boolean":
        return Coercion(column.name, f"TRY_CAST({text if is_text else raw} AS BOOLEAN)", filled)
    if kind.startswith(_REALS):
        if column.type == "id":  # 17850.0 and 17850 are one customer
            whole = f"{raw} = floor({raw}) AND abs({raw}) < 1e15"
            text = f"CASE WHEN {whole} THEN CAST(CAST({raw} AS BIGINT) AS VARCHAR) ELSE {text} END"
        value = f"CASE WHEN isfinite(CAST({raw} AS DOUBLE)) THEN {text} END"
        return Coercion(column.name, value, filled)
    return Coercion(column.name, text, filled)


def _timestamp(
    column: Column,
    source: str,
    table: Table,
    kind: str,
    text: str,
    filled: str,
    date_format: str | None,
) -> Coercion:
    raw = quote(source)
    if kind.startswith(("TIMESTAMP", "DATE")):
        value = f"CAST({raw} AS TIMESTAMP)"
        # Python knows the years 1 to 9999; infinity has none.
        known = f"{value} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'"
        value = f"CASE WHEN {known} THEN {value} END"
        zoned = "TIME ZONE" in kind or kind == "TIMESTAMPTZ"
        choice = f"{column.name}: times with a zone are taken in UTC" if zoned else ""
        return Coercion(column.name, value, filled, choice)
    reading = given_format(date_format, table.engine) if date_format else infer(table, source)
    choice = f"{column.name}: dates read as {reading.name}"
    return Coercion(column.name, reading.sql(text), filled, choice, costly=True)
