"""What an engine can register, brought to one of two forms: an Arrow table or a file scan."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from segml._core.errors import DataError

from .sql import Fragment, render

#: Schemes of object storage.
STORAGE = ("s3", "gs", "gcs")


def to_source(source: Any) -> pa.Table | Fragment:
    """Bring a source to what DuckDB reads.

    Parameters
    ----------
    source : pandas, Polars or PyArrow table, Parquet path or glob, DuckDB relation
        Anything with the Arrow PyCapsule interface is taken as well; a path may be one of
        object storage, such as ``s3://bucket/orders/*.parquet``.

    Returns
    -------
    pyarrow.Table or Fragment
        The table, or the SQL that scans the files.

    Raises
    ------
    DataError
        Unknown kind of source, missing file, or columns of mixed types.
    """
    if is_remote(source):
        return Fragment(render("read_parquet({path})", {"path": source}))
    if isinstance(source, (str, os.PathLike)):
        paths = expand(source)
        return Fragment(f"read_parquet({file_list(paths)})")
    module = type(source).__module__.split(".")[0]
    if isinstance(source, pd.DataFrame):
        return _from_pandas(source)
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, (pa.RecordBatch, pa.RecordBatchReader)):
        return pa.table(source) if isinstance(source, pa.RecordBatch) else source.read_all()
    if module in ("duckdb", "_duckdb") and hasattr(source, "to_arrow_table"):
        return source.to_arrow_table()
    if hasattr(source, "__arrow_c_stream__"):
        with suppress(pa.ArrowInvalid, TypeError):  # a column on its own streams, too
            return pa.table(source)
    raise DataError(
        "this kind of source is not known",
        got=f"{type(source).__module__}.{type(source).__qualname__}",
        expected="a pandas, Polars or PyArrow table, a DuckDB relation, or the path of CSV "
        "or Parquet files",
    )


def is_remote(source: Any) -> bool:
    """Say whether a source is the path of files in object storage.

    Examples
    --------
    >>> is_remote("s3://shop/orders/*.parquet"), is_remote("orders.parquet")
    (True, False)
    """
    return isinstance(source, str) and source.lower().startswith(tuple(f"{s}://" for s in STORAGE))


def expand(path: str | os.PathLike[str]) -> list[str]:
    """Return the files that a path or a glob stands for, sorted.

    Raises
    ------
    DataError
        There is none, or the path is a folder.
    """
    text = os.fspath(path)
    if Path(text).is_dir():
        raise DataError(
            "this is a folder, not a file", where=text, hint=f"a pattern such as {text}/*.parquet"
        )
    found = [text] if Path(text).is_file() else sorted(glob.glob(text, recursive=True))
    if not found:
        folder = Path(text).parent
        if not folder.is_dir():
            detail = f"the folder {folder} does not exist"
        else:
            names = sorted(p.name for p in folder.iterdir() if p.is_file())[:8]
            detail = f"in that folder: {', '.join(names) or 'no files'}"
        raise DataError("the file does not exist", where=text, got=detail)
    return found


def file_list(paths: list[str]) -> Fragment:
    """Return the SQL list of files; a star or bracket in a name stands for itself."""
    plain = ["".join(f"[{c}]" if c in "*?[" else c for c in path) for path in paths]
    return Fragment("[" + ", ".join(render("{path}", {"path": path}) for path in plain) + "]")


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    names = frame.columns.map(str)
    if repeated := sorted(set(names[names.duplicated()])):
        raise DataError("a column name stands more than once", got=", ".join(repeated))
    try:
        return pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            "a column holds values of several types",
            where="pandas DataFrame",
            got=str(error),
            hint="frame.astype({column: str}) for that column",
        ) from error
