"""Every KPI, cohorts and concentration on DuckDB and on Spark: exact counts, floats to 1e-9."""

from __future__ import annotations

import pandas as pd
import pytest

from segml.kpis import KpiTable, cohort_retention, kpi_table
from segml.kpis.lorenz import concentration

from .stores import segments, store

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def _assert_equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-9, atol=1e-12)


# Of each table and kind of interval one: each window is a pass of Spark of its own.
_BY_QUARTER = {
    "periods": ("quarter", 2),
    "kpis": ["growth", "retention_rate", "days_to_second_purchase", "cac", "open_rate", "nps"],
}


@pytest.mark.parametrize("asked", [{}, _BY_QUARTER], ids=["every", "by quarter"])
def test_kpis_are_equal(spark_engine, asked) -> None:
    tables: list[KpiTable] = [
        kpi_table(store(engine), segments(), {9: "Nobody"}, as_of="2026-02-04", **asked)
        for engine in (None, spark_engine)
    ]
    assert tables[0].notes == tables[1].notes
    assert tables[0].table["value"].notna().mean() > 0.5
    _assert_equal(tables[0].table, tables[1].table)


def test_cohorts_and_concentration_are_equal(spark_engine) -> None:
    one, other = (
        (
            cohort_retention(data, "month", segments()).table,
            concentration(data, segments()).table,
            concentration(data, segments()).curve,
        )
        for data in (store(), store(spark_engine))
    )
    for mine, theirs in zip(one, other, strict=True):
        _assert_equal(mine, theirs)
