"""Every KPI of a simulated store against pandas, customer by customer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from segml.kpis import KPIS, KpiTable, kpi_table
from segml.kpis.table import ALL

from .reference import per_customer
from .stores import frames, segments, store

END = "2026-02-04"
PERIODS = [("2025-04-01", "2025-06-30"), ("2025-07-20", "2025-12-31")]
# Label to the first day, the last, and the first days of the windows compared.
WINDOWS = {
    "so far": ("1990-01-01", END, "2025-12-07", "2025-10-08"),  # 60 days each
    "2025-04-01 to 2025-06-30": ("2025-04-01", "2025-06-30", "2025-04-01", "2024-12-31"),
    "2025-07-20 to 2025-12-31": ("2025-07-20", "2025-12-31", "2025-07-20", "2025-02-05"),
}
OTHERWISE = {"clv", "clv_cac", "p_alive", "expected_churn"}  # predictions
OTHERWISE |= {"payback_days", "days_to_second_purchase"}  # tests of their own


@pytest.fixture(scope="module")
def tables() -> dict[str, KpiTable]:
    data, groups = store(), segments()
    kpis = [name for name in KPIS if name not in OTHERWISE - {"days_to_second_purchase"}]
    whole = kpi_table(data, groups, as_of=END, period_days=60, kpis=kpis)
    parts = kpi_table(data, groups, as_of=END, periods=PERIODS, kpis=kpis)
    return {label: whole if label == "so far" else parts for label in WINDOWS}


@pytest.fixture(scope="module")
def references():
    return {label: per_customer(frames(), *days) for label, days in WINDOWS.items()}


def half_width(y: np.ndarray, x: np.ndarray) -> float:
    n, ratio = len(y), y.sum() / x.sum()
    return norm.ppf(0.975) * np.sqrt(n / (n - 1) * ((y - ratio * x) ** 2).sum()) / abs(x.sum())


def lower_limit(spec, y: np.ndarray, x: np.ndarray) -> float:
    """Return what no customer's ratio is below."""
    if spec.unit == "score":
        return -np.inf
    if (y >= 0).all():
        return 0.0
    return -1.0 if spec.unit == "share" and (y + x >= 0).all() else -np.inf


def test_everything_is_compared(references):
    assert set(references["so far"]) | OTHERWISE == set(KPIS)


@pytest.mark.parametrize("label", WINDOWS)
@pytest.mark.parametrize("kpi", sorted(set(KPIS) - OTHERWISE))
def test_values_and_intervals(tables, references, label, kpi):
    spec, rows = KPIS[kpi], tables[label].rows(kpi, label)
    if kpi == "growth" and label == "2025-04-01 to 2025-06-30":
        assert set(rows["reason"]) == {"the window before is not wholly in the data"}
        return
    y, x = references[label][kpi]
    groups = segments().reindex(y.index)
    for name, row in rows.iterrows():
        inside = (
            np.ones(len(y), bool) if name == ALL else (groups == int(row["segment"])).to_numpy()
        )
        assert row["n"] == inside.sum()
        a, b = y.to_numpy() * inside, x.to_numpy() * (1 if spec.of_all else inside)
        if spec.interval == "none":
            assert row["value"] == pytest.approx(a.sum(), rel=1e-9)
            continue
        assert row["numerator"] == pytest.approx(a.sum(), rel=1e-9, abs=1e-7)
        assert row["denominator"] == pytest.approx(b.sum(), rel=1e-9)
        assert row["value"] == pytest.approx(a.sum() / b.sum(), rel=1e-9, abs=1e-9)
        if spec.of_all and name == ALL:
            assert np.isnan(row["low"])
            continue
        if not spec.of_all:
            a, b = a[inside], b[inside]
        value, low, high = row["value"], row["low"], row["high"]
        if spec.interval == "wilson":
            theirs = binomtest(int(a.sum()), int(b.sum())).proportion_ci(method="wilson")
            assert (low, high) == pytest.approx(tuple(theirs), rel=1e-9, abs=1e-12)
        elif spec.interval == "delta":
            half = half_width(a, b)
            ends = value - half, value + half
            limit = lower_limit(spec, y.to_numpy(), x.to_numpy())
            if value == limit:
                assert np.isnan([low, high]).all()
                assert row["reason"] == "no interval: all are alike"
                continue
            if ends[0] < limit:
                factor = np.exp(half / (value - limit))
                ends = limit + (value - limit) / factor, limit + (value - limit) * factor
            assert (low, high) == pytest.approx(ends, rel=1e-8, abs=1e-8)
        elif 0 < value < 1:
            error = half_width(a, b) / norm.ppf(0.975)
            n = value * (1 - value) / error**2
            z = norm.ppf(0.975)
            # Where a share lies as far from the value as the interval reaches: Wilson's equation.
            for end in (low, high):
                assert (value - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n, rel=1e-6)


@pytest.mark.parametrize("label", WINDOWS)
@pytest.mark.parametrize("kpi", ["aov", "margin_rate", "open_rate", "orders_per_customer", "nps"])
def test_the_interval_of_a_difference_is_that_of_influences(tables, references, label, kpi):
    y, x = (part.to_numpy() for part in references[label][kpi])
    groups = segments().reindex(references[label][kpi][0].index).to_numpy()
    rows = tables[label].rows(kpi, label)
    whole = y.sum() / x.sum()
    n = len(y)
    for _, row in rows.drop(index=ALL).iterrows():
        inside = groups == int(row["segment"])
        ratio = y[inside].sum() / x[inside].sum()
        z = inside * (y - ratio * x) / x[inside].sum() - (y - whole * x) / x.sum()
        half = norm.ppf(0.975) * np.sqrt(n / (n - 1) * (z**2).sum())
        assert row["difference"] == pytest.approx(ratio - whole, rel=1e-9, abs=1e-9)
        assert row["difference_high"] - row["difference"] == pytest.approx(half, rel=1e-7)
        assert row["difference"] - row["difference_low"] == pytest.approx(half, rel=1e-7)


@pytest.mark.parametrize("label", WINDOWS)
def test_days_to_the_second_purchase(tables, label):
    first, end = map(pd.Timestamp, WINDOWS[label][:2])
    orders = frames()["orders"].assign(day=lambda frame: frame["ordered_at"].dt.normalize())
    days = orders.drop_duplicates(["customer_id", "day"]).sort_values("day")
    born = days.groupby("customer_id")["day"].min()
    second = days[days["day"] > days["customer_id"].map(born)].groupby("customer_id")["day"].min()
    second = second[second.between(first, end)]
    waits = (second - born.reindex(second.index)).dt.days
    groups = segments().reindex(waits.index)
    rows = tables[label].rows("days_to_second_purchase", label)
    for name, row in rows.iterrows():
        own = waits if name == ALL else waits[groups == int(row["segment"])]
        assert row["value"] == own.median()
        assert row["low"] <= row["value"] <= row["high"]
        assert {row["low"], row["high"]} <= set(own)


def test_parts_add_up(tables):
    values = tables["so far"].values()
    for total in ("customers", "revenue", "sessions", "new_customers"):
        assert values.loc[total].drop(ALL).sum() == pytest.approx(values.loc[total, ALL], rel=1e-12)
    for share in ("share_of_customers", "share_of_revenue"):
        assert values.loc[share].drop(ALL).sum() == pytest.approx(1, rel=1e-12)
