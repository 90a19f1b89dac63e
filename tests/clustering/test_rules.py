from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import binomtest

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter, segment_rules
from segml.clustering._arcs import Arc, cut
from segml.clustering._conditions import Choice, Column, Range, roundest
from segml.engine import DuckEngine
from segml.features import FEATURES, build_features, make_preprocessor

from ..features.bundles import bundle, store


def mixed(n: int = 600, seed: int = 1) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers, levels and truths with gaps; the segments follow them but for a few."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "recency_days": rng.integers(0, 400, n).astype(float),
            "aov": rng.lognormal(3, 1, n),
            "country": rng.choice(["FR", "DE", "IT", 'it\'s "odd" {x}'], n).astype(object),
            "member": rng.random(n) < 0.4,
        },
        index=pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id"),
    )
    frame.loc[rng.random(n) < 0.1, "recency_days"] = np.nan
    frame.loc[rng.random(n) < 0.1, "country"] = None
    labels = np.select(
        [
            frame["recency_days"].isna(),
            frame["country"].isin(["FR", "IT"]) & frame["recency_days"].le(90),
            frame["member"],
        ],
        [2, 1, 3],
        0,
    )
    labels[rng.random(n) < 0.03] = 0
    return frame, pd.Series(labels, index=frame.index)


@pytest.fixture(scope="module")
def rules():
    return segment_rules(*mixed(), max_depth=4)


def test_known_rules_are_found_again():
    frame, labels = mixed(3000)
    found = segment_rules(frame, labels, max_depth=4)
    assert "days since last order is unknown" in found.table.loc[2, "rule"]
    assert re.search(r"days since last order <= 90\b", found.table.loc[1, "rule"])
    assert "country is FR or IT" in found.table.loc[1, "rule"]
    assert found.fidelity > 0.95
    assert found.low < found.fidelity < found.high


def test_every_customer_meets_exactly_one_rule(rules):
    frame, _ = mixed(seed=7)
    frame.loc[frame.index[:50], "country"] = "unheard of"
    met = sum(
        np.logical_and.reduce(
            [one.holds(_values(frame, name)) for name, one in box.items()]
            or [np.ones(len(frame), bool)]
        ).astype(int)
        for own in rules.boxes.values()
        for box in own
    )
    assert (met == 1).all()
    assert set(rules.predict(frame)) <= set(rules.table.index)


def _values(frame, name):
    if name in ("country", "member"):
        column = frame[name].astype(object)
        return np.array(
            [None if x is None or x != x else {True: "yes", False: "no"}.get(x, x) for x in column],
            dtype=object,
        )
    return frame[name].to_numpy(dtype=float)


def test_order_of_rows_and_container_change_nothing(rules):
    frame, labels = mixed()
    for i in range(3):
        mixed_up = frame.sample(frac=1, random_state=i)
        again = segment_rules(mixed_up, labels, max_depth=4)
        pd.testing.assert_frame_equal(again.table, rules.table)
        assert again.boxes == rules.boxes
    for other in (frame.reset_index(), pl.from_pandas(frame.reset_index())):
        again = segment_rules(other, labels, max_depth=4)
        assert again.boxes == rules.boxes
        assert again.predict(other).tolist() == rules.predict(frame).tolist()


def test_sql_assigns_as_python_does(rules, any_engine):
    frame, _ = mixed(300, seed=9)
    frame.loc[frame.index[:20], "country"] = "unheard of"
    _assert_sql_is_python(rules, frame, any_engine)


def _assert_sql_is_python(rules, frame, engine):
    found = rules.assign(engine.register(frame.reset_index())).to_pandas()
    found = found.set_index("customer_id").loc[frame.index]
    assert found["segment"].tolist() == rules.predict(frame).tolist()
    assert found["name"].tolist() == rules.table["name"].loc[found["segment"]].tolist()


@pytest.mark.parametrize("seed", range(6))
def test_sql_assigns_as_python_does_on_what_thresholds_part(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(200, 3)) * [1e-9, 1.0, 1e12], columns=list("abc"))
    frame = frame.mask(rng.random(frame.shape) < 0.05)
    frame.index = pd.Index([f"c{i}" for i in range(200)], name="customer_id")
    labels = pd.Series(rng.integers(0, 4, 200), index=frame.index)
    rules = segment_rules(frame, labels)
    ends = [
        (name, end)
        for own in rules.boxes.values()
        for box in own
        for name, one in box.items()
        for end in (one.low, one.high)
        if np.isfinite(end)
    ]
    edges = [
        {"a": 0.0, "b": 0.0, "c": 0.0} | {name: value}
        for name, end in ends
        for value in (end, np.nextafter(end, -np.inf), np.nextafter(end, np.inf))
    ]
    edge = pd.DataFrame(edges, index=pd.Index([f"e{i}" for i in range(len(edges))]))
    both = pd.concat([frame, edge]).rename_axis("customer_id")
    _assert_sql_is_python(rules, both, DuckEngine())


