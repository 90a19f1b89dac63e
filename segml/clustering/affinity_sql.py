"""What segments buy, counted in the engine."""

from __future__ import annotations

from segml.data import CustomerData
from segml.data.consent import in_engine
from segml.engine import Table
from segml.engine.sql import Fragment, literal

# Of a line the first that holds is why it does not count.
REASONS = {
    "its order is not in the orders": "o.order_id IS NULL",
    "its customer is in no segment": "s.segment IS NULL",
    "nothing says what it is of": "coalesce(trim(CAST(l.{item} AS VARCHAR)), '') = ''",
    "its quantity is not above zero": "NOT coalesce(l.quantity > 0, FALSE)",
}
MIN_BUYERS = 10  # of what fewer customers buy, nothing is concluded for others


def bought_lines(data: CustomerData, segments: Table, item: str) -> Table:
    """Define order lines with segment, customer, order, item, and why one does not count.

    Parameters
    ----------
    data : CustomerData
        Orders and order lines.
    segments : Table
        ``customer_id`` (text) and ``segment``.
    item : str
        The column of the lines.
    """
    orders = data.require("orders", "order_id", "customer_id").table
    lines = in_engine(
        data.require("order_lines", "order_id", item, "quantity").table, orders.engine
    )
    cases = " ".join(
        f"WHEN {sql.replace('{item}', item)} THEN {literal(why)}" for why, sql in REASONS.items()
    )
    return orders.engine.sql(
        "SELECT s.segment, s.customer_id, o.order_id, trim(CAST(l.{item} AS VARCHAR)) AS item,"
        " CASE {cases} END AS reason FROM {lines} AS l"
        " LEFT JOIN (SELECT DISTINCT order_id, CAST(customer_id AS VARCHAR) AS customer_id"
        " FROM {orders}) AS o ON l.order_id = o.order_id"
        " LEFT JOIN {segments} AS s ON o.customer_id = s.customer_id",
        item=Fragment(item),
        cases=Fragment(cases),
        lines=lines,
        orders=orders,
        segments=segments,
    )


def purchases(lines: Table) -> Table:
    """Define in how many of their orders customers have each item.

    One row per segment, customer and item: ``orders``.
    """
    return lines.engine.sql(
        "SELECT segment, customer_id, item, CAST(count(DISTINCT order_id) AS BIGINT) AS orders"
        " FROM {lines} WHERE reason IS NULL GROUP BY segment, customer_id, item",
        lines=lines,
    )


def item_counts(bought: Table) -> Table:
    """Define counts by segment and item.

    ``customers`` who have it; ``orders`` y with it, and over these customers, each with
    m orders of any item, the sums of y² and of y m, which tell how purchases cluster.
    """
    return bought.engine.sql(
        "WITH totals AS (SELECT customer_id, sum(orders) AS m FROM {bought} GROUP BY customer_id)"
        " SELECT segment, item, CAST(count(*) AS BIGINT) AS customers,"
        " CAST(sum(b.orders) AS BIGINT) AS orders,"
        " CAST(sum(b.orders * b.orders) AS DOUBLE) AS yy,"
        " CAST(sum(b.orders * t.m) AS DOUBLE) AS ym"
        " FROM {bought} AS b JOIN totals AS t ON b.customer_id = t.customer_id"
        " GROUP BY segment, item ORDER BY segment, item",
        bought=bought,
    )


def segment_counts(bought: Table) -> Table:
    """Define counts by segment: ``buyers``, purchases ``m``, and the sum of m²."""
    return bought.engine.sql(
        "WITH totals AS (SELECT segment, customer_id, sum(orders) AS m FROM {bought}"
        " GROUP BY segment, customer_id)"
        " SELECT segment, CAST(count(*) AS BIGINT) AS buyers, CAST(sum(m) AS BIGINT) AS m,"
        " CAST(sum(m * m) AS DOUBLE) AS mm FROM totals GROUP BY segment ORDER BY segment",
        bought=bought,
    )


def expected_buyers(bought: Table) -> Table:
    """Define how many of those who lack an item would buy it if they did as others do.

    One row per segment and item: ``lacking``, the segment's customers who bought something
    but not this, and ``expected``, the sum over these of the mean over their items j of
    P(item | j), the share of the buyers of j in the other segments who have the item. Each
    buyer counts w = 1 / (items of the buyer), so that those who buy everything say little.

    Notes
    -----
    The sum is over j of P(item | j) times the sum of w over the segment's customers with j,
    less that over those with j and the item: all of it follows from the pairs of items
    that customers have, so that no customer is compared with another.
    """
    return bought.engine.sql(
        "WITH common AS (SELECT item FROM {bought} GROUP BY item HAVING count(*) >= {least}),"
        " kept AS (SELECT b.segment, b.customer_id, b.item FROM {bought} AS b"
        " JOIN common AS c ON b.item = c.item),"
        " sizes AS (SELECT customer_id, count(*) AS n FROM kept GROUP BY customer_id),"
        " weighted AS (SELECT k.segment, k.customer_id, k.item,"
        " CAST(1 AS DOUBLE) / CAST(s.n AS DOUBLE) AS w FROM kept AS k"
        " JOIN sizes AS s ON k.customer_id = s.customer_id),"
        " single AS (SELECT segment, item, count(*) AS n, sum(w) AS w FROM weighted"
        " GROUP BY segment, item),"
        " pair AS (SELECT a.segment, a.item AS item, b.item AS other, count(*) AS n,"
        " sum(b.w) AS w FROM weighted AS a JOIN weighted AS b"
        " ON a.customer_id = b.customer_id WHERE a.item <> b.item"
        " GROUP BY a.segment, a.item, b.item),"
        " single_all AS (SELECT item, sum(n) AS n, sum(w) AS w FROM single GROUP BY item),"
        " pair_all AS (SELECT item, other, sum(n) AS n, sum(w) AS w FROM pair"
        " GROUP BY item, other),"
        " buyers AS (SELECT segment, count(DISTINCT customer_id) AS n FROM weighted"
        " GROUP BY segment),"
        # Of each segment every pair of items that anyone has; what it lacks itself counts 0.
        " terms AS (SELECT s.segment, p.item,"
        " CASE WHEN p.n > coalesce(o.n, 0)"
        " THEN (p.w - coalesce(o.w, CAST(0 AS DOUBLE))) / (j.w - s.w) ELSE CAST(0 AS DOUBLE) END"
        " * (s.w - coalesce(o.w, CAST(0 AS DOUBLE))) AS expected"
        " FROM pair_all AS p JOIN single AS s ON p.other = s.item"
        " JOIN single_all AS j ON p.other = j.item"
        " LEFT JOIN pair AS o ON o.segment = s.segment AND o.item = p.item AND o.other = p.other)"
        " SELECT t.segment, t.item, CAST(max(b.n) - coalesce(max(m.n), 0) AS BIGINT) AS lacking,"
        " sum(t.expected) AS expected FROM terms AS t JOIN buyers AS b ON t.segment = b.segment"
        " LEFT JOIN single AS m ON m.segment = t.segment AND m.item = t.item"
        " GROUP BY t.segment, t.item ORDER BY t.segment, t.item",
        bought=bought,
        least=MIN_BUYERS,
    )
