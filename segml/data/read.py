"""Read a source into a canonical table; no row is lost without a reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segml._core.check import one_of
from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml.engine import Engine, Table, engine_for
from segml.engine.sql import Fragment, literal, quote

from .arrange import Arranged, arrange
from .bundle import HIDDEN, DataTable
from .coerce import Coercion, coerce
from .columns import map_columns
from .counting import VALUE, count_rows, unreadable, value_of
from .fit import fitting
from .opening import Opened, open_source, where_of
from .presets import Preset, find_preset
from .rejects import rejected_rows
from .tables import TABLES, TableSchema
from .zones import check_zone, mixed_as_text

_ROW, _REASON = "_source_row", "_reason"


def read_orders(
    source: Any,
    columns: Mapping[str, str | None] | None = None,
    *,
    preset: str | os.PathLike[str] | Preset | None = None,
    values: Mapping[str, Any] | None = None,
    date_format: str | None = None,
    time_zone: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    engine: Engine | None = None,
) -> DataTable:
    """Read orders: one row per order, or several that :func:`segml.data.clean` merges.

    Parameters
    ----------
    source : path, pandas, Polars or PyArrow table, or DuckDB relation
        CSV, JSON lines (``.jsonl``) or Parquet files, also a glob, or a table in memory.
        Several CSV files have the same columns in the same order; their rows are numbered
        on and on, in the order of the files' names.
    columns : mapping of str to str or None, optional
        Canonical name to the source's name where they differ. The canonical columns
        ``customer_id``, ``order_id``, ``ordered_at`` and ``revenue`` are required;
        ``{"order_id": None}`` says that each row is an order of its own.
    preset : str, path or Preset, optional
        The export layout that the source has: a name of ``segml.data.PRESETS`` (``segml
        presets`` lists them), the path of your own YAML, or a Preset. `columns` goes before it.
    values : mapping, optional
        Canonical name to a value that all rows have and the source does not say.
    date_format : str, optional
        A strptime format for dates held as text. Without it ISO dates, eight digits, and
        day/month/year or month/day/year are told apart by the data, and refused where
        the data cannot tell.
    time_zone : str, optional
        The store's, an IANA name such as "Europe/London". Times with a zone are converted
        to it; times without one, and days, are the store's own and stay.
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
        reason. Ids are text; 17850 is meant where a column of floats says 17850.0. Times are
        without zone, in `time_zone`; without `time_zone` they are as they stand, or in UTC
        where all have a zone.

    Raises
    ------
    DataError
        The source is missing, empty or unreadable, or no row of it can be used; or some
        times of a column have a zone and some have none, and `time_zone` is not given.
    MissingTableError
        A required column is not there.
    ParameterError
        The mapping, time zone, separator or encoding is wrong.

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
    >>> sold = frame.assign(ordered_at=["2026-01-31", "2026-07-01 23:30:00Z", None])
    >>> orders = read_orders(sold, {"customer_id": "client"}, time_zone="Europe/London")
    >>> orders.to_pandas()["ordered_at"].astype(str).tolist()
    ['2026-01-31 00:00:00', '2026-07-02 00:30:00']
    """
    return read_table(
        source,
        "orders",
        columns,
        preset=preset,
        values=values,
        date_format=date_format,
        time_zone=time_zone,
        separator=separator,
        encoding=encoding,
        engine=engine,
    )


def read_table(
    source: Any,
    kind: str,
    columns: Mapping[str, str | None] | None = None,
    *,
    preset: str | os.PathLike[str] | Preset | None = None,
    values: Mapping[str, Any] | None = None,
    date_format: str | None = None,
    time_zone: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    engine: Engine | None = None,
) -> DataTable:
    """Read a source into the canonical table `kind`.

    Parameters
    ----------
    source, columns, preset, values, date_format, time_zone, separator, encoding, engine
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
    chosen = None if preset is None else find_preset(preset, kind)
    check_zone(time_zone)
    opened = open_source(mixed_as_text(source), engine or engine_for(source), separator, encoding)
    if opened.rows.scalar("SELECT count(*) FROM {self}") == 0 and not opened.malformed:
        raise NotEnoughDataError("the source has no rows", where=where_of(source))
    arranged = arrange(opened.rows, schema, chosen, columns, values, date_format, where_of(source))
    mapping = _mapped(schema, arranged, opened, chosen)
    coercions = [
        coerce(column, found, arranged.table, arranged.date_format, time_zone)
        for column in schema.columns
        if (found := mapping.get(column.name)) is not None
    ]
    generated = [name for name, found in mapping.items() if found is None]
    judged = _judge(arranged.table, schema, coercions)
    account = count_rows(schema, judged, coercions, generated, opened, arranged)
    if account.rows_used == 0:
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in account.rejected.items())
        raise DataError("no row can be used", where=where_of(source), got=reasons)
    table = _typed(judged, coercions, generated, mapping)
    rejects = rejected_rows(judged, arranged, opened)
    return DataTable(kind, table, rejects, account, tuple(generated))


