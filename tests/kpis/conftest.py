"""Five customers in two segments, whose KPIs can be computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segml.clv import Prediction
from segml.data import CustomerData, read_orders, read_table

AS_OF, DAYS = "2026-03-31", 30  # later: 2 to 31 March; earlier: 31 January to 1 March

ORDERS = pd.DataFrame(
    [
        # customer, order, time, revenue, margin
        ("ann", 1, "2026-01-31 00:00:00", 100.0, 40.0),  # first moment of the earlier period
        ("ann", 2, "2026-03-31 23:59:59", 50.0, 10.0),  # last moment of the later
        ("bob", 3, "2026-03-01 23:59:59", 30.0, 12.0),  # last moment of the earlier
        ("bob", 4, "2026-01-05 12:00:00", 30.0, 12.0),
        ("bob", 5, "2026-01-06 12:00:00", 30.0, 12.0),
        ("cem", 6, "2026-01-30 23:59:59", 20.0, 5.0),  # a moment before the earlier
        ("cem", 7, "2026-03-02 00:00:00", 10.0, 5.0),  # first moment of the later
        ("dora", 8, "2026-02-15 09:00:00", 5.0, -1.0),
        ("eve", 9, "2026-03-15 09:00:00", 0.0, 0.0),
        ("ann", 10, "2026-04-01 00:00:00", 999.0, 99.0),  # after the report's day
    ],
    columns=["customer_id", "order_id", "ordered_at", "revenue", "margin"],
)
SESSIONS = pd.DataFrame(
    [
        (1, "2026-03-01", "ann", True),
        (2, "2026-03-02", "ann", False),
        (3, "2026-03-03", "ann", False),
        (4, "2026-03-03", "bob", False),
        (5, "2026-03-04", "dora", True),
        (6, "2026-03-04", None, True),  # of nobody known
        (7, "2026-04-01", "ann", True),  # too late
        (8, "2026-03-05", "zoe", True),  # never ordered
    ],
    columns=["session_id", "started_at", "customer_id", "purchased"],
)
MESSAGES = pd.DataFrame(
    [
        (1, "ann", "m", "2026-03-01", True, True),
        (2, "bob", "m", "2026-03-01", True, False),
        (3, "bob", "m", "2026-03-02", False, True),  # opened without being delivered: not counted
        (4, "bob", "m", "2026-03-03", True, True),
        (5, "cem", "m", "2026-03-01", False, False),
        (6, "ann", "m", "2026-04-01", True, False),  # too late
    ],
    columns=["message_id", "customer_id", "campaign_id", "sent_at", "delivered", "opened"],
)
SEGMENTS = pd.Series(
    {"ann": 0, "bob": 0, "cem": 1, "dora": 1, "eve": 1}, name="segment"
).rename_axis("customer_id")
NAMES = {0: "Core", 1: "Rest"}


@pytest.fixture(scope="session")
def data() -> CustomerData:
    return replace(
        CustomerData(read_orders(ORDERS)),
        sessions=read_table(SESSIONS, "sessions"),
        messages=read_table(MESSAGES, "messages"),
    )


def prediction(name: str, values: list[float], scale: str) -> Prediction:
    of = pd.Series(values, index=SEGMENTS.index)
    jacobian = np.column_stack([of, np.arange(1.0, 6.0)])
    return Prediction(of, jacobian, np.array([[0.02, 0.001], [0.001, 0.01]]), name, scale)


@pytest.fixture(scope="session")
def predictions() -> dict[str, Prediction]:
    return {
        "clv": prediction("clv", [90.0, 60.0, 12.0, 6.0, 0.0], "positive"),
        "p_alive": prediction("p_alive", [0.9, 0.5, 0.6, 0.2, 0.7], "probability"),
    }
