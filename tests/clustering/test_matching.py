from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter, match_segments


def labels(*ids: int) -> pd.Series:
    return pd.Series(ids, index=[f"c{i:02d}" for i in range(len(ids))])


def test_a_permutation_is_undone():
    old = labels(0, 0, 0, 1, 1, 2)
    new = old.map({0: 2, 1: 0, 2: 1})
    found = match_segments(old, new, {0: "Loyal", 1: "New", 2: "Lapsed"})
    assert found.mapping == {0: 1, 1: 2, 2: 0}
    assert found.names == {0: "New", 1: "Lapsed", 2: "Loyal"}
    pd.testing.assert_series_equal(found.rename(new), old)
    assert (found.splits, found.merges, found.gone, found.born) == ({}, {}, [], [])


def test_a_split_keeps_the_identity_of_the_larger_part():
    old = labels(*[0] * 10, *[1] * 5)
    new = labels(*[0] * 6, *[2] * 4, *[1] * 5)
    found = match_segments(old, new)
    assert found.mapping == {0: 0, 1: 1, 2: None}
    assert found.splits == {0: [0, 2]}
    assert found.born == [2]
    assert found.ids[2] == 2
    assert found.merges == {}


def test_a_merge_is_told_and_one_is_gone():
    old = labels(*[0] * 6, *[1] * 5, *[2] * 4)
    new = labels(*[0] * 11, *[1] * 4)
    found = match_segments(old, new)
    assert found.mapping == {0: 0, 1: 2}
    assert found.merges == {0: [0, 1]}
    assert found.gone == [1]
    assert found.splits == {}


def test_born_segments_take_ids_that_no_old_one_has():
    old = labels(*[3] * 5, *[7] * 5)
    new = labels(*[0] * 5, *[1] * 3, *[2] * 2)
    assert match_segments(old, new).ids == {0: 3, 1: 7, 2: 8}


def test_a_handful_in_common_is_no_identity():
    old = labels(*[0] * 20, *[1] * 20)
    new = labels(*[0] * 20, *[1] * 1, *[-1] * 19)
    found = match_segments(old, new)
    assert found.mapping == {0: 0, 1: None}
    assert found.gone == [1]


def test_noise_is_apart():
    old, new = labels(0, 0, -1, -1, 1), labels(1, 1, -1, 0, 0)
    found = match_segments(old, new)
    assert -1 not in found.mapping
    assert found.noise.loc["noise", "noise"] == 1
    assert found.noise.loc["noise", "segment"] == 1
    assert found.noise.to_numpy().sum() == found.n_both
    assert set(found.overlaps["old"]) == {0, 1}
    assert found.rename(new).tolist() == [0, 0, -1, 1, 1]


def test_customers_of_one_side_are_counted_and_left_out():
    old = pd.Series([0, 0, 1, 1], index=list("abcd"))
    new = pd.Series([1, 0, 0, 0], index=list("bcde"))
    found = match_segments(old, new)
    assert (found.n_both, found.n_old_only, found.n_new_only) == (3, 1, 1)
    assert found.mapping == {0: 1, 1: 0}
    assert found.overlaps["customers"].sum() == 3


pairs = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=1, max_size=40)


@given(pairs)
def test_no_other_one_to_one_matching_has_more_in_common(drawn):
    old, new = (labels(*column) for column in zip(*drawn, strict=True))
    if (old < 0).all() or (new < 0).all():
        return
    found = match_segments(old, new)
    sets = [{i: set(s.index[s == i]) for i in sorted(set(s) - {-1})} for s in (old, new)]
    table = np.array(
        [[len(a & b) / len(a | b) for b in sets[1].values()] for a in sets[0].values()]
    )
    if table.shape[0] > table.shape[1]:
        table = table.T
    best = max(
        sum(table[i, j] for i, j in enumerate(chosen))
        for chosen in permutations(range(table.shape[1]), table.shape[0])
    )
    told = found.overlaps.loc[found.overlaps["matched"], "jaccard"].sum()
    # Pairs under 0.1 are in the optimum and not in the matching.
    assert best - 0.1 * min(table.shape) <= told + 1e-12
    assert told <= best + 1e-12
    known = [i for i in found.mapping.values() if i is not None]
    assert len(known) == len(set(known))
    assert len(set(found.ids.values())) == len(found.ids)
    assert sorted(found.gone + known) == sorted(sets[0])


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_customers_changes_nothing(drawn, random):
    old, new = (labels(*column) for column in zip(*drawn, strict=True))
    order = random.sample(range(len(old)), len(old))
    one, other = match_segments(old, new), match_segments(old.iloc[order], new.iloc[order[::-1]])
    assert one.mapping == other.mapping
    pd.testing.assert_frame_equal(one.overlaps, other.overlaps)
    assert one._repr_html_() == other._repr_html_()


