"""Named functions that every SQL text may call, so that the dialects look alike.

A period index counts whole calendar periods since 1970-01-01 (weeks run Monday
to Sunday); the difference of two is the number of period borders between them.
"""

from __future__ import annotations

DUCKDB = """
-- In whole numbers: floats round the last microsecond of a far year up.
CREATE OR REPLACE TEMP MACRO hour_index(t) AS CAST((epoch_us(t)
    - (epoch_us(t) % 3600000000 + 3600000000) % 3600000000) // 3600000000 AS BIGINT);
CREATE OR REPLACE TEMP MACRO day_index(t) AS
    CAST(date_diff('day', DATE '1970-01-01', CAST(t AS DATE)) AS BIGINT);
CREATE OR REPLACE TEMP MACRO week_index(t) AS
    CAST(floor((date_diff('day', DATE '1970-01-01', CAST(t AS DATE)) + 3) / 7) AS BIGINT);
CREATE OR REPLACE TEMP MACRO month_index(t) AS
    CAST((year(t) - 1970) * 12 + month(t) - 1 AS BIGINT);
CREATE OR REPLACE TEMP MACRO quarter_index(t) AS
    CAST((year(t) - 1970) * 4 + quarter(t) - 1 AS BIGINT);
CREATE OR REPLACE TEMP MACRO year_index(t) AS CAST(year(t) - 1970 AS BIGINT);
-- Sums of fixed-point numbers are exact, so they do not depend on the order of rows.
CREATE OR REPLACE TEMP MACRO fixed(x) AS CAST(x AS DECIMAL(18, 4));
-- Small enough that a few of them add up without overflow.
CREATE OR REPLACE TEMP MACRO key_hash(x) AS CAST(hash(x) >> 12 AS BIGINT);
CREATE OR REPLACE TEMP MACRO safe_ratio(a, b) AS CASE WHEN b = 0 THEN NULL ELSE a / b END;
"""

# Every column of a Spark function has its type; others are cast to it where it is called.
SPARK = (
    """CREATE TEMPORARY FUNCTION hour_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    (unix_micros(CAST(t AS TIMESTAMP_LTZ)) - pmod(unix_micros(CAST(t AS TIMESTAMP_LTZ)),
    3600000000)) DIV 3600000000""",
    """CREATE TEMPORARY FUNCTION day_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    CAST(unix_date(CAST(t AS DATE)) AS BIGINT)""",
    """CREATE TEMPORARY FUNCTION week_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    CAST(floor((unix_date(CAST(t AS DATE)) + 3) / 7) AS BIGINT)""",
    """CREATE TEMPORARY FUNCTION month_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    CAST((year(t) - 1970) * 12 + month(t) - 1 AS BIGINT)""",
    """CREATE TEMPORARY FUNCTION quarter_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    CAST((year(t) - 1970) * 4 + quarter(t) - 1 AS BIGINT)""",
    """CREATE TEMPORARY FUNCTION year_index(t TIMESTAMP_NTZ) RETURNS BIGINT RETURN
    CAST(year(t) - 1970 AS BIGINT)""",
    # DuckDB rounds the binary number, Spark's own cast its decimal text: as DuckDB does.
    """CREATE TEMPORARY FUNCTION fixed(x DOUBLE) RETURNS DECIMAL(18, 4) RETURN CAST(
    CAST(round(x * 10000D) AS DECIMAL(22, 0)) * 0.0001BD AS DECIMAL(18, 4))""",
    "CREATE TEMPORARY FUNCTION key_hash(x STRING) RETURNS BIGINT RETURN"
    " shiftrightunsigned(xxhash64(x), 12)",
    "CREATE TEMPORARY FUNCTION epoch_us(t TIMESTAMP_LTZ) RETURNS BIGINT RETURN unix_micros(t)",
    "CREATE TEMPORARY FUNCTION safe_ratio(a DOUBLE, b DOUBLE) RETURNS DOUBLE RETURN"
    " try_divide(a, b)",
    "CREATE TEMPORARY FUNCTION isfinite(x DOUBLE) RETURNS BOOLEAN RETURN"
    " NOT isnan(x) AND abs(x) < DOUBLE('Infinity')",
    "CREATE TEMPORARY FUNCTION regexp_matches(x STRING, pattern STRING) RETURNS BOOLEAN RETURN"
    " regexp_like(x, pattern)",
)
