"""Every KPI that is a sum or a ratio of sums, on a simulated store, against `kpi_table`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CustomerData, read_orders, read_table, simulate_store
from segml.evaluation.kpi_decomposition import kpi_change
from segml.kpis import KPIS, KpiTable, kpi_table
from segml.kpis.per_customer import summable
from segml.kpis.table import ALL

OLD, NEW = ("2025-04-01", "2025-06-29"), ("2025-06-30", "2025-12-15")
NAMES = {0: "Core", 1: "Rest", 2: "New"}


@pytest.fixture(scope="module")
def store() -> CustomerData:
    data, _ = simulate_store(200, seed=5, start="2025-01-01", days=400, survey_share=0.5)
    return data


@pytest.fixture(scope="module")
def segments(store) -> tuple[pd.Series, pd.Series]:
    ids = sorted(store.orders.to_pandas()["customer_id"].unique())
    old = pd.Series(np.arange(len(ids)) % 3, index=ids)
    return old, old.where(np.arange(len(ids)) % 5 > 0, (old + 1) % 3)


@pytest.fixture(scope="module")
def values(store, segments) -> tuple[KpiTable, KpiTable]:
    return tuple(
        kpi_table(store, groups, periods=[period], kpis=summable())
        for groups, period in zip(segments, (OLD, NEW), strict=True)
    )


@pytest.mark.parametrize("kpi", [name for name in KPIS if name in summable()])
def test_parts_add_up_to_the_difference_of_the_two_tables(store, segments, values, kpi):
    old, new = (table.rows(kpi).loc[ALL, "value"] for table in values)
    reason = values[0].rows(kpi)["reason"].iloc[0]
    if np.isnan(old):
        with pytest.raises((MissingTableError, NotEnoughDataError)):
            kpi_change(store, *segments, kpi, OLD, NEW)
        return
    assert not reason.startswith("this needs")
    found = kpi_change(store, *segments, kpi, OLD, NEW, NAMES)
    scale = max(abs(old), abs(new))
    assert (found.old_value, found.new_value) == pytest.approx((old, new), rel=1e-9, abs=1e-12)
    assert found.parts.loc["change", "value"] == pytest.approx(new - old, abs=1e-9 * scale)
    shown = found.parts.drop(index=["change", "numerator", "denominator"], errors="ignore")
    assert shown["value"].sum() == pytest.approx(new - old, abs=1e-9 * scale)
    size = found.parts["value"].get("size", 0.0)  # of totals; it is of no segment
    assert found.table["total"].sum() + size == pytest.approx(new - old, abs=1e-9 * scale)
    assert found.kpi.startswith(KPIS[kpi].label)
    assert found.table["name"].tolist() == list(NAMES.values())


def test_most_kpis_of_the_store_can_be_split(values):
    known = [name for name in summable() if not np.isnan(values[0].rows(name).loc[ALL, "value"])]
    assert len(known) >= 35
    assert {"aov", "revenue", "retention_rate", "nps", "open_rate", "growth"} <= set(known)


def test_mix_alone_and_within_alone():
    frame = pd.DataFrame(
        [("a", "2026-01-05", 10.0), ("b", "2026-01-05", 50.0), ("a", "2026-02-05", 10.0),
         ("b", "2026-02-05", 50.0), ("b", "2026-02-06", 50.0), ("a", "2026-03-05", 30.0),
         ("b", "2026-03-05", 70.0), ("b", "2026-03-06", 70.0)],
        columns=["customer_id", "ordered_at", "revenue"],
    )  # fmt: skip
    data = CustomerData(read_orders(frame.assign(order_id=range(8))))
    groups = pd.Series({"a": 0, "b": 1})
    january, february, march = (("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"),
                                ("2026-03-01", "2026-03-31"))  # fmt: skip
    mix = kpi_change(data, groups, groups, "aov", january, february, currency="EUR")
    # b's part of the orders goes from 1/2 to 2/3, 40 above a's.
    assert mix.parts["value"][["mix", "within"]].tolist() == pytest.approx([40 / 6, 0])
    within = kpi_change(data, groups, groups, "aov", february, march, currency="EUR")
    assert within.parts["value"][["mix", "within"]].tolist() == pytest.approx([0, 20])
    assert "+€20.00 within segments" in within.verdict


@pytest.mark.parametrize("kpi", ["days_to_second_purchase", "clv", "payback_days",
                                 "share_of_revenue"])  # fmt: skip
def test_kpis_without_parts_list_those_that_have(store, segments, kpi):
    with pytest.raises(ParameterError, match="neither a sum over customers") as caught:
        kpi_change(store, *segments, kpi, OLD, NEW)
    assert "aov" in caught.value.problem.expected
    assert kpi not in caught.value.problem.expected.split(", ")


def test_bad_input(store, segments):
    with pytest.raises(ParameterError) as caught:
        kpi_change(store, *segments, "aovv", OLD, NEW)
    assert caught.value.problem.nearest == "aov"
    orders = CustomerData(store.orders)
    with pytest.raises(MissingTableError, match="this needs the table sessions"):
        kpi_change(orders, *segments, "bounce_rate", OLD, NEW)
    with pytest.raises(ParameterError, match="ends before it starts"):
        kpi_change(orders, *segments, "aov", OLD[::-1], NEW)
    with pytest.raises(DataError, match="segment is not a number"):
        kpi_change(orders, segments[0].map(NAMES), segments[1].map(NAMES), "aov", OLD, NEW)
    with pytest.raises(NotEnoughDataError, match="nobody to divide by"):
        kpi_change(orders, *segments, "aov", ("2027-01-01", "2027-01-31"), NEW)
    with pytest.raises(NotEnoughDataError, match="window before is not wholly"):
        kpi_change(orders, *segments, "growth", ("2025-01-01", "2025-01-31"), NEW)
    costs = pd.DataFrame({"date": ["2025-05-01"], "cost": [5.0], "segment": ["Core"]})
    by_segment = CustomerData(store.orders, customers=store.customers,
                              costs=read_table(costs, "costs"))  # fmt: skip
    with pytest.raises(ParameterError, match="known by segment"):
        kpi_change(by_segment, *segments, "cac", OLD, NEW)
