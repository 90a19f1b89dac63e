from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.data.simulation import simulate_store
from segml.data.simulation_segments import SEGMENTS
from segml.data.tables import TABLES

N = 1500
DAYS = 730


@pytest.fixture(scope="module")
def store():
    return simulate_store(N, seed=7)


@pytest.fixture(scope="module")
def frames(store):
    return {name: table.to_pandas() for name, table in store[0].tables.items()}


def test_every_table_has_its_columns(store):
    data, _ = store
    assert list(data.tables) == list(TABLES)
    for name, schema in TABLES.items():
        absent = {"segment"} if name == "costs" else set()
        assert set(data.tables[name].columns) == set(schema.names) - absent
        assert data.tables[name].account.noted == {}


def test_columns_have_the_types_of_the_schema(store):
    engine_types = {
        "id": "VARCHAR",
        "text": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
    }
    for name, table in store[0].tables.items():
        for column in TABLES[name].columns:
            if column.name in table.columns:
                assert table.table.types[column.name] == engine_types[column.type], column


def test_only_guest_orders_are_left_out(store):
    data, _ = store
    for name, table in data.tables.items():
        assert set(table.account.rejected) == ({"no customer_id"} if name == "orders" else set())


def test_keys_are_unique(frames):
    keys = {
        "orders": "order_id",
        "customers": "customer_id",
        "sessions": "session_id",
        "messages": "message_id",
    }
    for name, key in keys.items():
        assert frames[name][key].is_unique


def test_keys_lead_from_table_to_table(store, frames):
    data, truth = store
    customers = set(frames["customers"]["customer_id"])
    assert customers == set(truth.customers.index) == set(frames["orders"]["customer_id"])
    for name in ("sessions", "messages", "surveys"):
        assert set(frames[name]["customer_id"].dropna()) <= customers
    guests = data.orders.rejected_rows()["order_id"].astype(str)
    orders = set(frames["orders"]["order_id"]) | set(guests)
    assert set(frames["order_lines"]["order_id"]) == orders
    assert set(frames["messages"]["campaign_id"]) == set(truth.campaigns["campaign_id"])
    assert set(frames["costs"]["campaign_id"].dropna()) == set(truth.campaigns["campaign_id"])


def test_lines_sum_to_their_orders(frames):
    lines = frames["order_lines"]
    lines["amount"] = lines["quantity"] * lines["unit_price"]
    assert (lines["unit_price"] >= 0).all()
    sums = lines.groupby("order_id")[["amount", "quantity"]].sum()
    orders = frames["orders"].set_index("order_id")
    sums = sums.loc[orders.index]
    np.testing.assert_allclose(sums["amount"], orders["revenue"] + orders["discount"], atol=1e-6)
    np.testing.assert_array_equal(sums["quantity"], orders["quantity"])


def test_times_are_those_of_the_store(store, frames):
    start, end = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01") + pd.Timedelta(days=DAYS)
    times = {"orders": "ordered_at", "sessions": "started_at", "messages": "sent_at"}
    for name, column in {**times, "costs": "date", "surveys": "answered_at"}.items():
        assert frames[name][column].between(start, end, inclusive="left").all()
    first = frames["orders"].groupby("customer_id")["ordered_at"].min()
    known = store[1].customers.loc[first.index]
    pd.testing.assert_series_equal(first, known["first_order_at"], check_names=False)
    left = known["left_at"].dropna()
    purchases = frames["orders"][~frames["orders"]["coupon"].str.startswith("campaign", na=False)]
    last = purchases.groupby("customer_id")["ordered_at"].max()
    pd.testing.assert_series_equal(last.loc[left.index], left, check_names=False)
    assert (known["alive"] == known["left_at"].isna()).all()


def test_costs_are_what_winning_the_customers_cost(frames):
    won = frames["customers"].merge(
        frames["orders"].groupby("customer_id")["ordered_at"].min(), on="customer_id"
    )
    by_day = won.groupby([won["ordered_at"].dt.normalize(), "acquisition_channel"])
    costs = frames["costs"][frames["costs"]["campaign_id"].isna()]
    expected = by_day["acquisition_cost"].agg(["sum", "size"])
    found = costs.set_index(["date", "channel"])
    found = found[found["new_customers"] > 0]
    expected = expected.loc[found.index]
    np.testing.assert_allclose(found["cost"], expected["sum"], atol=0.006)
    np.testing.assert_array_equal(found["new_customers"], expected["size"])
    assert found["new_customers"].sum() == (
        frames["customers"]["acquisition_channel"].isin(costs["channel"]).sum()
    )


