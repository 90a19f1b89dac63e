"""Reading and cleaning give the same tables and accounts on Spark as on DuckDB."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segml.data import (
    PRESETS,
    CleaningPolicy,
    CustomerData,
    PseudonymKey,
    activity,
    clean,
    erase,
    pseudonymise,
    quality_report,
    read_orders,
    read_table,
    simulate_store,
)
from segml.data.bundle import DataTable
from segml.data.faults import inject_faults
from segml.data.opening import open_source
from segml.engine import DuckEngine, Engine, SparkEngine

from .test_presets import VALUES, sample

pytestmark = pytest.mark.spark

ISO = [
    "2026-01-31",
    "2026-1-5 7:30",
    "2026-03-29T01:30:00",
    " 2026-03-29 01:30:00.25 ",
    "2026-02-30",
    "not a date",
    "",
    None,
    "0000-01-01",
    "1582-10-10",
    "9999-12-31 23:59:59.999999",
    "2026-01-31 24:00:00",
    "2026-01-31abc",
]
ZONED = [
    "2026-07-01T10:00:00Z",
    "2026-07-01 10:00:00+02:00",
    "2026-07-01 10:00:00 +0200",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-07-01T10:00:00+01:00[Europe/London]",
    "2026-07-01 10:00:00 Europe/Berlin",
    "2026-07-01 10:00:00 BST",
    "2026-07-01 10:00:00.5-05",
    "2026-07-01",
    None,
]
SLASHED = ["31/01/2026", "1/2/2026 9:05", "1-2-2026 09:05:59", "1.2.2026", "32/1/2026", "x", None]
NAMED_MONTHS = "%d-%b-%y %H:%M"
NUMBERS = ["1", "-2.50", " 3e2 ", "1e400", "abc", "", None, "1.5f", "7d", "nan", "inf", ".5", "5."]


def plain(table: DataTable) -> list[str]:
    rows = table.table.to_arrow().to_pylist()
    return [repr(row) for row in sorted(rows, key=lambda row: row["_source_row"])]


def rejected(table: DataTable) -> list[str]:
    rows = table.rejects.to_arrow().to_pylist()
    return [repr(row) for row in sorted(rows, key=lambda row: row["source_row"])]


def assert_alike(spark_engine: Engine, source: pa.Table, kind: str = "orders", **options) -> None:
    duck = read_table(source, kind, engine=DuckEngine(), **options)
    spark = read_table(source, kind, engine=spark_engine, **options)
    assert spark.account.to_dict() == duck.account.to_dict()
    assert spark.table.types == duck.table.types
    assert plain(spark) == plain(duck)
    assert rejected(spark) == rejected(duck)


def orders(**columns) -> pa.Table:
    size = len(next(iter(columns.values())))
    sound = {
        "customer_id": [f"c{i % 3}" for i in range(size)],
        "order_id": [str(i) for i in range(size)],
        "ordered_at": ["2026-01-31"] * size,
        "revenue": [1.5] * size,
    }
    return pa.table({**sound, **columns})


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"ordered_at": ISO}, {}),
        ({"ordered_at": ZONED[:-2]}, {}),
        ({"ordered_at": ZONED}, {"time_zone": "Europe/London"}),
        ({"ordered_at": SLASHED}, {}),
        ({"ordered_at": ["1/31/2026", "2/3/2026 4:05"]}, {}),
        ({"ordered_at": ["20260131", "20260230", "2026013"]}, {}),
        (
            {"ordered_at": ["31-Jan-26 13:05", "1-Feb-26 1:5", "?"]},
            {"date_format": "%d-%b-%y %H:%M"},
        ),
        (
            {"ordered_at": ["199701310905", "199713010000", "1997131"]},
            {"date_format": "%Y%m%d%H%M"},
        ),
        ({"revenue": NUMBERS}, {}),
        ({"revenue": [1.0, float("nan"), float("inf"), -2.5, 1e15, None]}, {}),
        ({"customer_id": [1, 2, None]}, {}),
        ({"customer_id": [17850.0, 12.5, float("nan"), None, float("inf")]}, {}),
        ({"customer_id": ["  a ", "a\t", "", "\u00e9", None, "O'B", 'q"']}, {}),
        ({"order_id": pa.array([2**63 - 1, 5], pa.int64())}, {}),
        ({"ordered_at": [dt.datetime(2026, 3, 29, 1, 30), None]}, {"time_zone": "Europe/London"}),
        (
            {"ordered_at": pa.array([dt.datetime(2026, 3, 29, 1, 30)], pa.timestamp("us", "UTC"))},
            {"time_zone": "Europe/London"},
        ),
        ({"ordered_at": [dt.date(2026, 3, 29), None]}, {}),
        ({"quantity": [1, None, 3], "coupon": [" x", "", None], "extra": [1, 2, 3]}, {}),
        ({"order_id": ["a", "a", "b"]}, {"columns": {"order_id": None}}),
        ({"revenue": [1.0, 2.0]}, {"values": {"currency": "EUR"}}),
    ],
)
def test_columns_are_read_alike(spark_engine, columns: dict, options: dict) -> None:
    assert_alike(spark_engine, orders(**columns), **options)


def test_flags_are_read_alike(spark_engine) -> None:
    texts = ["true", "f", "yes", "no", "1", "0", "Y", "t", "on", "", None, "2"]
    source = pa.table(
        {"customer_id": [str(i) for i in range(len(texts))], "consent_marketing": texts}
    )
    assert_alike(spark_engine, source, "customers")


def test_a_spark_data_frame_needs_no_engine(spark_engine) -> None:
    frame = spark_engine._given.createDataFrame(
        [("a", "1", dt.datetime(2026, 1, 31), 2.5), (None, "2", dt.datetime(2026, 1, 31), 1.0)],
        "customer_id string, order_id string, ordered_at timestamp_ntz, revenue double",
    )
    found = read_orders(frame)
    assert isinstance(found.table.engine, SparkEngine)
    assert read_orders(frame).table.engine is found.table.engine
    assert found.account.rejected == {"no customer_id": 1}
    assert found.rejected_rows()["source_row"].tolist() == [2]


def test_files_are_read_by_the_workers(spark_engine, tmp_path) -> None:
    rng = np.random.default_rng(3)
    table = orders(revenue=rng.normal(0, 100, 500).round(2).tolist())
    spark_engine.register(table).to_parquet(tmp_path / "orders.parquet")
    assert len(read_orders(str(tmp_path / "orders.parquet"), engine=spark_engine).table) == 500
    (tmp_path / "a.csv").write_text(
        "customer_id,order_id,ordered_at,revenue\na,1,2026-01-31,2\nb,2\nc,3,31 May,4\n"
    )
    found = read_orders(str(tmp_path / "a.csv"), engine=spark_engine)
    assert found.account.rejected == {
        "ordered_at cannot be read": 1,
        "line does not fit the header": 1,
    }
    assert found.rejected_rows()[["source_row", "reason"]].to_numpy().tolist() == [
        [3, "ordered_at cannot be read"],
        [2, "line does not fit the header"],
    ]


# One of each way to arrange: as they are, grouped, by visits, turned, with checks.
ARRANGED = [
    "crm_contacts",
    "ga4_events",
    "invoice_lines",
    "klaviyo",
    "segment_events",
    "shopify_orders",
    "survey_wide",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRANGED)
def test_presets_read_alike(spark_engine, name: str) -> None:
    rows = open_source(str(sample(name)), DuckEngine(), None, "utf-8").rows.to_arrow()
    source = rows.drop_columns(["_source_row"])
    assert_alike(spark_engine, source, PRESETS[name].kind, preset=name, values=VALUES.get(name))


@pytest.fixture(scope="module")
def dirty() -> dict[str, pa.Table]:
    """Every table of a store, with every fault, and rows that faults make ties of."""
    raw, _ = inject_faults(simulate_store(400, seed=2)[0], seed=1)
    return {
        name: pa.Table.from_pandas(frame.astype(object).where(frame.notna(), None), safe=False)
        for name, frame in raw.items()
    }


def bundle(tables: dict[str, pa.Table], engine: Engine) -> CustomerData:
    return CustomerData(
        **{name: read_table(table, name, engine=engine) for name, table in tables.items()}
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy",
    [
        CleaningPolicy(),
        CleaningPolicy(
            consent="ignore",
            negative_revenue="net",
            similar_ids="fold",
            unknown_customers="reject",
            outliers="winsorise",
            partial_periods="month",
            zero_revenue="reject",
        ),
        CleaningPolicy(
            exact_duplicates="keep",
            repeated_order_ids="keep",
            negative_revenue="keep",
            outliers="flag",
            partial_periods="week",
            currency="EUR",
            rates={"USD": 0.9},
        ),
    ],
    ids=["defaults", "strict", "lax"],
)
def test_cleaning_is_alike(spark_engine, dirty, policy: CleaningPolicy) -> None:
    names = ("orders", "customers", "order_lines", "surveys")
    tables = {n: dirty[n] for n in (names if policy == CleaningPolicy() else names[:2])}
    duck, told = clean(bundle(tables, DuckEngine()), policy)
    spark, spark_told = clean(bundle(tables, spark_engine), policy)
    assert spark_told.to_dict() == told.to_dict()
    for name, table in duck.tables.items():
        assert plain(spark.tables[name]) == plain(table), name
        assert rejected(spark.tables[name]) == rejected(table), name


@pytest.mark.slow
def test_reports_on_the_data_are_alike(spark_engine, dirty) -> None:
    found = []
    some = {name: dirty[name] for name in ("orders", "customers", "surveys")}
    for engine in (DuckEngine(), spark_engine):
        data = bundle(some, engine)
        found.append((quality_report(data, dt.date(2026, 1, 1)).to_dict(), activity(data)))
    (duck, weeks), (spark, spark_weeks) = found
    assert spark == duck
    pd.testing.assert_frame_equal(spark_weeks, weeks)


@pytest.mark.slow
def test_privacy_is_alike(spark_engine, dirty) -> None:
    some = {name: dirty[name] for name in ("orders", "customers", "surveys")}
    key = PseudonymKey(b"k" * 32)
    found = []
    for engine in (DuckEngine(), spark_engine):
        data = pseudonymise(bundle(some, engine), key)
        ids = sorted(data.orders.table.to_arrow()["customer_id"].unique().to_pylist())[:3]
        kept, report = erase(data, ids)
        counted = kept.orders.table.engine.sql(
            "SELECT country, channel, count(*) AS n FROM {orders} GROUP BY country, channel"
            " ORDER BY country NULLS LAST, channel NULLS LAST",
            orders=kept.orders.table,
        ).to_pandas()
        found.append((plain(data.customers), plain(kept.orders), report.rows, counted))
    (people, orders_left, rows, counts), spark = found
    assert spark[:3] == (people, orders_left, rows)
    pd.testing.assert_frame_equal(spark[3], counts)
