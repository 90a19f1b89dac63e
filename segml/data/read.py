"""Read a source into a canonical table; no row is lost without a reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segml._core.check import one_of
from segml._core.errors import DataError, NotEnoughDataError
from segml.engine import Engine, Table, default_engine
from segml.engine.sources import expand
from segml.engine.sql import Fragment, literal, quote

from .account import RowAccount
from .bundle import HIDDEN, DataTable
from .coerce import Coercion, coerce
from .columns import map_columns
from .files import as_utf8, header, is_csv
from .tables import TABLES, TableSchema

MALFORMED = "line does not fit the header"
_ROW, _REASON, _VALUE = "_source_row", "_reason", "_value_"
_RESERVED = (*HIDDEN, _REASON, "_note", "_copy")


def read_orders(
    source: Any,
    columns: Mapping[str, str | None] | None = None,
    *,
    date_format: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    engine: Engine | None = None,
) -> DataTable:
    """Read orders: one row per order, or several that :func:`segml.data.clean` merges.

    Parameters
    ----------
    source : path, pandas, Polars or PyArrow table, or DuckDB relation
        CSV or Parquet files (also a glob), or a table in memory.
    columns : mapping of str to str or None, optional
        Canonical name to the source's name where they differ. The canonical columns
        ``customer_id``, ``order_id``, ``ordered_at`` and ``revenue`` are required;
        ``{"order_id": None}`` says that each row is an order of its own.
    date_format : str, optional
        A strptime format for dates held as text. Without it ISO dates, eight digits, and
        day/month/year or month/day/year are told apart by the data, and refused where
        the data cannot tell.
    separator : str, optional
        Of a CSV file; found in its header when not given.
    encoding : str, default "utf-8"
        Of a CSV file.
    engine : Engine, optional
        Where the table lives.

    Returns
    -------
    DataTable
        Rows with a missing or unreadable required value are left out and counted by
        reason. Ids are text. Times with a zone become UTC; others stay as they are.

    Raises
    ------
    DataError
        The source is missing, empty or unreadable, or no row of it can be used.
    MissingTableError
        A required column is not there.
    ParameterError
        The mapping, separator or encoding is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "client": [7, 7, None], "order_id": [1, 2, 3],
    ...     "ordered_at": ["2026-01-31", "2026-02-28", "2026-03-01"], "revenue": [10, "15.5", 3],
    ... }).astype({"revenue": str})
    >>> orders = read_orders(frame, {"customer_id": "client"})
    >>> orders.to_pandas()[["customer_id", "revenue"]].values.tolist()
    [['7', 10.0], ['7', 15.5]]
    >>> orders.account.rejected
    {'no customer_id': 1}
    """
    return read_table(
        source,
        "orders",
        columns,
        date_format=date_format,
        separator=separator,
        encoding=encoding,
        engine=engine,
    )


def read_table(
    source: Any,
    kind: str,
    columns: Mapping[str, str | None] | None = None,
    *,
    date_format: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    engine: Engine | None = None,
) -> DataTable:
    """Read a source into the canonical table `kind`.

    Parameters
    ----------
    source, columns, date_format, separator, encoding, engine
        As for :func:`read_orders`.
    kind : str
        One of the canonical tables: orders, order_lines, customers, sessions,
        messages, costs, surveys.

    Returns
    -------
    DataTable
        As for :func:`read_orders`. A value of an optional column that cannot be read
        becomes missing, and is noted in the account.

    Raises
    ------
    DataError, MissingTableError, ParameterError
        As for :func:`read_orders`.
    """
    schema = TABLES[one_of(kind, TABLES, "kind")]
    engine = engine or default_engine()
    raw, malformed = _open(source, engine, separator, encoding)
    if taken := [
        name
        for name in raw.columns
        if name.casefold() in _RESERVED or name.casefold().startswith(_VALUE)
    ]:
        raise DataError(
            "a column has a name that segml uses itself",
            where=_where(source),
            got=", ".join(taken),
            hint="rename it",
        )
    mapping = map_columns(schema, raw.columns, columns)
    coercions = [
        coerce(column, found, raw, date_format)
        for column in schema.columns
        if (found := mapping.get(column.name)) is not None
    ]
    generated = [name for name, found in mapping.items() if found is None]
    bad = len(malformed) if malformed else 0
    judged = _judge(_number(raw, malformed if bad else None), schema, coercions)
    account = _count(schema, judged, coercions, generated, bad)
    if account.rows_in == 0:
        raise NotEnoughDataError("the source has no rows", where=_where(source))
    if account.rows_used == 0:
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in account.rejected.items())
        raise DataError("no row can be used", where=_where(source), got=reasons)
    table = _typed(judged, coercions, generated, mapping)
    return DataTable(kind, table, _rejects(judged, malformed), account, tuple(generated))


def _open(
    source: Any, engine: Engine, separator: str | None, encoding: str
) -> tuple[Table, Table | None]:
    if not isinstance(source, (str, os.PathLike)):
        return engine.register(source), None
    paths = expand(source)
    if not is_csv(paths[0]):
        empty = [path for path in paths if Path(path).stat().st_size == 0]
        if empty:
            raise DataError("the file is empty", where=empty[0])
        return engine.register(source), None
    if len(paths) > 1:
        raise DataError(
            "several CSV files at once are not read yet",
            where=os.fspath(source),
            got=f"{len(paths)} files",
            hint="read them one by one, or write them as Parquet",
        )
    with as_utf8(paths[0], encoding) as path:
        names, mark = header(path, separator, paths[0])
        return engine.load_csv([path], names, mark)


def _number(raw: Table, malformed: Table | None) -> Table:
    """Give each row its number in the source, where malformed lines take numbers too."""
    numbered = raw.engine.sql("SELECT row_number() OVER () AS _source_row, * FROM {raw}", raw=raw)
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


def _judge(numbered: Table, schema: TableSchema, coercions: list[Coercion]) -> Table:
    cases = []
    for item in coercions:
        if item.name in schema.required:
            cases.append(f"WHEN NOT ({item.filled}) THEN {literal('no ' + item.name)}")
            cases.append(f"WHEN {_value(item)} IS NULL THEN {literal(_unreadable(item.name))}")
    reason = f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"
    judged = numbered.engine.sql(
        "WITH coerced AS (SELECT *, {values} FROM {numbered})"
        " SELECT *, {reason} AS _reason FROM coerced",
        values=Fragment(", ".join(f"{item.value} AS {_value(item)}" for item in coercions)),
        numbered=numbered,
        reason=Fragment(reason),
    )
    # Dates held as text are read once, not again by all that follows.
    return judged.materialise() if any(item.costly for item in coercions) else judged


def _value(item: Coercion) -> str:
    return quote(_VALUE + item.name)


def _count(
    schema: TableSchema,
    judged: Table,
    coercions: list[Coercion],
    generated: list[str],
    malformed: int,
) -> RowAccount:
    optional = [item for item in coercions if item.name not in schema.required]
    unread = [
        f"count(*) FILTER (WHERE {_REASON} IS NULL AND {item.filled} AND {_value(item)} IS NULL)"
        for item in optional
    ]
    reasons = [
        reason
        for item in coercions
        if item.name in schema.required
        for reason in (f"no {item.name}", _unreadable(item.name))
    ]
    tallies = [f"count(*) FILTER (WHERE {_REASON} = {literal(reason)})" for reason in reasons]
    counts = ["count(*)", f"count(*) - count({_REASON})", *tallies, *unread]
    counted = judged.row("SELECT {counts} FROM {self}", counts=Fragment(", ".join(counts)))
    rows, used = counted[:2]
    rejected = dict(zip(reasons, counted[2 : 2 + len(reasons)], strict=True))
    rejected[MALFORMED] = malformed
    noted = {
        f"{item.name} cannot be read, taken as missing": n
        for item, n in zip(optional, counted[2 + len(reasons) :], strict=True)
    }
    choices = [item.choice for item in coercions if item.choice]
    choices += [f"{name}: the source has none; each row is one order" for name in generated]
    return RowAccount(
        schema.name,
        rows + malformed,
        used,
        {reason: n for reason, n in rejected.items() if n},
        {what: n for what, n in noted.items() if n},
        tuple(choices),
    )


def _typed(
    judged: Table,
    coercions: list[Coercion],
    generated: list[str],
    mapping: Mapping[str, str | None],
) -> Table:
    selected = [f"{_value(item)} AS {quote(item.name)}" for item in coercions]
    selected += [f"CAST({_ROW} AS VARCHAR) AS {quote(name)}" for name in generated]
    gone = {*mapping.values(), *mapping, _REASON}
    selected += [
        quote(column)
        for column in judged.columns
        if column not in gone and not column.startswith(_VALUE)
    ]
    return judged.engine.sql(
        "SELECT {selected} FROM {judged} WHERE _reason IS NULL",
        judged=judged,
        selected=Fragment(", ".join(selected)),
    )


def _rejects(judged: Table, malformed: Table | None) -> Table:
    rows = judged.engine.sql(
        "SELECT _source_row AS source_row, _reason AS reason, * EXCLUDE ({hidden})"
        " FROM {judged} WHERE _reason IS NOT NULL ORDER BY _source_row",
        hidden=Fragment(
            ", ".join(
                quote(name)
                for name in judged.columns
                if name in (_ROW, _REASON) or name.startswith(_VALUE)
            )
        ),
        judged=judged,
    )
    if malformed is None:
        return rows
    return judged.engine.sql(
        "SELECT * FROM {rows} UNION ALL BY NAME"
        " SELECT line - 1 AS source_row, {reason} AS reason FROM {malformed}",
        rows=rows,
        malformed=malformed,
        reason=MALFORMED,
    )


def _unreadable(column: str) -> str:
    return f"{column} cannot be read"


def _where(source: Any) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__
