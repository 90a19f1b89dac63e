"""Results to draw, made by hand so that every number in a figure can be worked out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml.clv import Prediction
from segml.kpis import KpiTable, kpi_table

HOSTILE = {
    0: "<script>alert(1)</script>",
    1: "$x$",
    2: "_under_%_score",
    3: r"$\frac{a$",
    4: 'id="x" url(#y) #21242a <b>&amp;',
}


def kpis(
    n_segments: int,
    names: dict[int, str] | None = None,
    *,
    revenue: np.ndarray | None = None,
    clv: np.ndarray | None = None,
    currency: str = "USD",
) -> KpiTable:
    """Return KPIs of four customers a segment, with a forecast."""
    n = 4 * n_segments
    ids = pd.Index([f"c{i:02d}" for i in range(n)], name="customer_id")
    orders = pd.DataFrame(
        {
            "customer_id": ids,
            "order_id": range(n),
            "ordered_at": pd.date_range("2026-01-01", periods=n),
            "revenue": np.arange(1.0, n + 1) ** 2 if revenue is None else revenue,
        }
    )
    values = pd.Series(np.arange(1.0, n + 1) if clv is None else clv, index=ids)
    value = Prediction(values, values.to_numpy()[:, None], np.array([[0.01]]), "clv", "positive")
    labels = pd.Series(np.arange(n) % n_segments, index=ids)
    return kpi_table(orders, labels, names, predictions={"clv": value}, currency=currency)


@pytest.fixture(scope="session")
def three() -> KpiTable:
    return kpis(3, {0: "Low", 1: "Middle", 2: "Top"})
