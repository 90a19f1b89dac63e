"""The canonical tables as features see them: up to a date, all columns, types made alike."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection

from segml._core.errors import DataError
from segml.data import CustomerData
from segml.data.bundle import HIDDEN
from segml.data.tables import TABLES, Column
from segml.engine import Table
from segml.engine.sql import Fragment, quote

# When a row of a table becomes known; customers without a day of sign-up are known always.
MOMENTS = {
    "orders": "ordered_at",
    "customers": "signed_up_at",
    "sessions": "started_at",
    "messages": "sent_at",
    "costs": "date",
    "surveys": "answered_at",
}
_NUMBER = r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*"
_TYPES = {
    "number": rf"{_NUMBER}|BOOLEAN",
    "boolean": rf"BOOLEAN|{_NUMBER}",
    "timestamp": r"DATE|TIMESTAMP.*",
    "text": rf"VARCHAR|ENUM.*|BOOLEAN|UUID|DATE|{_NUMBER}",
}
_CASTS = {"number": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP", "text": "STRING"}


def known_table(
    data: CustomerData,
    name: str,
    as_of: dt.date,
    used: Collection[str],
    orders: Table | None = None,
) -> Table:
    """Return the rows of a canonical table that are known at the end of a day.

    Numbers that are not finite and texts of spaces are missing. Rows without a customer
    are left out. Order lines have the customer and the time of their order.

    Parameters
    ----------
    data : CustomerData
        Where the table is.
    name : str
        Which one.
    as_of : date
        Last day that is known.
    used : collection of str
        Columns to take beside the keys; canonical ones are missing where the data have
        none, others are taken as they are.
    orders : Table, optional
        The known orders, for order lines.

    Raises
    ------
    DataError
        A column that tells who or when is of the wrong type, or the table lives on
        another engine than the orders.
    """
    table = data.tables[name].table
    engine = data.orders.table.engine
    if table.engine is not engine:
        raise DataError(
            "the tables live on different engines",
            where=name,
            got=table.engine.kind,
            expected=f"the engine of the orders, {engine.kind}",
        )
    schema = TABLES[name]
    for column in schema.columns:
        if column.name in (MOMENTS.get(name), "customer_id", "order_id", "revenue") and (
            wrong := wrong_type(table, name, column.name)
        ):
            raise DataError(wrong, where=f"{name}.{column.name}")
    keys = {"customer_id", *schema.required, MOMENTS.get(name)}
    parts = [
        f"{_typed(column, table.types)} AS {quote(column.name)}"
        for column in schema.columns
        if column.name in keys or column.name in used
    ]
    own = {*schema.names, *HIDDEN, "customer_id", "ordered_at"}
    parts += [quote(column) for column in table.columns if column in used and column not in own]
    typed = engine.sql("SELECT {parts} FROM {table}", parts=Fragment(", ".join(parts)), table=table)
    if name == "order_lines":
        return engine.sql(
            "SELECT o.customer_id, o.ordered_at, l.* FROM {lines} AS l JOIN ("
            "SELECT order_id, min(customer_id) AS customer_id, min(ordered_at) AS ordered_at"
            " FROM {orders} GROUP BY order_id) AS o ON l.order_id = o.order_id",
            lines=typed,
            orders=orders,
        )
    moment = MOMENTS[name]
    unknown = f" OR {moment} IS NULL" if name == "customers" else ""
    whose = " AND customer_id IS NOT NULL" if "customer_id" in schema.names else ""
    return engine.sql(
        "SELECT * FROM {typed} WHERE (day_index({moment}) <= day_index({as_of}){unknown}){whose}",
        typed=typed,
        as_of=as_of,
        moment=Fragment(quote(moment)),
        unknown=Fragment(unknown),
        whose=Fragment(whose),
    )


def wrong_type(table: Table, name: str, column: str) -> str:
    """Return what is wrong with the type of a canonical column, nothing where it is right.

    Examples
    --------
    >>> from segml.engine import DuckEngine
    >>> orders = DuckEngine().sql("SELECT 'ten' AS revenue")
    >>> wrong_type(orders, "orders", "revenue")
    'the column orders.revenue is VARCHAR, not a number'
    """
    kinds = {known.name: known.type for known in TABLES[name].columns}
    found = table.types.get(column)
    if found is None or column not in kinds or "NULL" in found:
        return ""
    kind = "text" if kinds[column] == "id" else kinds[column]
    if re.fullmatch(_TYPES[kind], found):
        return ""
    return f"the column {name}.{column} is {found}, not a {kind}"


def _typed(column: Column, types: dict[str, str]) -> str:
    kind = "text" if column.type == "id" else column.type
    cast = _CASTS[kind]
    found = types.get(column.name)
    if found is None or "NULL" in found or not re.fullmatch(_TYPES[kind], found):
        return f"CAST(NULL AS {cast})"
    value = f"CAST({quote(column.name)} AS {cast})"
    if kind == "number":
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    return f"nullif(trim({value}), '')" if column.type == "text" else value
