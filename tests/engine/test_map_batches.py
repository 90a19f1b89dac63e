"""What a Python function makes of each batch of rows, on both engines."""

import gc
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest

from segml._core.errors import DataError
from segml.engine import DuckEngine, Engine

SCHEMA = pa.schema({"id": pa.int64(), "twice": pa.float64()})


def twice(batch: pa.RecordBatch) -> pa.RecordBatch:
    values = batch["a"].to_pylist()
    return pa.RecordBatch.from_pydict({"id": values, "twice": [2.0 * v for v in values]}, SCHEMA)


def test_rows_of_all_batches_are_there(any_engine: Engine) -> None:
    n = 250_000 if any_engine.kind == "duckdb" else 25_000
    table = any_engine.register(pa.table({"a": range(n)}))
    found = any_engine.map_batches(table, lambda batch: twice(batch), SCHEMA)
    assert found.types == {"id": "BIGINT", "twice": "DOUBLE"}
    assert found.row("SELECT count(*), sum(id), sum(twice) FROM {self}") == (
        n,
        n * (n - 1) // 2,
        float(n * (n - 1)),
    )


def test_a_table_without_rows(any_engine: Engine) -> None:
    table = any_engine.sql("SELECT 1 AS a WHERE FALSE")
    found = any_engine.map_batches(table, twice, SCHEMA)
    assert found.columns == ["id", "twice"]
    assert len(found) == 0


def test_batches_may_change_their_length(any_engine: Engine) -> None:
    table = any_engine.register(pa.table({"a": range(9)}))
    schema = pa.schema({"rows": pa.int64()})
    found = any_engine.map_batches(
        table, lambda batch: pa.RecordBatch.from_pydict({"rows": [batch.num_rows]}, schema), schema
    )
    assert sum(found.to_arrow()["rows"].to_pylist()) == 9


def test_an_error_of_the_function_is_shown(any_engine: Engine) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise DataError("a customer is wrong")

    table = any_engine.register(pa.table({"a": [1]}))
    with pytest.raises(DataError, match="a customer is wrong"):
        any_engine.map_batches(table, fail, SCHEMA).to_arrow()
    assert any_engine.fetch_row("SELECT 1") == (1,)


def test_the_file_of_duckdb_goes_with_the_table(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = DuckEngine()
    table = engine.register(pa.table({"a": [1, 2]}))
    found = engine.map_batches(table, twice, SCHEMA)
    child = engine.sql("SELECT sum(twice) AS total FROM {found}", found=found)
    del found
    gc.collect()
    assert child.to_arrow().to_pydict() == {"total": [6.0]}
    del child
    gc.collect()
    assert list(Path(tmp_path).iterdir()) == []
    with pytest.raises(ZeroDivisionError):
        engine.map_batches(table, lambda batch: 1 / 0, SCHEMA)
    assert list(Path(tmp_path).iterdir()) == []
