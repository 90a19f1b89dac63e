"""By which channel customers order, with which coupons, and how they began."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import entropy, most, share, total

SOURCES = (
    Source(
        "channel_orders",
        "one channel by which a customer ordered, with the number of orders",
        """
        SELECT customer_id, channel, count(DISTINCT order_id) AS orders
        FROM {orders}
        WHERE channel IS NOT NULL
        GROUP BY customer_id, channel
        """,
        ("orders.channel",),
    ),
    Source(
        "first_order_ids",
        "one customer with the first order",
        """
        SELECT customer_id, min_by(order_id, (ordered_at, order_id)) AS order_id
        FROM {orders}
        GROUP BY customer_id
        """,
        ("orders.ordered_at", "orders.order_id"),
    ),
    Source(
        "first_orders",
        "a customer's first order",
        """
        SELECT o.customer_id, o.order_id, o.revenue, o.quantity, o.channel, o.coupon, o.discount
        FROM {orders} AS o
        JOIN {first_order_ids} AS f ON o.customer_id = f.customer_id AND o.order_id = f.order_id
        """,
        ("orders.ordered_at", "orders.order_id"),
    ),
    Source(
        "first_order_lines",
        "one product of a customer's first order, with what was paid for it",
        """
        SELECT l.customer_id, l.category, l.product_id, l.quantity * l.unit_price AS amount
        FROM {order_lines} AS l
        JOIN {first_order_ids} AS f ON l.customer_id = f.customer_id AND l.order_id = f.order_id
        """,
        ("order_lines.product_id", "order_lines.category", "orders.ordered_at"),
    ),
)

FEATURES = (
    Feature(
        "coupon_share",
        "Orders with a coupon",
        "behavioural",
        "Share of orders placed with a coupon.",
        "share",
        share("coupons = 1"),
        "none",
        "coupon-free",
        "coupon-using",
        table="whole_orders",
        columns=("orders.coupon",),
    ),
    Feature(
        "distinct_channels",
        "Channels",
        "behavioural",
        "Number of different channels of orders so far.",
        "count",
        "count(*)",
        "log",
        "one-channel",
        "many-channel",
        table="channel_orders",
        missing="unknown",
    ),
    Feature(
        "main_channel",
        "Main channel",
        "behavioural",
        "Channel of most orders; the first by name among equals.",
        "category",
        most("channel", "orders"),
        "one-hot",
        table="channel_orders",
        missing="unknown",
    ),
    Feature(
        "channel_entropy",
        "Channel entropy",
        "behavioural",
        "Shannon's entropy, in nats, of the shares of orders by channel: 0 for one only.",
        "score",
        entropy("orders"),
        "none",
        "channel-loyal",
        "channel-mixing",
        table="channel_orders",
        missing="unknown",
    ),
    Feature(
        "channel_share_{level}",
        "Orders by {level}",
        "behavioural",
        "Share of orders by channel {level}.",
        "share",
        "safe_ratio(coalesce(sum(orders) FILTER (WHERE channel = {level}), 0), sum(orders))",
        "none",
        "seldom by {level}",
        "often by {level}",
        table="channel_orders",
        missing="unknown",
        each="channel",
    ),
    Feature(
        "first_order_revenue",
        "Revenue of first order",
        "behavioural",
        "Revenue of the first order.",
        "money",
        total("revenue"),
        "log",
        "small first order",
        "big first order",
        table="first_orders",
        columns=("orders.revenue",),
    ),
    Feature(
        "first_order_items",
        "Items of first order",
        "behavioural",
        "Number of items in the first order.",
        "count",
        f"CAST({total('quantity')} AS DOUBLE)",
        "log",
        "few-item first order",
        "many-item first order",
        table="first_orders",
        columns=("orders.quantity",),
        missing="unknown",
    ),
    Feature(
        "first_order_channel",
        "Channel of first order",
        "behavioural",
        "Channel of the first order.",
        "category",
        "min(channel)",
        "one-hot",
        table="first_orders",
        columns=("orders.channel",),
        missing="unknown",
    ),
    Feature(
        "first_order_coupon",
        "First order with a coupon",
        "behavioural",
        "Whether the first order was placed with a coupon: 1 or 0.",
        "yes or no",
        "max(CASE WHEN coupon IS NOT NULL THEN 1 ELSE 0 END)",
        "none",
        "won without a coupon",
        "won by a coupon",
        table="first_orders",
        columns=("orders.coupon",),
    ),
    Feature(
        "first_order_category",
        "Category of first order",
        "behavioural",
        "Category of the product that cost most in the first order.",
        "category",
        "min_by(category, (-coalesce(fixed(amount), 0), coalesce(product_id, ''), category))"
        " FILTER (WHERE category IS NOT NULL)",
        "one-hot",
        table="first_order_lines",
        missing="unknown",
    ),
)
