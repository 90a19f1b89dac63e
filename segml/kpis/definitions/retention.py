"""Who stays and who goes."""

from ..kpi import KPI, Measure
from .parts import FARRIS

_ONE = "max(CASE WHEN customer_id IS NULL THEN 0 ELSE 1 END)"
# The second kind takes the place of the first where a retained customer is one who visits.
MEASURES = {
    "bought_recent": Measure(_ONE, columns=("ordered_at",), window="recent"),
    "bought_earlier": Measure(_ONE, columns=("ordered_at",), window="earlier"),
    "visited_recent": Measure(_ONE, "sessions", ("customer_id",), "recent"),
    "visited_earlier": Measure(_ONE, "sessions", ("customer_id",), "earlier"),
}

_BG_NBD = "Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284."

KPIS = (
    KPI(
        "retention_rate",
        "Retention rate",
        "Customers who ordered in the earlier window and in the period / customers who ordered "
        "in the earlier window.",
        "share",
        "bought_earlier * bought_recent",
        "bought_earlier",
        "wilson",
        reference=FARRIS,
        group="retention",
    ),
    KPI(
        "churn_rate",
        "Churn rate",
        "Customers who ordered in the earlier window and not in the period / customers who "
        "ordered in the earlier window.",
        "share",
        "bought_earlier * (1 - bought_recent)",
        "bought_earlier",
        "wilson",
        False,
        reference=FARRIS,
        group="retention",
    ),
    KPI(
        "inactive_share",
        "Inactive customers",
        "Customers who did not order in the period (of all that is known: in its last days) / "
        "customers who have ordered by its end.",
        "share",
        "1 - bought_recent",
        "1",
        "wilson",
        False,
        group="retention",
    ),
    KPI(
        "p_alive",
        "Probability of being active",
        "Mean over customers of the probability that the customer will buy again.",
        "share",
        interval="model",
        prediction="p_alive",
        reference=_BG_NBD,
        group="retention",
    ),
    KPI(
        "expected_churn",
        "Churn without a contract",
        "1 - mean over customers of the probability that the customer will buy again.",
        "share",
        interval="model",
        higher_is_better=False,
        prediction="p_alive",
        reference=_BG_NBD,
        group="retention",
        complement=True,
    ),
)
