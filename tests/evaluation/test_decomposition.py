from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.evaluation.decomposition import decompose

MONEY = st.floats(-1e4, 1e4, allow_nan=False)
WEIGHT = st.just(0.0) | st.floats(0.01, 50, allow_nan=False)
SIDE = st.lists(st.tuples(st.integers(-1, 4), MONEY, WEIGHT), min_size=1, max_size=25)


def frame(rows, start: int = 0) -> pd.DataFrame:
    index = [f"c{i:03d}" for i in range(start, start + len(rows))]
    return pd.DataFrame(rows, index, ["segment", "numerator", "denominator"])


def means(segment, numerator, start: int = 0) -> pd.DataFrame:
    index = [f"c{i:04d}" for i in range(start, start + len(segment))]
    return pd.DataFrame({"segment": segment, "numerator": numerator}, index)


def test_by_hand():
    # Shares 3/4, 1/4 become 1/2, 1/2; means 10, 50 become 10, 60; c = (20 + 35) / 2 = 27.5.
    found = decompose(means([0, 0, 0, 1], [10, 10, 10, 50]), means([0, 0, 1, 1], [10, 10, 60, 60]))
    assert (found.old_value, found.new_value, found.change) == (20, 35, 15)
    assert found.table["mix"].tolist() == [-0.25 * (10 - 27.5), 0.25 * (55 - 27.5)]
    assert found.table["within"].tolist() == [0, 0.375 * 10]
    assert found.parts["value"].to_dict() == {
        "mix": 11.25,
        "within": 3.75,
        "entry": 0,
        "exit": 0,
        "change": 15,
    }


def test_rates_of_a_published_decomposition():
    """Kitagawa's symmetric form: mean-rate-weighted composition and mean-share-weighted rates."""
    w0, r0 = np.array([0.2, 0.5, 0.3]), np.array([0.1, 0.4, 0.9])
    w1, r1 = np.array([0.4, 0.4, 0.2]), np.array([0.2, 0.3, 0.95])
    sides = [
        pd.DataFrame({"segment": range(3), "numerator": 100 * w * r, "denominator": 100 * w})
        for w, r in ((w0, r0), (w1, r1))
    ]
    found = decompose(*sides)
    assert found.parts.loc["mix", "value"] == pytest.approx(((w1 - w0) * (r0 + r1) / 2).sum())
    assert found.parts.loc["within", "value"] == pytest.approx(((r1 - r0) * (w0 + w1) / 2).sum())


@settings(max_examples=50, deadline=None)
@given(SIDE, SIDE, st.integers(0, 20))
def test_parts_add_up(old, new, start):
    old, new = frame(old), frame(new, start)
    if old["denominator"].sum() < 1e-3 or new["denominator"].sum() < 1e-3:
        return
    found = decompose(old, new)
    table, parts = found.table, found.parts["value"]
    scale = max(
        1.0,
        *(side["numerator"].abs().sum() / side["denominator"].sum() for side in (old, new)),
        table[["old_value", "new_value"]].abs().max().max(),
    )
    direct = [side["numerator"].sum() / side["denominator"].sum() for side in (old, new)]
    assert abs(found.change - (direct[1] - direct[0])) <= 1e-12 * scale
    assert abs(parts["change"] - found.change) <= 1e-12 * scale
    of_parts = parts[["mix", "within", "entry", "exit"]].sum()
    assert abs(of_parts - found.change) <= 1e-12 * scale
    of_segments = table[["mix", "within", "entry", "exit"]].sum(axis=1)
    assert np.allclose(of_segments, table["total"], rtol=0, atol=1e-12 * scale)
    inner = table["numerator"] + table["denominator"]
    assert np.allclose(inner, table["within"], rtol=1e-9, atol=1e-12 * scale)


