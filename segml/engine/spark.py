"""The engine for data that outgrow one machine: Spark 4, with the same SQL texts."""

from __future__ import annotations

import logging
import os
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from segml._core.errors import DataError
from segml._core.lazy import optional_import

from .base import Engine, query_error
from .dialect import java_format, to_spark, type_name
from .prelude import SPARK
from .prelude_text import SPARK_TEXT
from .sources import to_source
from .spark_session import active, is_frame, pack, plain_types, said
from .sql import Fragment, literal, quote
from .table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",  # errors where DuckDB has errors, not silent NULLs
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
}
_CORRUPT = "_segml_corrupt"


class SparkEngine(Engine):
    """A Spark session of its own, beside the caller's, that knows segml's SQL functions.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        A running session. Its settings stay as they are: the engine opens a new session
        on the same cluster, whose time zone is UTC.

    Examples
    --------
    >>> from segml.engine import connect
    >>> engine = connect("spark://local[2]")  # doctest: +SKIP
    >>> orders = engine.register(spark.table("orders"))  # doctest: +SKIP
    """

    kind = "spark"

    def __init__(self, session: SparkSession) -> None:
        self._failures = (
            optional_import("pyspark.errors", "spark").PySparkException,
            optional_import("py4j.protocol", "spark").Py4JJavaError,
        )
        self._given = session
        self._session = session.newSession()
        self._frames: dict[str, DataFrame] = {}
        self._garbage: list[str] = []
        with self._talking():
            for key, value in _SETTINGS.items():
                self._session.conf.set(key, value)
            for statement in (*SPARK, *SPARK_TEXT):
                self._session.sql(statement)

    @property
    def _has_checkpoints(self) -> bool:
        context = getattr(self._session, "sparkContext", None)  # Spark Connect shows none
        return context is not None and context.getCheckpointDir() is not None

    @property
    def session(self) -> SparkSession:
        """The engine's Spark session."""
        return self._session

    def frame(self, table: Table) -> DataFrame:
        """Return a table of this engine as a Spark DataFrame."""
        return self._frames[table.name]

    def register(self, source: Any) -> Table:
        """Make a table of a Spark DataFrame, of files that Spark reads, or of a table in memory.

        Parameters
        ----------
        source : object
            A Spark DataFrame of any session on the same cluster; a path or address of
            Parquet files; or a pandas, Polars or Arrow table, which is sent to the cluster.

        Raises
        ------
        DataError
            When the source is of no kind that is known, or cannot be read.
        """
        if isinstance(source, Table) and source.engine is self:
            return source
        with self._talking():
            if is_frame(source):
                return self._named(self._own(source), (source,))
            if isinstance(source, (str, os.PathLike)):
                return self._named(self._session.read.parquet(os.fspath(source)))
            found = to_source(source)
            if isinstance(found, Fragment):
                raise DataError("this kind of source is not known", got=str(found))
            return self._named(self._session.createDataFrame(plain_types(found)))

    def load_csv(self, path: str, separator: str, encoding: str) -> tuple[Table, str]:
        """Read CSV files with a header into text columns.

        Returns
        -------
        rows : Table
            All lines; those that do not fit the header hold their text in the column
            named second, which is missing in the others.
        """
        options = {"header": "true", "sep": separator, "escape": '"', "multiLine": "true"}
        options["encoding"] = encoding
        with self._talking():
            head = self._session.read.options(**options).csv(path).columns
            schema = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in [*head, _CORRUPT])
            options |= {"columnNameOfCorruptRecord": _CORRUPT, "mode": "PERMISSIVE"}
            return self._named(
                self._session.read.options(**options).schema(schema).csv(path)
            ), _CORRUPT

    def materialise(self, table: Table) -> Table:
        """Compute a table and keep its rows, where later texts begin again.

        They are kept by the workers, in memory and on disk; on storage that outlives a
        worker where the Spark context has a checkpoint folder.
        """
        frame = self._frames[table.name]
        with self._talking(), active(self._session):
            if self._has_checkpoints:
                return self._named(frame.checkpoint())
            return self._named(frame.localCheckpoint())

    def execute(self, text: str) -> None:
        """Run a statement that returns nothing, such as SET."""
        with self._talking():
            self._session.sql(to_spark(text))

    def numbered(self, table: Table, column: str) -> Table:
        """Add, as first column, the number of each row in its source, from 1.

        Rows are numbered within their partition and shifted by what stands before it,
        so that no machine has to see them all.
        """
        marked = self.sql(
            "SELECT monotonically_increasing_id() AS {column}, * FROM {table}",
            column=Fragment(quote(column)),
            table=table,
        )
        counts = self.sql(
            "SELECT shiftright({column}, 33) AS part, count(*) AS n FROM {marked}"
            " GROUP BY shiftright({column}, 33) ORDER BY part",
            column=Fragment(quote(column)),
            marked=marked,
        )
        before, total = {}, 0
        for part, n in self._rows(counts):
            before[part] = total
            total += n
        starts = [before.get(part, 0) for part in range(max(before, default=0) + 1)]
        others = ", ".join(quote(name) for name in table.columns)
        return self.sql(
            "SELECT element_at({starts}, CAST(shiftright({column}, 33) AS INT) + 1)"
            " + ({column} & 8589934591) + 1 AS {column}, {others} FROM {marked}",
            starts=Fragment(f"array({', '.join(f'{n}L' for n in starts)})"),
            column=Fragment(quote(column)),
            others=Fragment(others),
            marked=marked,
        )

    def parse_time(self, date_format: str) -> str:
        """Return the SQL that reads ``{text}`` by a strptime format, NULL where it does not fit."""
        expression = f"try_to_timestamp({{text}}, {literal(java_format(date_format))})"
        self.fetch_row("SELECT " + expression.replace("{text}", "'1'"))
        return expression

    def fetch_arrow(self, table: Table) -> pa.Table:
        """Fetch a table as Arrow."""
        with self._talking():
            return self._frames[table.name].toArrow()

    def fetch_batches(self, table: Table, size: int) -> Iterator[pa.RecordBatch]:
        """Fetch a table as Arrow record batches, one partition at a time."""
        with self._talking():
            packed = self._frames[table.name].mapInArrow(pack, "batch binary")
            for row in packed.toLocalIterator():
                for batch in pa.ipc.open_stream(row["batch"]):
                    for start in range(0, batch.num_rows, size):
                        yield batch.slice(start, size)

    def map_batches(
        self,
        table: Table,
        function: Callable[[pa.RecordBatch], pa.RecordBatch],
        schema: pa.Schema,
    ) -> Table:
        """Make a table of what a Python function makes of each batch of rows; see `Engine`."""

        def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return map(function, batches)

        with self._talking():
            kinds = optional_import("pyspark.sql.pandas.types", "spark")
            columns = kinds.from_arrow_schema(schema, prefer_timestamp_ntz=True)
            return self._named(self._frames[table.name].mapInArrow(each, columns), (table,))

    def write_parquet(self, table: Table, path: str | Path) -> None:
        """Write a table as a folder of Parquet files, by the workers; over an earlier one."""
        with self._talking():
            self._frames[table.name].write.mode("overwrite").parquet(os.fspath(path))

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the tables and views of the session's current database.

        Returns
        -------
        dict
            Name to its parts.
        """
        with self._talking():
            found = [table.name for table in self._session.catalog.listTables()]
        return {name: (name,) for name in found if not name.startswith("segml_")}

    def _define(self, text: str, parents: tuple[Any, ...] = ()) -> Table:
        with self._talking():
            return self._named(self._session.sql(to_spark(text)), parents)

    def _first(self, text: str) -> tuple[Any, ...] | None:
        with self._talking():
            rows = self._session.sql(to_spark(text)).head(1)
        return tuple(rows[0]) if rows else None

    def _rows(self, table: Table) -> list[tuple[Any, ...]]:
        with self._talking():
            return [tuple(row) for row in self._frames[table.name].collect()]

    def _own(self, frame: DataFrame) -> DataFrame:
        """Bring a DataFrame of another session into this one."""
        if frame.sparkSession is self._session:
            return frame
        name = self._new_name()
        frame.createGlobalTempView(name)
        return self._session.table(f"global_temp.{name}")

    def _named(self, frame: DataFrame, parents: tuple[Any, ...] = ()) -> Table:
        name = self._new_name()
        frame.createOrReplaceTempView(name)
        self._frames[name] = frame
        types = {column: type_name(kind) for column, kind in frame.dtypes}
        table = Table(self, name, types, parents)
        weakref.finalize(table, self._garbage.append, name)
        return table

    def _collect_garbage(self) -> None:
        while self._garbage:  # dropped here, not in a finaliser: that may run within a query
            name = self._garbage.pop()
            del self._frames[name]
            self._session.catalog.dropTempView(name)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn Spark's errors into segml's; its log does not repeat them."""
        log = logging.getLogger("SQLQueryContextLogger")
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                # Rows travel as Arrow, not by the parts of PySpark that know older pandas.
                warnings.filterwarnings("ignore", "PySpark does not yet fully", FutureWarning)
                self._collect_garbage()
                yield
        except self._failures as error:
            raise query_error(Exception(said(error))) from error
        finally:
            log.setLevel(level)


@cache
def beside(session: SparkSession) -> SparkEngine:
    """Return the engine beside a session, the same one every time."""
    return SparkEngine(session)
