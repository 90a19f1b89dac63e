from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml.clustering.naming import name_segments

COLUMNS = ["recency_days", "orders", "aov", "visits_a_week"]
levels = st.sampled_from([-2.0, -0.7, -0.5, -0.49, 0.0, 0.49, 0.5, 0.7, 1.5, 2.0])
tables = st.lists(st.lists(levels, min_size=4, max_size=4), min_size=1, max_size=12)


@given(tables)
def test_names_are_always_distinct(rows):
    names = name_segments(pd.DataFrame(rows, columns=COLUMNS))
    assert len(names) == len(rows)
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() for name in names)


hostile = st.sampled_from(["Average", "Average A", "Average B", "Lapsed", "Frequent A", "Core"])


@given(tables, st.dictionaries(st.integers(0, 11), hostile))
def test_own_names_win_and_are_not_given_again(rows, own):
    own = {i: name for i, name in own.items() if i < len(rows)}
    own = {i: name for i, name in own.items() if list(own.values()).count(name) == 1}
    names = name_segments(pd.DataFrame(rows, columns=COLUMNS), own)
    assert {i: names[i] for i in own} == own
    assert len(set(names)) == len(names)


def one(**contrasts: float) -> str:
    return name_segments(pd.DataFrame([contrasts]))[0]


def test_the_clearest_two_contrasts_make_the_name_strongest_first():
    assert one(recency_days=0.6, orders=-1.2, aov=0.9) == "Few-order, big-basket"
    assert one(recency_days=-0.6, orders=0.55) == "Recent, frequent"


def test_equal_contrasts_stay_in_the_order_of_the_features():
    assert one(recency_days=0.8, orders=0.8) == "Lapsed, frequent"
    assert one(orders=0.8, recency_days=0.8) == "Frequent, lapsed"


def test_half_a_standard_deviation_is_worth_a_word_and_three_halves_a_very():
    assert one(orders=0.5) == "Frequent"
    assert one(orders=0.4999) == "Average"
    assert one(orders=1.5) == "Very frequent"
    assert one(orders=1.4999) == "Frequent"
    assert one(orders=-1.5) == "Very few-order"


def test_features_of_ones_own_are_high_and_low():
    assert one(visits_a_week=0.7) == "High visits a week"
    assert one(visits_a_week=-2) == "Very low visits a week"


def test_a_third_word_tells_segments_apart():
    names = name_segments(
        pd.DataFrame({"recency_days": [0.9, 0.9], "orders": [-0.8, -0.8], "aov": [0.7, -0.7]})
    )
    assert names == ["Lapsed, few-order, big-basket", "Lapsed, few-order, small-basket"]


def test_letters_where_words_do_not_tell_segments_apart():
    names = name_segments(pd.DataFrame({"orders": [0.1, 0.9, -0.1, 0.9, 0.2]}))
    assert names == ["Average A", "Frequent A", "Average B", "Frequent B", "Average C"]


def test_words_in_another_order_are_the_same_words():
    names = name_segments(pd.DataFrame({"recency_days": [0.9, 0.7], "orders": [0.7, 0.9]}))
    assert names == ["Lapsed, frequent A", "Frequent, lapsed B"]


def test_letters_go_on_after_z_and_pass_over_own_names():
    names = name_segments(pd.DataFrame({"orders": [0.0] * 29}), {0: "Average B"})
    assert names[:4] == ["Average B", "Average A", "Average C", "Average D"]
    assert names[25:] == ["Average Z", "Average AA", "Average AB", "Average AC"]


@pytest.mark.parametrize("own", [None, {}])
def test_no_own_names(own):
    assert name_segments(pd.DataFrame({"orders": [0.9, -0.9]}), own) == ["Frequent", "Few-order"]
