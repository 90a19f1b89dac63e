"""Who the customers of a simulated store are, what winning them cost, what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.seeds import generator

from .simulation_campaigns import COST_PER_MESSAGE, Campaigns
from .simulation_draws import choose, labels, moments, prefixed, taken
from .simulation_purchases import Population
from .simulation_segments import CHANNELS, SCALES, TrueSegment, column

# country, region, city, start of the postcode, large city
PLACES = (
    ("United States", "New York", "New York", "100", True),
    ("United States", "Illinois", "Chicago", "606", True),
    ("United States", "California", "Los Angeles", "900", True),
    ("United States", "Texas", "Waco", "767", False),
    ("United States", "Ohio", "Dayton", "454", False),
    ("United States", "Oregon", "Eugene", "974", False),
    ("Canada", "Ontario", "Toronto", "M5", True),
    ("Canada", "Ontario", "Kingston", "K7", False),
    ("United Kingdom", "England", "London", "EC", True),
    ("United Kingdom", "England", "Shrewsbury", "SY", False),
)
_PLACE_WEIGHTS = np.array([4, 3, 4, 4, 4, 3, 2, 1, 2, 1], dtype=float)
CHANNEL_COST = np.array([0.0, 0.0, 14.0, 9.0, 6.0])
MARKETING_CONSENT, ANALYTICS_CONSENT = 0.7, 0.95
QUESTIONS = ("nps", *SCALES)


@dataclass(frozen=True)
class Profile:
    """What other tables need of each customer: positions in PLACES and CHANNELS, and more.

    Parameters
    ----------
    place, channel : array of int
        Where the customer lives and how the customer was won.
    mobile, consent : array of bool
        Whether the device is a phone, and consent to marketing.
    cost : array of float
        Cost of winning the customer, 0 where the channel costs nothing.
    """

    place: np.ndarray
    channel: np.ndarray
    mobile: np.ndarray
    consent: np.ndarray
    cost: np.ndarray


def place_weights(segments: Sequence[TrueSegment]) -> np.ndarray:
    """Return the weights of PLACES, one row for each segment."""
    large = np.array([place[-1] for place in PLACES])
    urban = column(segments, "urban")[:, None]
    inside = _PLACE_WEIGHTS * large / _PLACE_WEIGHTS[large].sum()
    outside = _PLACE_WEIGHTS * ~large / _PLACE_WEIGHTS[~large].sum()
    return urban * inside + (1 - urban) * outside


def draw_profile(segment: np.ndarray, segments: Sequence[TrueSegment], seed: int) -> Profile:
    """Draw the attributes that more than one table holds."""
    rng = generator(seed, "simulation", "profile")
    channel = choose(rng, column(segments, "channels"), segment)
    cost = CHANNEL_COST[channel] * rng.gamma(4, 0.25, len(segment))
    return Profile(
        place=choose(rng, place_weights(segments), segment),
        channel=channel,
        mobile=rng.random(len(segment)) < column(segments, "mobile")[segment],
        consent=rng.random(len(segment)) < MARKETING_CONSENT,
        cost=np.round(cost, 2),
    )


def customer_table(
    population: Population,
    profile: Profile,
    segments: Sequence[TrueSegment],
    seed: int,
    ids: pa.Array,
    numbers: pa.Array,
    start: pd.Timestamp,
    days: int,
) -> pa.Table:
    """Return the canonical table of customers; age is that at the end."""
    rng = generator(seed, "simulation", "customers")
    segment, size = population.segment, len(population.segment)
    age = np.clip(rng.normal(column(segments, "age")[segment], 9), 18.1, 95)
    born = np.floor(days - age * 365.25)
    income = column(segments, "income")[segment] * rng.lognormal(0, 0.35, size)
    # The higher the income, the likelier a degree.
    degree = (np.log(income / 40_000) + rng.logistic(0, 0.5, size) > 0).astype(np.int8)
    degree += rng.random(size) < 0.2
    settled = rng.random(size) < np.clip((age - 20) / 30, 0.05, 0.75)
    divorced = settled & (rng.random(size) < 0.2)
    gender = (rng.random(size) >= column(segments, "female")[segment]).astype(np.int8)
    gender[rng.random(size) < 0.02] = 2
    occupation = np.where(age > 66, 4, np.where(age < 23, 3, rng.integers(0, 3, size)))
    codes = [f"{place[3]}{i:02d}" for place in PLACES for i in range(50)]
    return pa.table(
        {
            "customer_id": ids,
            # The account is opened ten minutes before the first order.
            "signed_up_at": moments(population.first - 600 / 86_400, start),
            "birth_date": moments(born, start),
            "age": np.floor(age),
            "gender": labels(gender, ["female", "male", "other"]),
            "income": np.round(income, -2),
            "education": labels(degree, ["secondary", "bachelor", "master"]),
            "occupation": labels(
                occupation, ["employee", "self-employed", "professional", "student", "retired"]
            ),
            "marital_status": labels(
                settled.astype(np.int8) + divorced, ["single", "married", "divorced"]
            ),
            "country": labels(profile.place, [place[0] for place in PLACES]),
            "region": labels(profile.place, [place[1] for place in PLACES]),
            "city": labels(profile.place, [place[2] for place in PLACES]),
            "postcode": labels(profile.place * np.int32(50) + rng.integers(0, 50, size), codes),
            "acquisition_channel": labels(profile.channel, CHANNELS),
            "acquisition_cost": profile.cost,
            # Names and numbers that can belong to nobody.
            "email": prefixed("customer", numbers, "@example.com"),
            "phone": prefixed("+999", numbers),
            "consent_marketing": profile.consent,
            "consent_analytics": rng.random(size) < ANALYTICS_CONSENT,
        }
    )


def cost_table(
    population: Population,
    profile: Profile,
    campaigns: Campaigns,
    start: pd.Timestamp,
    days: int,
) -> pa.Table:
    """Return the canonical table of costs: the acquisition costs by day, and campaigns."""
    paid = np.flatnonzero(CHANNEL_COST > 0)
    cell = np.floor(population.first).astype(np.int64) * len(CHANNELS) + profile.channel
    shape = (days, len(CHANNELS))
    won = np.bincount(cell, minlength=days * len(CHANNELS)).reshape(shape)[:, paid].ravel()
    spent = np.bincount(cell, profile.cost, days * len(CHANNELS)).reshape(shape)[:, paid].ravel()
    n_campaigns = len(campaigns.names)
    sent = np.bincount(campaigns.campaign, minlength=n_campaigns)
    channel = np.concatenate([np.tile(paid, days), np.full(n_campaigns, len(CHANNELS))])
    campaign = np.concatenate([np.full(len(won), -1), np.arange(n_campaigns)])
    day = np.concatenate([np.repeat(np.arange(days), len(paid)), np.floor(campaigns.days)])
    new = np.concatenate([won, np.zeros(n_campaigns, dtype=won.dtype)])
    return pa.table(
        {
            "date": moments(day.astype(float), start),
            "cost": np.round(np.concatenate([spent, sent * COST_PER_MESSAGE]), 2),
            "campaign_id": labels(campaign, campaigns.names),
            "channel": labels(channel, (*CHANNELS, "email")),
            "new_customers": pa.array(new, mask=campaign >= 0),
        }
    )


def survey_table(
    population: Population,
    segments: Sequence[TrueSegment],
    seed: int,
    share: float,
    ids: pa.Array,
    start: pd.Timestamp,
    days: int,
) -> pa.Table:
    """Return the canonical table of survey answers: all questions to a random share."""
    rng = generator(seed, "simulation", "surveys")
    customer = np.flatnonzero(rng.random(len(population.segment)) < share)
    segment, size = population.segment[customer], len(customer)
    first = population.first[customer]
    when = first + (days - first) * rng.random(size)
    nps = np.clip(np.round(rng.normal(column(segments, "nps")[segment], 1.8)), 0, 10)
    means = column(segments, "scales")[segment]
    scales = np.clip(np.round(rng.normal(means, 0.9)), 1, 5)
    answers = np.column_stack([nps, scales]).astype(np.int64)
    asked = len(QUESTIONS)
    return pa.table(
        {
            "customer_id": taken(ids, np.repeat(customer, asked)),
            "answered_at": moments(np.repeat(when, asked), start),
            "question": labels(np.tile(np.arange(asked), size), QUESTIONS),
            "answer": answers.ravel(),
        }
    )
