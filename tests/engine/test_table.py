import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segml._core.errors import DataError


@pytest.fixture
def table(engine):
    return engine.register(pd.DataFrame({"a": [3, 1, 2], "b": ["x", None, "z"]}))


def test_columns_types_and_length(table) -> None:
    assert table.columns == ["a", "b"]
    assert table.types == {"a": "BIGINT", "b": "VARCHAR"}
    assert len(table) == 3
    assert repr(table) == f"<Table {table.name}: a BIGINT, b VARCHAR>"


def test_fetch_as_arrow(table) -> None:
    found = table.to_arrow()
    assert isinstance(found, pa.Table)
    assert found.to_pydict() == {"a": [3, 1, 2], "b": ["x", None, "z"]}


def test_fetch_as_pandas(table) -> None:
    found = table.to_pandas()
    assert found["a"].tolist() == [3, 1, 2]
    assert found["b"].isna().tolist() == [False, True, False]


def test_scalar_and_row(table) -> None:
    assert table.scalar("SELECT max(a) FROM {self} WHERE a < {x}", x=3) == 2
    assert table.row("SELECT min(a), max(b) FROM {self}") == (1, "z")


def test_batches_hold_all_rows_in_order(engine) -> None:
    table = engine.sql("SELECT range AS a FROM range(10_000)")
    batches = list(table.batches(3000))
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    assert len(batches) >= 3
    assert max(batch.num_rows for batch in batches) <= 2 * 3000
    values = [value for batch in batches for value in batch["a"].to_pylist()]
    assert values == list(range(10_000))


def test_work_between_batches_is_refused_not_cut_short(engine) -> None:
    other = engine.sql("SELECT 1 AS a")
    batches = engine.sql("SELECT range AS a FROM range(1_000_000)").batches(1000)
    first = next(batches).num_rows
    with pytest.raises(DataError, match="open result"):
        len(other)
    assert first + sum(batch.num_rows for batch in batches) == 1_000_000
    assert len(other) == 1


def test_dropping_the_iterator_frees_the_engine(engine) -> None:
    batches = engine.sql("SELECT range AS a FROM range(1_000_000)").batches(1000)
    next(batches)
    batches.close()
    assert engine.fetch_row("SELECT 1") == (1,)


def test_an_error_midway_is_a_data_error(engine) -> None:
    table = engine.sql(
        "SELECT CASE WHEN range = 900_000 THEN error('midway') ELSE 'a' END AS a"
        " FROM range(1_000_000)"
    )
    with pytest.raises(DataError, match="midway"):
        list(table.batches(1000))
    with pytest.raises(DataError, match="midway"):
        table.to_arrow()


def test_to_parquet_writes_what_is_read_back(table, engine, tmp_path) -> None:
    path = table.to_parquet(tmp_path / "new" / "it's.parquet")
    assert path == tmp_path / "new" / "it's.parquet"
    assert pq.read_table(path).to_pydict() == table.to_arrow().to_pydict()
    assert engine.register(path).to_arrow().to_pydict() == table.to_arrow().to_pydict()
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_to_parquet_writes_times_in_microseconds(engine, tmp_path) -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["1997-01-01 10:00:00.123456"])})
    orders = engine.sql(
        "SELECT CAST(t AS TIMESTAMP) AS t FROM {f}", f=engine.register(frame.astype("M8[ns]"))
    )
    assert pq.read_schema(orders.to_parquet(tmp_path / "t.parquet")).field("t").type == (
        pa.timestamp("us")
    )


def test_to_parquet_leaves_nothing_behind_when_it_fails(engine, tmp_path) -> None:
    (tmp_path / "a.parquet").write_text("old")
    table = engine.sql("SELECT error('no') AS a FROM range(3)")
    with pytest.raises(DataError, match="no"):
        table.to_parquet(tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert (tmp_path / "a.parquet").read_text() == "old"
