import datetime as dt
import gc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segml._core.errors import DataError, MissingDependencyError, ParameterError
from segml.engine import SparkEngine, connect
from segml.engine.spark_session import open_session, plain_types

pytestmark = pytest.mark.spark

COLUMNS = {
    "a": [3, 1, None],
    "b": ["x", None, "z"],
    "t": [dt.datetime(1997, 1, 1, 23, 59, 59, 123456), None, dt.datetime(2026, 3, 29, 1, 30)],
    "d": [dt.date(1997, 1, 1), None, dt.date(1582, 10, 4)],
    "f": [0.1, None, -1e300],
    "yes": [True, None, False],
}


@pytest.mark.parametrize("make", [pa.table, lambda c: pl.DataFrame(c), lambda c: pa.table(c)])
def test_tables_in_memory_come_back_as_they_were(spark_engine, make) -> None:
    table = spark_engine.register(make(COLUMNS))
    assert table.to_arrow().to_pydict() == COLUMNS
    assert table.types == {
        "a": "BIGINT",
        "b": "VARCHAR",
        "t": "TIMESTAMP",
        "d": "DATE",
        "f": "DOUBLE",
        "yes": "BOOLEAN",
    }


def test_a_pandas_frame(spark_engine) -> None:
    frame = pd.DataFrame(
        {"a": np.array([1, 2], "uint32"), "c": pd.Categorical(["u", "v"]), "f": [1.5, np.nan]}
    )
    table = spark_engine.register(frame)
    assert table.to_arrow().to_pydict() == {"a": [1, 2], "c": ["u", "v"], "f": [1.5, None]}


def test_a_data_frame_of_the_callers_session(spark_engine) -> None:
    given = spark_engine._given
    given.conf.set("spark.sql.session.timeZone", "America/New_York")
    frame = given.createDataFrame([(1, "a"), (2, "b")], ["n", "x"])
    table = spark_engine.register(frame)
    assert table.to_arrow().to_pydict() == {"n": [1, 2], "x": ["a", "b"]}
    assert given.conf.get("spark.sql.session.timeZone") == "America/New_York"
    assert spark_engine.session.conf.get("spark.sql.session.timeZone") == "UTC"


def test_parquet_is_written_by_the_workers_and_read_back(spark_engine, tmp_path) -> None:
    table = spark_engine.register(pa.table(COLUMNS))
    path = table.to_parquet(tmp_path / "out.parquet")
    assert path.is_dir()
    back = spark_engine.register(path)
    assert back.types == table.types
    assert sorted(map(str, back.to_arrow().to_pylist())) == sorted(
        map(str, table.to_arrow().to_pylist())
    )
    assert pq.read_table(path).schema.field("t").type == pa.timestamp("us")


def test_batches_are_bounded_and_in_order(spark_engine) -> None:
    table = spark_engine.sql("SELECT id FROM range(0, 25000, 1, 3)")
    batches = list(table.batches(4000))
    assert max(batch.num_rows for batch in batches) <= 4000
    assert [n for batch in batches for n in batch["id"].to_pylist()] == list(range(25_000))


def test_rows_are_numbered_over_partitions(spark_engine) -> None:
    table = spark_engine.sql("SELECT id FROM range(0, 1000, 1, 7) WHERE id % 3 = 0 OR id > 600")
    numbered = spark_engine.numbered(table, "row")
    found = numbered.to_pandas()
    assert found["row"].tolist() == list(range(1, len(found) + 1))
    assert found["id"].is_monotonic_increasing


def test_numbering_no_rows(spark_engine) -> None:
    none = spark_engine.sql("SELECT 1 AS a WHERE false")
    assert spark_engine.numbered(none, "row").to_arrow().num_rows == 0


def test_materialised_rows_stay(spark_engine, tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    kept = spark_engine.register(path).materialise()
    path.unlink()
    assert kept.to_arrow()["a"].to_pylist() == [1, 2]


def test_views_that_nobody_holds_are_dropped(spark_engine) -> None:
    table = spark_engine.sql("SELECT 1 AS a").materialise()
    name = table.name
    assert spark_engine.session.catalog.tableExists(name)
    del table
    gc.collect()
    spark_engine.fetch_row("SELECT 1")
    assert not spark_engine.session.catalog.tableExists(name)


def test_errors_are_data_errors_without_the_stack_of_java(spark_engine) -> None:
    with pytest.raises(DataError, match="UNRESOLVED_COLUMN") as found:
        spark_engine.sql("SELECT nothing")
    assert "org.apache" not in str(found.value)
    with pytest.raises(DataError, match="CAST_INVALID_INPUT"):
        spark_engine.fetch_row("SELECT CAST('x' AS INTEGER)")
    with pytest.raises(DataError, match="DIVIDE_BY_ZERO"):
        spark_engine.sql("SELECT 1 / (id - 3) AS x FROM range(9)").to_arrow()
    with pytest.raises(DataError, match="no row"):
        spark_engine.fetch_row("SELECT 1 WHERE false")
    with pytest.raises(DataError, match="not known"):
        spark_engine.register(object())
    with pytest.raises(DataError, match="PATH_NOT_FOUND"):
        spark_engine.register("no/such.parquet")


def test_csv_with_lines_that_do_not_fit(spark_engine, tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b c\n1,"x, ""y"""\n2\n3,"two\nlines"\n4,5,6\n')
    rows, corrupt = spark_engine.load_csv(str(path), ",", "utf-8")
    found = rows.to_pandas()
    good = found[found[corrupt].isna()]
    assert good[["a", "b c"]].to_numpy().tolist() == [["1", 'x, "y"'], ["3", "two\nlines"]]
    assert found[corrupt].dropna().tolist() == ["2", "4,5,6"]


def test_named_tables(spark_engine) -> None:
    spark_engine.session.sql("CREATE OR REPLACE TEMP VIEW shop_orders AS SELECT 1 AS a")
    assert "shop_orders" in spark_engine.tables()
    assert spark_engine.table("shop_orders").to_arrow().to_pydict() == {"a": [1]}
    with pytest.raises(DataError, match="shop_orders"):
        spark_engine.table("shop_order")


def test_types_that_spark_does_not_know() -> None:
    table = pa.table(
        {
            "u": pa.array([2**64 - 1], pa.uint64()),
            "ns": pa.array([1_000], pa.timestamp("ns", "Europe/London")),
            "c": pa.array(["x"]).dictionary_encode(),
        }
    )
    kinds = plain_types(table).schema.types
    assert kinds == [pa.decimal128(20, 0), pa.timestamp("us", "Europe/London"), pa.string()]


def test_connect_takes_a_session(spark_engine) -> None:
    other = connect(spark_engine._given)
    assert isinstance(other, SparkEngine)
    assert other.fetch_row("SELECT day_index(DATE '1970-01-02')") == (1,)


def test_connect_finds_the_session_that_runs(spark_engine) -> None:
    assert connect("spark://local[2]").fetch_row("SELECT 1") == (1,)


def test_a_master_that_there_is_not(spark_engine) -> None:
    with pytest.raises(ParameterError, match="spark://"):
        connect("spark://")


def test_without_pyspark(monkeypatch) -> None:
    def missing(module: str, extra: str) -> None:
        raise MissingDependencyError("this needs the package", hint=f'pip install "segml[{extra}]"')

    monkeypatch.setattr("segml.engine.spark_session.optional_import", missing)
    with pytest.raises(MissingDependencyError, match=r"segml\[spark\]"):
        open_session("local[2]")
