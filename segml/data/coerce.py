"""SQL that brings one source column to the type of its canonical column."""

from __future__ import annotations

from dataclasses import dataclass, replace

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import quote

from .dates import DateReading, given_format, infer, stripped
from .tables import Column
from .zones import DAYS, is_day, local_time, within_years

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT")
_UNSIGNED = ("UINTEGER", "UBIGINT", "UHUGEINT")
_IN_UTC = "times with a zone are taken in UTC"
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
    bound : str
        SQL with ``{value}`` of what holds for a value that can be used; empty when all can.
    converted : str
        SQL that says whether the source has a time with a zone that was converted; empty
        when no time was.
    time_zone : str
        To which zone.
    """

    name: str
    value: str
    filled: str
    choice: str = ""
    costly: bool = False
    bound: str = ""
    converted: str = ""
    time_zone: str = ""


def coerce(
    column: Column,
    source: str,
    table: Table,
    date_format: str | None,
    time_zone: str | None = None,
) -> Coercion:
    """Say how to read `source`, a column of `table`, as the canonical `column`.

    Raises
    ------
    DataError
        The source column is of a type that cannot become this one, or mixes times with and
        without a zone while no `time_zone` is declared.
    """
    raw = quote(source)
    kind = table.types[source].upper()
    is_text = kind.startswith(("VARCHAR", "ENUM")) or kind == '"NULL"' or kind == "NULL"
    text = f"nullif({stripped(source)}, '')" if is_text else f"CAST({raw} AS STRING)"
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
        if kind.startswith(("TIMESTAMP", "DATE")):
            return _typed_time(column.name, raw, kind, filled, time_zone)
        reading = given_format(date_format, table.engine) if date_format else infer(table, source)
        return _text_time(column.name, source, text, filled, reading, time_zone)
    if column.type == "number":
        value = f"number_of({text})" if is_text else f"TRY_CAST({raw} AS DOUBLE)"
        # Larger numbers than money are errors; sums of fixed-point numbers hold up to there.
        return Coercion(column.name, value, filled, bound="abs({value}) < 1e14")
    if column.type == "boolean":
        return Coercion(column.name, f"TRY_CAST({text if is_text else raw} AS BOOLEAN)", filled)
    if kind.startswith(_REALS):
        if column.type == "id":  # 17850.0 and 17850 are one customer
            whole = f"{raw} = floor({raw}) AND abs({raw}) < 1e15"
            text = f"CASE WHEN {whole} THEN CAST(CAST({raw} AS BIGINT) AS STRING) ELSE {text} END"
        value = f"CASE WHEN isfinite(CAST({raw} AS DOUBLE)) THEN {text} END"
        return Coercion(column.name, value, filled)
    if column.type == "id":  # as a column of floats is written
        whole = f"{text} LIKE '%.0' AND regexp_matches({text}, '^\\d+\\.0$')"
        text = f"CASE WHEN {whole} THEN substr({text}, 1, length({text}) - 2) ELSE {text} END"
    return Coercion(column.name, text, filled)


def _typed_time(name: str, raw: str, kind: str, filled: str, time_zone: str | None) -> Coercion:
    bound = within_years("{value}")  # infinity has no year
    if "TIME ZONE" in kind or kind.startswith("TIMESTAMPTZ"):
        found = _zoned(name, raw, "", "TRUE", time_zone)
        choice = "" if time_zone else f"{name}: {_IN_UTC}"
        return replace(found, filled=filled, choice=choice, costly=time_zone is not None)
    choice = ""
    if time_zone and not kind.startswith("DATE"):
        choice = f"{name}: {_as_they_stand(time_zone)}"
    return Coercion(name, f"CAST({raw} AS TIMESTAMP)", filled, choice, bound=bound)


def _text_time(
    name: str, source: str, text: str, filled: str, reading: DateReading, time_zone: str | None
) -> Coercion:
    choice = f"{name}: dates read as {reading.name}"
    if reading.local and time_zone:
        choice += f"; {_as_they_stand(time_zone)}"
    local = reading.sql(text)
    if not reading.instant:
        return Coercion(name, local, filled, choice, costly=True)
    if time_zone is None:
        if reading.local:
            raise DataError(
                f"some times in {source} have a zone and some have none",
                where=f"column {source}",
                got=f"such as {reading.zoned!r} and {reading.local!r}",
                expected="the zone in which times without one are told",
                hint="time_zone='Europe/London', or wherever the store is",
            )
        choice += f"; {_IN_UTC}"
    aware = f"zone_marked({text})" if reading.expression else "TRUE"
    found = _zoned(name, reading.instant_sql(text), local, aware, time_zone)
    return replace(found, filled=filled, choice=choice, costly=True)


def _zoned(name: str, instant: str, local: str, aware: str, time_zone: str | None) -> Coercion:
    """Convert times with a zone, those that are `aware`; the others are `local`."""
    days = name in DAYS
    value = local_time(instant, time_zone, days)
    found = Coercion(
        name,
        f"coalesce({value}, {local})" if local else value,
        filled="",
        bound=within_years("{value}"),
    )
    if time_zone is None:
        return found
    return replace(
        found,
        converted=f"({aware}{f' AND NOT {is_day(instant)}' if days else ''})",
        time_zone=time_zone,
    )


def _as_they_stand(time_zone: str) -> str:
    return f"times without a zone are those of {time_zone}, as they stand"
