"""Orders of a simulated store and the products in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.seeds import generator

from .simulation_campaigns import Campaigns
from .simulation_customers import PLACES, Profile, place_weights
from .simulation_draws import choose, constant, labels, moments, numbered, taken
from .simulation_purchases import Clock, Population, draw_spend, draw_spend_rate
from .simulation_segments import CATEGORIES, CHANNELS, TrueSegment, column

ORDER_CHANNELS = (*CHANNELS, "email")
_COUPONS = ("SAVE10", "SAVE20", "FRIENDS15")
_REDUCTION = np.array([0.10, 0.20, 0.15])
_CAMPAIGN_REDUCTION = 0.10
_FULL_REFUND = 0.7
_PRODUCTS = 200  # of each category


@dataclass(frozen=True)
class Orders:
    """Orders in the sequence of their time; all arrays have one entry per order.

    Parameters
    ----------
    customer, segment, place, channel, campaign : array of int
        Who ordered (-1 for a guest), and positions in the segments, PLACES,
        ORDER_CHANNELS and the campaigns (-1 for none).
    mobile : array of bool
        Whether on a phone.
    day, revenue : array of float
        Days since the start, and what was paid.
    """

    customer: np.ndarray
    segment: np.ndarray
    place: np.ndarray
    channel: np.ndarray
    campaign: np.ndarray
    mobile: np.ndarray
    day: np.ndarray
    revenue: np.ndarray


def draw_orders(
    population: Population,
    profile: Profile,
    purchases: tuple[np.ndarray, np.ndarray],
    campaigns: Campaigns,
    segments: Sequence[TrueSegment],
    seed: int,
    guests: float,
    clock: Clock,
) -> Orders:
    """Put together purchases, what campaigns added, and guests; sort them by time."""
    customer, day = purchases
    known = population.segment[customer]
    spend = draw_spend(seed, segments, known, population.spend_rate[customer], "purchases")
    won = np.flatnonzero(campaigns.converted)
    n_guests = round((len(day) + len(won)) * guests / (1 - guests))
    rng = generator(seed, "simulation", "guests")
    shares = column(segments, "share")
    guest = rng.choice(len(segments), size=n_guests, p=shares / shares.sum()).astype(np.int8)
    end = float(clock.to_store(float(clock.days)))
    guest_day = clock.to_days(rng.random(n_guests) * end)
    guest_place = choose(rng, place_weights(segments), guest)
    guest_mobile = rng.random(n_guests) < column(segments, "mobile")[guest]
    guest_rate = draw_spend_rate(seed, segments, guest, "guests")
    guest_spend = draw_spend(seed, segments, guest, guest_rate, "guests")
    buyer = np.concatenate([customer, campaigns.customer[won]])
    days = np.concatenate([day, campaigns.ordered[won], guest_day])
    # By time; the sort is stable, so that the same seed gives the same order ids.
    by_time = np.argsort(days, kind="stable")
    campaign = np.full(len(days), -1, dtype=np.int32)
    campaign[len(day) : len(buyer)] = campaigns.campaign[won]
    campaign = campaign[by_time]
    return Orders(
        customer=np.concatenate([buyer, np.full(n_guests, -1, dtype=buyer.dtype)])[by_time],
        segment=np.concatenate([population.segment[buyer], guest])[by_time],
        place=np.concatenate([profile.place[buyer], guest_place])[by_time],
        channel=_channels(
            np.concatenate([profile.channel[buyer], np.zeros(n_guests, dtype=np.int8)])[by_time],
            campaign,
            seed,
        ),
        campaign=campaign,
        mobile=np.concatenate([profile.mobile[buyer], guest_mobile])[by_time],
        day=days[by_time],
        revenue=np.concatenate([spend, campaigns.revenue[won], guest_spend])[by_time],
    )


def _channels(acquired: np.ndarray, campaign: np.ndarray, seed: int) -> np.ndarray:
    """Half come by the channel that won them, others by any; orders of campaigns by e-mail."""
    rng = generator(seed, "simulation", "channels")
    other = rng.choice(
        len(ORDER_CHANNELS), size=len(acquired), p=[0.3, 0.35, 0.1, 0.1, 0.05, 0.1]
    ).astype(np.int8)
    channel = np.where(rng.random(len(acquired)) < 0.5, acquired, other)
    return np.where(campaign >= 0, np.int8(len(CHANNELS)), channel)


def order_tables(
    orders: Orders,
    campaign_names: Sequence[str],
    segments: Sequence[TrueSegment],
    seed: int,
    returns: float,
    customer_ids: pa.Array,
    start: pd.Timestamp,
) -> tuple[pa.Table, pa.Table]:
    """Return the canonical tables of orders and order lines, whose sums agree to the cent."""
    rng = generator(seed, "simulation", "orders")
    size = len(orders.day)
    coupon = rng.integers(0, len(_COUPONS), size, dtype=np.int8)
    coupon[rng.random(size) >= column(segments, "coupon_rate")[orders.segment]] = -1
    reduction = np.where(coupon >= 0, _REDUCTION[coupon], 0.0)
    reduction[orders.campaign >= 0] = _CAMPAIGN_REDUCTION
    gross = np.round(orders.revenue / (1 - reduction), 2)
    refund = np.where(
        rng.random(size) < _FULL_REFUND,
        orders.revenue,
        np.round(orders.revenue * rng.uniform(0.2, 0.8, size), 2),
    )
    refund[rng.random(size) >= returns] = 0.0
    goods = np.round(gross * rng.uniform(0.45, 0.65, size), 2)
    names = [*_COUPONS, *campaign_names]
    code = np.where(orders.campaign >= 0, len(_COUPONS) + orders.campaign, coupon)
    lines, quantity = _lines(orders, gross, segments, seed)
    table = pa.table(
        {
            "customer_id": taken(customer_ids, orders.customer),
            "order_id": numbered(size),
            "ordered_at": moments(orders.day, start),
            "revenue": orders.revenue,
            "quantity": quantity,
            "discount": np.round(gross - orders.revenue, 2),
            "refund": refund,
            "margin": np.round(orders.revenue - goods, 2),
            "currency": constant("USD", size),
            "channel": labels(orders.channel, ORDER_CHANNELS),
            "coupon": labels(code, names),
            "country": labels(orders.place, [place[0] for place in PLACES]),
        }
    )
    return table, lines


def _lines(
    orders: Orders, gross: np.ndarray, segments: Sequence[TrueSegment], seed: int
) -> tuple[pa.Table, np.ndarray]:
    rng = generator(seed, "simulation", "order lines")
    size = len(orders.day)
    count = 1 + rng.poisson(column(segments, "basket")[orders.segment] - 1)
    first = np.cumsum(count) - count
    of = np.repeat(np.arange(size, dtype=np.int32), count)
    weight = rng.exponential(size=len(of))
    weight /= np.add.reduceat(weight, first)[of]
    quantity = (1 + (rng.random(len(of)) < 0.15)).astype(np.int16)
    quantity[first] = 1
    # Whole cents: the first product of an order, bought once, takes what rounding leaves.
    cents = np.round(gross * 100)
    price = np.floor(weight * cents[of] / quantity)
    price[first] = 0
    price[first] = cents - np.add.reduceat(price * quantity, first)
    category = choose(rng, column(segments, "categories"), orders.segment[of])
    # A few products of a category make most of its sales.
    product = np.floor(_PRODUCTS * rng.random(len(of)) ** 2.5).astype(np.int32)
    table = pa.table(
        {
            "order_id": taken(numbered(size), of),
            "product_id": 10_000 + 1000 * category.astype(np.int32) + product,
            "quantity": quantity,
            "unit_price": price / 100,
            "category": labels(category, CATEGORIES),
        }
    )
    return table, np.add.reduceat(quantity, first)
