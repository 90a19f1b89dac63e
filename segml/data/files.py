"""Find out how a CSV file is written before it is read: encoding, separator, header."""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segml._core.errors import DataError, ParameterError

SEPARATORS = (",", ";", "\t", "|")


def is_csv(path: str) -> bool:
    """Say whether a path names text files rather than Parquet."""
    return not (path.lower().endswith((".parquet", ".pq")) or is_json(path))


def is_json(path: str) -> bool:
    """Say whether a path names files of one JSON object a line."""
    return path.lower().endswith((".jsonl", ".ndjson", ".json"))


def first_line(path: str) -> str:
    """Return the first line of a UTF-8 file without its byte order mark."""
    with open(path, encoding="utf-8-sig", newline="") as stream:
        return stream.readline()


@contextmanager
def as_utf8(path: str, encoding: str) -> Iterator[str]:
    """Yield the path of a UTF-8 copy of a file, or the file itself when it is UTF-8.

    Raises
    ------
    DataError
        The bytes are not of that encoding; names the line.
    ParameterError
        No such encoding.
    """
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ParameterError(
            "unknown encoding", where="encoding", got=encoding, expected="such as utf-8 or cp1252"
        ) from error
    copy = None
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii")
    try:
        with open(path, encoding=encoding, newline="") as stream:
            if plain:
                while stream.read(1 << 20):
                    pass
            else:
                handle, copy = tempfile.mkstemp(suffix=".csv")
                with open(handle, "w", encoding="utf-8", newline="") as target:
                    while chunk := stream.read(1 << 20):
                        target.write(chunk)
        yield copy or path
    except UnicodeError as error:
        raise DataError(
            f"the file is not {encoding} text",
            where=f"{path}{_bad_line(path, encoding)}",
            got=str(error),
            hint="encoding='cp1252' for files from Windows, encoding='utf-16' for Excel's text",
        ) from error
    finally:
        if copy:
            Path(copy).unlink()


def _bad_line(path: str, encoding: str) -> str:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with open(path, "rb") as stream:
        try:
            while chunk := stream.read(1 << 16):
                before = decoder.getstate()
                line += decoder.decode(chunk).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeError:
            decoder.setstate(before)
            with suppress(UnicodeError):
                for byte in chunk:
                    line += decoder.decode(bytes([byte])).count("\n")
    return f", line {line}"


def header(path: str, separator: str | None, where: str) -> tuple[list[str], str]:
    """Read the column names of a UTF-8 CSV file, and its separator unless it is given.

    Messages call the file `where`: it may be a copy of that.

    Raises
    ------
    DataError
        The file is empty, or a column name is empty or stands twice (in any case).
    ParameterError
        The separator is not one character.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise ParameterError(
            "a separator is one character",
            where="separator",
            got=separator,
            expected="such as ',', ';', '|' or a tab",
        )
    if Path(path).stat().st_size == 0:
        raise DataError("the file is empty", where=where)
    first = first_line(path)
    if separator is None:
        outside_quotes = "".join(first.split('"')[::2])
        separator = max(SEPARATORS, key=lambda mark: (outside_quotes.count(mark), mark == ","))
    names = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    check_names(names, f"{where}, line 1", first.strip())
    return names, separator


def check_names(names: list[str], where: str, got: str) -> None:
    """Check that a header names each column, and no two alike in any case.

    Raises
    ------
    DataError
        Shows `got`, the header as it stands.
    """
    if not names or not all(names):
        raise DataError(
            "the first line is not a header: a column has no name", where=where, got=got
        )
    folded = [name.casefold() for name in names]
    if repeated := sorted({name for name in names if folded.count(name.casefold()) > 1}):
        raise DataError("a column name stands more than once", where=where, got=", ".join(repeated))
