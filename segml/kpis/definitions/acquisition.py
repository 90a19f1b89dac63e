"""What customers cost and when that has come back."""

from ..kpi import KPI, Measure, Source
from .parts import FARRIS, total

_MILLIONTHS = 1_000_000  # a message costs less than a ten-thousandth may show


def _small(value: str) -> str:
    return f"CAST(sum(fixed({_MILLIONTHS} * ({value}))) AS DOUBLE) / {_MILLIONTHS}"


SOURCES = (
    Source(
        "paid_messages",
        "messages",
        # A campaign's cost is shared equally among its messages, whenever they were sent.
        "SELECT m.customer_id, m.period, m.revenue, c.cost / n.messages AS cost"
        " FROM {rows} AS m"
        " JOIN (SELECT campaign_id, CAST(sum(fixed(cost)) AS DOUBLE) AS cost FROM {costs}"
        " WHERE campaign_id IS NOT NULL GROUP BY campaign_id) AS c"
        " ON m.campaign_id = c.campaign_id"
        " JOIN (SELECT campaign_id, count(*) AS messages FROM {messages} GROUP BY campaign_id)"
        " AS n ON m.campaign_id = n.campaign_id"
        " WHERE m.revenue IS NOT NULL",
        ("campaign_id", "revenue"),
        {"costs": ("campaign_id", "cost"), "messages": ("campaign_id",)},
        empty="no campaign with messages has a cost",
    ),
)

MEASURES = {
    "acquisition_cost": Measure("max(acquisition_cost)", "customers", ("acquisition_cost",)),
    "has_acquisition_cost": Measure(
        "CASE WHEN count(acquisition_cost) > 0 THEN 1 ELSE 0 END",
        "customers",
        ("acquisition_cost",),
    ),
    "attributed": Measure(total("revenue"), "paid_messages", ("revenue",)),
    "campaign_cost": Measure(_small("cost"), "paid_messages"),
    "spent_so_far": Measure(
        total("revenue", "margin IS NOT NULL"), columns=("revenue", "margin"), window="so_far"
    ),
}

_NEW = "first_day BETWEEN start_day AND end_day"
_SHARED = "A campaign's cost is shared equally among its messages; of campaigns with a cost."
_HAS_MARGIN = "margins_so_far > 0 AND has_acquisition_cost = 1"

KPIS = (
    KPI(
        "new_customers",
        "New customers",
        "Customers whose first order is in the period.",
        "count",
        f"CASE WHEN {_NEW} THEN 1 ELSE 0 END",
        interval="none",
        group="acquisition",
    ),
    KPI(
        "cac",
        "Customer acquisition cost",
        "Acquisition costs / customers, of those whose first order is in the period and whose "
        "cost is known. Where costs are recorded by segment: costs of the segment in the "
        "period / its new customers.",
        "money",
        f"CASE WHEN {_NEW} THEN acquisition_cost ELSE 0 END",
        f"CASE WHEN {_NEW} THEN has_acquisition_cost ELSE 0 END",
        higher_is_better=False,
        reference=FARRIS,
        group="acquisition",
    ),
    KPI(
        "clv_cac",
        "CLV:CAC",
        "Predicted lifetime value / customer acquisition cost. The interval is the "
        "prediction's; the cost is taken as known.",
        "score",
        "",
        "cac",
        "model",
        prediction="clv",
        group="acquisition",
    ),
    KPI(
        "payback_days",
        "Payback time",
        "Days after the first order until the mean margin so far of a customer reaches the "
        "acquisition cost, customers won in the period whose cost is known, followed as long as "
        "is known. The mean is over those who have been known for so long.",
        "days",
        "margin_so_far * has_acquisition_cost",
        "acquisition_cost",
        "jackknife",
        False,
        group="acquisition",
        reference="Lawless and Nadeau (1995), Technometrics 37(2), 158-168: mean cumulative "
        "function.",
    ),
    KPI(
        "roi",
        "Return on acquisition",
        "(Margin up to the end of the period - acquisition cost) / acquisition cost, customers "
        "of whom both are known. Where costs are recorded by segment: of all margins and costs "
        "of the segment up to the end of the period.",
        "share",
        f"CASE WHEN {_HAS_MARGIN} THEN margin_so_far - acquisition_cost ELSE 0 END",
        f"CASE WHEN {_HAS_MARGIN} THEN acquisition_cost ELSE 0 END",
        reference=FARRIS,
        group="acquisition",
    ),
    KPI(
        "roas",
        "Return on ad spend (ROAS)",
        f"Revenue attributed to messages / their cost. {_SHARED}",
        "score",
        "attributed",
        "campaign_cost",
        reference=FARRIS,
        group="acquisition",
    ),
    KPI(
        "campaign_roi",
        "Return on campaigns (ROI)",
        "(Margin attributed to messages - their cost) / their cost, with the margin rate of "
        f"the customer's own orders so far, where known. {_SHARED}",
        "share",
        "CASE WHEN spent_so_far > 0 THEN attributed * safe_ratio(margin_so_far, spent_so_far)"
        " - campaign_cost ELSE 0 END",
        "CASE WHEN spent_so_far > 0 THEN campaign_cost ELSE 0 END",
        reference=FARRIS,
        group="acquisition",
    ),
)