def test_the_exported_text_runs_as_it_stands(rules):
    duckdb = pytest.importorskip("duckdb")
    frame, _ = mixed(100, seed=3)
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.register("given", frame.reset_index())
        connection.execute('CREATE TABLE shop."the features" AS SELECT * FROM given')
        found = connection.sql(rules.to_sql("shop.the features")).df().set_index("customer_id")
    assert found["segment"].loc[frame.index].tolist() == rules.predict(frame).tolist()


def test_rounding_moves_no_customer():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.lognormal(0, 3, 500).round(6), "y": rng.normal(size=500)})
    labels = pd.Series((frame["x"] > 1.2345).astype(int) + 2 * (frame["y"] > 0.1))
    rules = segment_rules(frame, labels)
    assert rules.predict(frame).tolist() == labels.tolist()


def test_roundest_is_within_and_has_no_digit_more_than_needed():
    rng = np.random.default_rng(0)
    for low, high in pairwise(np.sort(rng.normal(size=400) * 10.0 ** rng.integers(-12, 12, 400))):
        found = roundest(low, high)
        assert low <= found < high
        if found:
            digits = len(repr(abs(found)).replace(".", "").split("e")[0].strip("0"))
            step = 10.0 ** np.floor(np.log10(max(abs(low), abs(high))))
            for shorter in range(digits - 2):  # no number of so few digits lies between
                unit = step / 10.0**shorter
                first = np.ceil(low / unit) * unit
                assert not low * (1 + 1e-12) < first < high * (1 - 1e-12) or low < 0
    assert roundest(5.0, np.nextafter(5.0, 6)) == 5.0
    third = 1 / 3
    assert roundest(third, np.nextafter(third, 1)) == third
    assert roundest(-3.0, 2.0) == 0.0
    assert roundest(-25.0, -22.0) == -23.0 or roundest(-25.0, -22.0) == -24.0


def test_words_of_registered_features():
    table = build_features(
        bundle(store(250)), None, ["recency_days", "orders", "discounted_share", "main_channel"]
    )
    frame = table.to_pandas()
    labels = pd.Series(np.select([frame["recency_days"] > 100, frame["orders"] > 3], [0, 1], 2))
    rules = segment_rules(table, labels.set_axis(frame.index), names={0: "Lapsed"})
    assert rules.fidelity > 0.9
    assert str(rules).startswith("Lapsed: ")
    assert re.search(r"days since last order >= \d+|recency >= \d+ days", str(rules).lower())
    assert re.search(r"orders >= 4", str(rules))


def test_levels_that_fall_to_the_same_segments_are_split_together():
    rng = np.random.default_rng(0)
    levels = np.array([f"L{i}" for i in range(12)])
    place = rng.permutation(12)
    at = rng.integers(0, 12, 2000)
    frame = pd.DataFrame({"city": levels[at]})
    labels = pd.Series(np.where(place[at] < 5, 0, 1))
    rules = segment_rules(frame, labels, max_depth=1)
    assert rules.fidelity == 1
    wanted = " or ".join(
        [", ".join(sorted(levels[place < 5], key=str)[:-1]), sorted(levels[place < 5])[-1]]
    )
    assert f"city is {wanted}" in str(rules) or f"city is not {wanted}" in str(rules)


def test_conditions_on_one_feature_are_joined():
    frame = pd.DataFrame({"x": np.arange(400)})
    labels = pd.Series(np.select([frame["x"] < 100, frame["x"] < 300], [0, 1], 2))
    rules = segment_rules(frame, labels)
    assert rules.table["rule"].tolist() == ["x <= 99", "x from 100 to 299", "x >= 300"]
    both = Range(high=5).joined(Range(5, 9, missing=True))
    assert both == Range(high=9, missing=True)
    assert Range(1, 2).joined(Range(3, 4)) is None
    assert Range(3, 4).joined(Range(np.inf, np.inf, missing=True)) == Range(3, 4, missing=True)
    assert Range().joined(Range(np.inf, np.inf, missing=True)).is_everything
    some = Choice(frozenset("a"), ("a", "b"))
    assert some.joined(Choice(frozenset("b"), ("a", "b"), True, True)).is_everything


def test_precision_and_coverage_by_wilson_of_customers_not_used(rules):
    row = rules.table.loc[0]
    n = row["size"]
    expected = binomtest(round(row["coverage"] * n), int(n)).proportion_ci(0.95, "wilson")
    assert row[["coverage_low", "coverage_high"]].tolist() == pytest.approx([*expected])
    assert 0 < row["precision_low"] < row["precision"] < row["precision_high"] <= 1


