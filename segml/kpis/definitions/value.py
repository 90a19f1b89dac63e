"""How many customers there are and what they bring."""

from ..kpi import KPI, Measure
from .parts import FADER, FARRIS, total

MEASURES = {
    "order_count": Measure("count(DISTINCT order_id)", columns=("order_id",)),
    "spent": Measure(total("revenue"), columns=("revenue",)),
    "spent_recent": Measure(total("revenue"), columns=("revenue",), window="recent"),
    "spent_earlier": Measure(total("revenue"), columns=("revenue",), window="earlier"),
    "margin_earned": Measure(total("margin"), columns=("margin",)),
    "spent_with_margin": Measure(
        total("revenue", "margin IS NOT NULL"), columns=("revenue", "margin")
    ),
    "margin_so_far": Measure(total("margin"), columns=("margin",), window="so_far"),
    "margins_so_far": Measure("count(margin)", columns=("margin",), window="so_far"),
    "discounts": Measure(total("discount"), columns=("discount",)),
    "listed": Measure(
        total("revenue + discount", "discount IS NOT NULL"), columns=("revenue", "discount")
    ),
    "refunds": Measure(total("refund"), columns=("refund",)),
    "spent_with_refund": Measure(
        total("revenue", "refund IS NOT NULL"), columns=("revenue", "refund")
    ),
}

KPIS = (
    KPI(
        "customers",
        "Customers",
        "Customers who have ordered by the end of the period.",
        "count",
        "1",
        interval="none",
        higher_is_better=None,
        group="size",
    ),
    KPI(
        "share_of_customers",
        "Share of customers",
        "Customers of the segment / all customers who have ordered by the end of the period.",
        "share",
        "1",
        "1",
        "wilson",
        None,
        of_all=True,
        group="size",
    ),
    KPI(
        "revenue",
        "Revenue",
        "Revenue of the orders of the period.",
        "money",
        "spent",
        interval="none",
        group="size",
    ),
    KPI(
        "share_of_revenue",
        "Share of revenue",
        "Revenue of the segment / revenue of all customers, in the period.",
        "share",
        "spent",
        "spent",
        "delta",
        of_all=True,
        group="size",
    ),
    KPI(
        "growth",
        "Growth",
        "Revenue of the period / revenue of the window before - 1.",
        "share",
        "spent_recent - spent_earlier",
        "spent_earlier",
        group="size",
        reference=FARRIS,
    ),
    KPI(
        "aov",
        "Average order value",
        "Revenue / orders, in the period.",
        "money",
        "spent",
        "order_count",
        reference=FARRIS,
    ),
    KPI(
        "revenue_per_customer",
        "Revenue per customer",
        "Revenue of the period / customers who have ordered by its end.",
        "money",
        "spent",
        "1",
    ),
    KPI(
        "historic_clv",
        "Historic lifetime value",
        "Margin of all orders up to the end of the period / customers of whom the margin of "
        "an order is known. Not discounted.",
        "money",
        "margin_so_far",
        "CASE WHEN margins_so_far > 0 THEN 1 ELSE 0 END",
        reference="Gupta and Lehmann (2003), Journal of Interactive Marketing 17(1), 9-24.",
    ),
    KPI(
        "clv",
        "Predicted lifetime value",
        "Mean over customers of the discounted margin expected within the horizon.",
        "money",
        interval="model",
        prediction="clv",
        reference=FADER,
    ),
    KPI(
        "margin_rate",
        "Margin",
        "Margin / revenue, orders of the period whose margin is known.",
        "share",
        "margin_earned",
        "spent_with_margin",
        reference=FARRIS,
    ),
    KPI(
        "discount_share",
        "Discount share",
        "Discounts / (revenue + discounts), orders of the period whose discount is known.",
        "share",
        "discounts",
        "listed",
        "clustered",
        higher_is_better=False,
        reference=FARRIS,
    ),
    KPI(
        "refund_rate",
        "Refund rate",
        "Refunds / revenue, orders of the period whose refund is known.",
        "share",
        "refunds",
        "spent_with_refund",
        "clustered",
        higher_is_better=False,
    ),
)
