"""What customers buy."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import entropy, most, total

_LINES = ("order_lines.order_id", "order_lines.product_id")
_CATEGORY = (*_LINES, "order_lines.category")

SOURCES = (
    Source(
        "product_purchases",
        "one product that a customer bought, with the number of orders it was in",
        """
        SELECT customer_id, product_id, count(DISTINCT order_id) AS orders
        FROM {order_lines}
        WHERE product_id IS NOT NULL
        GROUP BY customer_id, product_id
        """,
        _LINES,
    ),
    Source(
        "category_purchases",
        "one category that a customer bought from, with the number of order lines",
        """
        SELECT customer_id, category, count(*) AS lines
        FROM {order_lines}
        WHERE category IS NOT NULL
        GROUP BY customer_id, category
        """,
        _CATEGORY,
    ),
)

FEATURES = (
    Feature(
        "items_per_order",
        "Items per order",
        "behavioural",
        "Number of items so far per order.",
        "count",
        f"safe_ratio({total('quantity')}, count(DISTINCT order_id))",
        "log",
        "few-item",
        "many-item",
        columns=("quantity", "order_id"),
        missing="unknown",
    ),
    Feature(
        "products_per_order",
        "Products per order",
        "behavioural",
        "Mean number of order lines of an order that has any.",
        "count",
        "safe_ratio(count(*), count(DISTINCT order_id))",
        "log",
        "single-product",
        "many-product",
        table="order_lines",
        columns=("order_id",),
        missing="unknown",
    ),
    Feature(
        "unit_price",
        "Price of an item",
        "behavioural",
        "Mean price of the items bought so far.",
        "money",
        f"safe_ratio({total('quantity * unit_price')},"
        f" {total('quantity', 'unit_price IS NOT NULL')})",
        "log",
        "cheap-item",
        "dear-item",
        table="order_lines",
        columns=("quantity", "unit_price"),
        missing="unknown",
    ),
    Feature(
        "distinct_products",
        "Distinct products",
        "behavioural",
        "Number of different products bought so far.",
        "count",
        "count(*)",
        "log",
        "narrow-range",
        "wide-range",
        table="product_purchases",
        missing="unknown",
    ),
    Feature(
        "repeat_product_share",
        "Repeated products",
        "behavioural",
        "Share of purchases of a product that repeat one of an earlier order.",
        "share",
        "safe_ratio(sum(orders - 1), sum(orders))",
        "none",
        "always-new-product",
        "same-product",
        table="product_purchases",
        missing="unknown",
    ),
    Feature(
        "distinct_categories",
        "Distinct categories",
        "behavioural",
        "Number of different categories bought from so far.",
        "count",
        "count(*)",
        "log",
        "few-category",
        "many-category",
        table="category_purchases",
        missing="unknown",
    ),
    Feature(
        "main_category",
        "Main category",
        "behavioural",
        "Category of most order lines; the first by name among equals.",
        "category",
        most("category", "lines"),
        "one-hot",
        table="category_purchases",
        missing="unknown",
    ),
    Feature(
        "category_loyalty",
        "Category loyalty",
        "behavioural",
        "Share of order lines that the main category has.",
        "share",
        "safe_ratio(max(lines), sum(lines))",
        "none",
        "roaming",
        "category-loyal",
        table="category_purchases",
        missing="unknown",
    ),
    Feature(
        "category_entropy",
        "Category entropy",
        "behavioural",
        "Shannon's entropy, in nats, of the shares of order lines by category: 0 for one only.",
        "score",
        entropy("lines"),
        "none",
        "focused",
        "varied",
        table="category_purchases",
        missing="unknown",
    ),
    Feature(
        "category_share_{level}",
        "Share of {level}",
        "behavioural",
        "Share of order lines of category {level}.",
        "share",
        "safe_ratio(coalesce(sum(lines) FILTER (WHERE category = {level}), 0), sum(lines))",
        "none",
        "little {level}",
        "much {level}",
        table="category_purchases",
        missing="unknown",
        each="category",
    ),
)