@settings(max_examples=25, deadline=None)
@given(SIDE, SIDE)
def test_totals_add_up_with_their_size(old, new):
    old, new = (frame(side).drop(columns="denominator") for side in (old, new))
    found = decompose(old, new, total=True)
    parts = found.parts["value"]
    scale = max(1.0, old["numerator"].abs().sum(), new["numerator"].abs().sum())
    assert abs(found.change - (new["numerator"].sum() - old["numerator"].sum())) <= 1e-12 * scale
    of_parts = parts.drop("change").sum()
    assert abs(of_parts - found.change) <= 1e-12 * scale * max(len(old), len(new))
    means_ = [side["numerator"].mean() for side in (old, new)]
    expected = (len(new) - len(old)) * (means_[0] + means_[1]) / 2
    assert parts["size"] == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


def test_only_the_mix_or_only_within_changed():
    old = means([0] * 6 + [1] * 4, [10.0] * 6 + [30.0] * 4)
    mix = decompose(old, means([0] * 3 + [1] * 7, [10.0] * 3 + [30.0] * 7)).parts["value"]
    assert mix["within"] == 0
    assert mix["mix"] == pytest.approx(6)
    within = decompose(old, old.assign(numerator=old["numerator"] * 2)).parts["value"]
    assert within["mix"] == 0
    assert within["within"] == pytest.approx(18)


def test_segments_that_come_and_go():
    old = means([0, 0, 1, 1], [10.0, 10.0, 50.0, 70.0])
    new = means([0, 0, 2, 2], [10.0, 10.0, 20.0, 40.0])
    found = decompose(old, new)
    c = (35 + 20) / 2
    assert found.table["entry"].tolist() == [0, 0, 0.5 * (30 - c)]
    assert found.table["exit"].tolist() == [0, -0.5 * (60 - c), 0]
    assert np.isnan(found.table.loc[1, "new_value"])
    assert found.table["reason"].tolist() == ["", "no customer after", "no customer before"]


def test_ratios_tell_numerator_from_denominator():
    # Everyone spends the same in twice as many orders: the order value halves by its denominator.
    old = frame([(0, 100.0, 2), (0, 80.0, 2), (1, 30.0, 3), (1, 60.0, 3)])
    new = old.assign(denominator=old["denominator"] * 2)
    found = decompose(old, new, unit="money", currency="USD", kpi="order value")
    assert found.parts.loc["denominator", "value"] == pytest.approx(found.change)
    assert found.parts.loc["numerator", "value"] == 0
    assert "a part of within segments" in found._repr_html_()
    assert "$27.00" in found._repr_html_()
    plain = decompose(old.drop(columns="denominator"), new.drop(columns="denominator"))
    assert "denominator" not in plain.parts.index
    assert (plain.table["denominator"] == 0).all()


def test_a_segment_without_denominator_counts_as_not_there():
    old = frame([(0, 10.0, 1), (1, 5.0, 0)])
    new = frame([(0, 12.0, 1), (1, 8.0, 2)])
    found = decompose(old, new)
    assert found.table.loc[1, "reason"] == "nobody to divide by before"
    assert np.isnan(found.table.loc[1, "old_value"])
    assert found.parts.loc["change", "value"] == pytest.approx(20 / 3 - 15)


