from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm, ttest_ind

from segml._core.errors import DataError
from segml.clustering import SegmentProfile, profile_segments
from segml.features import build_features

IDS = list("abcdefg")
FRAME = pd.DataFrame(
    {"visits": [1.0, 2.0, 6.0, 4.0, 8.0, 9.0, 30.0], "orders": [1, 1, 4, 2, 2, 20, 99]},
    index=pd.Index(IDS, name="customer_id"),
)
LABELS = pd.Series([0, 0, 0, 0, 1, 1, 1], index=FRAME.index)


@pytest.fixture(scope="module")
def profile() -> SegmentProfile:
    return profile_segments(FRAME, LABELS, {0: "Few", 1: "Many"})


def row(profile: SegmentProfile, segment: int, feature: str) -> pd.Series:
    return profile.table.set_index(["segment", "feature"]).loc[(segment, feature)]


def test_levels_by_hand(profile):
    few = row(profile, 0, "visits")
    assert (few["median"], few["mean"], few["median_all"]) == (3.0, 3.25, 6.0)
    many = row(profile, 1, "visits")
    assert many["median"] == 9.0
    assert many["mean"] == pytest.approx(47 / 3)
    assert profile.medians().loc[1, "orders"] == 20
    assert profile.segments["size"].tolist() == [4, 3]
    assert profile.segments["share"].tolist() == [4 / 7, 3 / 7]
    assert profile.segments["name"].tolist() == ["Few", "Many"]


def test_columns_and_rows_are_in_order(profile):
    assert profile.table[["segment", "feature"]].to_numpy().tolist() == [
        [0, "visits"],
        [0, "orders"],
        [1, "visits"],
        [1, "orders"],
    ]
    assert profile.effects().columns.tolist() == ["visits", "orders"]


@pytest.mark.parametrize(
    ("feature", "scale"), [("visits", lambda x: x), ("orders", np.log1p)], ids=["plain", "log"]
)
@pytest.mark.parametrize("segment", [0, 1])
def test_effect_is_cohens_d_by_way_of_students_t(profile, feature, scale, segment):
    values = scale(FRAME[feature].to_numpy(dtype=float))
    inside, outside = values[LABELS.eq(segment)], values[LABELS.ne(segment)]
    t = ttest_ind(inside, outside).statistic  # equal variances: d = t sqrt(1/n + 1/m)
    d = t * np.sqrt(1 / len(inside) + 1 / len(outside))
    found = row(profile, segment, feature)
    assert found["effect"] == pytest.approx(d, rel=1e-12)


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_interval_by_hand(level):
    found = row(profile_segments(FRAME, LABELS, level=level), 0, "visits")
    inside, outside = np.array([1.0, 2, 6, 4]), np.array([8.0, 9, 30])
    s = np.sqrt((3 * inside.var(ddof=1) + 2 * outside.var(ddof=1)) / 5)
    d = (inside.mean() - outside.mean()) / s
    half = norm.ppf(0.5 + level / 2) * np.sqrt(7 / 12 + d**2 / 14)
    assert found["effect"] == pytest.approx(d, rel=1e-12)
    assert found["low"] == pytest.approx(d - half, rel=1e-12)
    assert found["high"] == pytest.approx(d + half, rel=1e-12)


def test_two_segments_differ_by_opposite_effects(profile):
    effects = profile.effects()
    np.testing.assert_allclose(effects.loc[0], -effects.loc[1], rtol=1e-12)


def test_one_segment_has_no_one_to_differ_from():
    profile = profile_segments(FRAME, LABELS * 0)
    assert profile.table[["effect", "low", "high"]].isna().all(axis=None)
    assert profile.medians().loc[0].tolist() == [6.0, 2.0]
    assert profile.segments["name"].tolist() == ["segment 0"]
    assert profile._repr_html_().count("n/a") == 2


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 / 3])
def test_no_variation_has_no_effect(constant):
    frame = FRAME.assign(visits=constant)
    found = row(profile_segments(frame, LABELS), 1, "visits")
    assert found[["effect", "low", "high"]].isna().all()
    assert found["median"] == constant


def test_no_variation_within_segments_has_no_finite_effect():
    found = row(profile_segments(FRAME.assign(visits=LABELS / 10), LABELS), 1, "visits")
    assert np.isnan(found["effect"])


def test_two_customers_are_too_few_for_an_effect():
    profile = profile_segments(FRAME.iloc[:2], pd.Series([0, 1], index=IDS[:2]))
    assert profile.effects().isna().all(axis=None)


def test_order_of_labels_and_container_change_nothing(profile):
    names = {0: "Few", 1: "Many"}
    for features in (FRAME, FRAME.reset_index(), pl.from_pandas(FRAME.reset_index())):
        again = profile_segments(features, LABELS.iloc[::-1], names)
        pd.testing.assert_frame_equal(again.table, profile.table)
        pd.testing.assert_frame_equal(again.segments, profile.segments)


def test_feature_table(cdnow_sample):
    features = build_features(cdnow_sample, "1998-06-30", ["orders", "aov"])
    frame = features.to_pandas()
    labels = (frame["orders"] > 1).astype(int)
    found = row(profile_segments(features, labels), 1, "aov")
    assert found["median"] == frame["aov"][frame["orders"] > 1].median()


@pytest.mark.parametrize(
    ("labels", "both"),
    [(LABELS.iloc[:-1], 6), (LABELS.rename({"a": "z"}), 6), (LABELS.set_axis(range(7)), 0)],
)
def test_other_customers_are_refused(labels, both):
    with pytest.raises(DataError, match="not those of the customers") as caught:
        profile_segments(FRAME, labels)
    assert caught.value.problem.got == (
        f"{len(labels)} labels, 7 rows of features, {both} customers in both"
    )


def test_missing_values_and_missing_segments_are_refused():
    with pytest.raises(DataError, match="visits: 1"):
        profile_segments(FRAME.assign(visits=[np.nan, *range(6)]), LABELS)
    with pytest.raises(DataError, match="has no segment") as caught:
        profile_segments(FRAME, LABELS.where(LABELS == 0))
    assert caught.value.problem.got == "3 rows"


def test_html_names_units_and_effects(profile):
    page = profile._repr_html_()
    assert ">visits</th>" in page
    assert ">Orders" in page  # a registered feature by its label
    assert f"{row(profile, 1, 'visits')['effect']:+.1f} sd" in page
    assert ">Few<" in page
    assert "4<small>57%</small>" in page


def test_html_of_hostile_names_is_escaped():
    evil = "<script>alert(1)</script>"
    frame = FRAME.rename(columns={"visits": "<b>visits</b>"})
    page = profile_segments(frame, LABELS, {0: evil, 1: '"&'})._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;visits&lt;/b&gt;" in page
    assert not re.search(r"<script|<b>", page)
