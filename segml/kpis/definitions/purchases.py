"""How often and when customers buy."""

from ..kpi import KPI, Measure
from .parts import FARRIS

# The gaps that end in the period add up to the days from the purchase day before its first
# one (or from the very first) to its last.
MEASURES = {
    "order_days": Measure("count(DISTINCT day_index(ordered_at))", columns=("ordered_at",)),
    "last_day_here": Measure("max(day_index(ordered_at))", columns=("ordered_at",)),
    "last_day_before": Measure(
        "max(day_index(ordered_at))", columns=("ordered_at",), window="before"
    ),
}


KPIS = (
    KPI(
        "orders_per_customer",
        "Orders per customer",
        "Orders of the period / customers who have ordered by its end.",
        "count",
        "order_count",
        "1",
        group="purchase",
    ),
    KPI(
        "orders_per_buyer",
        "Orders per buyer",
        "Orders / customers with an order, in the period.",
        "count",
        "order_count",
        "CASE WHEN order_count > 0 THEN 1 ELSE 0 END",
        group="purchase",
        reference=FARRIS,
    ),
    KPI(
        "purchase_frequency",
        "Purchase frequency a year",
        "Orders of the period after a customer's first / years of the period since that first.",
        "count",
        "order_count - CASE WHEN first_day BETWEEN start_day AND end_day THEN 1 ELSE 0 END",
        "(end_day - CASE WHEN first_day < start_day THEN start_day - 1 ELSE first_day END)"
        " / CAST(365.25 AS DOUBLE)",
        group="purchase",
    ),
    KPI(
        "repeat_rate",
        "Repeat purchase rate",
        "Customers with two or more orders / customers with an order, in the period.",
        "share",
        "CASE WHEN order_count >= 2 THEN 1 ELSE 0 END",
        "CASE WHEN order_count >= 1 THEN 1 ELSE 0 END",
        "wilson",
        reference=FARRIS,
        group="purchase",
    ),
    KPI(
        "days_between_purchases",
        "Time between purchases",
        "Days from one day with an order to the customer's next / number of these gaps that "
        "end in the period. Gaps that have not ended do not count.",
        "days",
        "CASE WHEN order_days > 0 THEN last_day_here - CASE WHEN first_day < start_day"
        " THEN last_day_before ELSE first_day END ELSE 0 END",
        "CASE WHEN order_days > 0 THEN order_days - CASE WHEN first_day < start_day"
        " THEN 0 ELSE 1 END ELSE 0 END",
        higher_is_better=False,
        group="purchase",
    ),
    KPI(
        "days_to_second_purchase",
        "Days to second purchase",
        "Median over the customers whose second day with an order is in the period of the "
        "days since their first. Those who have not come back do not count.",
        "days",
        "CASE WHEN second_day BETWEEN start_day AND end_day THEN second_day - first_day END",
        interval="order",
        higher_is_better=False,
        group="purchase",
    ),
)
