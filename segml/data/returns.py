"""Returns booked as orders, netted against the orders that they give back."""

from __future__ import annotations

from dataclasses import replace

from segml.engine import Table
from segml.engine.compose import columns_of

from .account import RowAccount

ROWS = "_rows"  # how many rows of the source an order was merged from
NETTED = "return netted against an earlier order"
IN_FULL = "returned in full"
UNMATCHED = "return without an earlier order that covers it"

_LEFT = {
    "revenue": "CASE WHEN s.left_over > 0 THEN s.left_over ELSE o.revenue END",
    "_rows": "CAST(o._rows + CASE WHEN s.left_over > 0 THEN s.n ELSE 0 END AS BIGINT)",
}
_NET = """
WITH numbered AS (SELECT * FROM {orders}),
pairs AS (
    SELECT
        b._source_row AS back, s._source_row AS sale, b.revenue, b._rows AS n,
        row_number() OVER (
            PARTITION BY b._source_row ORDER BY s.ordered_at DESC, s._source_row DESC
        ) AS place
    FROM numbered b
    JOIN numbered s
        ON s.customer_id = b.customer_id AND s.ordered_at <= b.ordered_at
        AND s.revenue >= -b.revenue
    WHERE b.revenue < 0
),
given_back AS (
    SELECT p.sale, min(s.revenue) AS paid, sum(fixed(p.revenue)) AS amount, sum(p.n) AS n
    FROM pairs p JOIN numbered s ON s._source_row = p.sale
    WHERE p.place = 1
    GROUP BY p.sale
),
sales AS (
    SELECT sale, CAST(fixed(paid) + amount AS DOUBLE) AS left_over, n FROM given_back
),
backs AS (
    SELECT p.back, s.left_over FROM pairs p JOIN sales s ON s.sale = p.sale WHERE p.place = 1
)
SELECT
    {columns},
    CASE WHEN s.left_over > 0 THEN s.n ELSE 0 END AS _netted,
    CASE
        WHEN s.left_over <= 0 OR b.left_over <= 0 THEN {in_full}
        WHEN o.revenue < 0 AND b.back IS NULL THEN {unmatched}
        WHEN o.revenue < 0 THEN 'netted'
    END AS _reason
FROM numbered o
LEFT JOIN sales s ON s.sale = o._source_row
LEFT JOIN backs b ON b.back = o._source_row
"""


def net_returns(orders: Table, account: RowAccount) -> tuple[Table, Table, RowAccount]:
    """Net returns against the customer's latest earlier order whose revenue covers them.

    Parameters
    ----------
    orders : Table
        Orders; rows with negative revenue are returns.
    account : RowAccount
        Where the rows of the source went so far.

    Returns
    -------
    orders, rejects : Table
        The orders left, and the rows left out with ``_reason``.
    account : RowAccount
        With the returns that were netted noted, and those without an order, and orders
        with nothing left, rejected.
    """
    engine = orders.engine
    if ROWS not in orders.columns:
        orders = engine.sql("SELECT *, CAST(1 AS BIGINT) AS _rows FROM {orders}", orders=orders)
    judged = engine.sql(
        _NET,
        orders=orders,
        columns=columns_of(orders, replace=_LEFT, of="o"),
        unmatched=UNMATCHED,
        in_full=IN_FULL,
    ).materialise()
    used, netted, in_full, unmatched = judged.row(
        "SELECT coalesce(sum(_rows) FILTER (WHERE _reason IS NULL), 0),"
        " coalesce(sum(_netted) FILTER (WHERE _reason IS NULL), 0),"
        " coalesce(sum(_rows) FILTER (WHERE _reason = {in_full}), 0),"
        " coalesce(sum(_rows) FILTER (WHERE _reason = {unmatched}), 0) FROM {self}",
        in_full=IN_FULL,
        unmatched=UNMATCHED,
    )
    rejected = {IN_FULL: int(in_full), UNMATCHED: int(unmatched)}
    step = RowAccount(
        account.table,
        account.rows_used,
        int(used),
        {reason: n for reason, n in rejected.items() if n},
        {NETTED: int(netted)} if netted else {},
    )
    noted = {what: n for what, n in account.noted.items() if what != "revenue is negative"}
    kept = engine.sql(
        "SELECT {columns} FROM {judged} WHERE _reason IS NULL ORDER BY _source_row",
        columns=columns_of(judged, without=["_reason", "_netted"]),
        judged=judged,
    )
    left_out = engine.sql(
        "SELECT {columns} FROM {judged} WHERE _reason IN ({in_full}, {unmatched})",
        columns=columns_of(judged, without=["_netted"]),
        judged=judged,
        in_full=IN_FULL,
        unmatched=UNMATCHED,
    )
    return kept, left_out, replace(account, noted=noted).then(step)
