"""Find out how the dates of a text column are written; refuse to guess."""

from __future__ import annotations

from dataclasses import dataclass

from segml._core.errors import DataError, ParameterError
from segml.engine import Engine, Table
from segml.engine.sql import Fragment, literal, quote

_DAY_FIRST = ["%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"]
_MONTH_FIRST = ["%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"]


@dataclass(frozen=True)
class DateReading:
    """How to read a text column of dates.

    Parameters
    ----------
    name : str
        For people: "ISO 8601", "day/month/year".
    expression : str
        SQL with ``{text}`` for the text; gives a timestamp, or NULL where it does not parse.
    """

    name: str
    expression: str

    def sql(self, text: str) -> Fragment:
        """Return the SQL that reads the expression `text`."""
        return Fragment(self.expression.replace("{text}", text))


_YEAR = "([1-9]\\d{3}|0[1-9]\\d{2}|00[1-9]\\d|000[1-9])"  # Python knows no year 0
_SLASHED = f"^(\\d{{1,2}})[./-](\\d{{1,2}})[./-]{_YEAR}"


def _formats(formats: list[str]) -> str:
    """Read slashed dates; others are kept from strptime, which is slow to refuse."""
    wanted = "[" + ", ".join(literal(item) for item in formats) + "]"
    slashed = f"regexp_replace({{text}}, '{_SLASHED}', '\\1/\\2/\\3')"
    parsed = f"try_strptime({slashed}, {wanted})"
    return f"CASE WHEN regexp_matches({{text}}, '{_SLASHED}') THEN {parsed} END"


# Casting by way of a time with zone turns "+02:00" and "Z" into UTC, the session's zone,
# and leaves a text without zone as it stands.
_ISO_TEXT = (
    f"CASE WHEN regexp_matches({{text}}, '^{_YEAR}-\\d{{1,2}}-\\d{{1,2}}') THEN {{text}} END"
)
ISO = DateReading(
    "ISO 8601 (year-month-day)",
    f"CAST(TRY_CAST({_ISO_TEXT} AS TIMESTAMPTZ) AS TIMESTAMP)",
)
COMPACT = DateReading(
    "yearmonthday (eight digits)",
    f"CASE WHEN regexp_full_match({{text}}, '{_YEAR}\\d{{4}}')"
    " THEN try_strptime({text}, '%Y%m%d') END",
)
DAY_FIRST = DateReading("day/month/year", _formats(_DAY_FIRST))
MONTH_FIRST = DateReading("month/day/year", _formats(_MONTH_FIRST))


def stripped(column: str) -> str:
    """Return the SQL of a column as text without white space around it, tabs included."""
    text = f"CAST({quote(column)} AS VARCHAR)"
    rare = f"trim(trim({text}), E' \\t\\r\\n')"  # slower
    return f"CASE WHEN regexp_matches({text}, '^\\s|\\s$') THEN {rare} ELSE trim({text}) END"


def given_format(date_format: str, engine: Engine) -> DateReading:
    """Read dates by a strptime format that the caller gave.

    Raises
    ------
    ParameterError
        It is no such format.
    """
    try:
        engine.fetch_row("SELECT try_strptime('1', {date_format})", date_format=date_format)
    except DataError as error:
        raise ParameterError(
            "this is not a date format",
            where="date_format",
            got=date_format,
            expected="a strptime format such as %d/%m/%Y",
        ) from error
    return DateReading(date_format, f"try_strptime({{text}}, {literal(date_format)})")


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
    text = stripped(column)
    readings = (ISO, COMPACT, DAY_FIRST, MONTH_FIRST)
    counts = ", ".join(f"count({reading.sql(text)})" for reading in readings)
    day, month = DAY_FIRST.sql(text), MONTH_FIRST.sql(text)
    *found, example, anything = table.row(
        "SELECT {counts}, min(CASE WHEN {day} IS DISTINCT FROM {month} THEN {text} END),"
        " min(nullif({text}, '')) FROM {self}",
        counts=Fragment(counts),
        day=day,
        month=month,
        text=Fragment(text),
    )
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
        return ISO if iso == best else COMPACT
    if day_first == month_first and example is not None:
        raise DataError(
            f"the dates in {column} can be read two ways",
            where=f"column {column}",
            got=f"such as {example!r}, and the rows do not tell day from month",
            hint="date_format='%d/%m/%Y' for day first, date_format='%m/%d/%Y' for month first",
        )
    return DAY_FIRST if day_first >= month_first else MONTH_FIRST
