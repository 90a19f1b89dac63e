"""Open a source as a table of numbered rows: files in their order, lines that do not fit apart."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segml._core.errors import DataError
from segml.engine import DuckEngine, Engine, SparkEngine, Table
from segml.engine.compose import columns_of, stacked
from segml.engine.json_lines import load_json
from segml.engine.object_storage import require_storage
from segml.engine.sources import expand, is_remote
from segml.engine.sql import Fragment, quote

from .bundle import HIDDEN
from .excel import is_excel, load_workbooks
from .expressions import OWN
from .files import as_utf8, first_line, header, is_csv, is_json

MALFORMED = "line does not fit the header"
_RESERVED = (*HIDDEN, *OWN, "_reason", "_note", "_copy", "_refused", "_first_row")
NO_OBJECT = "line is not a JSON object"


@dataclass(frozen=True)
class Opened:
    """A source: its rows, and the lines of its files that are none.

    Parameters
    ----------
    rows : Table
        With ``_source_row`` from 1; lines that do not fit take numbers too.
    lines : Table or None
        ``source_row`` and ``reason`` of lines that do not fit.
    malformed : dict of str to int
        Reason to number of such lines.
    """

    rows: Table
    lines: Table | None
    malformed: dict[str, int]


def open_source(source: Any, engine: Engine, separator: str | None, encoding: str) -> Opened:
    """Open what :func:`segml.data.read_table` takes.

    Raises
    ------
    DataError
        The source is missing, empty or unreadable, or its files differ in columns.
    """
    if isinstance(engine, SparkEngine) and isinstance(source, (str, os.PathLike)):
        return _on_spark(os.fspath(source), engine, separator, encoding)
    if not isinstance(source, (str, os.PathLike)):
        return Opened(_number(_named(engine.register(source), source), None), None, {})
    if is_remote(source):
        return _remote(source, engine)
    paths = expand(source)
    if len({_kind(path) for path in paths}) > 1:
        raise DataError(
            "the files are of several kinds",
            where=os.fspath(source),
            got=", ".join(Path(path).name for path in paths),
            hint="a pattern that stands for one kind, such as *.csv",
        )
    if _kind(paths[0]) == "parquet":
        empty = [path for path in paths if Path(path).stat().st_size == 0]
        if empty:
            raise DataError("the file is empty", where=empty[0])
        return Opened(_number(_named(engine.register(source), source), None), None, {})
    if _kind(paths[0]) == "excel":
        table = load_workbooks(paths)
        _named(engine.register(table.remove_column(0)), source)
        return Opened(engine.register(table), None, {})
    parts, first = [], None
    for path in paths:
        with as_utf8(path, encoding) as text:
            if is_json(path):
                parts.append(_json(text, path, engine))
                continue
            names, mark = header(text, separator, path)
            first = first or names
            _same_columns(first, names, paths[0], path)
            assert isinstance(engine, DuckEngine)  # Spark's files are open already
            rows, lines = engine.load_csv([text], first, mark)
            parts.append(_opened(_named(rows, path), lines, MALFORMED))
    return parts[0] if len(parts) == 1 else _joined(parts)


def where_of(source: Any) -> str:
    """Return what messages call a source."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__


def _named(rows: Table, source: Any) -> Table:
    """Refuse names that reading gives to columns of its own."""
    if taken := [
        name
        for name in rows.columns
        if name.casefold() in _RESERVED or name.casefold().startswith("_value_")
    ]:
        raise DataError(
            "a column has a name that segml uses itself",
            where=where_of(source),
            got=", ".join(taken),
            hint="rename it",
        )
    return rows


def _kind(path: str) -> str:
    if is_excel(path):
        return "excel"
    return "json" if is_json(path) else "csv" if is_csv(path) else "parquet"


def _remote(source: Any, engine: Engine) -> Opened:
    """Open Parquet files of object storage, which the engine reads in place."""
    if _kind(source) != "parquet":
        raise DataError(
            "from object storage only Parquet files are read",
            where=source,
            expected="a path or pattern that ends with .parquet",
            hint="copy the file here, or write it as Parquet there",
        )
    require_storage(engine, source)
    return Opened(_number(_named(engine.register(source), source), None), None, {})


