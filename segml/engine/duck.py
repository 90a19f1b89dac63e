"""The default engine: DuckDB, embedded, no server."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Generator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from segml._core.errors import DataError
from segml._core.files import whole_file

from .base import Engine, query_error
from .compose import columns_of
from .prelude import DUCKDB
from .prelude_text import DUCKDB_TEXT
from .sources import expand, file_list, is_remote, to_source
from .sql import Fragment, quote, render
from .table import Table

_MAPPED_ROWS = 100_000  # in memory at a time


class DuckEngine(Engine):
    """A DuckDB connection that knows segml's SQL functions; its session time zone is UTC.

    Parameters
    ----------
    database : str
        ``":memory:"`` or the path of a DuckDB file.

    Examples
    --------
    >>> engine = DuckEngine()
    >>> table = engine.sql("SELECT 1 AS a UNION ALL SELECT {x}", x=2)
    >>> len(table), table.columns
    (2, ['a'])
    """

    kind = "duckdb"

    def __init__(self, database: str = ":memory:") -> None:
        try:
            self._connection = duckdb.connect(database)
        except duckdb.Error as error:
            raise DataError(
                "the database cannot be opened", where=database, got=str(error)
            ) from error
        self._connection.execute("SET TimeZone = 'UTC'")
        # Off already in JupyterLab without ipywidgets, where setting it is an error.
        (bars,) = self._connection.execute(
            "SELECT current_setting('enable_progress_bar')"
        ).fetchall()
        if bars[0]:
            self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(DUCKDB + DUCKDB_TEXT)
        self._garbage: list[str] = []
        self._files: weakref.WeakKeyDictionary[Table, list[str]] = weakref.WeakKeyDictionary()

    def register(self, source: Any) -> Table:
        """Make a table of a pandas, Polars or Arrow table, a Parquet path or a DuckDB relation.

        Parameters
        ----------
        source : object
            Tables in memory are read in place; Parquet files are read when the
            table is fetched. A :class:`Table` of this engine is returned as it is.

        Raises
        ------
        DataError
            When the source is of no kind that is known, or cannot be read.
        """
        if isinstance(source, Table) and source.engine is self:
            return source
        found = to_source(source)
        if isinstance(found, Fragment):
            table = self._define(f"SELECT * FROM {found}")
            self._files[table] = expand(source) if not is_remote(source) else []
            return table
        name = self._new_name()
        try:
            self._connection.register(name, found)
        except duckdb.Error as error:
            raise DataError("the engine cannot read this table", got=str(error)) from error
        table = Table(self, name, self._types(name), (found,))
        weakref.finalize(table, self._garbage.append, f"DROP VIEW IF EXISTS {quote(name)}")
        return table

    def materialise(self, table: Table) -> Table:
        """Compute a table and keep its rows."""
        name = self._new_name()
        self._run(f"CREATE TEMP TABLE {quote(name)} AS SELECT * FROM {quote(table.name)}")
        kept = Table(self, name, dict(table.types))
        weakref.finalize(kept, self._garbage.append, f"DROP TABLE IF EXISTS {quote(name)}")
        return kept

    def staged(self, table: Table) -> Table:
        """Compute a table and keep its rows; see `Engine`."""
        return self.materialise(table)

    def execute(self, text: str) -> None:
        """Run a statement that returns nothing, such as SET or LOAD."""
        self._run(text)

    def numbered(self, table: Table, column: str) -> Table:
        """Add, as first column, the number of each row in its source, from 1."""
        if paths := self._files.get(table):
            return self._define(self._numbered_files(table, paths, column), (table,))
        return self.sql(
            "SELECT row_number() OVER () AS {column}, * FROM {table}",
            column=Fragment(quote(column)),
            table=table,
        )

    def fetch_arrow(self, table: Table) -> pa.Table:
        """Fetch a table as Arrow."""
        try:
            self._collect_garbage()
            return self._connection.table(table.name).to_arrow_table()
        except duckdb.Error as error:
            raise query_error(error) from error

    def fetch_batches(self, table: Table, size: int) -> Generator[pa.RecordBatch, None, None]:
        """Fetch a table as Arrow record batches."""
        try:
            self._collect_garbage()
            rows = self._connection.table(table.name)
            # Older releases know it by the name that newer ones warn of.
            read = getattr(rows, "to_arrow_reader", None) or rows.fetch_arrow_reader
            yield from read(size)
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # Arrow's midway
            raise query_error(error) from error

    def map_batches(
        self,
        table: Table,
        function: Callable[[pa.RecordBatch], pa.RecordBatch],
        schema: pa.Schema,
    ) -> Table:
        """Make a table of what a Python function makes of each batch of rows; see `Engine`."""
        handle, path = tempfile.mkstemp(".parquet", "segml_")
        os.close(handle)
        try:
            batches = self.fetch_batches(table, _MAPPED_ROWS)
            with closing(batches), pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(function(batch))
            mapped = self.register(path)
        except BaseException:  # an interrupt leaves no file behind either
            Path(path).unlink()
            raise
        weakref.finalize(mapped, Path(path).unlink, missing_ok=True)
        return mapped

    def write_parquet(self, table: Table, path: str | Path) -> None:
        """Write a table to one Parquet file, whole or not at all."""
        with whole_file(path) as aside:
            self._run(
                render(
                    "COPY (SELECT * FROM {table}) TO {path} (FORMAT parquet, COMPRESSION zstd)",
                    {"table": Fragment(quote(table.name)), "path": str(aside)},
                )
            )

    def _numbered_files(self, table: Table, paths: list[str], column: str) -> str:
        """Return the SQL that numbers rows by their place in the files, which takes all threads."""
        starts, before = [], 0
        for path, rows in self._run(
            f"SELECT file_name, num_rows FROM parquet_file_metadata({file_list(paths)})"
        ).fetchall():
            starts.append(f"WHEN {_text(path)} THEN {before + 1}")
            before += rows
        start = "1" if len(paths) == 1 else f"CASE filename {' '.join(starts)} END"
        options = "file_row_number = true" + (", filename = true" if len(paths) > 1 else "")
        return (
            f"SELECT CAST(file_row_number + {start} AS BIGINT) AS {quote(column)},"
            f" {columns_of(table)} FROM read_parquet({file_list(paths)}, {options})"
        )

    def parse_time(self, date_format: str) -> str:
        """Return the SQL that reads ``{text}`` by a strptime format, NULL where it does not fit."""
        expression = f"try_strptime({{text}}, {_text(date_format)})"
        self._run("SELECT " + expression.replace("{text}", "'1'"))
        return expression

    def load_csv(self, paths: list[str], columns: list[str], separator: str) -> tuple[Table, Table]:
        """Read CSV files with a header into text columns.

        Returns
        -------
        rows, malformed : Table
            `malformed` has a row (``line``, ``problem``) for each line that does
            not have as many fields as the header or whose quotes do not close; a quote
            that never closes takes the lines after it along, and each has its row.
        """
        rows, bad = self._new_name(), self._new_name()
        types = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in columns)
        options = (
            f"auto_detect = false, header = true, delim = {_text(separator)}, quote = '\"', "
            f"escape = '\"', columns = {{{types}}}, store_rejects = true, "
            f"rejects_table = {_text(bad)}, rejects_scan = {_text(bad + '_scan')}, "
            "rejects_limit = 0"
        )
        scan = f"read_csv({file_list(paths)}, {options})"
        self._run(f"CREATE TEMP TABLE {quote(rows)} AS SELECT * FROM {scan}")
        kept = Table(self, rows, self._types(rows))
        weakref.finalize(kept, self._garbage.append, f"DROP TABLE IF EXISTS {quote(rows)}")
        lines = self._define(
            "SELECT CAST(line + unnest(range(more + 1)) AS BIGINT) AS line, problem FROM ("
            "SELECT line, min(error_type) AS problem, max(CASE WHEN error_type = 'UNQUOTED VALUE'"
            " THEN length(regexp_replace(trim(csv_line, E'\\r\\n'), '[^\\n]', '', 'g')) ELSE 0 END)"
            f" AS more FROM {quote(bad)} GROUP BY line) ORDER BY line"
        )
        for name in (bad, bad + "_scan"):
            weakref.finalize(lines, self._garbage.append, f"DROP TABLE IF EXISTS {quote(name)}")
        return kept, lines

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the tables and views of the open and the attached databases.

        Returns
        -------
        dict
            Name with dots to (database, schema, table).
        """
        rows = self._run(
            "SELECT table_catalog, table_schema, table_name FROM information_schema.tables"
            " WHERE table_catalog NOT IN ('system', 'temp') ORDER BY ALL"
        ).fetchall()
        return {".".join(row): row for row in rows}

    def _define(self, text: str, parents: tuple[Any, ...] = ()) -> Table:
        name = self._new_name()
        self._run(f"CREATE TEMP VIEW {quote(name)} AS {text}")
        table = Table(self, name, self._types(name), parents)
        weakref.finalize(table, self._garbage.append, f"DROP VIEW IF EXISTS {quote(name)}")
        return table

    def _types(self, name: str) -> dict[str, str]:
        described = self._run(f"DESCRIBE {quote(name)}").fetchall()
        return {row[0]: row[1] for row in described}

    def _first(self, text: str) -> tuple[Any, ...] | None:
        rows = self._run(text).fetchall()
        return tuple(rows[0]) if rows else None

    def _run(self, text: str) -> Any:
        try:
            self._collect_garbage()
            return self._connection.execute(text)
        except duckdb.Error as error:
            raise query_error(error) from error

    def _collect_garbage(self) -> None:
        while self._garbage:  # dropped here, not in a finaliser: that may run within a query
            statement = self._garbage.pop()
            try:
                self._connection.execute(statement)
            except duckdb.Error:
                self._garbage.append(statement)
                raise


def _text(value: str) -> str:
    return render("{value}", {"value": value})


@cache
def default_engine() -> Engine:
    """Return the engine in memory that is used where none is given.

    Returns
    -------
    Engine
        The same one every time.
    """
    return DuckEngine()
