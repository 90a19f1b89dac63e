"""Cleaning of the tables beside the orders: one way for all, by the rules of each."""

from __future__ import annotations

import warnings
from dataclasses import replace

from segml._core.errors import SegmlWarning
from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .bundle import DataTable
from .columns import is_order_id
from .consent import in_engine
from .judging import judge, used_rows
from .merging import merge_customers
from .policy import CleaningPolicy
from .tally import left_out, tally


def clean_table(
    table: DataTable,
    policy: CleaningPolicy,
    ids: Table | None = None,
    lines_of: Table | None = None,
) -> DataTable:
    """Leave out the rows of a table that cannot be, and merge those of one customer.

    Parameters
    ----------
    table : DataTable
        Any canonical table but the orders.
    policy, ids, lines_of
        As for :func:`segml.data.judging.judge`.

    Returns
    -------
    DataTable
        It may have no row left; a warning says so.
    """
    judged = judge(table, policy, ids, lines_of)
    account = tally(table, judged.rows, judged.found, judged.changed, judged.stale)
    if account.rows_used == 0 < table.account.rows_used:
        reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in account.rejected.items())
        warnings.warn(
            SegmlWarning("no row is left after cleaning", where=table.name, got=reasons),
            stacklevel=3,
        )
    used = used_rows(judged.rows, table.table.columns)
    if table.name == "customers":
        used, account = merge_customers(used, account, judged.keys)
    rejects = left_out(in_engine(table.rejects, used.engine), judged.rows, table.columns)
    return replace(table, table=used, rejects=rejects, account=account)


def orders_of_lines(before: DataTable, after: DataTable) -> Table:
    """Say of each order id whether its order counts.

    Parameters
    ----------
    before, after : DataTable
        The orders as read, and clean.

    Returns
    -------
    Table
        ``order_id`` and ``_counts``: 1, or 0 for an order that reading or cleaning left
        out. Of rows that reading left out the id is known where the source calls it order
        id, up to case, spaces, hyphens and underscores.
    """
    engine = after.table.engine
    rejects = in_engine(after.rejects, engine)
    raw = [name for name in rejects.columns if is_order_id(name)]
    listed = ["SELECT order_id, 1 AS counts FROM {after}", "SELECT order_id, 0 FROM {before}"]
    listed += ["SELECT trim(CAST({raw} AS STRING)), 0 FROM {rejects}"] if raw else []
    values = {"raw": Fragment(quote(raw[0])), "rejects": rejects} if raw else {}
    return engine.sql(
        f"SELECT order_id, max(counts) AS _counts FROM ({' UNION ALL '.join(listed)}) AS listed"
        " WHERE order_id IS NOT NULL GROUP BY order_id",
        after=after.table,
        before=in_engine(before.table, engine),
        **values,
    )
