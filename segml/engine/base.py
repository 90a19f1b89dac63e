"""What an engine does, whichever it is; the dialects stay below."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from segml._core.check import nearest
from segml._core.errors import DataError

from .sql import Fragment, quote, render
from .table import Table

_numbers = itertools.count(1)


class Engine(ABC):
    """Registers sources under names, runs SQL texts lazily, fetches and writes their rows.

    Made by :func:`segml.engine.connect`. The texts are the same on every engine: what the
    dialects have not in common is behind the prelude's functions.

    Attributes
    ----------
    kind : {"duckdb", "spark"}
        Which engine it is.
    """

    kind: str

    @abstractmethod
    def register(self, source: Any) -> Table:
        """Make a table of a table in memory, of a Parquet path or of the engine's own relation.

        Raises
        ------
        DataError
            When the source is of no kind that is known, or cannot be read.
        """

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
        return self._define(self._render(text, values), parents)

    @abstractmethod
    def materialise(self, table: Table) -> Table:
        """Compute a table and keep its rows."""

    def staged(self, table: Table) -> Table:
        """Compute a table now, where a query over many such would hold all in memory at once.

        DuckDB keeps its rows; Spark, which spills each on its way, takes it as it is.
        """
        return table

    @abstractmethod
    def execute(self, text: str) -> None:
        """Run a statement that returns nothing, such as SET or LOAD."""

    @abstractmethod
    def numbered(self, table: Table, column: str) -> Table:
        """Add, as first column, the number of each row in its source, from 1."""

    @abstractmethod
    def parse_time(self, date_format: str) -> str:
        """Return the SQL that reads ``{text}`` by a strptime format, NULL where it does not fit.

        Raises
        ------
        DataError
            The engine does not know the format.
        """

    def fetch_row(self, text: str, /, **values: Any) -> tuple[Any, ...]:
        """Return the first row of a query."""
        row = self._first(self._render(text, values))
        if row is None:
            raise DataError("the query returned no row")
        return row

    @abstractmethod
    def fetch_arrow(self, table: Table) -> pa.Table:
        """Fetch a table as Arrow."""

    @abstractmethod
    def fetch_batches(self, table: Table, size: int) -> Iterator[pa.RecordBatch]:
        """Fetch a table as Arrow record batches."""

    @abstractmethod
    def map_batches(
        self,
        table: Table,
        function: Callable[[pa.RecordBatch], pa.RecordBatch],
        schema: pa.Schema,
    ) -> Table:
        """Make a table of what a Python function makes of each batch of rows.

        Parameters
        ----------
        table : Table
            The rows.
        function : callable
            Takes a record batch and returns one of `schema`, of as many rows or others;
            it must not use the engine. Spark sends it to the workers, so it has to be
            picklable, with all that it holds, and its modules installed there.
        schema : pyarrow.Schema
            Of the batches that it returns.

        Returns
        -------
        Table
            DuckDB computes it now, batch by batch, into a temporary file that goes with
            the table; Spark computes it on the workers each time that it is fetched.
        """

    @abstractmethod
    def write_parquet(self, table: Table, path: str | Path) -> None:
        """Write a table as Parquet, whole or not at all."""

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
        return self._define("SELECT * FROM " + ".".join(quote(part) for part in names[full[0]]))

    @abstractmethod
    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the tables and views of the open and the attached databases.

        Returns
        -------
        dict
            Name with dots to its parts, such as (database, schema, table).
        """

    @abstractmethod
    def _define(self, text: str, parents: tuple[Any, ...] = ()) -> Table:
        """Name the result of a SQL text."""

    @abstractmethod
    def _first(self, text: str) -> tuple[Any, ...] | None:
        """Return the first row of a SQL text, if it has one."""

    def _render(self, text: str, values: dict[str, Any]) -> str:
        bound = {
            key: Fragment(quote(value.name)) if isinstance(value, Table) else value
            for key, value in values.items()
        }
        return render(text, bound)

    @staticmethod
    def _new_name() -> str:
        return f"segml_{next(_numbers)}"


def query_error(error: Exception) -> DataError:
    """Return the error for a query that an engine could not run."""
    return DataError("the engine could not run a query", got=str(error))
