"""The default engine: DuckDB, embedded, no server."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from segml._core.check import nearest
from segml._core.errors import DataError

from .prelude import DUCKDB
from .sources import file_list, to_source
from .sql import Fragment, quote, render
from .table import Table

_numbers = itertools.count(1)


class Engine:
    """A DuckDB connection that knows segml's SQL functions; its session time zone is UTC.

    Parameters
    ----------
    database : str
        ``":memory:"`` or the path of a DuckDB file.

    Examples
    --------
    >>> engine = Engine()
    >>> table = engine.sql("SELECT 1 AS a UNION ALL SELECT {x}", x=2)
    >>> len(table), table.columns
    (2, ['a'])
    """

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
        self._connection.execute(DUCKDB)
        self._garbage: list[str] = []

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
            return self._view(f"SELECT * FROM {found}")
        name = self._new_name()
        try:
            self._connection.register(name, found)
        except duckdb.Error as error:
            raise DataError("the engine cannot read this table", got=str(error)) from error
        table = Table(self, name, self._types(name), (found,))
        weakref.finalize(table, self._garbage.append, f"DROP VIEW IF EXISTS {quote(name)}")
        return table

    def sql(self, text: str, /, **values: Any) -> Table:
        """Define a table by a SQL text; nothing is computed until it is fetched.

        Parameters
        ----------
        text : str
            A SELECT with ``{name}`` placeholders.
        **values
            For each placeholder a :class:`Table`, a value or an identifier;
            see :func:`segml.engine.sql.literal`.

        Raises
        ------
        DataError
            When the engine cannot make sense of the text.
        """
        parents = tuple(value for value in values.values() if isinstance(value, Table))
        return self._view(self._render(text, values), parents)

    def materialise(self, table: Table) -> Table:
        """Compute a table and keep its rows."""
        name = self._new_name()
        self._run(f"CREATE TEMP TABLE {quote(name)} AS SELECT * FROM {quote(table.name)}")
        kept = Table(self, name, dict(table.types))
        weakref.finalize(kept, self._garbage.append, f"DROP TABLE IF EXISTS {quote(name)}")
        return kept

    def execute(self, text: str) -> None:
        """Run a statement that returns nothing, such as SET or LOAD."""
        self._run(text)

    def fetch_row(self, text: str, /, **values: Any) -> tuple[Any, ...]:
        """Return the first row of a query."""
        rows = self._run(self._render(text, values)).fetchall()
        if not rows:
            raise DataError("the query returned no row")
        return tuple(rows[0])

    def fetch_arrow(self, table: Table) -> pa.Table:
        """Fetch a table as Arrow."""
        try:
            self._collect_garbage()
            return self._connection.table(table.name).to_arrow_table()
        except duckdb.Error as error:
            raise _query_error(error) from error

    def fetch_batches(self, table: Table, size: int) -> Iterator[pa.RecordBatch]:
        """Fetch a table as Arrow record batches."""
        try:
            self._collect_garbage()
            rows = self._connection.table(table.name)
            # Older releases know it by the name that newer ones warn of.
            read = getattr(rows, "to_arrow_reader", None) or rows.fetch_arrow_reader
            yield from read(size)
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # Arrow's midway
            raise _query_error(error) from error

    def write_parquet(self, table: Table, path: Path) -> None:
        """Write a table to one Parquet file."""
        self._run(
            render(
                "COPY (SELECT * FROM {table}) TO {path} (FORMAT parquet, COMPRESSION zstd)",
                {"table": Fragment(quote(table.name)), "path": str(path)},
            )
        )

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
        lines = self._view(
            "SELECT CAST(line + unnest(range(more + 1)) AS BIGINT) AS line, problem FROM ("
            "SELECT line, min(error_type) AS problem, max(CASE WHEN error_type = 'UNQUOTED VALUE'"
            " THEN length(regexp_replace(trim(csv_line, E'\\r\\n'), '[^\\n]', '', 'g')) ELSE 0 END)"
            f" AS more FROM {quote(bad)} GROUP BY line) ORDER BY line"
        )
        for name in (bad, bad + "_scan"):
            weakref.finalize(lines, self._garbage.append, f"DROP TABLE IF EXISTS {quote(name)}")
        return kept, lines

    def table(self, name: str) -> Table:
        """Return a table of the open database, or of one that was attached, by its name.

        Parameters
        ----------
        name : str
            ``table``, ``schema.table`` or ``database.schema.table``.

        Raises
        ------
        DataError
            There is none of that name; lists those that there are.
        """
        names = self.tables()
        full = [known for known in names if known == name or known.endswith(f".{name}")]
        if len(full) != 1:
            raise DataError(
                "several tables have this name" if full else "no such table",
                where="database",
                got=name,
                expected="one of " + ", ".join(full or names) if names else None,
                nearest=nearest(name, [known.rpartition(".")[2] for known in names]),
            )
        return self._view("SELECT * FROM " + ".".join(quote(part) for part in names[full[0]]))

    def tables(self) -> dict[str, tuple[str, str, str]]:
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

    def _render(self, text: str, values: dict[str, Any]) -> str:
        bound = {
            key: Fragment(quote(value.name)) if isinstance(value, Table) else value
            for key, value in values.items()
        }
        return render(text, bound)

    def _view(self, text: str, parents: tuple[Any, ...] = ()) -> Table:
        name = self._new_name()
        self._run(f"CREATE TEMP VIEW {quote(name)} AS {text}")
        table = Table(self, name, self._types(name), parents)
        weakref.finalize(table, self._garbage.append, f"DROP VIEW IF EXISTS {quote(name)}")
        return table

    def _types(self, name: str) -> dict[str, str]:
        described = self._run(f"DESCRIBE {quote(name)}").fetchall()
        return {row[0]: row[1] for row in described}

    def _run(self, text: str) -> Any:
        try:
            self._collect_garbage()
            return self._connection.execute(text)
        except duckdb.Error as error:
            raise _query_error(error) from error

    def _collect_garbage(self) -> None:
        while self._garbage:  # dropped here, not in a finaliser: that may run within a query
            statement = self._garbage.pop()
            try:
                self._connection.execute(statement)
            except duckdb.Error:
                self._garbage.append(statement)
                raise

    @staticmethod
    def _new_name() -> str:
        return f"segml_{next(_numbers)}"


def _query_error(error: Exception) -> DataError:
    return DataError("the engine could not run a query", got=str(error))


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
    return Engine()
