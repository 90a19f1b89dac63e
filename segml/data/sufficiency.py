"""Whether there is enough data for each analysis."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from segml._core.check import number

from .bundle import CustomerData

Verdict = Literal["enough", "too little"]


@dataclass(frozen=True, kw_only=True)
class EnoughData:
    """How much data each analysis needs; the defaults are those of Klaviyo's CLV gate.

    Parameters
    ----------
    buyers : int
        Customers with an order.
    days : int
        Days from the first to the last order.
    days_since_last : int
        Greatest number of days from the last order to the report's day.
    loyal_buyers : int
        Customers with three or more orders.
    repeat_buyers : int
        Customers with a repeat purchase, for the spend model.
    messages_per_variant : int
        Messages of the smallest variant of a campaign, for campaign tests.
    """

    buyers: int = 500
    days: int = 180
    days_since_last: int = 30
    loyal_buyers: int = 1
    repeat_buyers: int = 100
    messages_per_variant: int = 1000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            number(value, name, low=0, whole=True)


def judge_analyses(data: CustomerData, as_of: dt.date, enough: EnoughData) -> pd.DataFrame:
    """Say for which analyses the data are enough.

    Parameters
    ----------
    data : CustomerData
        What was read.
    as_of : date
        The day that "recent" counts back from.
    enough : EnoughData
        How much each analysis needs.

    Returns
    -------
    DataFrame
        By ``analysis``: ``verdict`` and ``reason``.
    """
    buyers, repeat, loyal, first, last = data.orders.table.row(
        "WITH by_customer AS (SELECT customer_id,"
        " count(DISTINCT day_index(ordered_at)) AS days, count(DISTINCT order_id) AS orders,"
        " min(ordered_at) AS first, max(ordered_at) AS last FROM {self} GROUP BY customer_id)"
        " SELECT count(*), count(*) FILTER (WHERE days >= 2), count(*) FILTER (WHERE orders >= 3),"
        " min(first), max(last) FROM by_customer"
    )
    span = (last.date() - first.date()).days
    since = (as_of - last.date()).days
    measured = {
        "buyers": (buyers >= enough.buyers, f"{buyers:,} buyers", f"{enough.buyers:,}"),
        "days": (span >= enough.days, f"{span:,} days of orders", f"{enough.days:,}"),
        "recent": (
            since <= enough.days_since_last,
            f"{since:,} days since the last order",
            f"at most {enough.days_since_last:,}",
        ),
        "loyal": (
            loyal >= enough.loyal_buyers,
            f"{loyal:,} customers with three or more orders",
            f"{enough.loyal_buyers:,}",
        ),
        "repeat": (
            repeat >= enough.repeat_buyers,
            f"{repeat:,} repeat buyers",
            f"{enough.repeat_buyers:,}",
        ),
    }
    needs = {
        "RFM": ["buyers"],
        "clustering": ["buyers"],
        "BG/NBD": ["buyers", "days", "recent", "loyal"],
        "Gamma-Gamma": ["buyers", "days", "recent", "repeat"],
    }
    rows = [_verdict(name, [measured[what] for what in parts]) for name, parts in needs.items()]
    return pd.DataFrame([*rows, _campaigns(data, enough)]).set_index("analysis")


def _verdict(name: str, parts: list[tuple[bool, str, str]]) -> dict[str, str]:
    short = [f"{got}, needed: {needed}" for ok, got, needed in parts if not ok]
    fine = [got for ok, got, _ in parts if ok]
    verdict: Verdict = "too little" if short else "enough"
    return {"analysis": name, "verdict": verdict, "reason": "; ".join(short or fine)}


def _campaigns(data: CustomerData, enough: EnoughData) -> dict[str, str]:
    name = "campaign tests"
    if data.messages is None or "variant" not in data.messages.columns:
        lacking = "no table messages" if data.messages is None else "messages have no variant"
        return {"analysis": name, "verdict": "too little", "reason": lacking}
    smallest = data.messages.table.scalar(
        "SELECT coalesce(max(least), 0) FROM (SELECT campaign_id, min(n) AS least FROM"
        " (SELECT campaign_id, variant, count(*) AS n FROM {self} WHERE variant IS NOT NULL"
        " GROUP BY campaign_id, variant) GROUP BY campaign_id HAVING count(*) > 1)"
    )
    got = f"{smallest:,} messages in the smaller variant of the largest tested campaign"
    return _verdict(
        name, [(smallest >= enough.messages_per_variant, got, f"{enough.messages_per_variant:,}")]
    )
