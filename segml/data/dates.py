"""Find out how the dates of a text column are written; refuse to guess."""

from __future__ import annotations

from dataclasses import dataclass, replace

from segml._core.errors import DataError, ParameterError
from segml.engine import Engine, Table
from segml.engine.sql import Fragment, quote

from .zones import has_hours, has_zone


@dataclass(frozen=True)
class DateReading:
    """How to read a text column of dates.

    Parameters
    ----------
    name : str
        For people: "ISO 8601", "day/month/year".
    expression : str
        SQL with ``{text}`` for the text; gives a timestamp, or NULL where it does not parse
        or has a zone; empty when all texts have one.
    instant : str
        SQL with ``{text}``; gives a time with zone, or NULL where the text has no zone.
        Empty when no text of the column has one.
    zoned, local : str or None
        A text with a zone, and one with a time of day without; None when there is none.
    """

    name: str
    expression: str
    instant: str = ""
    zoned: str | None = None
    local: str | None = None

    def sql(self, text: str) -> Fragment:
        """Return the SQL that reads the expression `text`."""
        return Fragment(self.expression.replace("{text}", text))

    def instant_sql(self, text: str) -> Fragment:
        """Return the SQL that reads a time with its zone from the expression `text`."""
        return Fragment(self.instant.replace("{text}", text))


# Only where no text is marked: the function ignores a zone.
ISO = DateReading("ISO 8601 (year-month-day)", "iso_time({text})")
_ISO_ZONED = replace(
    ISO,
    expression="CASE WHEN NOT zone_marked({text}) THEN iso_time({text}) END",
    instant="iso_instant({text})",
)
COMPACT = DateReading("yearmonthday (eight digits)", "compact_time({text})")
DAY_FIRST = DateReading("day/month/year", "day_first_time({text})")
MONTH_FIRST = DateReading("month/day/year", "month_first_time({text})")


def stripped(column: str) -> str:
    """Return the SQL of a column as text without white space around it, tabs included."""
    return f"stripped(CAST({quote(column)} AS STRING))"


def given_format(date_format: str, engine: Engine) -> DateReading:
    """Read dates by a strptime format that the caller gave.

    Raises
    ------
    ParameterError
        It is no such format.
    """
    try:
        parsed = engine.parse_time(date_format)
    except DataError as error:
        raise ParameterError(
            "this is not a date format",
            where="date_format",
            got=date_format,
            expected="a strptime format such as %d/%m/%Y",
        ) from error
    if has_zone(date_format):
        return DateReading(date_format, "", parsed, zoned=date_format)
    return DateReading(date_format, parsed, local=date_format if has_hours(date_format) else None)


def infer(table: Table, column: str) -> DateReading:
    """Find the one way in which the dates of a text column can be read.

    Parameters
    ----------
    table : Table
        The source.
    column : str
        Its text column of dates.

    Returns
    -------
    DateReading
        The way that reads most rows; the rows that it does not read are for the
        caller to reject.

    Raises
    ------
    DataError
        Day and month can be exchanged in every row (01/02/2011), or nothing parses.
    """
    readings = (ISO, COMPACT, DAY_FIRST, MONTH_FIRST)
    counts = ", ".join(f"count({reading.sql('_text')})" for reading in readings)
    *found, example, anything, local, marked = table.row(
        "SELECT {counts}, min(CASE WHEN {day} IS DISTINCT FROM {month} THEN _text END),"
        " min(nullif(_text, '')), min(CASE WHEN contains(_text, ':') THEN _text END),"
        " bool_or(zone_marked(_text)) FROM (SELECT {text} AS _text FROM {self}) AS texts",
        counts=Fragment(counts),
        day=DAY_FIRST.sql("_text"),
        month=MONTH_FIRST.sql("_text"),
        text=Fragment(stripped(column)),
    )
    iso_reading = replace(ISO, local=local)
    if marked:
        iso_reading, found[0] = _with_zones(table, column)
    best = max(found)
    if best == 0:
        if anything is None:
            return ISO
        raise DataError(
            f"the dates in {column} cannot be read",
            where=f"column {column}",
            got=f"such as {anything!r}",
            expected="1998-06-30, 19980630, or day and month with slashes",
            hint="date_format='%d-%b-%y' or however they are written",
        )
    iso, compact, day_first, month_first = found
    if best in (iso, compact):
        return iso_reading if iso == best else COMPACT
    if day_first == month_first and example is not None:
        raise DataError(
            f"the dates in {column} can be read two ways",
            where=f"column {column}",
            got=f"such as {example!r}, and the rows do not tell day from month",
            hint="date_format='%d/%m/%Y' for day first, date_format='%m/%d/%Y' for month first",
        )
    return replace(DAY_FIRST if day_first >= month_first else MONTH_FIRST, local=local)


def _with_zones(table: Table, column: str) -> tuple[DateReading, int]:
    """Read ISO texts of which some may have a zone; say how many are read."""
    zoned, local, count = table.row(
        "SELECT min(CASE WHEN _instant IS NOT NULL THEN _text END),"
        " min(CASE WHEN _local IS NOT NULL AND contains(_text, ':') THEN _text END),"
        " count(coalesce(utc_of(_instant), _local)) FROM (SELECT _text,"
        " {instant} AS _instant, {local} AS _local FROM (SELECT {text} AS _text FROM {self})"
        " AS texts) AS times",
        text=Fragment(stripped(column)),
        instant=_ISO_ZONED.instant_sql("_text"),
        local=_ISO_ZONED.sql("_text"),
    )
    reading = _ISO_ZONED if zoned is not None else replace(_ISO_ZONED, instant="")
    return replace(reading, zoned=zoned, local=local), count
