"""Excel workbooks as one table of numbered rows: all sheets, cells of mixed types as text."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from segml._core.errors import DataError
from segml._core.lazy import optional_import

from .files import check_names

_CHUNK = 20_000
_EXACT = 2**53  # whole numbers up to here are exact in Excel's floating point
_OTHER = (".xls", ".xlsb", ".ods", ".numbers")


def is_excel(path: str) -> bool:
    """Say whether a path names an Excel workbook.

    Raises
    ------
    DataError
        It names a spreadsheet of another kind.

    Examples
    --------
    >>> is_excel("Online Retail.xlsx"), is_excel("orders.csv")
    (True, False)
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OTHER:
        raise DataError(
            f"spreadsheets of the kind {suffix} are not read",
            where=path,
            expected=".xlsx, CSV or Parquet",
            hint="open it and save it as .xlsx",
        )
    return suffix in (".xlsx", ".xlsm")


def load_workbooks(paths: Sequence[str]) -> pa.Table:
    """Read all sheets of Excel files, which have the same columns, below each other.

    The first row of a sheet that is not blank is its header. A column of whole numbers
    becomes integers, one of dates and times timestamps; a column of several kinds becomes
    text, where 17850.0 is ``17850``. Cells with an error, as #N/A, are empty.

    Returns
    -------
    pyarrow.Table
        With ``_source_row`` first: 1 is the row below the header. Blank rows are no rows but take
        numbers, so that a number finds its row in the sheet; the rows of a further sheet or
        file are numbered on.

    Raises
    ------
    DataError
        A file is empty or cannot be read, a header is none, or the sheets differ in columns.
    MissingDependencyError
        The extra ``segml[excel]`` is not installed.
    """
    calamine = optional_import("python_calamine", "excel")
    names: list[str] = []
    first, before = "", 0
    numbers: list[int] = []
    columns: list[list[pa.Array]] = []
    for path in paths:
        for sheet, rows in _sheets(calamine, path):
            where = f"{path}, sheet {sheet}"
            found, unnamed = _header(rows, where)
            if not first:
                names, first, columns = found, where, [[] for _ in found]
            _same(names, found, first, where)
            last = before
            while chunk := list(itertools.islice(rows, _CHUNK)):
                kept = []
                for number, row in enumerate(chunk, last + 1):
                    if any(cell != "" for cell in row):
                        kept.append(row)
                        numbers.append(number)
                last += len(chunk)
                if kept:
                    _nothing_beside(kept, len(found), unnamed, where)
                    for column, cells in zip(columns, zip(*kept, strict=True), strict=False):
                        column.append(_array(cells))
            before = last
        if not first:
            raise DataError("the file is empty", where=path)
    made = [_joined(column) for column in columns]
    return pa.table([pa.array(numbers, pa.int64()), *made], names=["_source_row", *names])


def _sheets(calamine: Any, path: str) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    """Yield the sheets that hold anything, with their rows from the first that is not blank."""
    try:
        with calamine.load_workbook(path) as book:
            for meta in book.sheets_metadata:
                if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                    sheet = book.get_sheet_by_name(meta.name)
                    if sheet.start is not None:
                        rows = iter(sheet.iter_rows())
                        del sheet
                        filled = itertools.dropwhile(lambda row: all(c == "" for c in row), rows)
                        yield meta.name, filled
    except calamine.CalamineError as error:
        protected = isinstance(error, calamine.PasswordError)
        raise DataError(
            "the file is protected by a password" if protected else "this is no Excel workbook",
            where=path,
            got=str(error),
            hint="save it without one" if protected else "open it and save it as .xlsx",
        ) from error


def _header(rows: Iterator[list[Any]], where: str) -> tuple[list[str], int]:
    """Return the names of the columns, and how many columns without a name stand after them."""
    cells = [_text(cell).strip() for cell in next(rows, [])]
    names = list(cells)
    while names and not names[-1]:
        names.pop()
    check_names(names, f"{where}, header", ", ".join(names))
    return names, len(cells) - len(names)


def _same(names: list[str], found: list[str], first: str, where: str) -> None:
    if found != names:
        raise DataError(
            "the sheets do not have the same columns in the same order",
            where=where,
            got="columns " + ", ".join(found),
            expected=f"those of {first}: {', '.join(names)}",
            hint="leave one sheet in the file, or read one with "
            "pandas.read_excel(path, sheet_name=..., dtype=str) and give that",
        )


def _nothing_beside(rows: list[list[Any]], width: int, unnamed: int, where: str) -> None:
    if unnamed and any(cell != "" for row in rows for cell in row[width:]):
        raise DataError(
            "the first row is not a header: a column has no name",
            where=where,
            hint="give the column a name, or delete what stands beside the table",
        )


def _array(values: Sequence[Any]) -> pa.Array:
    """Make an array of cells: numbers, times or truth values where all are, else text."""
    cells = [None if isinstance(v, str) and not v.strip() else v for v in values]
    kinds = {type(cell) for cell in cells if cell is not None}
    if not kinds:
        return pa.nulls(len(cells))
    if kinds <= {float, int}:
        whole = all(c is None or (c % 1 == 0 and abs(c) <= _EXACT) for c in cells)
        return pa.array([c if c is None else int(c) for c in cells] if whole else cells)
    if kinds <= {dt.datetime, dt.date}:
        times = [dt.datetime(c.year, c.month, c.day) if type(c) is dt.date else c for c in cells]
        return pa.array(times, pa.timestamp("us"))
    if kinds == {bool}:
        return pa.array(cells)
    return pa.array([None if cell is None else _text(cell) for cell in cells], pa.string())


def _joined(parts: list[pa.Array]) -> pa.ChunkedArray:
    """Join the parts of a column, as text where they are of several kinds."""
    types = {part.type for part in parts} - {pa.null()}
    if len(types) > 1 and types != {pa.int64(), pa.float64()}:
        texts = [[None if v is None else _text(v) for v in part.to_pylist()] for part in parts]
        return pa.chunked_array(texts, pa.string())
    kind = pa.float64() if len(types) > 1 else next(iter(types), pa.string())
    return pa.chunked_array([part.cast(kind) for part in parts], kind)


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell % 1 == 0 and abs(cell) <= _EXACT else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)
