"""Named functions that read texts: times with and without a zone, numbers, white space.

Both dialects have each function, so that the same text reads the same wherever it is.
"""

from __future__ import annotations

_YEAR = r"([1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])"  # Python knows no year 0
_DATE = rf"^{_YEAR}-\d{{1,2}}-\d{{1,2}}"
_TIME = rf"^({_YEAR}-\d{{1,2}}-\d{{1,2}}[T ] *\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?)"
_NAME = r"(\[[A-Za-z0-9_/+-]+\])?$"  # 2026-07-01T10:00:00+01:00[Europe/London], as Java has it
_UTC = rf"{_TIME} *(?:[Zz]|UTC|GMT){_NAME}"
_OFFSET = rf"{_TIME} *([+-](?:0\d|1[0-5])(?::?[0-5]\d)?){_NAME}"
_NAMED = rf"{_TIME} ([A-Za-z]+/[A-Za-z0-9_/+-]+)$"
# As DuckDB reads it; the others are rare, and need a hand.
_PLAIN = rf"{_DATE}[T ][\d:.]+(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)$"
_SLASHED = rf"^(\d{{1,2}})[./-](\d{{1,2}})[./-]{_YEAR}"
_COMPACT = rf"^{_YEAR}\d{{4}}$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_SPACE = r"[\t\r\n\p{Zs}]"
_DAY_FIRST = "['%d/%m/%Y', '%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S']"
_MONTH_FIRST = "['%m/%d/%Y', '%m/%d/%Y %H:%M', '%m/%d/%Y %H:%M:%S']"

DUCKDB_TEXT = rf"""
-- Most texts have nothing to strip, and are ASCII: that is seen without a regular expression.
CREATE OR REPLACE TEMP MACRO stripped(x) AS CASE
    WHEN x >= '!' AND strlen(x) = length(x) AND substr(x, length(x), 1) > ' ' THEN x
    WHEN regexp_matches(x, '^{_SPACE}|{_SPACE}$')
        THEN regexp_replace(x, '^{_SPACE}+|{_SPACE}+$', '', 'g')
    ELSE x END;
-- A year-month-day text, with a time or without; only where it has no zone: it is ignored.
CREATE OR REPLACE TEMP MACRO iso_time(x) AS
    TRY_CAST(CASE WHEN regexp_matches(x, '{_DATE}') THEN x END AS TIMESTAMP);
-- Abbreviations are not read, as they mean several zones: BST is London's, and Bangladesh's.
CREATE OR REPLACE TEMP MACRO iso_instant(x) AS TRY_CAST(CASE
    WHEN regexp_matches(x, '{_PLAIN}') THEN x
    WHEN regexp_matches(x, '{_UTC}') THEN regexp_replace(x, '{_UTC}', '\1Z')
    WHEN regexp_matches(x, '{_OFFSET}') THEN regexp_replace(x, '{_OFFSET}', '\1\3')
    WHEN regexp_matches(x, '{_NAMED}') THEN x END AS TIMESTAMPTZ);
CREATE OR REPLACE TEMP MACRO zone_marked(x) AS regexp_matches(substr(x, 12), '[^0-9:. ]');
CREATE OR REPLACE TEMP MACRO compact_time(x) AS
    CASE WHEN regexp_matches(x, '{_COMPACT}') THEN try_strptime(x, '%Y%m%d') END;
-- Others are kept from strptime, which is slow to refuse.
CREATE OR REPLACE TEMP MACRO day_first_time(x) AS CASE WHEN regexp_matches(x, '{_SLASHED}')
    THEN try_strptime(regexp_replace(x, '{_SLASHED}', '\1/\2/\3'), {_DAY_FIRST}) END;
CREATE OR REPLACE TEMP MACRO month_first_time(x) AS CASE WHEN regexp_matches(x, '{_SLASHED}')
    THEN try_strptime(regexp_replace(x, '{_SLASHED}', '\1/\2/\3'), {_MONTH_FIRST}) END;
-- By way of microseconds, as nanoseconds have no cast.
CREATE OR REPLACE TEMP MACRO utc_of(t) AS CAST(CAST(t AS TIMESTAMPTZ) AS TIMESTAMP);
CREATE OR REPLACE TEMP MACRO in_zone(t, zone) AS timezone(zone, CASE WHEN utc_of(t)
    BETWEEN TIMESTAMP '0001-12-30 (BC)' AND TIMESTAMP '10000-01-02'
    THEN CAST(t AS TIMESTAMPTZ) END);
CREATE OR REPLACE TEMP MACRO moment(microseconds) AS make_timestamp(microseconds);
CREATE OR REPLACE TEMP MACRO number_of(x) AS TRY_CAST(x AS DOUBLE);
CREATE OR REPLACE TEMP MACRO replace_all(x, pattern, y) AS regexp_replace(x, pattern, y, 'g');
"""


