"""Erase customers, from data in hand or from the folder of a past run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import overload

import pyarrow as pa
import pyarrow.compute as pc

from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment

from .account import RowAccount
from .bundle import CustomerData, DataTable
from .columns import is_order_id
from .consent import by_source_row, in_engine, source_rows
from .erasure_ids import hits, rejected
from .erasure_report import ERASED, ErasureReport
from .erasure_run import erase_from_run


@overload
def erase(
    run_or_data: CustomerData, customer_ids: Iterable[str | int]
) -> tuple[CustomerData, ErasureReport]: ...
@overload
def erase(
    run_or_data: str | os.PathLike[str], customer_ids: Iterable[str | int]
) -> ErasureReport: ...
def erase(
    run_or_data: CustomerData | str | os.PathLike[str], customer_ids: Iterable[str | int]
) -> tuple[CustomerData, ErasureReport] | ErasureReport:
    """Remove customers from data, or from the folder of a past run.

    Parameters
    ----------
    run_or_data : CustomerData or path
        Data in hand, or a run folder: the one with ``manifest.json``.
    customer_ids : iterable of str or int
        Whom to remove. An id that is not there is reported; a repeated one counts once.

    Returns
    -------
    data : CustomerData
        For data only: without the customers' rows and the lines of their orders. What was
        handed in still has them until it is dropped.
    report : ErasureReport
        Rows removed by table, or by file of the run folder.

    Raises
    ------
    ParameterError
        There are no ids, or one is not an id.
    DataError
        The path is not a run folder.
    RunError
        The run is still running; or a page, notebook or another file of the run names a
        customer whose rows have been removed, and must be removed itself.

    Notes
    -----
    Of a run, each Parquet file below ``artefacts`` is written again, whole, without the rows
    whose ``customer_id`` is among the ids; so are rejected rows, where also the source's name of
    that column counts, and any cell that is exactly the id, unless the id is too plain to
    tell. The account in ``cleaning.json`` counts what was erased. The manifest gets the
    new sizes and hashes and, under ``erasures``, when how many rows went. All other files are
    then searched for the ids. Numbers and charts that were computed with the customers
    stay as they are. A second call changes nothing, and completes a first that was killed. The
    source that the run read is not touched: remove the customers there, too.

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.data import read_orders
    >>> data = CustomerData(read_orders(pd.DataFrame({
    ...     "customer_id": ["a", "b"], "order_id": [1, 2],
    ...     "ordered_at": ["2026-01-31"] * 2, "revenue": [10.0, 20.0]})))
    >>> data, report = erase(data, ["a", "z"])
    >>> data.orders.to_pandas()["customer_id"].tolist(), report.rows, report.not_found
    (['b'], {'orders': 1}, ('z',))
    """
    ids = _ids(customer_ids)
    if isinstance(run_or_data, CustomerData):
        return _erase_from_data(run_or_data, ids)
    if isinstance(run_or_data, (str, os.PathLike)):
        return erase_from_run(Path(run_or_data), ids)
    raise ParameterError(
        "this is nothing to erase from",
        where="run_or_data",
        got=type(run_or_data).__name__,
        expected="CustomerData or the path of a run folder",
    )


def _ids(given: Iterable[str | int]) -> list[str]:
    listed = [] if isinstance(given, (str, bytes)) or not isinstance(given, Iterable) else [*given]
    found: dict[str, None] = {}
    for position, value in enumerate(listed):
        whole = hasattr(value, "__index__") and not isinstance(value, bool)
        plain = value.strip() if isinstance(value, str) else str(value) if whole else ""
        if not plain:
            raise ParameterError(
                "this is not a customer id",
                where=f"customer_ids[{position}]",
                got=f"a value of type {type(value).__name__}",
                expected="text that is not empty, or a whole number",
            )
        found[plain] = None
    if not found:
        raise ParameterError(
            "no customer ids are given",
            where="customer_ids",
            got=f"a value of type {type(given).__name__}",
            expected="a list of ids",
        )
    return list(found)


def _erase_from_data(data: CustomerData, ids: list[str]) -> tuple[CustomerData, ErasureReport]:
    whom = data.orders.table.engine.register(pa.table({"id": pa.array(ids, pa.string())}))
    kept: dict[str, DataTable] = {}
    rows: dict[str, int] = {}
    seen: set[str] = set()
    for name, table in data.tables.items():
        if "customer_id" in table.columns:
            kept[name], rows[name], found = _without(table, "customer_id", whom)
            seen |= found
        elif name == "order_lines":
            theirs = _orders_of(whom, data.orders.table)
            kept[name], rows[name], _ = _without(table, "order_id", theirs)
            left_out = {*theirs.to_arrow()["id"].to_pylist(), *_left_out_orders(data.orders, ids)}
            kept[name], gone = _without_lines(kept[name], left_out)
            rows[name] += gone
        else:
            kept[name], rows[name] = table, 0
        rejects = kept[name].rejects.to_arrow()
        hit, found = rejected(rejects, ids)
        if found:
            left = rejects.filter(pc.invert(hit))
            kept[name] = replace(kept[name], rejects=table.rejects.engine.register(left))
            rows[name] += len(rejects) - len(left)
            seen |= found
    missing = tuple(i for i in ids if i not in seen)
    removed = {name: n for name, n in rows.items() if n}
    return replace(data, **kept), ErasureReport("data", len(ids), removed, missing)


def _without(table: DataTable, key: str, whom: Table) -> tuple[DataTable, int, set[str]]:
    rows, name = table.table, Fragment(key)
    whom = in_engine(whom, rows.engine)
    theirs = rows.engine.sql(
        "SELECT {key} AS id, count(*) AS n, {rows} AS source_rows FROM {table}"
        " WHERE {key} IN (SELECT id FROM {whom}) GROUP BY {key}",
        key=name,
        rows=Fragment(source_rows(rows)),
        table=rows,
        whom=whom,
    ).to_arrow()
    if not len(theirs):
        return table, 0, set()
    kept = rows.engine.sql(
        "SELECT * FROM {table} WHERE {key} IS NULL OR {key} NOT IN (SELECT id FROM {whom}) {order}",
        key=name,
        table=rows,
        whom=whom,
        order=by_source_row(rows),
    ).materialise()
    before, gone = table.account.rows_used, pc.sum(theirs["source_rows"]).as_py()
    account = table.account.then(RowAccount(table.name, before, before - gone, {ERASED: gone}))
    removed = pc.sum(theirs["n"]).as_py()
    return replace(table, table=kept, account=account), removed, set(theirs["id"].to_pylist())


def _left_out_orders(orders: DataTable, ids: list[str]) -> set[str]:
    """Return the ids of the customers' orders among those that are left out."""
    rows = orders.rejects.to_arrow()
    theirs = rows.filter(rejected(rows, ids)[0])
    names = [name for name in rows.column_names if is_order_id(name)]
    return {str(value).strip() for name in names for value in theirs[name].to_pylist()}


def _without_lines(lines: DataTable, orders: set[str]) -> tuple[DataTable, int]:
    """Remove the lines of orders from those that are left out."""
    rows = lines.rejects.to_arrow()
    names = [name for name in rows.column_names if is_order_id(name)]
    hit, found = hits(rows, sorted(orders), names)
    if not found:
        return lines, 0
    left = rows.filter(pc.invert(hit))
    return replace(lines, rejects=lines.rejects.engine.register(left)), len(rows) - len(left)


def _orders_of(whom: Table, orders: Table) -> Table:
    """Return the ids of orders that nobody else shares."""
    return orders.engine.sql(
        "SELECT order_id AS id FROM {orders} LEFT JOIN {whom} ON customer_id = id"
        " GROUP BY order_id HAVING count(*) = count(id)",
        orders=orders,
        whom=whom,
    )