def test_segments_of_chance_are_not_told_by_rules():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(600, 4)), columns=list("abcd"))
    rules = segment_rules(frame, pd.Series(rng.integers(0, 2, 600)), max_depth=4)
    assert rules.fidelity == pytest.approx(0.5, abs=0.06)  # three standard errors


def test_a_small_segment_gets_a_rule_and_many_segments_a_deeper_tree():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=1000), "y": rng.normal(size=1000)})
    labels = pd.Series(np.where((frame["x"] > 1.8) & (rng.random(1000) < 0.45), 1, 0))
    assert (segment_rules(frame, labels).table["rule"] != "no rule of this depth").all()
    ten = pd.DataFrame({"x": np.arange(1000)})
    rules = segment_rules(ten, pd.Series(np.arange(1000) // 100))
    assert rules.fidelity > 0.98
    assert rules.table["rule"].iloc[4] == "x from 400 to 499"


def test_noise_is_left_out_and_said():
    frame, labels = mixed()
    noisy = labels.where(labels != 3, -1)
    rules = segment_rules(frame, noisy)
    assert -1 not in rules.table.index
    assert rules.n_noise == (labels == 3).sum()
    assert f"{rules.n_noise} customers of noise are left out" in rules._repr_html_()
    assert (rules.predict(frame) >= 0).all()


def test_one_segment_one_customer_and_nobody():
    frame, labels = mixed(30)
    rules = segment_rules(frame, labels * 0)
    assert rules.table["rule"].tolist() == ["everyone"]
    assert rules.predict(frame).eq(0).all()
    _assert_sql_is_python(rules, frame, DuckEngine())
    one = segment_rules(frame.iloc[:1], labels.iloc[:1])
    assert np.isnan(one.fidelity)
    assert "n/a" in one._repr_html_()
    with pytest.raises(NotEnoughDataError, match="no customers in segments"):
        segment_rules(frame, labels * 0 - 1)


def test_bad_input_is_refused():
    frame, labels = mixed(60)
    with pytest.raises(DataError, match="infinite") as caught:
        segment_rules(frame.assign(aov=np.inf), labels)
    assert caught.value.problem.where == "column aov"
    with pytest.raises(DataError, match="not those of the customers"):
        segment_rules(frame.iloc[1:], labels)
    for depth in (0, 2.5, "3"):
        with pytest.raises(ParameterError, match="max_depth"):
            segment_rules(frame, labels, max_depth=depth)
    rules = segment_rules(*mixed())
    with pytest.raises(MissingTableError, match="feature of the rules") as caught:
        rules.predict(frame.rename(columns={"recency_days": "recency_day"}))
    assert caught.value.problem.nearest == "recency_day"
    engine = DuckEngine()
    with pytest.raises(MissingTableError, match="not in the table"):
        rules.assign(engine.register(frame[["aov"]].reset_index()))


def test_html_is_escaped_and_holds_the_sql():
    frame, labels = mixed()
    evil = frame.rename(columns={"recency_days": "<b>days</b>"})
    page = segment_rules(evil, labels, names={1: "<script>1</script>"})._repr_html_()
    assert not re.search(r"<script>|<b>", page)
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;days&lt;/b&gt;" in page
    assert "END AS BIGINT) AS segment" in page


def test_rules_of_a_fitted_segmenter():
    table = build_features(bundle(store(250)), None, ["recency_days", "orders", "aov"])
    segmenter = KMeansSegmenter(3, make_preprocessor(table)).fit(table)
    rules = segment_rules(table, segmenter)
    assert rules.table["name"].tolist() == segmenter.segments_["name"].tolist()
    assert rules.fidelity > 0.8
    engine_labels = rules.assign(table).to_pandas().set_index("customer_id")["segment"]
    assert engine_labels.sort_index().tolist() == rules.predict(table).sort_index().tolist()


HOUR = Column("order_hour", FEATURES["order_hour"])
WEEKDAY = Column("order_weekday", FEATURES["order_weekday"])


def at_hours(n: int = 900, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Customers who order at night, by day at the weekend, and by day on other days."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"order_hour": rng.uniform(0, 24, n), "order_weekday": rng.integers(0, 7, n).astype(float)},
        index=pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id"),
    )
    night = (frame["order_hour"] > 22) | (frame["order_hour"] <= 4)
    labels = np.select([night, frame["order_weekday"].isin([5, 6, 0])], [0, 1], 2)
    return frame, pd.Series(labels, index=frame.index)


def test_hours_and_weekdays_are_ranges_that_go_over_midnight_and_the_week():
    frame, labels = at_hours()
    rules = segment_rules(frame, labels, names={0: "Night", 1: "Weekend", 2: "Week"})
    assert rules.fidelity > 0.99
    assert rules.table.loc[0, "rule"] == "hour of orders after 22:00 until 04:00"
    assert set(rules.table.loc[1, "rule"].split(" and ")) == {
        "hour of orders after 04:00 until 22:00",
        "weekday of orders from Saturday to Monday",
    }
    assert "weekday of orders from Tuesday to Friday" in rules.table.loc[2, "rule"]
    assert '("order_hour" > 22 OR "order_hour" <= 4)' in rules.to_sql("features")
    assert rules.predict(frame).eq(labels).mean() > 0.98


def test_ranges_on_a_circle_are_assigned_in_sql_as_in_python(any_engine):
    frame, labels = at_hours(400)
    frame = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.1)
    rules = segment_rules(frame, labels)
    edges = [0, 4, np.nextafter(4, 5), 22, np.nextafter(22, 23), np.nextafter(24, 0), 24, -1]
    edge = pd.DataFrame(
        [(hour, day) for hour in edges for day in range(7)], columns=frame.columns
    ).rename(lambda i: f"e{i}")
    both = pd.concat([frame, edge]).rename_axis("customer_id").astype(float)
    held = sum(
        np.logical_and.reduce([one.holds(both[name].to_numpy()) for name, one in box.items()])
        for own in rules.boxes.values()
        for box in own
    )
    assert (held == 1).all()  # each customer meets one rule, also outside of the cycle
    _assert_sql_is_python(rules, both, any_engine)


@pytest.mark.parametrize("seed", range(4))
def test_order_of_rows_changes_no_range_on_a_circle(seed):
    frame, labels = at_hours(200, seed)
    shuffled = frame.sample(frac=1, random_state=seed)
    assert segment_rules(shuffled, labels).boxes == segment_rules(frame, labels).boxes


def test_numbers_beyond_the_cycle_are_plain_numbers():
    frame, labels = at_hours(200)
    frame.iloc[0, 0] = 24.0
    rules = segment_rules(frame, labels)
    found = [
        box["order_hour"] for own in rules.boxes.values() for box in own if "order_hour" in box
    ]
    assert found
    assert all(isinstance(one, Range) for one in found)


def test_a_range_on_a_circle_in_words():
    assert Arc(21.5, 4.0, 12.0).say(HOUR) == "hour of orders after 21:30 until 04:00"
    assert Arc(4.5, 6.5, 1.5).say(WEEKDAY) == "weekday of orders from Saturday to Sunday"
    assert Arc(5.5, 6.5, 1.5).say(WEEKDAY) == "weekday of orders is Sunday"
    assert Arc(5.5, 0.5, 1.5).say(WEEKDAY) == "weekday of orders from Sunday to Monday"
    whole = replace(HOUR, whole=True, has_missing=True)
    assert Arc(21, 4, 12).say(whole) == "hour of orders from 22:00 to 04:00"
    assert (
        Arc(23, 4, 12, missing=True).say(whole) == "hour of orders from 00:00 to 04:00 or unknown"
    )
    assert Arc(9, 9, 9).say(whole) == "hour of orders is known"
    assert Arc(9, 9, 9, missing=True, known=False).say(whole) == "hour of orders is unknown"
    assert "4.3 (Monday is 0)" in Arc(4.3, 6.5, 1.5).say(WEEKDAY)


def test_arcs_are_joined_also_over_the_turn():
    turn = 9.0
    one, two, three = Arc(turn, 15, turn), Arc(15, 3, turn), Arc(3, turn, turn)
    assert one.joined(two) == Arc(turn, 3, turn)
    assert three.joined(one) == Arc(3, 15, turn)
    assert one.joined(two).joined(three).start == one.joined(two).joined(three).end
    assert Arc(turn, 12, turn).joined(two) is None
    unknown = Arc(turn, turn, turn, missing=True, known=False)
    assert one.joined(unknown) == unknown.joined(one) == replace(one, missing=True)
    assert one.joined(two).joined(three).joined(unknown).is_everything
    hours = np.array([0, 3, 3.5, 9, 9.5, 15, 20, np.nan])
    for a, b in ((one, two), (three, one), (two, three), (two, unknown)):
        np.testing.assert_array_equal(a.joined(b).holds(hours), a.holds(hours) | b.holds(hours))
    outer = Arc(12, 3, turn)
    np.testing.assert_array_equal(
        outer.both(two).holds(hours), outer.holds(hours) & two.holds(hours)
    )


def test_numbers_on_a_circle_are_parted_where_it_is_easily_said():
    assert cut(22.2, 1.5, HOUR) == 23
    assert cut(8.3, 8.9, HOUR) == 8.5
    assert 8.55 <= cut(8.55, 8.6, HOUR) < 8.6
    assert cut(4.0, 6.0, WEEKDAY) in (4.5, 5.5)
    assert cut(6.2, 0.0, WEEKDAY) == 6.5
    assert cut(3.0, 5.0, replace(WEEKDAY, whole=True)) == 3
