from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter, cautions


def clear(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Two segments that differ in three features."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n // 2)
    frame = pd.DataFrame(rng.normal(size=(n, 3)) + 6 * labels[:, None], columns=list("abc"))
    frame.index = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    return frame, pd.Series(labels, index=frame.index)


def kinds(found) -> list[str]:
    return [one.kind for one in found]


def test_nothing_is_said_of_clear_segments():
    frame, labels = clear()
    found = cautions(labels, frame)
    assert len(found) == 0
    assert "Nothing speaks against" in found._repr_html_()
    segmenter = KMeansSegmenter(2).fit(frame)
    assert len(cautions(segmenter, frame)) == 0


def test_one_group_cut_in_two_is_too_many_segments():
    frame, labels = clear()
    rng = np.random.default_rng(1)
    halves = labels.where(labels == 0, labels + rng.integers(0, 2, len(labels)))
    (found,) = cautions(halves, frame, names={1: "Loyal", 2: "Faithful"})
    assert found.kind == "too many segments"
    assert found.segments == (1, 2)
    assert found.what.startswith("“Loyal” and “Faithful” hardly differ: in ")
    assert float(re.search(r"by ([\d.]+) standard", found.what)[1]) < 0.5


@pytest.mark.parametrize(("apart", "warned"), [(0.4, True), (0.6, False)])
def test_half_a_standard_deviation_is_the_border(apart, warned):
    x = np.tile(np.random.default_rng(0).normal(size=400), 2)
    frame = pd.DataFrame({"x": (x - x.mean()) / x.std()})
    labels = pd.Series(np.repeat([0, 1], 400))
    frame["x"] += apart * labels
    assert (kinds(cautions(labels, frame)) == ["too many segments"]) == warned


def test_categories_tell_segments_apart_and_so_do_constants():
    labels = pd.Series(np.repeat([0, 1], 100))
    frame = pd.DataFrame({"country": np.where(labels == 0, "FR", "DE")})
    assert len(cautions(labels, frame)) == 0
    assert len(cautions(labels, pd.DataFrame({"x": labels * 3.0}))) == 0
    same = cautions(labels, pd.DataFrame({"x": np.ones(200)}))
    assert kinds(same) == ["too many segments"]


def test_few_customers_and_many_features():
    frame, labels = clear(300)
    few = labels.copy()
    few.iloc[:29] = 2
    found = [one for one in cautions(few, frame) if one.kind == "too little data"]
    assert [(one.segments, one.what) for one in found] == [((2,), "“segment 2” are 29 customers")]
    few.iloc[29] = 2
    assert "too little data" not in kinds(cautions(few, frame))
    wide = pd.concat([frame] + [frame.add_prefix(f"{i}") for i in range(2)], axis=1)
    found = cautions(labels, wide)
    assert found[0].segments == ()
    assert found[0].what == "There are 300 customers for 9 features"
    assert "at most 4 of the features" in found[0].what_to_do


def test_a_segment_that_differs_in_one_feature_alone():
    frame, labels = clear(1000)
    rng = np.random.default_rng(2)
    frame[["b", "c"]] = rng.normal(size=(1000, 2))
    found = [one for one in cautions(labels, frame) if one.kind == "one feature"]
    assert [one.segments for one in found] == [(0,), (1,)]
    assert found[0].what == "“segment 0” differ from everyone else in a alone"
    assert kinds(cautions(labels, frame[["a", "b"]])) == []


def test_overlap_by_mean_membership():
    frame, labels = clear()
    membership = pd.DataFrame({0: 0.9, 1: 0.1}, index=frame.index)
    membership.loc[labels == 1] = [0.31, 0.69]
    (found,) = cautions(labels, frame, membership=membership.iloc[::-1])
    assert (found.kind, found.segments) == ("overlap", (1, 0))
    assert "by 69% on average, and by 31% to “segment 0”" in found.what
    assert len(cautions(labels, frame, membership=membership, min_membership=0.6)) == 0
    rng = np.random.default_rng(0)
    blob = pd.DataFrame(rng.normal(size=(500, 2)), columns=list("ab"))
    assert "overlap" in kinds(cautions(KMeansSegmenter(5).fit(blob), blob, min_membership=0.95))


def test_noise_one_segment_and_gaps():
    frame, labels = clear()
    assert len(cautions(labels.where(labels == 0, -1), frame)) == 1  # 150 for three features
    assert len(cautions(labels * 0, frame)) == 0
    gaps = frame.assign(b=np.nan, c=frame["c"].where(labels == 0))
    assert isinstance(cautions(labels, gaps).items, tuple)
    with pytest.raises(NotEnoughDataError, match="no customers in segments"):
        cautions(labels * 0 - 1, frame)


def test_bad_input_is_refused():
    frame, labels = clear()
    with pytest.raises(DataError, match="not those of the customers"):
        cautions(labels.iloc[1:], frame)
    with pytest.raises(DataError, match="memberships"):
        cautions(labels, frame, membership=pd.DataFrame({0: [1.0]}))
    with pytest.raises(ParameterError, match="min_membership"):
        cautions(labels, frame, min_membership=70)


def test_a_caution_is_frozen_readable_and_escaped():
    frame, labels = clear()
    found = cautions(labels * 0 + np.arange(300) % 2, frame, names={0: "<b>"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].what = ""
    assert "&lt;b&gt;" in found._repr_html_()
    assert str(found).count("\n") == len(found) - 1


def test_order_of_rows_changes_nothing():
    frame, labels = clear()
    some = labels + (np.arange(300) % 2)
    mixed = frame.sample(frac=1, random_state=0)
    assert cautions(some, mixed) == cautions(some, frame)
