"""The KPIs: each a ratio of two sums over customers, defined once.

A measure is an SQL aggregate over the rows of one customer in one table; a KPI divides
the sum of one expression of measures by the sum of another. To add a KPI, add an entry
to the list at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """What is counted or added up for one customer.

    Parameters
    ----------
    sql : str
        Aggregate over the customer's rows up to the end of the day ``{as_of}``; may use
        ``{days}``, the length of the periods compared.
    table : str
        Canonical table.
    columns : tuple of str
        Columns that it needs.
    """

    sql: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class KPI:
    """One key performance indicator.

    Parameters
    ----------
    name : str
        Key.
    label : str
        Name for people.
    formula : str
        The definition in words, with its denominator.
    unit : {"money", "share", "count"}
        What the value is.
    numerator, denominator : str
        SQL expressions of measures, summed over customers. Empty for predictions.
    interval : {"none", "wilson", "delta", "model"}
        Wilson's for shares of customers, delta method for ratios of sums, and the
        model's own for predictions; "none" for numbers that are known exactly.
    higher_is_better : bool, optional
        None where neither is better.
    of_all : bool
        Whether the denominator is summed over all customers, not the segment's.
    prediction : str
        Name of the prediction whose mean it is.
    reference : str
        Where the definition comes from.
    """

    name: str
    label: str
    formula: str
    unit: Literal["money", "share", "count"]
    numerator: str = ""
    denominator: str = ""
    interval: Literal["none", "wilson", "delta", "model"] = "delta"
    higher_is_better: bool | None = True
    of_all: bool = False
    prediction: str = ""
    reference: str = ""


_EARLIER = (
    "day_index(ordered_at) BETWEEN day_index({as_of}) - 2 * {days} + 1"
    " AND day_index({as_of}) - {days}"
)
_LATER = "day_index(ordered_at) > day_index({as_of}) - {days}"

MEASURES: dict[str, Measure] = {
    "order_count": Measure("count(DISTINCT order_id)", "orders", ("order_id",)),
    "spent": Measure("CAST(sum(fixed(revenue)) AS DOUBLE)", "orders", ("revenue",)),
    "bought_earlier": Measure(
        f"max(CASE WHEN {_EARLIER} THEN 1 ELSE 0 END)", "orders", ("ordered_at",)
    ),
    "bought_later": Measure(
        f"max(CASE WHEN {_LATER} THEN 1 ELSE 0 END)", "orders", ("ordered_at",)
    ),
    "margin_earned": Measure("CAST(sum(fixed(margin)) AS DOUBLE)", "orders", ("margin",)),
    "spent_with_margin": Measure(
        "CAST(sum(fixed(revenue)) FILTER (WHERE margin IS NOT NULL) AS DOUBLE)",
        "orders",
        ("revenue", "margin"),
    ),
    "visits": Measure("count(purchased)", "sessions", ("customer_id", "purchased")),
    "visits_with_purchase": Measure(
        "sum(CASE WHEN purchased THEN 1 ELSE 0 END)", "sessions", ("customer_id", "purchased")
    ),
    "messages_delivered": Measure(
        "sum(CASE WHEN delivered AND opened IS NOT NULL THEN 1 ELSE 0 END)",
        "messages",
        ("delivered", "opened"),
    ),
    "messages_opened": Measure(
        "sum(CASE WHEN delivered AND opened THEN 1 ELSE 0 END)", "messages", ("delivered", "opened")
    ),
}

_FARRIS = "Farris, Bendle, Pfeifer and Reibstein (2010), Marketing Metrics, 2nd ed."

_LIST = [
    KPI(
        "customers",
        "Customers",
        "Number of customers.",
        "count",
        "1",
        "",
        "none",
        None,
    ),
    KPI(
        "share_of_customers",
        "Share of customers",
        "Customers of the segment / all customers.",
        "share",
        "1",
        "1",
        "wilson",
        None,
        of_all=True,
    ),
    KPI(
        "revenue",
        "Revenue",
        "Revenue of all orders so far.",
        "money",
        "spent",
        "",
        "none",
    ),
    KPI(
        "share_of_revenue",
        "Share of revenue",
        "Revenue of the segment / revenue of all customers, all orders so far.",
        "share",
        "spent",
        "spent",
        "delta",
        of_all=True,
    ),
    KPI(
        "aov",
        "Average order value",
        "Revenue / orders, all orders so far.",
        "money",
        "spent",
        "order_count",
        reference=_FARRIS,
    ),
    KPI(
        "orders_per_customer",
        "Orders per customer",
        "Orders so far / customers.",
        "count",
        "order_count",
        "1",
    ),
    KPI(
        "revenue_per_customer",
        "Revenue per customer",
        "Revenue so far / customers: the historic customer value.",
        "money",
        "spent",
        "1",
    ),
    KPI(
        "repeat_rate",
        "Repeat purchase rate",
        "Customers with two or more orders so far / customers.",
        "share",
        "CASE WHEN order_count >= 2 THEN 1 ELSE 0 END",
        "1",
        "wilson",
        reference=_FARRIS,
    ),
    KPI(
        "retention_rate",
        "Retention rate",
        "Customers who ordered in the earlier and in the later period / customers who "
        "ordered in the earlier period.",
        "share",
        "bought_earlier * bought_later",
        "bought_earlier",
        "wilson",
        reference=_FARRIS,
    ),
    KPI(
        "churn_rate",
        "Churn rate",
        "Customers who ordered in the earlier period and not in the later / customers who "
        "ordered in the earlier period.",
        "share",
        "bought_earlier * (1 - bought_later)",
        "bought_earlier",
        "wilson",
        False,
        reference=_FARRIS,
    ),
    KPI(
        "clv",
        "Predicted lifetime value",
        "Mean over customers of the discounted margin expected within the horizon.",
        "money",
        interval="model",
        prediction="clv",
        reference="Fader, Hardie and Lee (2005), Journal of Marketing Research 42(4), 415-430.",
    ),
    KPI(
        "p_alive",
        "Probability of being active",
        "Mean over customers of the probability that the customer will buy again.",
        "share",
        interval="model",
        prediction="p_alive",
        reference="Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284.",
    ),
    KPI(
        "margin_rate",
        "Margin",
        "Margin / revenue, all orders so far whose margin is known.",
        "share",
        "margin_earned",
        "spent_with_margin",
        reference=_FARRIS,
    ),
    KPI(
        "session_conversion",
        "Session conversion rate",
        "Sessions with a purchase / sessions of known customers of which that is known.",
        "share",
        "visits_with_purchase",
        "visits",
        reference=_FARRIS,
    ),
    KPI(
        "open_rate",
        "E-mail open rate",
        "Messages delivered and opened / messages delivered of which opening is known.",
        "share",
        "messages_opened",
        "messages_delivered",
        reference=_FARRIS,
    ),
]

KPIS: dict[str, KPI] = {kpi.name: kpi for kpi in _LIST}
