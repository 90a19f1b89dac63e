"""What customers cost, when it comes back, and what they say of the shop."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

from segml._core.errors import DataError
from segml.clv import Prediction
from segml.data import CustomerData, read_orders, read_table
from segml.kpis import kpi_table
from segml.kpis.table import ALL

N = 60
IDS = [f"c{i:02d}" for i in range(N)]
SEGMENTS = pd.Series(np.arange(N) % 2, index=IDS)
NAMES = {0: "Even", 1: "Odd"}
# All begin on 1 January; a purchase each ten days, of margin 4 (even) or 1 (odd).
ORDERS = pd.DataFrame(
    [
        (name, f"{name}-{k}", pd.Timestamp("2026-01-01") + pd.Timedelta(days=10 * k), 10.0,
         4.0 if i % 2 == 0 else 1.0)
        for i, name in enumerate(IDS)
        for k in range(10)
    ],
    columns=["customer_id", "order_id", "ordered_at", "revenue", "margin"],
)  # fmt: skip
CUSTOMERS = pd.DataFrame({"customer_id": IDS, "acquisition_cost": [12.0] * N})


def bundle(**tables: pd.DataFrame) -> CustomerData:
    tables = {"customers": CUSTOMERS} | tables
    read = {name: read_table(frame, name) for name, frame in tables.items()}
    return CustomerData(read_orders(ORDERS), **read)


def test_payback_by_hand():
    rows = kpi_table(bundle(), SEGMENTS, NAMES, kpis=["payback_days"]).rows("payback_days")
    # Margins of 4, 8, 12 on days 0, 10, 20; 1 a time never reaches 12; together 2.5 a time.
    assert rows["value"].tolist()[::2] == [20, 40]
    assert rows.loc["Odd", "reason"] == "not paid back within 90 days, the longest that is observed"
    assert rows.loc["Even", ["low", "high"]].tolist() == [20, 20]  # all customers are alike


def test_payback_follows_only_those_who_have_been_known_so_long():
    # Half of the customers have been known for 5 days, and earn nothing after.
    late = [f"d{i:02d}" for i in range(N)]
    young = pd.DataFrame({"customer_id": late, "order_id": late, "margin": 4.0,
                          "ordered_at": pd.Timestamp("2026-03-27"), "revenue": 10.0})  # fmt: skip
    orders = pd.concat([ORDERS[ORDERS["customer_id"].isin(IDS[::2])], young])
    data = CustomerData(
        read_orders(orders),
        customers=read_table(
            pd.DataFrame({"customer_id": IDS[::2] + late, "acquisition_cost": 12.0}), "customers"
        ),
    )
    segments = pd.Series(0, index=IDS[::2] + late)
    rows = kpi_table(data, segments, as_of="2026-04-01", kpis=["payback_days"])
    assert rows.rows("payback_days").loc[ALL, "value"] == 20


@pytest.mark.slow
def test_the_interval_of_payback_covers():
    rng = np.random.default_rng(8)
    samples, size = 200, 150
    n = samples * size
    ids = np.array([f"c{i}" for i in range(n)])
    day = np.column_stack([np.zeros(n, int), rng.integers(0, 200, (n, 12))])
    orders = pd.DataFrame({
        "customer_id": np.repeat(ids, 13), "order_id": range(13 * n),
        "ordered_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(day.ravel(), "D"),
        "revenue": 1.0, "margin": np.repeat(rng.gamma(2, 0.5, n), 13)})  # fmt: skip
    customers = pd.DataFrame({"customer_id": ids, "acquisition_cost": 7.0})
    data = CustomerData(read_orders(orders), customers=read_table(customers, "customers"))
    segments = pd.Series(np.repeat(np.arange(samples), size), index=ids)
    rows = kpi_table(data, segments, kpis=["payback_days"]).table.iloc[:-1]
    covered = ((rows["low"] <= 99) & (rows["high"] >= 99)).mean()  # 1 at once, and 0.06 a day
    assert 0.92 <= covered <= 0.98  # to two standard errors of 200 samples


def test_costs_that_are_recorded_by_segment():
    costs = pd.DataFrame(
        {
            "date": ["2026-01-01", "2026-01-02", "2026-02-01", "2026-02-01"],
            "cost": [90.0, 60.0, 30.0, 15.0],
            "segment": ["Even", "1", None, "Gone"],
        }
    )
    table = kpi_table(bundle(costs=costs), SEGMENTS, NAMES, kpis=["cac"], currency="EUR")
    rows = table.rows("cac")
    assert rows["value"].tolist() == [3, 2, 195 / 60]
    # Costs over the exact interval of a Poisson count of 30 (Garwood 1936: 20.24 to 42.83).
    assert rows.loc["Even", ["low", "high"]].tolist() == pytest.approx(
        [90 / (chi2.ppf(0.975, 62) / 2), 90 / (chi2.ppf(0.025, 60) / 2)], rel=1e-12
    )
    assert set(rows["reason"]) == {""}
    assert table.notes[-1].startswith("Costs of €45.00 are of no segment")
    periods = kpi_table(bundle(costs=costs), SEGMENTS, NAMES, periods=("month", 3), kpis=["cac"])
    assert periods.over_time("cac").iloc[0].tolist() == [3, 2, 2.5]
    assert set(periods.rows("cac")["reason"]) == {"no cost of it is recorded"}


def test_the_return_rests_on_costs_by_segment_too():
    costs = pd.DataFrame(
        {
            "date": ["2025-12-01", "2026-01-02", "2026-02-01"],
            "cost": [200.0, 150.0, 50.0],
            "segment": ["Even", "Even", "1"],
        }
    )
    table = kpi_table(bundle(costs=costs), SEGMENTS, NAMES, periods=("month", 3), kpis=["roi"])
    # Margins by the end of January: 30 x 16 and 30 x 4; of February: 30 x 24 and 30 x 6.
    january, february = (table.rows("roi", label) for label in ("2026-01", "2026-02"))
    assert january["value"].iloc[[0, 2]].tolist() == pytest.approx([480 / 350 - 1, 600 / 350 - 1])
    assert january.loc["Odd", "reason"] == "no cost of it is recorded"
    assert february["value"].tolist() == pytest.approx([720 / 350 - 1, 180 / 50 - 1, 900 / 400 - 1])
    row = february.loc["Even"]
    half = norm.ppf(0.975) * np.sqrt(30 * 24**2) / 350  # a compound Poisson sum
    assert (row["low"], row["high"]) == pytest.approx((row["value"] - half, row["value"] + half))


def test_clv_to_cac_has_the_interval_of_the_prediction():
    values = pd.Series(np.where(SEGMENTS == 0, 36.0, 6.0), index=SEGMENTS.index)
    clv = Prediction(values, values.to_numpy()[:, None], np.array([[0.01]]), "clv", "positive")
    table = kpi_table(bundle(), SEGMENTS, NAMES, kpis=["clv", "clv_cac"], predictions={"clv": clv})
    rows, means = table.rows("clv_cac"), table.rows("clv")
    np.testing.assert_allclose(rows["value"], [3, 0.5, 1.75], rtol=1e-12)
    np.testing.assert_allclose(rows[["low", "high"]] * 12, means[["low", "high"]], rtol=1e-12)
    assert list(dict.fromkeys(table.table["kpi"])) == ["clv", "clv_cac"]
    free = bundle(customers=CUSTOMERS.assign(acquisition_cost=0.0))
    rows = kpi_table(free, SEGMENTS, kpis=["clv_cac"], predictions={"clv": clv}).rows("clv_cac")
    assert set(rows["reason"]) == {"these customers cost nothing to win"}
    without = CustomerData(read_orders(ORDERS))
    rows = kpi_table(without, SEGMENTS, kpis=["clv_cac"], predictions={"clv": clv}).rows("clv_cac")
    assert set(rows["reason"]) == {"this needs the table customers"}


def test_roas_shares_a_campaigns_cost_among_its_messages():
    messages = pd.DataFrame(
        {
            "message_id": range(4), "customer_id": ["c00", "c00", "c01", "c02"],
            "campaign_id": ["a", "a", "a", "free"], "sent_at": "2026-02-01",
            "revenue": [20.0, 0.0, 10.0, 99.0],
        }
    )  # fmt: skip
    costs = pd.DataFrame({"date": ["2026-01-30"], "cost": [6.0], "campaign_id": ["a"]})
    data = bundle(messages=messages, costs=costs)
    table = kpi_table(data, SEGMENTS, NAMES, kpis=["roas", "campaign_roi"])
    assert table.rows("roas")["value"].tolist() == [5, 5, 5]
    # Margin rates .4 and .1: (8 - 4) / 4, (1 - 2) / 2, (9 - 6) / 6.
    np.testing.assert_allclose(table.rows("campaign_roi")["value"], [1, -0.5, 0.5], rtol=1e-12)
    other = bundle(messages=messages, costs=costs.assign(campaign_id="b"))
    rows = kpi_table(other, SEGMENTS, kpis=["roas"]).rows("roas")
    assert set(rows["reason"]) == {"no campaign with messages has a cost"}


def test_negative_costs_are_refused():
    with pytest.raises(DataError, match="costs are negative") as caught:
        kpi_table(
            bundle(customers=CUSTOMERS.assign(acquisition_cost=[-1.0, -2.0] + [0.0] * (N - 2))),
            SEGMENTS,
            kpis=["cac"],
        )
    assert caught.value.problem.got == "2 rows"
    costs = pd.DataFrame({"date": ["2026-01-01"], "cost": [-1.0], "segment": ["Even"]})
    with pytest.raises(DataError, match="costs are negative"):
        kpi_table(bundle(costs=costs), SEGMENTS, NAMES, kpis=["cac"])


def survey(*answers: tuple[str, str, str]) -> CustomerData:
    rows = [(name, pd.Timestamp(when), "nps", answer) for name, when, answer in answers]
    columns = ["customer_id", "answered_at", "question", "answer"]
    return bundle(surveys=pd.DataFrame(rows, columns=columns))


def test_nps_takes_the_latest_answer():
    data = survey(
        ("c00", "2026-01-05", "2"), ("c00", "2026-02-05", "10"), ("c02", "2026-01-05", "9"),
        ("c04", "2026-01-05", "7"), ("c06", "2026-01-05", "6"), ("c08", "2026-01-05", "no"),
    )  # fmt: skip
    table = kpi_table(data, SEGMENTS, NAMES, kpis=["nps", "response_rate"])
    row = table.rows("nps").loc["Even"]
    assert (row["value"], row["denominator"]) == (25, 4)
    assert table.rows("nps").loc["Odd", "reason"] == "nobody to divide by"
    assert table.rows("response_rate")["value"].tolist() == [5 / 30, 0, 5 / 60]
    periods = kpi_table(data, SEGMENTS, NAMES, periods=("month", 3), kpis=["nps"])
    assert periods.over_time("nps")["Even"].tolist()[:2] == [-25, 100]  # nobody in March


@pytest.mark.parametrize("answer", ["11", "-1", "10.5"])
def test_nps_out_of_range_is_refused(answer):
    with pytest.raises(DataError, match="nps are out of range") as caught:
        kpi_table(survey(("c00", "2026-01-05", answer)), SEGMENTS, kpis=["nps"])
    assert caught.value.problem.got == "1 answers"