def _mapped(
    schema: TableSchema, arranged: Arranged, opened: Opened, preset: Preset | None
) -> dict[str, str | None]:
    present = [name for name in arranged.table.columns if name not in HIDDEN]
    try:
        return map_columns(schema, present, arranged.columns)
    except MissingTableError as error:
        names = [name for name in opened.rows.columns if name not in HIDDEN]
        fits = fitting(names, schema.name) if preset is None else []
        if not fits:
            raise
        hint = f"preset={fits[0]!r}, which fits these columns; or {error.problem.hint}"
        problem = replace(error.problem, hint=hint)
        parts = {key: value for key, value in vars(problem).items() if key != "what"}
        raise MissingTableError(problem.what, **parts) from None


def _judge(numbered: Table, schema: TableSchema, coercions: list[Coercion]) -> Table:
    cases = []
    for item in coercions:
        if item.name in schema.required:
            cases.append(f"WHEN NOT ({item.filled}) THEN {literal('no ' + item.name)}")
            cases.append(f"WHEN {value_of(item)} IS NULL THEN {literal(unreadable(item.name))}")
    reason = f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS STRING)"
    # Twice, so that a bound is told of a value that is there, not computed again.
    bounded = [
        f"CASE WHEN {item.bound.replace('{value}', value_of(item))} THEN {value_of(item)} END"
        f" AS {value_of(item)}"
        if item.bound
        else value_of(item)
        for item in coercions
    ]
    judged = numbered.engine.sql(
        "WITH found AS (SELECT *, {values} FROM {numbered}),"
        " coerced AS (SELECT {columns} FROM found)"
        " SELECT *, {reason} AS _reason FROM coerced",
        values=Fragment(", ".join(f"{item.value} AS {value_of(item)}" for item in coercions)),
        columns=Fragment(", ".join([*map(quote, numbered.columns), *bounded])),
        numbered=numbered,
        reason=Fragment(reason),
    )
    # Dates held as text are read once, not again by all that follows.
    return judged.materialise() if any(item.costly for item in coercions) else judged


def _typed(
    judged: Table,
    coercions: list[Coercion],
    generated: list[str],
    mapping: Mapping[str, str | None],
) -> Table:
    selected = [f"{value_of(item)} AS {quote(item.name)}" for item in coercions]
    selected += [f"CAST({_ROW} AS STRING) AS {quote(name)}" for name in generated]
    gone = {*mapping.values(), *mapping, _REASON}
    selected += [
        quote(column)
        for column in judged.columns
        if column not in gone and not column.startswith(VALUE)
    ]
    return judged.engine.sql(
        "SELECT {selected} FROM {judged} WHERE _reason IS NULL",
        judged=judged,
        selected=Fragment(", ".join(selected)),
    )
