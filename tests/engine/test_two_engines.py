"""One text, two engines, the same numbers."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from segml._core.errors import DataError
from segml.engine import DuckEngine

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(5)
N = 500
MOMENTS = [
    dt.datetime(1900, 1, 1) + dt.timedelta(seconds=int(s))
    for s in RNG.integers(0, 200 * 365 * 86_400, N)
]
ROWS = pa.table(
    {
        "k": [None if i % 11 == 0 else f"c{i % 7}" for i in range(N)],
        "t": [None if i % 13 == 0 else moment for i, moment in enumerate(MOMENTS)],
        "x": [None if i % 5 == 0 else float(v) for i, v in enumerate(RNG.normal(0, 1e4, N))],
        "i": [int(v) for v in RNG.integers(-(10**12), 10**12, N)],
    }
)
TEXTS = {
    "indexes": "SELECT hour_index(t) AS h, day_index(t) AS d, week_index(t) AS w,"
    " month_index(t) AS m, quarter_index(t) AS q, year_index(t) AS y FROM {rows}",
    "indexes of days": "SELECT week_index(CAST(t AS DATE)) AS w FROM {rows}",
    "fixed": "SELECT fixed(x) AS f FROM {rows}",
    "sums of fixed": "SELECT k, CAST(sum(fixed(x)) AS DOUBLE) AS f FROM {rows} GROUP BY k"
    " ORDER BY k NULLS LAST",
    "ratios": "SELECT safe_ratio(x, CAST(i % 3 AS DOUBLE)) AS r FROM {rows}",
    "sums of whole numbers": "SELECT CAST(sum(i) AS BIGINT) AS n FROM {rows}",
    "finite": "SELECT isfinite(x) AS a, isfinite(CAST('inf' AS DOUBLE)) AS b,"
    " isfinite(CAST('nan' AS DOUBLE)) AS c FROM {rows}",
    "patterns": "SELECT regexp_matches(k, '^c\\d$') AS a, regexp_matches(k, '5') AS b FROM {rows}",
}


@pytest.mark.parametrize("name", TEXTS)
def test_equal(spark_engine, name: str) -> None:
    found = []
    for engine in (DuckEngine(), spark_engine):
        found.append(engine.sql(TEXTS[name], rows=engine.register(ROWS)).to_arrow().to_pydict())
    duck, spark = found
    assert list(duck) == list(spark)
    for column in duck:
        assert spark[column] == duck[column], column


def test_halves_round_alike(spark_engine) -> None:
    """Amounts that end in 5 on the fifth decimal, exact in no binary float."""
    amounts = pa.table({"x": [n / 1e5 for n in range(-50_000, 50_000, 7)] + [0.00005, 1e13 + 0.5]})
    texts = [
        engine.sql("SELECT fixed(x) AS f FROM {rows}", rows=engine.register(amounts)).to_arrow()
        for engine in (DuckEngine(), spark_engine)
    ]
    assert texts[0]["f"].to_pylist() == texts[1]["f"].to_pylist()


def test_fixed_refuses_alike_what_it_cannot_hold(spark_engine) -> None:
    for engine in (DuckEngine(), spark_engine):
        for amount in (1e14, -1e15, float("1e300")):
            with pytest.raises(DataError):
                engine.fetch_row("SELECT fixed({x})", x=amount)
