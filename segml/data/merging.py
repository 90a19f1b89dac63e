"""Several rows of one order, or of one customer, made one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .account import RowAccount
from .repeated import few, rows_with
from .returns import ROWS

AMOUNTS = ("revenue", "discount", "refund", "margin")
SHARED = "order id that several customers share, kept apart"
JOINED = {
    "orders": "joins an earlier row of the same order",
    "customers": "joins an earlier row of the same customer",
}


def merge_orders(used: Table, account: RowAccount, keys: Table) -> tuple[Table, RowAccount]:
    """Make one order of the rows of one customer under one order id.

    Amounts are summed, the earliest time stands, and other columns come from the first row
    that has a value. `keys` are the order ids that stand more than once.
    """
    doubles = rows_with(used, ("order_id",), keys).materialise()
    rows, pairs, shared = doubles.row(
        "WITH pairs AS (SELECT order_id, customer_id, count(*) AS n FROM {self}"
        " GROUP BY order_id, customer_id)"
        " SELECT CAST(coalesce(sum(n), 0) AS BIGINT), count(*), count(*) - count(DISTINCT order_id)"
        " FROM pairs"
    )
    noted = {what: n for what, n in account.noted.items() if what != SHARED}
    noted |= {SHARED: int(shared)} if shared else {}
    account = replace(account, noted=noted)
    if rows == pairs:
        return used, _joined(account, account.rows_used if ROWS not in used.columns else len(used))
    merged = _merged(used, doubles, ("order_id", "customer_id"), _of_orders)
    return merged, _joined(account, len(merged))


def merge_customers(used: Table, account: RowAccount, keys: Table) -> tuple[Table, RowAccount]:
    """Make one row of each customer; `keys` are the ids that stand more than once.

    A column has the value of the last row that has one; but the earliest time of signing up
    stands, and one refusal of consent is a refusal.
    """
    doubles = rows_with(used, ("customer_id",), keys).materialise()
    rows, customers = doubles.row("SELECT count(*), count(DISTINCT customer_id) FROM {self}")
    if rows == customers:
        return used, _joined(account, len(used))
    merged = _merged(used, doubles, ("customer_id",), _of_customers)
    return merged, _joined(account, len(merged))


def _joined(account: RowAccount, units: int) -> RowAccount:
    what = JOINED[account.table]
    noted = {name: n for name, n in account.noted.items() if name != what}
    # Counted in rows of the source: an earlier cleaning may have joined some already.
    noted |= {what: account.rows_used - units} if account.rows_used > units else {}
    return replace(account, noted=noted)


def _of_orders(column: str) -> str:
    name = quote(column)
    if column in (*AMOUNTS, "quantity"):
        return f"CAST(sum(fixed({name})) AS DOUBLE)"
    if column == "ordered_at":
        return f"min({name})"
    return f"min_by({name}, _source_row) FILTER (WHERE {name} IS NOT NULL)"


def _of_customers(column: str) -> str:
    name = quote(column)
    if column == "signed_up_at":
        return f"min({name})"
    if column in ("consent_marketing", "consent_analytics"):
        return f"bool_and({name})"
    return f"max_by({name}, _source_row) FILTER (WHERE {name} IS NOT NULL)"


def _merged(
    used: Table, doubles: Table, key: tuple[str, ...], merged: Callable[[str], str]
) -> Table:
    """Put what several rows make in the place of the first; single rows stay as they are."""
    selected = ["count(*) AS _members", "min(_source_row) AS _first"]
    for column in used.columns:
        if column in key:
            selected.append(quote(column))
        elif column == ROWS:
            selected.append("CAST(sum(_rows) AS BIGINT) AS _rows")
        elif column != "_source_row":
            selected.append(f"{merged(column)} AS {quote(column)}")
    if ROWS not in used.columns:
        selected.append("count(*) AS _rows")
    names = ", ".join(quote(column) for column in key)
    units = used.engine.sql(
        "SELECT {selected} FROM {doubles} GROUP BY {key} HAVING count(*) > 1",
        selected=Fragment(", ".join(selected)),
        doubles=doubles,
        key=Fragment(names),
    ).materialise()
    later = used.engine.sql(
        "SELECT _source_row AS _later FROM {doubles} AS d JOIN {units} AS m USING ({key})"
        " WHERE _source_row <> _first",
        doubles=doubles,
        units=units,
        key=Fragment(names),
    ).materialise()
    rare = few(doubles, len(used))
    chosen = [
        f"u.{quote(column)}"
        if column in (*key, "_source_row")
        else f"CASE WHEN m._first IS NULL THEN u.{quote(column)} ELSE m.{quote(column)} END"
        f" AS {quote(column)}"
        for column in used.columns
    ]
    if ROWS not in used.columns:
        chosen.append("coalesce(m._rows, 1) AS _rows")
    in_place = used.engine.sql(
        "SELECT {chosen} FROM {used} AS u LEFT JOIN {units} AS m ON u._source_row = m._first"
        " LEFT JOIN {later} AS l ON u._source_row = l._later WHERE l._later IS NULL"
        " {order}",
        chosen=Fragment(", ".join(chosen)),
        used=used,
        units=units,
        later=later,
        order=Fragment("" if rare else "ORDER BY u._source_row"),
    )
    return in_place if rare else in_place.materialise()