def _on_spark(path: str, engine: SparkEngine, separator: str | None, encoding: str) -> Opened:
    """Open files that the workers of Spark read; the path is theirs, not this machine's."""
    kind = _kind(path)
    if kind == "excel":
        return Opened(engine.register(load_workbooks(expand(path))), None, {})
    if kind == "json":
        raise DataError(
            "Spark reads Parquet and CSV files here",
            where=path,
            hint="read_table(spark.read.json(path), ...)",
        )
    if kind == "parquet":
        return Opened(_number(_named(engine.register(path), path), None), None, {})
    raw, unfit = engine.load_csv(path, separator or ",", encoding)
    numbered = engine.numbered(_named(raw, path), "_source_row").materialise()
    rows = engine.sql(
        "SELECT {columns} FROM {numbered} WHERE {unfit} IS NULL",
        columns=columns_of(numbered, without=[unfit]),
        numbered=numbered,
        unfit=Fragment(quote(unfit)),
    )
    lines = engine.sql(
        "SELECT _source_row AS source_row, {reason} AS reason FROM {numbered}"
        " WHERE {unfit} IS NOT NULL",
        reason=MALFORMED,
        numbered=numbered,
        unfit=Fragment(quote(unfit)),
    )
    bad = len(lines)
    return Opened(rows, lines if bad else None, {MALFORMED: bad} if bad else {})


def _same_columns(first: list[str], names: list[str], one: str, other: str) -> None:
    if names == first:
        return
    only = [f"only here: {', '.join(n for n in names if n not in first)}"] * bool(
        set(names) - set(first)
    )
    only += [f"missing: {', '.join(n for n in first if n not in names)}"] * bool(
        set(first) - set(names)
    )
    raise DataError(
        "the files do not have the same columns in the same order",
        where=f"{other}, line 1",
        got="; ".join(only) or "columns " + ", ".join(names),
        expected=f"those of {one}: {', '.join(first)}",
        hint="read them one by one",
    )


def _json(text: str, path: str, engine: Engine) -> Opened:
    if Path(text).stat().st_size == 0:
        raise DataError("the file is empty", where=path)
    if first_line(text).lstrip().startswith("["):
        raise DataError(
            "the file is a JSON array, not one object a line",
            where=path,
            hint=f"jq -c '.[]' {Path(path).name} > lines.jsonl",
        )
    rows, lines = load_json(engine, text)
    return _opened(_named(rows, path), lines, NO_OBJECT)


def _opened(rows: Table, malformed: Table, reason: str) -> Opened:
    bad = len(malformed)
    if not bad:
        return Opened(_number(rows, None), None, {})
    lines = rows.engine.sql(
        "SELECT line - 1 AS source_row, {reason} AS reason FROM {malformed}",
        reason=reason,
        malformed=malformed,
    )
    return Opened(_number(rows, malformed), lines, {reason: bad})


def _joined(parts: list[Opened]) -> Opened:
    """Join files; the rows of one are numbered on from those of the last."""
    engine = parts[0].rows.engine
    rows, lines, malformed, before = [], [], dict[str, int](), 0
    for part in parts:
        rows.append(
            engine.sql(
                "SELECT {columns} FROM {rows}",
                columns=columns_of(part.rows, replace={"_source_row": f"_source_row + {before}"}),
                rows=part.rows,
            )
        )
        if part.lines is not None:
            lines.append(
                engine.sql(
                    "SELECT source_row + {before} AS source_row, reason FROM {lines}",
                    before=before,
                    lines=part.lines,
                )
            )
        for reason, count in part.malformed.items():
            malformed[reason] = malformed.get(reason, 0) + count
        before += len(part.rows) + sum(part.malformed.values())
    return Opened(stacked(rows), stacked(lines) if lines else None, malformed)


def _number(raw: Table, malformed: Table | None) -> Table:
    """Give each row its number in the source, where malformed lines take numbers too."""
    numbered = raw.engine.numbered(raw, "_source_row")
    if malformed is None:
        return numbered
    return raw.engine.sql(
        "WITH bad AS (SELECT line, row_number() OVER (ORDER BY line) AS shift FROM {malformed}),"
        # The i-th malformed line, on line l, has l - i - 1 good rows before it.
        " shifts AS (SELECT line - shift AS start, max(shift) AS shift FROM bad GROUP BY start)"
        " SELECT n.* REPLACE (CAST(n._source_row + coalesce(s.shift, 0) AS BIGINT) AS _source_row)"
        " FROM {numbered} AS n ASOF LEFT JOIN shifts AS s ON n._source_row >= s.start"
        " ORDER BY n._source_row",
        malformed=malformed,
        numbered=numbered,
    )
