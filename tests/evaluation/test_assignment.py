from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.evaluation.assignment import HOLDOUT, assign
from segml.evaluation.assignment_balance import balance

IDS = [f"C{i:05d}" for i in range(3000)]
SEGMENTS = pd.Series(np.arange(3000) % 7 % 3, index=IDS)
THREE = {"control": 0.5, "a": 0.3, "b": 0.2}


def test_sizes_are_those_planned_to_within_a_customer():
    counts = assign(SEGMENTS, "s", shares=THREE).counts()
    planned = counts.sum(axis=1).to_numpy()[:, None] * np.array([0.5, 0.3, 0.2])
    assert np.abs(counts.to_numpy() - planned).max() <= 1
    assert counts.columns.tolist() == ["control", "a", "b"]


def test_order_of_customers_is_that_of_the_hash():
    found = assign(SEGMENTS, "s").table
    inside = found[found["segment"] == 1]
    keys = [hashlib.md5(f"s/{i}".encode(), usedforsecurity=False).hexdigest() for i in inside.index]
    groups = inside["group"].iloc[np.argsort(keys)].tolist()
    assert groups == sorted(groups)  # control, then treatment


def test_the_same_whatever_the_order_of_rows_and_the_kind_of_ids():
    numbers = pd.Series(np.arange(500) % 2, index=range(500))
    found = assign(numbers, "s").table
    mixed = assign(numbers.sample(frac=1, random_state=1), "s").table
    pd.testing.assert_frame_equal(found, mixed)
    pd.testing.assert_frame_equal(
        found, assign(numbers.set_axis(numbers.index.astype(str)), "s").table
    )


def test_another_salt_draws_groups_that_know_nothing_of_these():
    one, other = (assign(SEGMENTS, salt).table["group"] for salt in ("s", "t"))
    assert stats.chi2_contingency(pd.crosstab(one, other)).pvalue > 0.001


def test_chances_are_the_shares_in_segments_of_one_customer():
    alone = pd.Series(IDS[:2000], index=IDS[:2000])
    counts = assign(alone, "s", shares=THREE).counts().sum()
    assert stats.chisquare(counts, 2000 * np.array([0.5, 0.3, 0.2])).pvalue > 0.001


def test_those_held_out_stay_so_in_every_test():
    one, other = (assign(SEGMENTS, salt, holdout=0.1) for salt in ("s", "t"))
    held = set(one.customers(HOLDOUT))
    assert held == set(other.customers(HOLDOUT))
    assert stats.binomtest(len(held), 3000, 0.1).pvalue > 0.001
    assert held < set(assign(SEGMENTS[::-1], "s", holdout=0.2).customers(HOLDOUT))
    assert one.planned == {"control": 0.45, "treatment": 0.45, HOLDOUT: 0.1}
    some = assign(SEGMENTS[:1500], "u", holdout=0.1)
    assert set(some.customers(HOLDOUT)) == held & set(IDS[:1500])


def test_same_groups_on_both_engines(any_engine):
    frame = pd.DataFrame({"customer_id": [*IDS[:400], "ü/1", "'x'"], "segment": 0})
    frame.loc[::3, "segment"] = 1
    expected = assign(frame.set_index("customer_id")["segment"], "salt's", holdout=0.1)
    found = assign(any_engine.register(frame), "salt's", holdout=0.1)
    assert (
        found.table["group"].astype(str).to_dict() == expected.table["group"].astype(str).to_dict()
    )
    assert found.table["segment"].tolist() == expected.table["segment"].tolist()


def test_segments_may_be_names_and_have_names():
    found = assign(pd.Series(["x", "y"] * 20, index=IDS[:40], dtype="category"), "s")
    assert found.counts().index.tolist() == ["x", "y"]
    page = assign(SEGMENTS, "s", names={0: "<b>"})._repr_html_()
    assert "&lt;b&gt;" in page
    assert "segment 1" in page
    assert not any(one in page for one in IDS)


@pytest.mark.parametrize(
    ("segments", "error", "what"),
    [
        (pd.Series([0, 1], index=["a", "a"]), DataError, "there twice"),
        (pd.Series([0, np.nan], index=["a", "b"]), DataError, "has no segment"),
        (pd.Series([], dtype=int), NotEnoughDataError, "no customers"),
        (3, ParameterError, "not segments"),
    ],
)
def test_bad_segments(segments, error, what):
    with pytest.raises(error, match=what):
        assign(segments, "s")


