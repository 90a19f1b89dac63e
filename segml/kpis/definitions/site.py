"""What known customers do on the site; sessions of unknown visitors are of no segment."""

from ..kpi import KPI, Measure
from .parts import FARRIS, counted, total


def _sessions(sql: str, *columns: str) -> Measure:
    return Measure(sql, "sessions", ("customer_id", *columns))


MEASURES = {
    "visits": _sessions("count(*)"),
    "visits_known_to_buy": _sessions("count(purchased)", "purchased"),
    "visits_with_purchase": _sessions(counted("purchased"), "purchased"),
    "visits_known_to_add": _sessions("count(added_to_cart)", "added_to_cart"),
    "visits_with_cart": _sessions(counted("added_to_cart"), "added_to_cart"),
    "carts": _sessions(
        counted("added_to_cart AND purchased IS NOT NULL"), "added_to_cart", "purchased"
    ),
    "carts_left": _sessions(
        counted("added_to_cart AND NOT purchased"), "added_to_cart", "purchased"
    ),
    "checkouts": _sessions(
        counted("began_checkout AND purchased IS NOT NULL"), "began_checkout", "purchased"
    ),
    "checkouts_done": _sessions(
        counted("began_checkout AND purchased"), "began_checkout", "purchased"
    ),
    "visits_with_pages": _sessions("count(pageviews)", "pageviews"),
    "bounces": _sessions(counted("pageviews <= 1"), "pageviews"),
    "pages": _sessions(total("pageviews"), "pageviews"),
    "visits_with_duration": _sessions("count(duration_s)", "duration_s"),
    "seconds": _sessions(total("duration_s"), "duration_s"),
}

KPIS = (
    KPI(
        "sessions",
        "Sessions",
        "Sessions of known customers in the period.",
        "count",
        "visits",
        interval="none",
        group="site",
    ),
    KPI(
        "sessions_per_customer",
        "Sessions per customer",
        "Sessions of the period / customers who have ordered by its end.",
        "count",
        "visits",
        "1",
        group="site",
    ),
    KPI(
        "session_conversion",
        "Session conversion rate",
        "Sessions with a purchase / sessions of known customers of which that is known.",
        "share",
        "visits_with_purchase",
        "visits_known_to_buy",
        "clustered",
        reference=FARRIS,
        group="site",
    ),
    KPI(
        "add_to_cart_rate",
        "Add-to-cart rate",
        "Sessions with something put into the cart / sessions of known customers of which that "
        "is known.",
        "share",
        "visits_with_cart",
        "visits_known_to_add",
        "clustered",
        group="site",
    ),
    KPI(
        "cart_abandonment",
        "Cart abandonment rate",
        "Sessions with a cart and without a purchase / sessions with a cart of which it is "
        "known whether they ended in a purchase.",
        "share",
        "carts_left",
        "carts",
        "clustered",
        higher_is_better=False,
        group="site",
    ),
    KPI(
        "checkout_completion",
        "Checkout completion",
        "Sessions with a checkout and a purchase / sessions with a checkout of which it is "
        "known whether they ended in a purchase.",
        "share",
        "checkouts_done",
        "checkouts",
        "clustered",
        group="site",
    ),
    KPI(
        "bounce_rate",
        "Bounce rate",
        "Sessions of at most one page / sessions whose pages are known.",
        "share",
        "bounces",
        "visits_with_pages",
        "clustered",
        higher_is_better=False,
        reference=FARRIS,
        group="site",
    ),
    KPI(
        "time_on_site",
        "Time on site",
        "Seconds on the site / sessions whose length is known.",
        "seconds",
        "seconds",
        "visits_with_duration",
        group="site",
    ),
    KPI(
        "pages_per_session",
        "Pages per session",
        "Pages / sessions whose pages are known.",
        "count",
        "pages",
        "visits_with_pages",
        reference=FARRIS,
        group="site",
    ),
)
