"""Visits to a simulated store: those that lead to an order, and the many that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.seeds import generator

from .simulation_draws import DAY, choose, labels, moments, numbered, taken
from .simulation_orders import Orders

_SOURCES = ("google", "(direct)", "google", "instagram", "partner", "newsletter")
_MEDIA = ("organic", "(none)", "cpc", "social", "affiliate", "email")
_OS = ("iOS", "Android", "Windows", "macOS", "Linux")
_BROWSERS = ("Safari", "Chrome", "Edge", "Firefox")
_PAGES = ("/", "/sale", "/category", "/product", "/blog")
# By device (desktop, phone) and by operating system.
_OS_WEIGHTS = np.array([[0, 0, 70, 24, 6], [45, 55, 0, 0, 0]], dtype=float)
_BROWSER_WEIGHTS = np.array(
    [[85, 15, 0, 0], [0, 94, 0, 6], [0, 65, 25, 10], [60, 32, 0, 8], [0, 55, 0, 45]], dtype=float
)
# Not buying, buying.
_PAGE_WEIGHTS = np.array([[25, 10, 25, 30, 10], [30, 18, 22, 29, 1]], dtype=float)
_ANONYMOUS, _CART, _CHECKOUT = 0.5, 0.2, 0.4
_BEFORE = 6.0  # days


def session_table(
    orders: Orders,
    seed: int,
    visits_per_order: float,
    customer_ids: pa.Array,
    start: pd.Timestamp,
) -> pa.Table:
    """Return the canonical table of sessions, by time.

    Each order ends a session of its own. Poisson(`visits_per_order` - 1) others come
    before it, exponential with a mean of six days; half of them are of visitors who
    are not known.
    """
    rng = generator(seed, "simulation", "sessions")
    size = len(orders.day)
    others = np.repeat(
        np.arange(size, dtype=np.int32), rng.poisson(visits_per_order - 1, size).astype(np.int32)
    )
    # Before an order come at most half of the days that there are.
    earlier = np.minimum(rng.exponential(_BEFORE, len(others)), orders.day[others] / 2)
    of = np.concatenate([np.arange(size, dtype=np.int32), others])
    bought = np.arange(len(of)) < size
    seconds = np.round(rng.lognormal(np.where(bought, 6.0, 4.3), 0.9))
    at = orders.day[of]
    at[size:] -= earlier
    # The order is placed as its session ends.
    at[:size] = np.maximum(at[:size] - seconds[:size] / DAY, 0.0)
    by_time = np.argsort(at, kind="stable")
    of, at, bought, seconds = of[by_time], at[by_time], bought[by_time], seconds[by_time]
    known = bought | (rng.random(len(of)) >= _ANONYMOUS)
    mobile = orders.mobile[of] ^ (rng.random(len(of)) < 0.1)
    os = choose(rng, _OS_WEIGHTS, mobile.astype(np.int8))
    # A visit without an order comes by a channel of its own.
    channel = np.where(
        bought,
        orders.channel[of],
        choose(rng, np.array([[34.0, 22, 18, 16, 5, 5]]), np.zeros(len(of), dtype=np.int8)),
    )
    cart = bought | (rng.random(len(of)) < _CART)
    return pa.table(
        {
            "session_id": numbered(len(of)),
            "started_at": moments(at, start),
            "customer_id": taken(customer_ids, np.where(known, orders.customer[of], -1)),
            "duration_s": seconds.astype(np.int32),
            "pageviews": (1 + 3 * bought + rng.poisson(seconds / 60)).astype(np.int32),
            "device": labels(mobile.astype(np.int8), ["desktop", "mobile"]),
            "browser": labels(choose(rng, _BROWSER_WEIGHTS, os), _BROWSERS),
            "os": labels(os, _OS),
            "source": labels(channel, _SOURCES),
            "medium": labels(channel, _MEDIA),
            "landing_page": labels(choose(rng, _PAGE_WEIGHTS, bought.astype(np.int8)), _PAGES),
            "added_to_cart": cart,
            "began_checkout": bought | (cart & (rng.random(len(of)) < _CHECKOUT)),
            "purchased": bought,
        }
    )
