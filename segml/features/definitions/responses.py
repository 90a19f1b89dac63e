"""How customers respond to messages, and what they do on the site."""

from __future__ import annotations

from ..feature import Feature, Source
from .parts import mean, share

_DELIVERED = "coalesce(delivered, TRUE)"


def _prior(flag: str) -> str:
    """Return mean and weight of the beta prior of a rate, by moments over all customers.

    With n messages and k responses of each customer, N = sum n and p = sum k / sum n, the
    intraclass correlation is estimated by (S / (p (1 - p)) - (c - 1)) / (N - sum n^2 / N -
    c + 1), where S = sum n (k / n - p)^2 over c customers; weight = 1 / correlation - 1.
    """
    n, k = f"{flag}_known", flag
    squares = f"CAST(sum(fixed(safe_ratio({k} * {k}, {n}))) AS DOUBLE)"
    rate = f"safe_ratio(sum({k}), sum({n}))"
    between = f"({squares} - safe_ratio(sum({k}) * sum({k}), sum({n})))"
    customers = f"count(*) FILTER (WHERE {n} > 0)"
    free = f"(sum({n}) - safe_ratio(sum({n} * {n}), sum({n})) - {customers} + 1)"
    alike = f"safe_ratio(safe_ratio({between}, {rate} * (1 - {rate})) - {customers} + 1, {free})"
    bounded = f"least(greatest(coalesce({alike}, 0.1), 0.001), 0.5)"
    return f"{rate} AS {flag}_mean, 1 / {bounded} - 1 AS {flag}_weight"


def _rate(flag: str) -> str:
    n = f"sum({flag}_known)"
    return (
        f"CASE WHEN {n} > 0 THEN safe_ratio(sum({flag}) + max({flag}_mean * {flag}_weight),"
        f" {n} + max({flag}_weight)) END"
    )


_FLAGS = ("opened", "clicked", "converted")
_SHRUNK = (
    "drawn towards the rate of all customers the more, the fewer messages there were:"
    " (k + m p) / (n + m), a beta-binomial whose p and m are estimated by moments from all"
    " recipients, m between 1 and 999. Responses to a message sent by the date may have come"
    " after it."
)

SOURCES = (
    Source(
        "recipients",
        "one customer who got messages, with how many were answered",
        "SELECT customer_id, "
        + ", ".join(
            f"count({flag}) AS {flag}_known, count(*) FILTER (WHERE {flag}) AS {flag}"
            for flag in _FLAGS
        )
        + f" FROM {{messages}} WHERE {_DELIVERED} GROUP BY customer_id",
    ),
    Source(
        "response_rates",
        "one customer who got messages, with the responses of all customers as prior",
        "SELECT r.*, p.* FROM {recipients} AS r CROSS JOIN (SELECT "
        + ", ".join(_prior(flag) for flag in _FLAGS)
        + " FROM {recipients}) AS p",
    ),
)

_MESSAGES = (
    Feature(
        "messages_received",
        "Messages received",
        "engagement",
        "Number of messages delivered, or sent where delivery is not known.",
        "count",
        f"count(*) FILTER (WHERE {_DELIVERED})",
        "log",
        "seldom written to",
        "often written to",
        table="messages",
        columns=("message_id",),
        missing="zero",
    ),
    *(
        Feature(
            f"{word}_rate",
            f"{word.capitalize()} rate",
            "engagement",
            f"Share of delivered messages that were {flag}, {_SHRUNK}",
            "share",
            _rate(flag),
            "none",
            f"low {word} rate",
            f"high {word} rate",
            table="response_rates",
            columns=(f"messages.{flag}",),
        )
        for word, flag in (("open", "opened"), ("click", "clicked"))
    ),
    Feature(
        "message_conversion_rate",
        "Conversion rate of messages",
        "engagement",
        f"Share of delivered messages that led to an order, {_SHRUNK}",
        "share",
        _rate("converted"),
        "none",
        "unmoved by messages",
        "moved by messages",
        table="response_rates",
        columns=("messages.converted",),
    ),
    Feature(
        "days_since_open",
        "Days since last opened message",
        "engagement",
        "Days since the last message that was opened was sent.",
        "days",
        "day_index({as_of}) - max(day_index(sent_at)) FILTER (WHERE opened)",
        "log",
        "reading",
        "no longer reading",
        table="messages",
        columns=("opened",),
    ),
    Feature(
        "unsubscribed",
        "Unsubscribed",
        "engagement",
        "Whether a message sent by the date made the customer unsubscribe: 1 or 0.",
        "yes or no",
        "max(CASE WHEN unsubscribed THEN 1 ELSE 0 END)",
        "none",
        "subscribed",
        "unsubscribed",
        table="messages",
        columns=("unsubscribed",),
        missing="zero",
    ),
)

_SESSIONS = (
    Feature(
        "sessions",
        "Sessions",
        "engagement",
        "Number of visits to the site while known.",
        "count",
        "count(*)",
        "log",
        "seldom visiting",
        "often visiting",
        table="sessions",
        columns=("customer_id",),
        missing="zero",
    ),
    Feature(
        "days_since_session",
        "Days since last session",
        "engagement",
        "Days since the last visit to the site.",
        "days",
        "day_index({as_of}) - max(day_index(started_at))",
        "log",
        "recently seen",
        "long unseen",
        table="sessions",
        columns=("customer_id",),
    ),
    Feature(
        "bounce_rate",
        "Bounce rate",
        "engagement",
        "Share of sessions with at most one page, among those whose pages are known.",
        "share",
        share("pageviews <= 1", "pageviews IS NOT NULL"),
        "none",
        "staying",
        "bouncing",
        table="sessions",
        columns=("customer_id", "pageviews"),
    ),
    Feature(
        "seconds_per_session",
        "Time on site",
        "engagement",
        "Mean length of a session.",
        "seconds",
        mean("duration_s"),
        "log",
        "hurried",
        "lingering",
        table="sessions",
        columns=("customer_id", "duration_s"),
    ),
    Feature(
        "pages_per_session",
        "Pages per session",
        "engagement",
        "Mean number of pages of a session.",
        "count",
        mean("pageviews"),
        "log",
        "few-page",
        "many-page",
        table="sessions",
        columns=("customer_id", "pageviews"),
    ),
    Feature(
        "cart_additions",
        "Sessions with a cart",
        "engagement",
        "Number of sessions in which something was put into the cart.",
        "count",
        "count(*) FILTER (WHERE added_to_cart)",
        "log",
        "seldom with a cart",
        "often with a cart",
        table="sessions",
        columns=("customer_id", "added_to_cart"),
        missing="zero",
    ),
    Feature(
        "cart_abandonment",
        "Cart abandonment",
        "engagement",
        "Share of sessions with something in the cart that ended without an order.",
        "share",
        share("NOT purchased", "added_to_cart AND purchased IS NOT NULL"),
        "none",
        "carrying through",
        "abandoning carts",
        table="sessions",
        columns=("customer_id", "added_to_cart", "purchased"),
    ),
    Feature(
        "session_conversion",
        "Conversion of sessions",
        "engagement",
        "Share of sessions that ended with an order.",
        "share",
        share("purchased", "purchased IS NOT NULL"),
        "none",
        "browsing",
        "decided",
        table="sessions",
        columns=("customer_id", "purchased"),
    ),
)

FEATURES = (*_MESSAGES, *_SESSIONS)