def _java(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def _slashed(first: str, second: str) -> str:
    formats = [f"{first}/{second}/yyyy{time}" for time in ("", " H:m", " H:m:s")]
    parsed = ", ".join(f"try_to_timestamp(y, '{text}')" for text in formats)
    return (
        f"CASE WHEN regexp_like(x, '{_java(_SLASHED)}') THEN (SELECT coalesce({parsed}) FROM"
        f" (SELECT regexp_replace(x, '{_java(_SLASHED)}', '$1/$2/$3') AS y)) END"
    )


_SPARK = {
    # \s of Java, as in DuckDB; trim() alone takes spaces only.
    "stripped(x STRING) RETURNS STRING": (
        f"regexp_replace(x, '^{_java(_SPACE)}+|{_java(_SPACE)}+$', '')"
    ),
    # 24:00 is the end of a day.
    "iso_time(x STRING) RETURNS TIMESTAMP_NTZ": "CASE"
    f" WHEN regexp_like(x, '{_java(_DATE)}[T ]24:00(:00)?$') THEN try_cast("
    "substring_index(replace(x, 'T', ' '), ' ', 1) AS TIMESTAMP_NTZ) + INTERVAL 1 DAY"
    f" WHEN regexp_like(x, '{_java(_DATE)}') THEN try_cast(x AS TIMESTAMP_NTZ) END",
    "iso_instant(x STRING) RETURNS TIMESTAMP_LTZ": "try_cast(CASE"
    f" WHEN regexp_like(x, '{_java(_UTC)}') THEN regexp_replace(x, '{_java(_UTC)}', '$1Z')"
    f" WHEN regexp_like(x, '{_java(_OFFSET)}')"
    f" THEN regexp_replace(x, '{_java(_OFFSET)}', '$1$3')"
    f" WHEN regexp_like(x, '{_java(_NAMED)}') THEN x END AS TIMESTAMP_LTZ)",
    "zone_marked(x STRING) RETURNS BOOLEAN": "regexp_like(substr(x, 12), '[^0-9:. ]')",
    "compact_time(x STRING) RETURNS TIMESTAMP_NTZ": "CASE WHEN"
    f" regexp_like(x, '{_java(_COMPACT)}') THEN try_to_timestamp(x, 'yyyyMMdd') END",
    "day_first_time(x STRING) RETURNS TIMESTAMP_NTZ": _slashed("d", "M"),
    "month_first_time(x STRING) RETURNS TIMESTAMP_NTZ": _slashed("M", "d"),
    "in_zone(t TIMESTAMP_LTZ, zone STRING) RETURNS TIMESTAMP_NTZ": "CAST("
    "from_utc_timestamp(t, zone) AS TIMESTAMP_NTZ)",
    "utc_of(t TIMESTAMP_LTZ) RETURNS TIMESTAMP_NTZ": "CAST(t AS TIMESTAMP_NTZ)",
    "moment(microseconds BIGINT) RETURNS TIMESTAMP_NTZ": "CAST("
    "timestamp_micros(microseconds) AS TIMESTAMP_NTZ)",
    # Java reads 1.5f and 1d as numbers.
    "number_of(x STRING) RETURNS DOUBLE": "CASE WHEN regexp_like(x, '[dDfF]$')"
    " AND NOT regexp_like(x, '[iI][nN][fF]$') THEN NULL ELSE try_cast(x AS DOUBLE) END",
    "replace_all(x STRING, pattern STRING, y STRING) RETURNS STRING": "regexp_replace("
    "x, pattern, y)",
}
SPARK_TEXT = tuple(
    f"CREATE TEMPORARY FUNCTION {name} RETURN {body}" for name, body in _SPARK.items()
)
