from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError, SegmlWarning
from segml.clustering import personas, profile_segments
from segml.features import build_features

from ..features.bundles import bundle, store

NAMES = ["orders", "recency_days", "aov", "gender", "country", "age"]


@pytest.fixture(scope="module")
def case():
    data = bundle(store(250))
    table = build_features(data, None, NAMES)
    labels = table.to_pandas()["orders"].gt(2).astype(int)
    return data, table, labels, personas(data, table, labels, {0: "Few", 1: "Many"})


def test_size_and_value_by_hand(case):
    data, _, labels, found = case
    orders = data.orders.to_pandas().dropna(subset=["customer_id"])
    orders["segment"] = orders["customer_id"].map(labels)
    for card in found:
        own = orders[orders["segment"] == card.segment]
        assert card.size == (labels == card.segment).sum()
        assert card.orders == len(own)
        assert card.revenue == pytest.approx(own["revenue"].sum(), rel=1e-9)
    assert sum(card.share for card in found) == pytest.approx(1)
    assert sum(card.revenue_share for card in found) == pytest.approx(1)
    assert [card.name for card in found] == ["Few", "Many"]


def test_what_sets_apart_is_significant_and_strongest_first(case):
    _, table, labels, found = case
    profile = profile_segments(table, labels).table.query("segment == 1 and significant")
    numbers = profile[profile["feature"].isin(["orders", "recency_days", "aov"])]
    first = numbers.loc[numbers["effect"].abs().idxmax()]
    assert first["feature"] == "orders"
    assert found[1].sets_apart[0].startswith("very frequent: median orders ")
    assert len(found[1].sets_apart) == len(numbers)


def test_channels_times_and_what_they_buy(case):
    data, _, labels, found = case
    orders = data.orders.to_pandas().dropna(subset=["customer_id"])
    own = orders[orders["customer_id"].map(labels) == 1]["channel"].value_counts(normalize=True)
    assert found[1].channels[0].startswith(f"{own.index[0]}: {100 * own.iloc[0]:.0f}% of orders")
    assert all(re.match("more often (on|in|at) ", line) for card in found for line in card.when)


def test_a_peak_that_is_there_is_told():
    tables = dict(store(250))
    orders = tables["orders"].to_pandas().dropna(subset=["customer_id"])
    customers = sorted(orders["customer_id"].unique())
    labels = pd.Series(np.arange(len(customers)) % 2, index=customers)
    saturday = orders["customer_id"].map(labels) == 1
    orders.loc[saturday, "ordered_at"] = pd.Timestamp("2025-10-04 20:30:00")
    frame = pd.DataFrame({"x": np.arange(len(customers))}, index=labels.index)
    found = personas(bundle({"orders": orders}), frame, labels)
    told = " ".join(found[1].when)
    assert "on Saturday: 100%" in told
    assert "in the evening: 100%" in told
    assert "in October: 100%" in told
    assert found[1].buys == ()


def test_no_id_is_shown_and_examples_are_to_two_digits(case):
    _, table, _, found = case
    page = found._repr_html_() + repr(found) + found[0]._repr_html_()
    for one in table.to_pandas().index:
        assert one not in page
    examples = [said for card in found for said in card.examples]
    assert [who for who, _ in examples] == ["customer A", "customer B"] * 2
    for _, said in examples:
        assert {label for label, _ in said} <= {
            "Orders",
            "Days since last order",
            "Average order value",
        }
        for _, value in said:
            assert len(value.replace(",", "").replace(".", "").strip("0")) <= 2


def test_small_groups_are_not_told(case):
    data, table, labels, _ = case
    frame = table.to_pandas()
    few = labels.copy()
    few.iloc[:5] = 2
    rare = frame["country"].astype(object)
    rare.iloc[5:12] = "Tuvalu"
    found = personas(data, frame.assign(country=rare), few)
    small = next(card for card in found if card.segment == 2)
    assert small.attributes == ()
    assert small.examples == ()
    assert "Tuvalu" not in found._repr_html_()
    assert any("fewer than 10 customers" in note for note in found.notes)
    for card in found:
        for label, said in card.attributes:
            if label == "Gender":
                level, share = said.rsplit(" ", 1)
                own = frame["gender"][few == card.segment].dropna()
                assert (own == level).sum() >= 10
                assert share == f"{100 * (own == level).mean():.0f}%"


def test_texts_that_nobody_registered_are_attributes():
    data = bundle(store(250))
    ids = data.customers.to_pandas()["customer_id"]
    frame = pd.DataFrame(
        {"x": np.arange(len(ids)), "email": [f"{one}@example.com" for one in ids]}, index=ids
    )
    labels = pd.Series(np.arange(len(ids)) % 2, index=ids)
    with pytest.warns(SegmlWarning, match="every level is rare"):
        found = personas(data, frame, labels)
    assert "@example.com" not in found._repr_html_()


def test_order_of_rows_changes_nothing(case):
    data, table, labels, found = case
    frame = table.to_pandas().sample(frac=1, random_state=0)
    again = personas(data, frame, labels, {0: "Few", 1: "Many"})
    assert again.cards == found.cards


def test_noise_has_no_card_and_gaps_do_no_harm(case):
    data, table, labels, _ = case
    noisy = labels.copy()
    noisy.iloc[:20] = -1
    found = personas(data, table.to_pandas().assign(aov=np.nan), noisy)
    assert [card.segment for card in found] == [0, 1]
    assert "20 customers of noise have no card" in found.notes
    with pytest.raises(NotEnoughDataError):
        personas(data, table, labels * 0 - 1)


def test_customers_without_orders(case):
    data, table, labels, _ = case
    frame = table.to_pandas()
    strangers = frame.set_axis([f"stranger {i}" for i in range(len(frame))])
    found = personas(data, strangers, labels.set_axis(strangers.index))
    assert [card.orders for card in found] == [0, 0]
    assert "n/a" in found._repr_html_()


def test_bad_input_is_refused(case):
    data, table, labels, _ = case
    with pytest.raises(DataError, match="not those of the customers"):
        personas(data, table, labels.iloc[1:])
    with pytest.raises(ParameterError, match="min_group_size"):
        personas(data, table, labels, min_group_size=0)


def test_html_is_escaped(case):
    data, table, labels, _ = case
    page = personas(data, table, labels, {0: "<script>", 1: "<b>"})._repr_html_()
    assert not re.search("<script>|<b>", page)
    assert page.count('<article class="card">') == 2