def test_each_order_has_the_session_that_it_ends(store, frames):
    orders = store[0].orders.account.rows_in
    sessions = frames["sessions"]
    assert sessions["purchased"].sum() == orders
    assert sessions.loc[sessions["purchased"], "began_checkout"].all()
    assert sessions.loc[sessions["began_checkout"], "added_to_cart"].all()
    abandoned = sessions["added_to_cart"] & ~sessions["purchased"]
    assert 0.15 < abandoned.sum() / (~sessions["purchased"]).sum() < 0.25
    assert len(sessions) / orders == pytest.approx(2.5, abs=4 * np.sqrt(1.5 / orders))


@pytest.mark.parametrize(("guests", "returns"), [(0.0, 0.0), (0.25, 0.2), (0.5, 1.0)])
def test_shares_are_as_asked(guests, returns):
    data, _ = simulate_store(1000, seed=2, guests=guests, returns=returns)
    account = data.orders.account
    assert account.rows_rejected / account.rows_in == pytest.approx(guests, abs=1e-3)
    orders = data.orders.to_pandas()
    error = np.sqrt(returns * (1 - returns) / len(orders))
    assert (orders["refund"] > 0).mean() == pytest.approx(returns, abs=4 * error)
    assert (orders["refund"] <= orders["revenue"]).all()
    assert (orders["revenue"] > 0).all()


def same(a, b, names=None):
    for name in names or TABLES:
        pd.testing.assert_frame_equal(a.tables[name].to_pandas(), b.tables[name].to_pandas())


def test_same_seed_same_store(store):
    again, truth = simulate_store(N, seed=7)
    same(store[0], again)
    pd.testing.assert_frame_equal(truth.customers, store[1].customers)
    pd.testing.assert_frame_equal(truth.campaigns, store[1].campaigns)


def test_other_seed_other_store(store, frames):
    other, _ = simulate_store(N, seed=8)
    for name, frame in frames.items():
        assert not frame.equals(other.tables[name].to_pandas())


def test_one_table_does_not_change_another(store):
    less, _ = simulate_store(N, seed=7, survey_share=0, visits_per_order=1)
    assert less.surveys is None
    assert less.sessions.account.rows_used == less.orders.account.rows_in
    same(store[0], less, ("orders", "order_lines", "customers", "messages", "costs"))


def test_campaigns_come_on_top_of_the_purchases(frames):
    plain, truth = simulate_store(N, seed=7, campaigns=0)
    assert plain.messages is None
    assert truth.campaigns.empty
    key = ["customer_id", "ordered_at", "revenue"]
    orders = frames["orders"]
    orders = orders[~orders["coupon"].str.startswith("campaign", na=False)]
    pd.testing.assert_frame_equal(orders[key].reset_index(drop=True), plain.orders.to_pandas()[key])


def test_guests_come_on_top_of_the_purchases(frames):
    plain, _ = simulate_store(N, seed=7, guests=0)
    key = ["customer_id", "ordered_at", "revenue"]
    pd.testing.assert_frame_equal(frames["orders"][key], plain.orders.to_pandas()[key])


@pytest.mark.parametrize("seed", range(3))
def test_one_customer(seed):
    data, truth = simulate_store(1, seed=seed, days=30)
    assert len(truth.customers) == data.customers.account.rows_used == 1
    assert data.orders.account.rows_used >= 1
    assert truth.segments["customers"].sum() == 1
    assert truth.segments["alive"].notna().sum() == 1


def test_one_day():
    data, _ = simulate_store(50, seed=1, days=1, start="2025-03-09")
    assert (
        data.orders.to_pandas()["ordered_at"].dt.date == pd.Timestamp("2025-03-09").date()
    ).all()


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"n_customers": 0}, "n_customers"),
        ({"n_customers": 2.5}, "n_customers"),
        ({"seed": -1}, "seed"),
        ({"seed": "one"}, "seed"),
        ({"days": 0}, "days"),
        ({"start": "someday"}, "start"),
        ({"start": "2024-01-01T00:00Z"}, "start"),
        ({"start": None}, "start"),
        ({"seasonality": 1}, "seasonality"),
        ({"seasonality": float("nan")}, "seasonality"),
        ({"returns": 1.2}, "returns"),
        ({"guests": 0.95}, "guests"),
        ({"campaigns": 1.5}, "campaigns"),
        ({"visits_per_order": 0}, "visits_per_order"),
        ({"survey_share": -0.1}, "survey_share"),
        ({"segments": []}, "segments"),
        ({"segments": ["Loyal"]}, "segments"),
        ({"segments": [SEGMENTS[0], SEGMENTS[0]]}, "segments"),
        ({"segments": SEGMENTS[0]}, "segments"),
    ],
)
def test_wrong_arguments(wrong, where):
    with pytest.raises(ParameterError) as caught:
        simulate_store(**{"n_customers": 10, **wrong})
    assert caught.value.problem.where == where