def test_names_follow_through_a_refit():
    rng = np.random.default_rng(0)
    places = np.repeat([[0, 0], [9, 0], [0, 9]], [50, 40, 30], axis=0)
    frame = pd.DataFrame(places + rng.normal(size=(120, 2)), columns=["orders", "visits"])
    yesterday = KMeansSegmenter(3, names={0: "Quiet", 1: "Buyers", 2: "Browsers"}).fit(frame)
    # The smallest has become the largest, so that the ids have moved.
    more = frame.iloc[90:].sample(200, replace=True, random_state=1) + rng.normal(size=(200, 2)) / 9
    today = pd.concat([frame, more.set_axis(range(120, 320))])
    found = match_segments(yesterday, KMeansSegmenter(3).fit(today))
    again = KMeansSegmenter(3, names=found.names).fit(today)
    told = again.labels_.map(again.segments_["name"])
    assert (told.iloc[:120] == yesterday.labels_.map(yesterday.segments_["name"])).all()
    assert found.mapping == {0: 2, 1: 0, 2: 1}
    assert found.n_new_only == 200


def test_a_name_that_is_carried_over_is_not_given_twice():
    old, new = labels(0, 0, 0, 1, 1), labels(0, 0, 0, 1, 2)
    frame = pd.DataFrame({"orders": new.to_numpy(float)}, index=new.index)
    today = KMeansSegmenter(3, names={2: "Loyal"}).fit(frame)
    found = match_segments(old, today, {0: "Loyal"})
    assert list(found.names.values()).count("Loyal") == 1


def test_the_page_tells_splits_and_counts():
    found = match_segments(labels(*[0] * 10), labels(*[0] * 6, *[1] * 4), {0: "Loyal & <co>"})
    page = found._repr_html_()
    assert "Segment 0 was split: now 0 and 1." in page
    assert "Loyal &amp; &lt;co&gt;" in page
    assert "10 customers are in both; 0 only before, 0 only now." in page


def test_all_noise_matches_nothing():
    found = match_segments(labels(-1, -1), labels(0, 1))
    assert found.mapping == {0: None, 1: None}
    assert found.ids == {0: 0, 1: 1}


def test_nobody_in_common():
    with pytest.raises(NotEnoughDataError, match="no customer is in both"):
        match_segments(pd.Series([0], index=["a"]), pd.Series([0], index=["b"]))


def test_a_customer_twice():
    with pytest.raises(DataError, match="twice"):
        match_segments(pd.Series([0, 1], index=["a", "a"]), labels(0, 1))


@pytest.mark.parametrize("bad", [np.nan, 0.5, "x", -2, np.inf])
def test_labels_that_are_no_ids(bad):
    with pytest.raises(DataError, match="not segment ids"):
        match_segments(labels(0, 1), pd.Series([0, bad], index=["c00", "c01"], dtype=object))


@pytest.mark.parametrize("threshold", [0, 1.1, None])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ParameterError, match="threshold"):
        match_segments(labels(0), labels(0), threshold=threshold)


def test_labels_without_customers_are_refused():
    with pytest.raises(ParameterError, match="segments of customers"):
        match_segments(np.array([0, 1]), labels(0, 1))


def test_renaming_what_was_not_matched():
    found = match_segments(labels(0, 1), labels(1, 0))
    with pytest.raises(DataError, match="not one of those"):
        found.rename(labels(0, 5))
