from __future__ import annotations

import re

import mpmath as mp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import nbinom

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.clustering import segment_affinity
from segml.clustering._shrinkage import log_likelihood, prior_strength, shrunk_ratios

from ..features.bundles import bundle


def shop(seed: int = 0, n: int = 300, engine=None):
    """Customers of three segments, who buy categories a to f in shares of their own."""
    rng = np.random.default_rng(seed)
    customers = [f"c{i:03d}" for i in range(n)]
    labels = pd.Series(rng.integers(0, 3, n), index=customers)
    shares = rng.dirichlet(np.ones(12), 3)
    orders, lines = [], []
    for i, customer in enumerate(customers):
        for k in range(rng.integers(1, 6)):
            order = f"o{i}-{k}"
            orders.append((customer, order))
            for item in rng.choice(12, rng.integers(1, 4), p=shares[labels.iloc[i]]):
                lines.append((order, f"p{item}", float(rng.integers(1, 3)), "abcdef"[item // 2]))
    made = {
        "orders": pd.DataFrame(orders, columns=["customer_id", "order_id"]).assign(
            ordered_at=pd.Timestamp("2024-01-01"), revenue=10.0
        ),
        "order_lines": pd.DataFrame(
            lines, columns=["order_id", "product_id", "quantity", "category"]
        ).assign(unit_price=5.0),
    }
    return made, labels


def by_hand(tables, labels, column):
    lines = tables["order_lines"].merge(tables["orders"], on="order_id")
    lines["segment"] = lines["customer_id"].map(labels)
    return lines.drop_duplicates(["order_id", column])


@pytest.mark.parametrize(("level", "column"), [("category", "category"), ("product", "product_id")])
def test_counts_and_shares_by_hand(level, column):
    tables, labels = shop()
    found = segment_affinity(bundle(tables), labels, level)
    lines = by_hand(tables, labels, column)
    assert found.account.to_dict() == {"used": len(tables["order_lines"])}
    expected = lines.groupby(["segment", column])["order_id"].nunique()
    own = found.table.set_index(["segment", "item"])
    assert own["orders"][own["orders"] > 0].to_dict() == expected.to_dict()
    customers = lines.groupby(["segment", column])["customer_id"].nunique()
    assert own["customers"][own["customers"] > 0].to_dict() == customers.to_dict()
    sums = found.table.groupby("segment")[["share", "share_all"]].sum()
    np.testing.assert_allclose(sums, 1, rtol=1e-12)
    totals = lines.groupby("segment").size()
    assert found.segments["orders"].to_dict() == totals.to_dict()


@pytest.mark.spark
@pytest.mark.slow
def test_both_engines_find_the_same(spark_engine):
    tables, labels = shop(4)
    one = segment_affinity(bundle(tables), labels, "product")
    other = segment_affinity(bundle(tables, spark_engine), labels, "product")
    pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-9)
    pd.testing.assert_frame_equal(one.not_yet, other.not_yet, rtol=1e-9)


def test_design_effect_by_hand():
    tables, labels = shop(1)
    found = segment_affinity(bundle(tables), labels).segments["design_effect"]
    lines = by_hand(tables, labels, "category")
    for segment, own in lines.groupby("segment"):
        y = own.groupby(["customer_id", "category"]).size().unstack(fill_value=0)
        m, n = y.sum(axis=1), len(y)
        p = y.sum() / m.sum()
        between = sum((((y[c] - p[c] * m) ** 2).sum()) for c in y)
        ratio = between / (m.sum() * p * (1 - p)).sum() * n / (n - 1)
        assert found[segment] == pytest.approx(max(ratio, 1), rel=1e-10)


def test_customers_who_repeat_themselves_are_not_more_evidence():
    tables, labels = shop(2)

    def repeated(times):
        again = {
            name: pd.concat([tables[name].assign(order_id=ids + f"/{i}") for i in range(times)])
            for name in ("orders", "order_lines")
            for ids in [tables[name]["order_id"]]
        }
        return segment_affinity(bundle(again), labels)

    five, ten = repeated(5), repeated(10)
    np.testing.assert_allclose(
        ten.segments["design_effect"], 2 * five.segments["design_effect"], rtol=1e-9
    )
    columns = ["lift", "low", "high"]
    pd.testing.assert_frame_equal(ten.table[columns], five.table[columns], rtol=1e-5)


def test_not_yet_by_brute_force():
    tables, labels = shop(3, 120)
    found = segment_affinity(bundle(tables), labels, "product").not_yet
    lines = by_hand(tables, labels, "product_id")
    items = lines.groupby("customer_id")["product_id"].agg(set)
    all_items = sorted(set().union(*items))
    counts = {j: sum(j in own for own in items) for j in all_items}
    kept = [j for j in all_items if counts[j] >= 10]
    rows = {}
    for segment in (0, 1, 2):
        inside = {c: own & set(kept) for c, own in items.items() if labels[c] == segment}
        inside = {c: own for c, own in inside.items() if own}
        outside = [own & set(kept) for c, own in items.items() if labels[c] != segment]
        for i in kept:
            without = [own for own in inside.values() if i not in own]
            total = 0.0
            for own in without:
                chances = [
                    sum(1 / len(o) for o in outside if i in o and j in o)
                    / max(sum(1 / len(o) for o in outside if j in o), 1e-9)
                    for j in own
                ]
                total += np.mean(chances)
            if without:
                rows[segment, i] = (len(without), total)
    for row in found.itertuples():
        lacking, expected = rows[row.segment, row.item]
        assert row.lacking == lacking
        assert row.expected == pytest.approx(expected, rel=1e-9)
        assert row.similar > row.reach
    assert len(found) > 3
    assert found.groupby("segment")["expected"].apply(lambda x: x.is_monotonic_decreasing).all()


@pytest.mark.parametrize("a", [0.01, 0.7, 30.0, 1e6])
def test_likelihood_at_fifty_digits(a):
    observed = np.array([0.0, 0.3, 2.0, 1e5, 3.0])
    expected = np.array([1e-9, 0.5, 1.0, 9e4, 1e6])
    with mp.workdps(50):
        exact = mp.mpf(0)
        for o, e in zip(observed, expected, strict=True):
            o, e, big = mp.mpf(float(o)), mp.mpf(float(e)), mp.mpf(a)
            exact += mp.loggamma(big + o) - mp.loggamma(big) + big * mp.log(big / (big + e))
            exact -= o * mp.log(big + e)
            exact -= mp.loggamma(o) if o else 0  # fixed
    assert log_likelihood(a, observed, expected) == pytest.approx(float(exact), rel=1e-11)


def test_likelihood_is_that_of_the_negative_binomial_up_to_what_is_fixed():
    observed, expected = np.array([0.0, 3.0, 7.0]), np.array([1.0, 2.0, 9.0])

    def reference(a):
        return nbinom.logpmf(observed, a, a / (a + expected)).sum()

    assert log_likelihood(2.0, observed, expected) - log_likelihood(5.0, observed, expected) == (
        pytest.approx(reference(2.0) - reference(5.0), rel=1e-10)
    )


def test_strength_is_recovered_and_intervals_hold_as_often_as_they_say():
    rng = np.random.default_rng(6)
    n, a = 4000, 6.0
    true = rng.gamma(a, 1 / a, n)
    expected = rng.lognormal(1.5, 1.2, n)
    observed = rng.poisson(true * expected).astype(float)
    found = prior_strength(observed, expected)
    assert found == pytest.approx(a, rel=0.12)
    mean, low, high = shrunk_ratios(observed, expected, found, 0.9)
    assert ((low < true) & (true < high)).mean() == pytest.approx(0.9, abs=0.015)
    raw = observed / expected
    assert ((mean - true) ** 2).mean() < 0.7 * ((raw - true) ** 2).mean()


def test_without_differences_nothing_is_beyond_its_share():
    tables, labels = shop(5)
    rng = np.random.default_rng(9)
    chance = pd.Series(rng.permutation(labels.to_numpy()), index=labels.index)
    found = segment_affinity(bundle(tables), chance, "product")
    clear = (found.table["low"] > 1) | (found.table["high"] < 1)
    assert clear.mean() < 0.1
    one = segment_affinity(bundle(tables), labels * 0)
    np.testing.assert_allclose(one.table["lift"], 1, rtol=1e-12)
    assert one.favourites(0).empty
    assert one.not_yet.empty


def test_a_rare_item_is_drawn_towards_one():
    tables, labels = shop(0)
    orders = tables["orders"].set_index("customer_id")["order_id"]
    order = orders[labels.index[labels == 0][0]].iloc[0]
    extra = pd.DataFrame(
        {"order_id": [order], "product_id": "rare", "quantity": 1.0, "category": "rare"}
    ).assign(unit_price=5.0)
    tables["order_lines"] = pd.concat([tables["order_lines"], extra])
    row = segment_affinity(bundle(tables), labels).table.query("item == 'rare' and segment == 0")
    raw = float((row["share"] / row["share_all"]).iloc[0])
    assert raw > 2.5
    assert 1 < row["lift"].iloc[0] < (1 + raw) / 2
    assert row["low"].iloc[0] < 1


def test_every_line_is_used_or_has_a_reason():
    tables, labels = shop(0)
    lines = tables["order_lines"]
    bad = pd.DataFrame(
        {
            "order_id": ["nowhere", *tables["orders"]["order_id"].iloc[:3]],
            "product_id": "x",
            "quantity": [1.0, 1.0, -1.0, np.nan],
            "category": ["a", " ", "a", "a"],
            "unit_price": 1.0,
        }
    )
    tables["order_lines"] = pd.concat([lines, bad])
    noisy = labels.where(labels != 2, -1)
    account = segment_affinity(bundle(tables), noisy).account
    assert account.sum() == len(lines) + 4
    assert account["its order is not in the orders"] == 1
    assert account["its customer is in no segment"] > 100
    assert account.index[0] == "used"
    whole = segment_affinity(bundle(tables), labels)
    assert whole.account.drop("used").to_dict() == {
        "its order is not in the orders": 1,
        "its quantity is not above zero": 2,
        "nothing says what it is of": 1,
    }
    assert "1 order lines are left out: nothing says what it is of" in whole._repr_html_()


def test_order_of_rows_changes_nothing():
    tables, labels = shop(0)
    one = segment_affinity(bundle(tables), labels)
    mixed = {name: table.sample(frac=1, random_state=1) for name, table in tables.items()}
    other = segment_affinity(bundle(mixed), labels.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.not_yet, other.not_yet, rtol=1e-12)


def test_bad_input_is_refused():
    tables, labels = shop(0, 40)
    data = bundle(tables)
    with pytest.raises(ParameterError, match="unknown value for level"):
        segment_affinity(data, labels, "brand")
    with pytest.raises(DataError, match="there twice"):
        segment_affinity(data, pd.concat([labels, labels]))
    with pytest.raises(NotEnoughDataError, match="no order line"):
        segment_affinity(data, labels * 0 - 1)
    with pytest.raises(NotEnoughDataError, match="no order line"):
        segment_affinity(data, labels.set_axis([f"x{i}" for i in range(40)]))
    with pytest.raises(MissingTableError, match="order_lines"):
        segment_affinity(bundle({"orders": tables["orders"]}), labels)
    no_category = {**tables, "order_lines": tables["order_lines"].drop(columns="category")}
    with pytest.raises(MissingTableError, match="category"):
        segment_affinity(bundle(no_category), labels)


def test_html_is_escaped_and_says_what_is_clear():
    tables, labels = shop(0)
    evil = tables["order_lines"].replace({"category": {"a": "<b>a</b>"}})
    found = segment_affinity(bundle({**tables, "order_lines": evil}), labels, names={0: "<i>"})
    page = found._repr_html_()
    assert not re.search("<b>|<i>", page)
    best = found.favourites(1).iloc[0]
    assert f"×{best['lift']:.2f} ({best['low']:.2f} to {best['high']:.2f})" in page


def test_arrow_tables_and_numbers_as_ids():
    tables, labels = shop(0, 60)
    number = {name: i for i, name in enumerate(labels.index)}
    orders = tables["orders"].assign(
        customer_id=tables["orders"]["customer_id"].map(number).astype(str)
    )
    data = bundle(
        {
            "orders": pa.Table.from_pandas(orders, preserve_index=False),
            "order_lines": pa.Table.from_pandas(tables["order_lines"], preserve_index=False),
        }
    )
    found = segment_affinity(data, labels.rename(number))
    expected = segment_affinity(bundle(tables), labels)
    pd.testing.assert_frame_equal(found.table, expected.table)
