"""The canonical tables: which columns each has, what they mean and how they are typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from segml._core.check import one_of

ColumnType = Literal["id", "text", "timestamp", "number", "boolean"]


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Parameters
    ----------
    name : str
        Its canonical name.
    type : {"id", "text", "timestamp", "number", "boolean"}
        Ids are text everywhere, so that 123 and "123" are one customer in every table.
    meaning : str
        What it holds, with its unit.
    required : bool
        Whether a table without it cannot be used.
    """

    name: str
    type: ColumnType
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class TableSchema:
    """A canonical table: its name, what a row is, and its columns."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the required columns."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(column.name for column in self.columns)


def _columns(required: str, optional: str, meanings: dict[str, str]) -> tuple[Column, ...]:
    """Read ``name:type`` lists; the meaning of a self-explaining name is the name in words."""
    out = []
    for text, needed in ((required, True), (optional, False)):
        for item in text.split():
            name, _, kind = item.partition(":")
            column_type = cast(ColumnType, one_of(kind or "text", get_args(ColumnType), "type"))
            meaning = meanings.get(name, name.replace("_", " "))
            out.append(Column(name, column_type, meaning, needed))
    return tuple(out)


ORDERS = TableSchema(
    "orders",
    "one order",
    _columns(
        "customer_id:id order_id:id ordered_at:timestamp revenue:number",
        "quantity:number discount:number refund:number margin:number "
        "currency channel coupon country",
        {
            "ordered_at": "when the order was placed, in the store's time",
            "revenue": "what the customer paid for goods, in the store's currency",
            "quantity": "number of items",
            "discount": "price reduction granted, as a positive amount",
            "refund": "amount paid back, as a positive amount",
            "margin": "revenue less the cost of goods",
        },
    ),
)

ORDER_LINES = TableSchema(
    "order_lines",
    "one product of an order",
    _columns(
        "order_id:id product_id:id quantity:number unit_price:number",
        "category",
        {"unit_price": "price of one item, in the store's currency"},
    ),
)

CUSTOMERS = TableSchema(
    "customers",
    "one customer",
    _columns(
        "customer_id:id",
        "signed_up_at:timestamp birth_date:timestamp age:number gender income:number education "
        "occupation marital_status country region city postcode acquisition_channel "
        "acquisition_cost:number email phone consent_marketing:boolean consent_analytics:boolean",
        {"income": "income a year", "acquisition_cost": "cost of winning this customer"},
    ),
)

SESSIONS = TableSchema(
    "sessions",
    "one visit",
    _columns(
        "session_id:id started_at:timestamp",
        "customer_id:id duration_s:number pageviews:number device browser os source medium "
        "landing_page added_to_cart:boolean began_checkout:boolean purchased:boolean",
        {"duration_s": "length of the visit in seconds"},
    ),
)

MESSAGES = TableSchema(
    "messages",
    "one message sent to one customer",
    _columns(
        "message_id:id customer_id:id campaign_id:id sent_at:timestamp",
        "channel variant delivered:boolean opened:boolean clicked:boolean converted:boolean "
        "unsubscribed:boolean revenue:number",
        {"revenue": "revenue attributed to the message"},
    ),
)

COSTS = TableSchema(
    "costs",
    "one day's cost of one campaign or channel",
    _columns(
        "date:timestamp cost:number", "campaign_id:id channel segment new_customers:number", {}
    ),
)

SURVEYS = TableSchema(
    "surveys",
    "one answer to one question",
    _columns(
        "customer_id:id answered_at:timestamp question answer",
        "",
        {"question": "`nps` for the 0-to-10 question; others are psychographic scales"},
    ),
)

TABLES: dict[str, TableSchema] = {
    schema.name: schema
    for schema in (ORDERS, ORDER_LINES, CUSTOMERS, SESSIONS, MESSAGES, COSTS, SURVEYS)
}