def _truth(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw n customers with 60% in segment 0 before and 45% after, and means 10, 30 to 12, 27."""
    before, after = (rng.random(n) > 0.6).astype(int), (rng.random(n) > 0.45).astype(int)
    taste = rng.gamma(4, 0.25, n)
    old = means(before, taste * np.array([10.0, 30.0])[before])
    new = means(after, taste * np.array([12.0, 27.0])[after])
    return old, new


def test_intervals_cover():
    w0, w1, r0, r1 = 0.4, 0.55, np.array([10.0, 30.0]), np.array([12.0, 27.0])
    truth = {
        "mix": (w1 - w0) * (np.diff(r0)[0] + np.diff(r1)[0]) / 2,
        "within": (0.6 + 0.45) / 2 * 2 + (w0 + w1) / 2 * -3,
    }
    truth["change"] = truth["mix"] + truth["within"]
    held = dict.fromkeys(truth, 0)
    for seed in range(120):
        parts = decompose(*_truth(np.random.default_rng(seed), 300)).parts
        for name, value in truth.items():
            held[name] += parts.loc[name, "low"] <= value <= parts.loc[name, "high"]
    assert all(107 <= count <= 119 for count in held.values()), held


def test_the_interval_of_a_mean_is_the_delta_methods():
    rng = np.random.default_rng(3)
    old, new = means([0] * 50, rng.gamma(2, 5, 50)), means([0] * 50, rng.gamma(2, 6, 50))
    change = decompose(old, new).parts.loc["change"]
    difference = new["numerator"] - old["numerator"]  # the same customers
    half = 1.959963984540054 * difference.std() / np.sqrt(50)
    assert change["high"] - change["value"] == pytest.approx(half, rel=1e-9)


def test_one_customer_gives_no_interval():
    found = decompose(means([0, 0, 1], [1.0, 2, 3]), means([0, 0, 1], [2.0, 2, 3]))
    assert np.isnan(found.table.loc[1, "within_low"])
    assert found.table.loc[0, "within_low"] < found.table.loc[0, "within"]
    alone = decompose(means([0], [1.0]), means([0], [2.0]))
    assert alone.change == 1
    assert np.isnan(alone.parts.loc["change", "low"])


def test_row_order_changes_nothing():
    old, new = _truth(np.random.default_rng(0), 80)
    one = decompose(old, new)
    other = decompose(old.sample(frac=1, random_state=1), new.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    pd.testing.assert_frame_equal(one.parts, other.parts, check_exact=True)


def test_the_verdict_says_the_largest_part_first():
    old = means([0] * 6 + [1] * 4, [10.0] * 6 + [30.0] * 4)
    new = means([0] * 3 + [1] * 7, [10.0] * 3 + [30.0] * 7, start=5)
    found = decompose(old, new, kpi="spend")
    assert found.verdict == "spend went from 18 to 24: +6.00 mix of segments (may be chance)"
    assert (
        decompose(old, old, kpi="spend").verdict
        == "spend went from 18 to 18: no part of it changed"
    )
    share = decompose(
        means([0] * 4, [0, 0, 0, 1.0]), means([0] * 4, [0, 1, 0, 1.0]), unit="share", kpi="buyers"
    )
    assert share.verdict.startswith("buyers went from 25% to 50%: +25.0 points within segments")


def test_names_are_escaped():
    old = means([0, 0, -1], [1.0, 2, 3])
    found = decompose(old, old, {0: "<script>"})
    assert "<script>" not in found._repr_html_().replace("<style", "")
    assert found.table["name"].tolist() == ["noise", "<script>"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda f: f.drop(columns="numerator"), DataError, "column numerator is missing"),
        (lambda f: f.iloc[:0], NotEnoughDataError, "no customer"),
        (lambda f: pd.concat([f, f.iloc[:1]]), DataError, "twice"),
        (lambda f: f.assign(numerator=[1, 2, np.nan]), DataError, "numerator is not a number"),
        (lambda f: f.assign(numerator=[1, 2, np.inf]), DataError, "numerator is not a number"),
        (lambda f: f.assign(segment=[0, None, 1]), DataError, "segment is not a number"),
        (lambda f: f.assign(segment=[0, 0.5, 1]), DataError, "whole numbers"),
        (lambda f: f.assign(denominator=[1, -1, 1]), DataError, "negative"),
        (lambda f: f.assign(denominator=0.0), NotEnoughDataError, "nobody to divide by"),
    ],
)
def test_bad_input(change, error, said):
    good = frame([(0, 1.0, 1), (0, 2.0, 1), (1, 3.0, 2)])
    for pair in ((change(good), good), (good, change(good))):
        with pytest.raises(error, match=said):
            decompose(*pair)


def test_bad_parameters():
    good = frame([(0, 1.0, 1), (0, 2.0, 1)])
    with pytest.raises(DataError, match="total has no denominator"):
        decompose(good, good, total=True)
    with pytest.raises(ParameterError, match="level"):
        decompose(good, good, level=1)
    with pytest.raises(ParameterError, match="unit"):
        decompose(good, good, unit="Euro")
