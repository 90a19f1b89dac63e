"""Named functions that every SQL text may call, so that the dialects look alike.

A period index counts whole calendar periods since 1970-01-01 (weeks run Monday
to Sunday); the difference of two is the number of period borders between them.
"""

from __future__ import annotations

DUCKDB = """
CREATE OR REPLACE TEMP MACRO hour_index(t) AS CAST(floor(epoch(t) / 3600) AS BIGINT);
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
CREATE OR REPLACE TEMP MACRO safe_ratio(a, b) AS CASE WHEN b = 0 THEN NULL ELSE a / b END;
"""
