"""Spark sessions: started, found, and what they take in."""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from segml._core.errors import DataError, MissingDependencyError
from segml._core.lazy import optional_import

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OWN = {
    "spark.ui.showConsoleProgress": "false",
    # What it remembers of past queries fills the memory of a long session.
    "spark.sql.ui.retainedExecutions": "20",
    "spark.log.level": "ERROR",
}
# 200 tasks for each step, as a cluster has by default, cost one machine more than they bring.
_SMALL = {"spark.sql.shuffle.partitions": "8"}
_TRACEBACK = "Traceback (most recent call last):\n"


def open_session(master: str) -> SparkSession:
    """Start a Spark session, or find the one that runs.

    Parameters
    ----------
    master : str
        Such as ``local[2]`` or ``spark://host:7077``; ``sc://host`` for Spark Connect.

    Raises
    ------
    DataError
        Spark cannot be started or reached.
    MissingDependencyError
        PySpark or Java is not installed.
    """
    sql = optional_import("pyspark.sql", "spark")
    if master.startswith("sc://"):
        builder = sql.SparkSession.builder.remote(master)
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = sql.SparkSession.builder.master(master)
        if sql.SparkSession.getActiveSession() is None:  # one that runs keeps its settings
            builder = builder.config(map=_OWN | (_SMALL if master.startswith("local") else {}))
    try:
        with warnings.catch_warnings():
            # Rows travel as Arrow, not by the parts of PySpark that know older pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet fully", FutureWarning)
            return builder.getOrCreate()
    except Exception as error:  # what Py4J, gRPC and Java raise has no common class
        if "JAVA_GATEWAY_EXITED" in str(error):
            raise MissingDependencyError(
                "Spark needs Java 17 or newer",
                where="connect",
                got=str(error).split("\n")[0],
                hint="install a Java runtime, and set JAVA_HOME if it is not on the path",
            ) from error
        raise DataError(
            "Spark cannot be reached", where=master, got=str(error).split("\n")[0]
        ) from error


def is_frame(source: Any) -> bool:
    """Say whether a source is a Spark DataFrame, without importing PySpark."""
    return type(source).__module__.startswith("pyspark.sql") and hasattr(source, "sparkSession")


@contextmanager
def active(session: SparkSession) -> Iterator[None]:
    """Make a session of Spark Connect the active one of the thread.

    PySpark takes checkpoints to be of that session, though another one has made them.
    """
    of_thread = getattr(type(session), "_active_session", None)
    if of_thread is None:
        yield
        return
    before = getattr(of_thread, "session", None)
    of_thread.session = session
    try:
        yield
    finally:
        of_thread.session = before


def plain_types(table: pa.Table) -> pa.Table:
    """Bring an Arrow table to types that Spark knows.

    Unsigned integers become signed ones of the next size, dictionaries and views
    their values, times of nanoseconds microseconds.
    """
    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
        pa.float16(): pa.float32(),
    }
    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_string_view(kind):
            kind = pa.string()
        if pa.types.is_timestamp(kind):
            kind = pa.timestamp("us", kind.tz)
        fields.append(field.with_type(wider.get(kind, kind)))
    return table.cast(pa.schema(fields), safe=False)


def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Put each batch into one value, in which it travels through a row."""
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"batch": [sink.getvalue().to_pybytes()]})


def said(error: Exception) -> str:
    """Return what went wrong without a stack: its own message, or its cause's, or a worker's."""
    text, _, traceback = str(error).split("\n\nJVM stack")[0].rpartition(_TRACEBACK)
    if text:
        raised = itertools.dropwhile(lambda line: line[:1] in ("", " "), traceback.splitlines())
        return "\n".join(raised).strip()
    causes = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
    message = causes[-1].partition(": ")[2] if causes else traceback
    return message.split("SQLSTATE")[0].strip()
