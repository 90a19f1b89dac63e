import gc
import weakref

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segml._core.errors import DataError, ParameterError
from segml.engine import DuckEngine, connect, default_engine


def objects(engine: DuckEngine) -> int:
    """Count the tables and views that segml made and that are still there."""
    return engine.fetch_row(
        "SELECT count(*) FROM (SELECT table_name AS name FROM duckdb_tables()"
        " UNION ALL SELECT view_name FROM duckdb_views()) WHERE name LIKE 'segml_%'"
    )[0]


def test_a_view_reads_its_source_when_it_is_fetched(engine, tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    table = engine.register(path)
    doubled = engine.sql("SELECT 2 * a AS a FROM {t}", t=table)
    pq.write_table(pa.table({"a": [5, 6, 7]}), path)
    assert len(table) == 3
    assert doubled.to_arrow()["a"].to_pylist() == [10, 12, 14]


def test_defining_a_view_runs_nothing(engine) -> None:
    table = engine.sql("SELECT error('it ran') AS a FROM range(3)")
    again = engine.sql("SELECT * FROM {t} ORDER BY a", t=table)
    with pytest.raises(DataError, match="it ran"):
        again.to_arrow()


def test_a_file_that_vanished_is_a_data_error_at_the_fetch(engine, tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    table = engine.register(path)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.parquet"):
        len(table)


def test_materialised_rows_stay_as_they_were(engine, tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    kept = engine.register(path).materialise()
    path.unlink()
    assert kept.to_arrow()["a"].to_pylist() == [1, 2]
    assert kept.types == {"a": "BIGINT"}


def test_views_that_nobody_holds_are_dropped(engine) -> None:
    before = objects(engine)
    table = engine.register(pd.DataFrame({"a": [1]}))
    tables = [engine.sql("SELECT a + {i} AS a FROM {t}", i=i, t=table) for i in range(5)]
    kept = tables[0].materialise()
    assert objects(engine) == before + 7
    del tables, table, kept
    gc.collect()
    assert objects(engine) == before


def test_what_a_view_reads_from_lives_as_long_as_it_does(engine) -> None:
    table = engine.register(pd.DataFrame({"a": [1, 2, 3]}))
    table = engine.sql("SELECT a * 10 AS a FROM {t}", t=table)
    table = engine.sql("SELECT sum(a) AS a FROM {t}", t=table)
    gc.collect()
    assert table.scalar("SELECT a FROM {self}") == 60


def test_a_dropped_source_is_let_go(engine) -> None:
    source = pa.table({"a": np.arange(1000)})
    watched = weakref.ref(source)
    table = engine.register(source)
    assert len(table) == 1000
    del table, source
    gc.collect()
    engine.fetch_row("SELECT 1")
    gc.collect()
    assert watched() is None


def test_tables_about_rejected_lines_are_dropped(engine, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    before = objects(engine)
    rows, bad = engine.load_csv([str(tmp_path / "a.csv")], ["a", "b"], ",")
    assert (len(rows), len(bad)) == (1, 1)
    del rows, bad
    gc.collect()
    assert objects(engine) == before


def test_load_csv_counts_each_line_that_a_quote_swallows(engine, tmp_path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,2\n1,2,3\n5,6\n7,"8\n9,10\n11,12\n')
    rows, bad = engine.load_csv([str(tmp_path / "a.csv")], ["a", "b"], ",")
    assert rows.to_arrow().to_pylist() == [{"a": "1", "b": "2"}, {"a": "5", "b": "6"}]
    assert [(row["line"], row["problem"]) for row in bad.to_arrow().to_pylist()] == [
        (3, "TOO MANY COLUMNS"),
        (5, "UNQUOTED VALUE"),
        (6, "UNQUOTED VALUE"),
        (7, "UNQUOTED VALUE"),
    ]


def test_bad_sql_is_a_data_error(engine) -> None:
    with pytest.raises(DataError, match="the engine could not run a query") as caught:
        engine.sql("SELEKT 1")
    assert "SELEKT" in caught.value.problem.got
    with pytest.raises(DataError, match="nothing_such"):
        engine.sql("SELECT nothing_such FROM {t}", t=engine.sql("SELECT 1 AS a"))


def test_a_query_that_fails_leaves_the_engine_usable(engine) -> None:
    with pytest.raises(DataError):
        engine.fetch_row("SELECT CAST('x' AS INTEGER)")
    assert engine.fetch_row("SELECT 1") == (1,)


def test_a_query_without_a_row(engine) -> None:
    with pytest.raises(DataError, match="the query returned no row"):
        engine.fetch_row("SELECT 1 WHERE false")


def test_unknown_placeholders_are_refused(engine) -> None:
    with pytest.raises(ParameterError, match="no value"):
        engine.sql("SELECT * FROM {t}")


def test_a_table_of_the_engine_is_returned_as_it_is(engine) -> None:
    table = engine.sql("SELECT 1 AS a")
    assert engine.register(table) is table


def test_a_table_of_another_engine_is_refused(engine) -> None:
    with pytest.raises(DataError, match="this kind of source is not known"):
        engine.register(DuckEngine().sql("SELECT 1 AS a"))


def test_the_session_is_in_utc(engine) -> None:
    assert engine.fetch_row("SELECT current_setting('TimeZone')") == ("UTC",)


def test_the_default_engine_is_one() -> None:
    assert default_engine() is default_engine()


def test_connect_opens_a_file_and_a_second_time(tmp_path) -> None:
    path = str(tmp_path / "a.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS a")
    for _ in range(2):
        engine = connect(path)
        assert engine.sql("SELECT a, day_index(DATE '1970-01-02') AS d FROM kept").row(
            "SELECT a, d FROM {self}"
        ) == (7, 1)
        del engine
        gc.collect()


def test_connect_says_which_file_cannot_be_opened(tmp_path) -> None:
    path = str(tmp_path / "none" / "a.duckdb")
    with pytest.raises(DataError, match="the database cannot be opened") as caught:
        connect(path)
    assert caught.value.problem.where == path
