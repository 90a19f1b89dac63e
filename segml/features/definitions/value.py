"""What customers are worth: when, how often and for how much they bought."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import share, total

_DAY = "day_index(ordered_at)"
_TODAY = "day_index({as_of})"
_LATER = f"{_DAY} > {_TODAY} - {{window}}"
_EARLIER = f"{_DAY} > {_TODAY} - 2 * {{window}} AND {_DAY} <= {_TODAY} - {{window}}"
_NOW, _BEFORE = (f"coalesce({total('revenue', w)}, 0)" for w in (_LATER, _EARLIER))

SOURCES = (
    Source(
        "purchase_days",
        "one day on which a customer ordered, with the days since the one before",
        """
        SELECT customer_id, day, revenue,
            day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap
        FROM (
            SELECT customer_id, day_index(ordered_at) AS day, sum(fixed(revenue)) AS revenue
            FROM {orders}
            GROUP BY customer_id, day_index(ordered_at)
        ) AS days
        """,
        ("orders.ordered_at",),
    ),
    Source(
        "whole_orders",
        "one order of a customer, where it has several rows taken together",
        """
        SELECT customer_id, order_id, max(day_index(ordered_at)) AS day,
            max(CASE WHEN coupon IS NOT NULL THEN 1 ELSE 0 END) AS coupons,
            max(CASE WHEN refund > 0 THEN 1 ELSE 0 END) AS refunds
        FROM {orders}
        WHERE order_id IS NOT NULL
        GROUP BY customer_id, order_id
        """,
        ("orders.order_id", "orders.ordered_at"),
    ),
)

FEATURES = (
    Feature(
        "recency_days",
        "Days since last order",
        "value",
        "Days from the last order to the date of the features.",
        "days",
        f"{_TODAY} - max({_DAY})",
        "log",
        "recent",
        "lapsed",
        columns=("ordered_at",),
    ),
    Feature(
        "orders",
        "Orders",
        "value",
        "Number of orders so far.",
        "count",
        "count(DISTINCT order_id)",
        "log",
        "few-order",
        "frequent",
        columns=("order_id",),
    ),
    Feature(
        "revenue",
        "Revenue",
        "value",
        "Revenue of all orders so far.",
        "money",
        total("revenue"),
        "log",
        "low-spend",
        "high-spend",
        columns=("revenue",),
    ),
    Feature(
        "aov",
        "Average order value",
        "value",
        "Revenue so far per order.",
        "money",
        f"safe_ratio({total('revenue')}, count(DISTINCT order_id))",
        "log",
        "small-basket",
        "big-basket",
        columns=("revenue", "order_id"),
    ),
    Feature(
        "tenure_days",
        "Days since first order",
        "value",
        "Days from the first order to the date of the features: T of the lifetime models.",
        "days",
        f"{_TODAY} - min({_DAY})",
        "none",
        "new",
        "long-standing",
        columns=("ordered_at",),
    ),
    Feature(
        "frequency",
        "Repeat purchase days",
        "value",
        "Days with an order after the day of the first one: x of the lifetime models.",
        "count",
        "count(gap)",
        "log",
        "one-time",
        "repeating",
        table="purchase_days",
    ),
    Feature(
        "purchase_span_days",
        "Days from first to last order",
        "value",
        "Days from the first order to the last: recency t_x of the lifetime models.",
        "days",
        "max(day) - min(day)",
        "log",
        "short-lived",
        "long-lived",
        table="purchase_days",
    ),
    Feature(
        "monetary_value",
        "Revenue per repeat purchase day",
        "value",
        "Mean revenue of the days with an order after the first: m of the Gamma-Gamma model.",
        "money",
        "safe_ratio(sum(revenue) FILTER (WHERE gap IS NOT NULL), count(gap))",
        "log",
        "low-repeat-spend",
        "high-repeat-spend",
        table="purchase_days",
        columns=("orders.revenue",),
    ),
    Feature(
        "largest_order",
        "Largest order",
        "value",
        "Revenue of the largest order so far.",
        "money",
        "max(fixed(revenue))",
        "log",
        "small-peak",
        "high-peak",
        columns=("revenue",),
    ),
    Feature(
        "margin",
        "Margin",
        "value",
        "Margin of all orders so far for which it is known.",
        "money",
        total("margin"),
        "log",
        "low-margin",
        "high-margin",
        columns=("margin",),
        missing="unknown",
    ),
    Feature(
        "margin_share",
        "Margin of revenue",
        "value",
        "Margin as a share of revenue, over orders whose margin is known.",
        "share",
        f"safe_ratio({total('margin')}, {total('revenue', 'margin IS NOT NULL')})",
        "none",
        "thin-margin",
        "rich-margin",
        columns=("margin", "revenue"),
        missing="unknown",
    ),
    Feature(
        "discounted_share",
        "Revenue bought at a discount",
        "value",
        "Share of revenue that comes from orders with a discount, where discounts are known.",
        "share",
        f"safe_ratio(coalesce({total('revenue', 'discount > 0')}, 0),"
        f" {total('revenue', 'discount IS NOT NULL')})",
        "none",
        "full-price",
        "bargain-hunting",
        columns=("discount", "revenue"),
        missing="unknown",
    ),
    Feature(
        "discount_rate",
        "Mean discount",
        "value",
        "Discounts as a share of what the orders would have cost without them.",
        "share",
        f"safe_ratio({total('discount')},"
        f" {total('revenue', 'discount IS NOT NULL')} + {total('discount')})",
        "none",
        "little-discounted",
        "deeply discounted",
        columns=("discount", "revenue"),
        missing="unknown",
    ),
    Feature(
        "refunds",
        "Refunds",
        "value",
        "Amount paid back for orders so far; it may hold refunds made after the date.",
        "money",
        total("refund"),
        "log",
        "little-refunded",
        "much-refunded",
        columns=("refund",),
        missing="zero",
    ),
    Feature(
        "refunded_share",
        "Refunded orders",
        "value",
        "Share of orders with a refund, which may have been made after the date.",
        "share",
        share("refunds = 1"),
        "none",
        "keeping",
        "returning goods",
        table="whole_orders",
        columns=("orders.refund",),
    ),
    Feature(
        "revenue_{window}d",
        "Revenue of {window} days",
        "value",
        "Revenue of the last {window} days.",
        "money",
        total("revenue", _LATER),
        "log",
        "low-spend in {window} days",
        "high-spend in {window} days",
        columns=("revenue", "ordered_at"),
        missing="zero",
    ),
    Feature(
        "orders_{window}d",
        "Orders of {window} days",
        "value",
        "Number of orders in the last {window} days.",
        "count",
        f"count(*) FILTER (WHERE day > {_TODAY} - {{window}})",
        "log",
        "few-order in {window} days",
        "frequent in {window} days",
        table="whole_orders",
        missing="zero",
    ),
    Feature(
        "revenue_trend_{window}d",
        "Trend of revenue over {window} days",
        "value",
        "Revenue of the last {window} days less that of the {window} days before, over their"
        " sum: -1 (stopped) to 1 (started); missing without either, or for customers who"
        " first ordered in the last {window} days.",
        "ratio",
        f"CASE WHEN min({_DAY}) <= {_TODAY} - {{window}}"
        f" THEN safe_ratio({_NOW} - {_BEFORE}, {_NOW} + {_BEFORE}) END",
        "none",
        "shrinking over {window} days",
        "growing over {window} days",
        columns=("revenue", "ordered_at"),
    ),
)