@pytest.mark.parametrize(
    "bad",
    [
        {"shares": {"control": 0.5, "treatment": 0.6}},
        {"shares": {"a": 0.5, "b": 0.5}},
        {"shares": {"control": 0.5, HOLDOUT: 0.5}},
        {"holdout": 1.0},
        {"holdout": -0.1},
        {"salt": ""},
        {"holdout_salt": 3},
    ],
)
def test_bad_parameters(bad):
    with pytest.raises(ParameterError):
        assign(SEGMENTS, **({"salt": "s"} | bad))


def test_a_table_without_segments(engine):
    with pytest.raises(DataError, match="lacks a column"):
        assign(engine.register(pd.DataFrame({"customer_id": ["a"]})), "s")


def test_unknown_group():
    with pytest.raises(ParameterError):
        assign(SEGMENTS, "s").customers("treatmnt")


def test_balance_is_that_of_the_groups():
    rng = np.random.default_rng(0)
    features = pd.DataFrame(
        {"orders": rng.poisson(3, 3000), "age": rng.normal(40, 9, 3000), "city": "x"}, index=IDS
    )
    found = assign(SEGMENTS, "s", features=features)
    row = found.balance.table.set_index("feature").loc["orders"]
    inside = features["orders"][found.customers("treatment")]
    outside = features["orders"][found.customers("control")]
    spread = np.sqrt((inside.var() + outside.var()) / 2)
    assert row["standardised"] == pytest.approx((inside.mean() - outside.mean()) / spread)
    assert found.balance.left_out == ("city",)
    assert found.balance.tests["freedom"].tolist() == [2]
    assert "alike" in found.verdict
    assert "city" in found._repr_html_()


def test_groups_that_were_not_drawn_are_seen():
    rng = np.random.default_rng(0)
    spent = pd.DataFrame({"revenue": rng.gamma(2, 10, 1000)}, index=IDS[:1000])
    group = np.where(spent["revenue"] > 20, "treatment", "control")
    assigned = pd.DataFrame({"segment": 0, "group": group}, index=spent.index)
    found = balance(assigned, spent, "control")
    assert "not alike" in found.verdict
    assert found.tests["p_value"].iloc[0] < 1e-20


def test_omnibus_is_the_t_test_of_one_feature_but_for_its_variance():
    rng = np.random.default_rng(1)
    values = pd.DataFrame({"x": rng.normal(size=400)}, index=IDS[:400])
    group = np.where(rng.permutation(400) < 160, "treatment", "control")
    assigned = pd.DataFrame({"segment": 0, "group": group}, index=values.index)
    found = balance(assigned, values, "control").tests.iloc[0]
    x, treated = values["x"].to_numpy(), group == "treatment"
    variance = x.var(ddof=1) * 400 / (160 * 240)
    z = (x[treated].mean() - x[~treated].mean()) / np.sqrt(variance)
    assert found["chi_square"] == pytest.approx(z**2, rel=1e-9)


@pytest.mark.slow
def test_balance_alarms_are_as_rare_as_said():
    rng = np.random.default_rng(5)
    features = pd.DataFrame(
        {"a": rng.lognormal(0, 1, 300), "b": rng.poisson(1, 300)}, index=IDS[:300]
    )
    features.loc[IDS[:40], "a"] = np.nan
    p = [
        assign(SEGMENTS[:300], f"s{i}", features=features).balance.tests["p_value"].iloc[0]
        for i in range(200)
    ]
    low, high = stats.binom.interval(0.999, len(p), 0.05)
    assert low <= np.sum(np.array(p) < 0.05) <= high


@pytest.mark.parametrize(
    ("features", "what"),
    [
        (pd.DataFrame({"x": [1.0]}, index=["C00000"]), "no features"),
        (pd.DataFrame({"x": 1.0}, index=IDS * 2), "there twice"),
        (pd.DataFrame({"x": "a"}, index=IDS), "no feature is a number"),
    ],
)
def test_bad_features(features, what):
    with pytest.raises(DataError, match=what):
        assign(SEGMENTS, "s", features=features)


def test_features_that_do_not_vary_or_are_not_known():
    features = pd.DataFrame({"x": 1.0, "y": np.nan}, index=IDS)
    found = assign(SEGMENTS, "s", features=features)
    assert found.balance.table["standardised"].isna().all()
    assert "Nothing is known" in found.verdict
