"""A look at the data before a kernel starts: columns, rows, and what a run will take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from segml._core import text
from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.data import read_table
from segml.data.excel import is_excel
from segml.data.files import is_csv
from segml.engine import default_engine

from .data_files import files_of
from .data_params import BUILT_IN_SOURCES, TableParams
from .params import ReportParams

_HEAD_ROWS = 2_000
_HEAD_BYTES = 500_000

# Of the default report on two cores (docs/benchmarks.md): kernels and models, and each row.
_SECONDS, _SECONDS_A_MILLION = 20.0, 12.0
_BYTES, _BYTES_A_ROW = 0.6e9, 220.0


@dataclass(frozen=True)
class DataCheck:
    """What is known of a report's data before it runs.

    Parameters
    ----------
    rows : int or None
        Rows of orders, about; None where only reading tells.
    exact : bool
        Whether they were counted.
    seconds, memory : float
        What a run of the default notebooks takes on two cores, about: seconds and bytes.
    notes : tuple of str
        What the first rows show.
    """

    rows: int | None
    exact: bool
    seconds: float
    memory: float
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in a line."""
        if self.rows is None:
            return "; ".join(["the number of rows is not known before they are read", *self.notes])
        about = "" if self.exact else "about "
        size = f"{about}{text.count(self.rows)} rows of orders"
        minutes = self.seconds / 60
        takes = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
        needs = f"expect {takes} and {self.memory / 1e9:.1f} GB on two cores"
        return "; ".join([f"{size}: {needs}", *self.notes])


def check_data(params: ReportParams) -> DataCheck:
    """Look at the first rows of every table, and at how many there are.

    Parameters
    ----------
    params : ReportParams
        With absolute paths of data that are there.

    Returns
    -------
    DataCheck
        Rows of orders, and what a run takes.

    Raises
    ------
    MissingTableError, ParameterError
        A column that is asked for or needed is not there, or a preset does not fit.
    NotEnoughDataError
        Fewer rows of orders than segments.

    Examples
    --------
    >>> asked = {"report": "a", "title": "A", "data": {"source": "cdnow_sample"}}
    >>> print(check_data(ReportParams(**asked)))
    the number of rows is not known before they are read
    """
    data = params.data
    if data.source in BUILT_IN_SOURCES or "://" in data.source:
        return DataCheck(None, False, _SECONDS, _BYTES)
    notes = list(_head_notes("orders", data, data.time_zone))
    for name, table in data.tables.items():
        notes += _head_notes(name, table, data.time_zone)
    rows, exact = _count(files_of(data))
    if rows is None:
        return DataCheck(None, False, _SECONDS, _BYTES, tuple(notes))
    wanted = params.clustering.n_segments or 2
    if exact and rows < wanted:
        raise NotEnoughDataError(
            "there are fewer orders than segments",
            where="data.source",
            got=f"{text.count(rows)} rows",
            expected=f"{wanted} customers or more, each with an order",
        )
    seconds = _SECONDS + _SECONDS_A_MILLION * rows / 1e6
    return DataCheck(rows, exact, seconds, _BYTES + _BYTES_A_ROW * rows, tuple(notes))


def _head_notes(kind: str, table: TableParams, time_zone: str | None) -> Iterator[str]:
    """Read the first rows; yield what is odd about them, and let missing columns be errors."""
    file = files_of(table)[0]
    if not _is_plain(file):
        return
    with tempfile.TemporaryDirectory(prefix="segml-") as folder:
        try:
            found = read_table(
                _head(file, Path(folder)),
                kind,
                table.columns or None,
                preset=table.preset,
                date_format=table.date_format,
                time_zone=time_zone,
                separator=table.separator,
                encoding=table.encoding,
                engine=default_engine(),
            )
        except (MissingTableError, ParameterError) as error:
            raise type(error)(
                error.problem.what,
                where=f"{kind}: {file.name}",
                got=error.problem.got,
                expected=error.problem.expected,
                nearest=error.problem.nearest,
                hint=error.problem.hint,
            ) from None
        except DataError as error:  # the first rows may be odd where the others are not
            yield f"of the first rows of {file.name}, {error.problem.what}"
            return
    account = found.account
    if account.rows_rejected > account.rows_in / 10:
        share = text.share(account.rows_rejected / account.rows_in)
        reason = max(account.rejected, key=lambda name: account.rejected[name])
        yield f"{share} of the first rows of {file.name} cannot be used, most often: {reason}"


def _is_plain(file: Path) -> bool:
    return file.suffix == ".parquet" or (is_csv(str(file)) and not is_excel(str(file)))


def _head(file: Path, folder: Path) -> Path:
    """Return a file with the first rows of another."""
    head = folder / file.name
    if file.suffix == ".parquet":
        rows = next(pq.ParquetFile(file).iter_batches(batch_size=_HEAD_ROWS), None)
        if rows is None:
            return file
        with pq.ParquetWriter(head, rows.schema) as writer:
            writer.write_batch(rows)
        return head
    if file.suffix != ".csv" or file.stat().st_size <= _HEAD_BYTES:  # or it is compressed
        return file
    with open(file, "rb") as source:
        content = source.read(_HEAD_BYTES)
    head.write_bytes(content[: content.rfind(b"\n") + 1])
    return head


def _count(files: list[Path]) -> tuple[int | None, bool]:
    """Return how many rows files have, and whether they were counted."""
    if all(file.suffix == ".parquet" for file in files):
        return sum(pq.read_metadata(file).num_rows for file in files), True
    if not all(file.suffix == ".csv" for file in files):
        return None, False
    rows, exact = 0.0, True
    for file in files:
        with open(file, "rb") as source:
            content = source.read(_HEAD_BYTES)
        lines = content.count(b"\n") + (not content.endswith(b"\n"))
        if len(content) < _HEAD_BYTES:
            rows += max(lines - 1, 0)
        else:
            exact = False
            rows += file.stat().st_size / len(content) * lines - 1
    return round(rows), exact
