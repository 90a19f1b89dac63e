"""Campaigns of a simulated store: randomised variants with a true effect per segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.seeds import generator

from .simulation_draws import constant, labels, moments, numbered, taken
from .simulation_purchases import Population, draw_spend
from .simulation_segments import TrueSegment, column

DELIVERED, OPENED, CLICKED, UNSUBSCRIBED = 0.98, 0.30, 0.20, 0.01
COST_PER_MESSAGE = 0.02
_RESPONSE_DAYS = 7.0


@dataclass(frozen=True)
class Campaigns:
    """Messages and what came of them; all arrays have one entry per message.

    Parameters
    ----------
    names : list of str
        Campaign ids and coupon codes.
    days : array of float
        When each campaign is sent, in days since the start: the one array by campaign.
    customer, campaign, variant : array of int
        Who got what; variant 0 is A and 1 is B.
    sent, ordered : array of float
        Days of the message and of the order that it led to, if any.
    delivered, opened, clicked, converted, unsubscribed : array of bool
        The funnel.
    revenue : array of float
        Value of the order, 0 where there is none.
    effects : DataFrame
        The truth; see :class:`segml.data.simulation.StoreTruth`.
    """

    names: list[str]
    days: np.ndarray
    customer: np.ndarray
    campaign: np.ndarray
    variant: np.ndarray
    sent: np.ndarray
    ordered: np.ndarray
    delivered: np.ndarray
    opened: np.ndarray
    clicked: np.ndarray
    converted: np.ndarray
    unsubscribed: np.ndarray
    revenue: np.ndarray
    effects: pd.DataFrame


def draw_campaigns(
    population: Population,
    consent: np.ndarray,
    segments: Sequence[TrueSegment],
    seed: int,
    n_campaigns: int,
    days: int,
) -> Campaigns:
    """Send `n_campaigns` campaigns, evenly over the days, to all who consented so far."""
    names = [f"campaign-{k + 1}" for k in range(n_campaigns)]
    gap = days / (n_campaigns + 1)
    when = gap * np.arange(1, n_campaigns + 1)
    subscribed = consent.copy()
    parts: list[dict[str, np.ndarray]] = []
    effects = []
    for k, day in enumerate(when):
        rng = generator(seed, "simulation", "campaign", str(k))
        customer = np.flatnonzero(subscribed & (population.first < day)).astype(np.int32)
        size = len(customer)
        window = min(_RESPONSE_DAYS, gap / 2)
        variant = rng.integers(0, 2, size, dtype=np.int8)
        sent = day + rng.random(size) * min(0.1, gap / 4)
        active = population.left[customer] > sent
        segment = population.segment[customer]
        base, uplift = (column(segments, name)[segment] for name in ("conversion", "uplift"))
        delivered = rng.random(size) < DELIVERED
        wants = rng.random(size) < base + uplift * variant
        converted = wants & active & delivered
        opened = delivered & (converted | (rng.random(size) < OPENED))
        clicked = opened & (converted | (rng.random(size) < CLICKED))
        unsubscribed = opened & ~converted & (rng.random(size) < UNSUBSCRIBED / OPENED)
        subscribed[customer[unsubscribed]] = False
        value = draw_spend(
            seed, segments, segment, population.spend_rate[customer], f"campaign {k}"
        )
        parts.append(
            {
                "customer": customer,
                "campaign": np.full(size, k, dtype=np.int32),
                "variant": variant,
                "sent": sent,
                # Most buy at once, some days later.
                "ordered": sent + window * rng.random(size) ** 3,
                "delivered": delivered,
                "opened": opened,
                "clicked": clicked,
                "converted": converted,
                "unsubscribed": unsubscribed,
                "revenue": np.where(converted, value, 0.0),
            }
        )
        effects.append(_effects(names[k], segments, segment, active))
    if not parts:
        empty = draw_campaigns(population, np.zeros_like(consent), segments, seed, 1, days)
        return Campaigns([], when, **_arrays(empty), effects=empty.effects.iloc[:0])
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Campaigns(names, when, **joined, effects=pd.concat(effects, ignore_index=True))


def _arrays(campaigns: Campaigns) -> dict[str, np.ndarray]:
    beside = ("names", "days", "effects")
    return {name: value for name, value in vars(campaigns).items() if name not in beside}


def _effects(
    name: str, segments: Sequence[TrueSegment], segment: np.ndarray, active: np.ndarray
) -> pd.DataFrame:
    recipients = np.bincount(segment, minlength=len(segments))
    active_count = np.bincount(segment[active], minlength=len(segments))
    reached = np.full(len(segments), np.nan)
    np.divide(DELIVERED * active_count, recipients, out=reached, where=recipients > 0)
    base, uplift = column(segments, "conversion"), column(segments, "uplift")
    return pd.DataFrame(
        {
            "campaign_id": name,
            "segment": [s.name for s in segments],
            "recipients": recipients,
            "active": active_count,
            "conversion_a": reached * base,
            "conversion_b": reached * (base + uplift),
            "effect": reached * uplift,
        }
    )


def message_table(campaigns: Campaigns, customer_ids: pa.Array, start: pd.Timestamp) -> pa.Table:
    """Return the canonical table of messages."""
    size = len(campaigns.customer)
    return pa.table(
        {
            "message_id": numbered(size),
            "customer_id": taken(customer_ids, campaigns.customer),
            "campaign_id": labels(campaigns.campaign, campaigns.names),
            "sent_at": moments(campaigns.sent, start),
            "channel": constant("email", size),
            "variant": labels(campaigns.variant, ["A", "B"]),
            "delivered": campaigns.delivered,
            "opened": campaigns.opened,
            "clicked": campaigns.clicked,
            "converted": campaigns.converted,
            "unsubscribed": campaigns.unsubscribed,
            "revenue": campaigns.revenue,
        }
    )
