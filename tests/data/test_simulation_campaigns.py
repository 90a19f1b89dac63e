from __future__ import annotations

import numpy as np
import pytest

from segml.data.simulation import simulate_store


@pytest.fixture(scope="module")
def store():
    return simulate_store(20_000, seed=11, visits_per_order=1, survey_share=0)


@pytest.fixture(scope="module")
def messages(store):
    data, truth = store
    frame = data.messages.to_pandas()
    frame["segment"] = truth.customers["segment"].loc[frame["customer_id"]].to_numpy()
    return frame


def test_difference_in_means_finds_the_effect(store, messages):
    effects = store[1].campaigns.set_index(["campaign_id", "segment"])
    for key, group in messages.groupby(["campaign_id", "segment"], observed=True):
        a = group.loc[group["variant"] == "A", "converted"].astype(float)
        b = group.loc[group["variant"] == "B", "converted"].astype(float)
        error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        true = effects.loc[key]
        assert abs(b.mean() - a.mean() - true["effect"]) < 4 * error
        assert len(group) == true["recipients"] >= true["active"]
        assert true["conversion_b"] - true["conversion_a"] == pytest.approx(true["effect"])


def test_the_effect_differs_by_segment(store):
    effect = store[1].campaigns.groupby("segment", observed=True)["effect"].mean()
    assert effect["Loyal regulars"] == 0
    assert effect["Young one-timers"] < 0 < effect["Big spenders"] < effect["Bargain hunters"]


def test_variants_are_assigned_by_a_fair_coin(messages):
    n = len(messages)
    assert abs((messages["variant"] == "B").mean() - 0.5) < 4 * 0.5 / np.sqrt(n)


def test_who_gets_messages(store, messages):
    data, truth = store
    customers = data.customers.to_pandas().set_index("customer_id")
    assert customers.loc[messages["customer_id"], "consent_marketing"].all()
    first = truth.customers.loc[messages["customer_id"], "first_order_at"]
    assert (first.to_numpy() < messages["sent_at"].to_numpy()).all()
    gone = messages[messages["unsubscribed"]].set_index("customer_id")["sent_at"]
    later = messages[messages["customer_id"].isin(gone.index)]
    assert (later["sent_at"].to_numpy() <= gone.loc[later["customer_id"]].to_numpy()).all()


def test_the_funnel_narrows(messages):
    assert messages.loc[messages["opened"], "delivered"].all()
    assert messages.loc[messages["clicked"], "opened"].all()
    assert messages.loc[messages["converted"], "clicked"].all()
    assert messages.loc[messages["unsubscribed"], "opened"].all()
    assert ((messages["revenue"] > 0) == messages["converted"]).all()


def test_each_conversion_is_an_order(store, messages):
    orders = store[0].orders.to_pandas()
    orders = orders[orders["coupon"].str.startswith("campaign", na=False)]
    won = messages[messages["converted"]]
    pair = won.merge(
        orders,
        left_on=["customer_id", "campaign_id"],
        right_on=["customer_id", "coupon"],
        suffixes=("", "_order"),
        validate="one_to_one",
    )
    assert len(pair) == len(won) == len(orders)
    assert (pair["revenue"] == pair["revenue_order"]).all()
    waited = pair["ordered_at"] - pair["sent_at"]
    assert waited.dt.total_seconds().between(-1, 7 * 86_400).all()
    alive = store[1].customers.loc[won["customer_id"], "left_at"]
    assert (alive.isna().to_numpy() | (alive.to_numpy() > won["sent_at"].to_numpy())).all()
