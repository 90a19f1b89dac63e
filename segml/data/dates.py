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


def _formats(formats: list[str], text: str) -> str:
    wanted = "[" + ", ".join(literal(item) for item in formats) + "]"
    return f"try_strptime({text}, {wanted})"


_SLASHED = "regexp_replace({text}, '^(\\d{1,2})[./-](\\d{1,2})[./-](\\d{4})', '\\1/\\2/\\3')"

# Casting by way of a time with zone turns "+02:00" and "Z" into UTC, the session's zone,
# and leaves a text without zone as it stands.
ISO = DateReading(
    "ISO 8601 (year-month-day)",
    "CAST(TRY_CAST(CASE WHEN regexp_matches({text}, '^\\d{4}-\\d{1,2}-\\d{1,2}') THEN {text} END"
    " AS TIMESTAMPTZ) AS TIMESTAMP)",
)
COMPACT = DateReading(
    "yearmonthday (eight digits)",
    "CASE WHEN regexp_full_match({text}, '\\d{8}') THEN try_strptime({text}, '%Y%m%d') END",
)
DAY_FIRST = DateReading("day/month/year", _formats(_DAY_FIRST, _SLASHED))
MONTH_FIRST = DateReading("month/day/year", _formats(_MONTH_FIRST, _SLASHED))


def stripped(column: str) -> str:
    """Return the SQL of a column as text without white space around it, tabs included."""
    return f"trim(trim(CAST({quote(column)} AS VARCHAR)), E' \\t\\r\\n')"


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
