"""How customers respond to e-mails; what is not known of a message counts nowhere."""

from ..kpi import KPI, Measure
from .parts import FARRIS, counted, total

# Other channels have no opening; where the channel is not known it is taken for e-mail.
_MAIL = "lower(coalesce(channel, 'email')) IN ('email', 'e-mail', 'mail', 'newsletter')"
_HERE = f"{_MAIL} AND delivered"


def _messages(sql: str, *columns: str) -> Measure:
    return Measure(sql, "messages", columns)


def _pair(flag: str) -> dict[str, Measure]:
    """Return the delivered e-mails for which a flag is known, and those where it holds."""
    return {
        f"mails_known_{flag}": _messages(
            counted(f"{_HERE} AND {flag} IS NOT NULL"), "delivered", flag
        ),
        f"mails_{flag}": _messages(counted(f"{_HERE} AND {flag}"), "delivered", flag),
    }


MEASURES = {
    "mails_known_delivered": _messages(counted(f"{_MAIL} AND delivered IS NOT NULL"), "delivered"),
    "mails_delivered": _messages(counted(_HERE), "delivered"),
    **_pair("opened"),
    **_pair("clicked"),
    **_pair("converted"),
    **_pair("unsubscribed"),
    "mails_opened_known_clicked": _messages(
        counted(f"{_HERE} AND opened AND clicked IS NOT NULL"), "delivered", "opened", "clicked"
    ),
    "mails_opened_clicked": _messages(
        counted(f"{_HERE} AND opened AND clicked"), "delivered", "opened", "clicked"
    ),
    "mails_with_revenue": _messages(
        counted(f"{_HERE} AND revenue IS NOT NULL"), "delivered", "revenue"
    ),
    "mail_revenue": _messages(total("revenue", _HERE), "delivered", "revenue"),
    "messages_known_converted": _messages(counted("converted IS NOT NULL"), "converted"),
    "messages_converted": _messages(counted("converted"), "converted"),
}


def _rate(name: str, label: str, flag: str, verb: str, better: bool = True) -> KPI:
    return KPI(
        name,
        label,
        f"E-mails delivered and {verb} / e-mails delivered of which that is known.",
        "share",
        f"mails_{flag}",
        f"mails_known_{flag}",
        "clustered",
        better,
        reference=FARRIS,
        group="e-mail",
    )


KPIS = (
    KPI(
        "campaign_conversion",
        "Campaign conversion rate",
        "Messages that led to an order / messages of any channel of which that is known, "
        "delivered or not.",
        "share",
        "messages_converted",
        "messages_known_converted",
        "clustered",
        reference=FARRIS,
        group="e-mail",
    ),
    KPI(
        "delivery_rate",
        "E-mail delivery rate",
        "E-mails delivered / e-mails sent of which that is known.",
        "share",
        "mails_delivered",
        "mails_known_delivered",
        "clustered",
        reference=FARRIS,
        group="e-mail",
    ),
    _rate("open_rate", "E-mail open rate", "opened", "opened"),
    _rate("click_through_rate", "E-mail click-through rate", "clicked", "clicked"),
    KPI(
        "click_to_open_rate",
        "E-mail click-to-open rate",
        "E-mails opened and clicked / e-mails delivered and opened of which clicking is known.",
        "share",
        "mails_opened_clicked",
        "mails_opened_known_clicked",
        "clustered",
        group="e-mail",
    ),
    _rate("email_conversion", "E-mail conversion rate", "converted", "followed by an order"),
    _rate("unsubscribe_rate", "E-mail unsubscribe rate", "unsubscribed", "unsubscribed", False),
    KPI(
        "revenue_per_recipient",
        "E-mail revenue per recipient",
        "Revenue attributed to e-mails / e-mails delivered of which it is known.",
        "money",
        "mail_revenue",
        "mails_with_revenue",
        group="e-mail",
    ),
)
