import datetime as dt
import inspect
import uuid

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segml._core.errors import DataError
from segml.engine.sources import expand

FRAME = pd.DataFrame(
    {
        "a": [1, 2, 3],
        "b": ["x", "y", None],
        "t": pd.to_datetime(["1997-01-01", "1997-01-02", "1969-12-31"]),
    }
)
ROWS = [
    {"a": 1, "b": "x", "t": dt.datetime(1997, 1, 1)},
    {"a": 2, "b": "y", "t": dt.datetime(1997, 1, 2)},
    {"a": 3, "b": None, "t": dt.datetime(1969, 12, 31)},
]
ARROW = pa.Table.from_pandas(FRAME, preserve_index=False)


@pytest.mark.parametrize(
    "source",
    [
        FRAME,
        FRAME.set_index(np.array([9, 9, 9])),
        type("Subclass", (pd.DataFrame,), {})(FRAME),
        pl.from_pandas(FRAME),
        ARROW,
        ARROW.to_batches()[0],
        pa.RecordBatchReader.from_batches(ARROW.schema, ARROW.to_batches()),
        lambda: duckdb.connect().from_arrow(ARROW),
    ],
    ids=["pandas", "index", "subclass", "polars", "arrow", "batch", "reader", "duckdb"],
)
def test_every_kind_of_table_gives_the_same_rows(engine, source) -> None:
    raw = engine.register(source() if inspect.isfunction(source) else source)
    table = engine.sql("SELECT a, b, CAST(t AS TIMESTAMP) AS t FROM {raw}", raw=raw)
    assert table.to_arrow().to_pylist() == ROWS


@pytest.mark.parametrize("name", ["a.parquet", "it's [1]*?.parquet", "{a}.parquet", "é.parquet"])
def test_a_parquet_file_may_have_any_name(engine, tmp_path, name) -> None:
    pq.write_table(ARROW, tmp_path / name)
    decoy = "it's 1 and more.parquet"  # what a pattern would match
    pq.write_table(ARROW.slice(0, 1), tmp_path / decoy)
    for path in (tmp_path / name, str(tmp_path / name)):
        assert engine.register(path).to_arrow()["a"].to_pylist() == [1, 2, 3]


def test_a_pattern_stands_for_all_its_files_in_order(engine, tmp_path) -> None:
    for part in (2, 0, 1):
        pq.write_table(ARROW.slice(part, 1), tmp_path / f"part-{part}.parquet")
    found = engine.register(tmp_path / "part-*.parquet")
    assert found.to_arrow()["a"].to_pylist() == [1, 2, 3]
    assert expand(tmp_path / "part-*.parquet") == [
        str(tmp_path / f"part-{part}.parquet") for part in range(3)
    ]


@pytest.mark.parametrize(
    "source",
    [
        {"a": [1]},
        [1, 2],
        None,
        3,
        FRAME["a"],
        pl.Series([1]),
        pa.chunked_array([[1]]),
        pl.LazyFrame({"a": [1]}),
        b"a.csv",
    ],
    ids=lambda source: type(source).__name__,
)
def test_an_unknown_kind_is_named(engine, source) -> None:
    with pytest.raises(DataError, match="this kind of source is not known") as caught:
        engine.register(source)
    assert type(source).__qualname__ in caught.value.problem.got
    assert "DuckDB relation" in caught.value.problem.expected


def test_a_missing_file_shows_what_is_there(tmp_path) -> None:
    (tmp_path / "orders.csv").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="the file does not exist") as caught:
        expand(tmp_path / "order.csv")
    assert caught.value.problem.where == str(tmp_path / "order.csv")
    assert caught.value.problem.got == "in that folder: orders.csv"


def test_a_missing_file_in_an_empty_or_a_missing_folder(tmp_path) -> None:
    with pytest.raises(DataError, match="in that folder: no files"):
        expand(tmp_path / "*.csv")
    with pytest.raises(DataError, match=rf"the folder {tmp_path}/none does not exist"):
        expand(tmp_path / "none" / "a.csv")


def test_a_folder_is_not_a_file(tmp_path) -> None:
    with pytest.raises(DataError, match="this is a folder, not a file") as caught:
        expand(tmp_path)
    assert caught.value.problem.where == str(tmp_path)
    assert caught.value.problem.hint.endswith("/*.parquet")


def test_a_file_that_is_not_parquet(engine, tmp_path) -> None:
    (tmp_path / "a.parquet").write_text("no parquet at all")
    with pytest.raises(DataError, match=r"a\.parquet"):
        engine.register(tmp_path / "a.parquet")


@pytest.mark.parametrize("columns", [["a", "a"], [1, "1"]])
def test_a_repeated_column_name(engine, columns) -> None:
    with pytest.raises(DataError, match="a column name stands more than once") as caught:
        engine.register(pd.DataFrame([[1, 2]], columns=columns))
    assert caught.value.problem.got == str(columns[0])


@pytest.mark.parametrize("values", [[1, "a"], [uuid.UUID(int=1), 2]])
def test_a_column_of_several_types(engine, values) -> None:
    with pytest.raises(DataError, match="a column holds values of several types") as caught:
        engine.register(pd.DataFrame({"mixed": pd.Series(values, dtype=object)}))
    assert "mixed" in caught.value.problem.got


def test_column_names_that_are_numbers_become_text(engine) -> None:
    assert engine.register(pd.DataFrame({0: [1], 1: [2]})).columns == ["0", "1"]


def test_a_table_without_columns(engine) -> None:
    with pytest.raises(DataError, match="the engine cannot read this table"):
        engine.register(pd.DataFrame())
