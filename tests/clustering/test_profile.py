from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm, ttest_ind

from segml._core.errors import DataError, ParameterError
from segml.clustering import KMeansSegmenter, SegmentProfile, profile_segments
from segml.clustering._comparisons import holm, welch_p
from segml.features import build_features

from ..features.bundles import bundle, store

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


def test_infinite_values_and_missing_segments_are_refused():
    with pytest.raises(DataError, match="infinite") as caught:
        profile_segments(FRAME.assign(visits=[np.inf, *range(6)]), LABELS)
    assert caught.value.problem.where == "column visits"
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


def test_missing_numbers_are_counted_and_left_out():
    lacking = FRAME.assign(visits=[np.nan, 2.0, 6.0, 4.0, 8.0, 9.0, np.nan])
    profile = profile_segments(lacking, LABELS)
    known = profile_segments(lacking.dropna(), LABELS.iloc[1:6])
    for segment in (0, 1):
        found, expected = row(profile, segment, "visits"), row(known, segment, "visits")
        columns = ["median", "mean", "median_all", "effect", "low", "high"]
        assert found[columns].tolist() == expected[columns].tolist()
        assert found["missing"] == 1
    assert profile.table.set_index("feature").loc["orders", "missing"].tolist() == [0, 0]
    assert "1 unknown" in profile._repr_html_()


@pytest.mark.parametrize("segment", [0, 1])
def test_a_segment_or_the_rest_without_any_value(segment):
    lacking = FRAME.assign(visits=FRAME["visits"].where(segment != LABELS))
    profile = profile_segments(lacking, LABELS)
    assert np.isnan(row(profile, segment, "visits")["median"])
    assert profile.effects()["visits"].isna().all()
    assert row(profile, 1 - segment, "visits")["median"] > 0
    nobody = profile_segments(FRAME.assign(gender=None, visits=np.nan), LABELS)
    assert nobody.table.set_index("feature").loc[["gender", "visits"], "missing"].sum() == 14
    assert "n/a" in nobody._repr_html_()


COUNTRIES = FRAME.assign(country=["FR", "FR", "FR", "DE", "DE", "AT", None])


def test_the_most_over_represented_level_by_hand():
    profile = profile_segments(COUNTRIES, LABELS)
    few, many = row(profile, 0, "country"), row(profile, 1, "country")
    assert few[["level", "share", "share_all", "lift"]].tolist() == ["FR", 0.75, 0.5, 1.5]
    h = 2 * np.arcsin(np.sqrt(0.75)) - 2 * np.arcsin(0)
    half = norm.ppf(1 - 0.05 / 6) * np.sqrt(1 / 4 + 1 / 2)  # three levels, Bonferroni
    assert few[["effect", "low", "high"]].tolist() == pytest.approx([h, h - half, h + half])
    assert many[["level", "share"]].tolist() == ["AT", 0.5]  # DE has 1 of 2, but also 1 of 4
    assert many["lift"] == pytest.approx(3)
    assert (few["missing"], many["missing"]) == (0, 1)
    assert few[["median", "mean", "median_all"]].isna().all()
    numbers = profile.table[profile.table["feature"] != "country"]
    assert numbers[["level", "share", "share_all", "lift"]].isna().all(axis=None)
    plain = profile_segments(FRAME, LABELS).table
    corrected = ["p_adjusted", "significant"]  # for four comparisons more
    pd.testing.assert_frame_equal(
        numbers.reset_index(drop=True).drop(columns=corrected), plain.drop(columns=corrected)
    )


def test_of_two_levels_one_comparison_says_it_all():
    profile = profile_segments(FRAME.assign(gender=list("ffmmmmf")), LABELS)
    few = row(profile, 0, "gender")
    h = 2 * np.arcsin(np.sqrt(0.5)) - 2 * np.arcsin(np.sqrt(1 / 3))
    half = norm.ppf(0.975) * np.sqrt(1 / 4 + 1 / 3)
    assert few["level"] == "f"
    assert few[["effect", "low", "high"]].tolist() == pytest.approx([h, h - half, h + half])


def test_the_interval_of_the_picked_level_holds_as_often_as_it_says():
    rng = np.random.default_rng(4)
    labels = pd.Series(np.repeat([0, 1], [60, 240]))
    misses = 0
    for _ in range(400):
        frame = pd.DataFrame({"shop": rng.choice(list("abcdef"), 300)})
        misses += row(profile_segments(frame, labels), 0, "shop")["low"] > 0
    assert misses / 400 < 0.05  # picked at its largest; two-sided intervals miss 2.5% on a side


def test_rare_levels_are_other_and_one_level_has_no_effect():
    many = pd.DataFrame({"city": ["Rome"] * 150 + [f"city {i}" for i in range(150)]})
    labels = pd.Series(np.repeat([0, 1], 150))
    table = profile_segments(many, labels).table
    assert table["level"].tolist() == ["Rome", "other"]
    assert table["share"].tolist() == [1, 1]
    found = row(profile_segments(FRAME.assign(city="Rome"), LABELS), 1, "city")
    assert found[["level", "share", "lift"]].tolist() == ["Rome", 1, 1]
    assert np.isnan(found["effect"])


def test_hours_and_truths_are_counted_not_averaged():
    frame = pd.DataFrame(
        {
            "order_hour": [23.9, 0.2, 0.1, 12.0, 12.1, 11.8, 12.4],
            "unsubscribed": [0, 0, 0, 0, 1, 1, 0],
        },
        index=FRAME.index,
    )
    profile = profile_segments(frame, LABELS)
    assert profile.shown().to_numpy().tolist() == [
        ["00:00 75%", "no 100%"],
        ["12:00 100%", "yes 67%"],
    ]


def test_registered_numbers_must_be_numbers():
    with pytest.raises(DataError, match="not numbers") as caught:
        profile_segments(FRAME.assign(orders="many"), LABELS)
    assert caught.value.problem.where == "column orders"


def test_many_features_are_set_below_each_other():
    wide = FRAME.assign(country=list("aabbbcc"), **{f"x{i}": range(7) for i in range(7)})
    page = profile_segments(wide, LABELS, {0: "Few", 1: "Many"})._repr_html_()
    assert '<th scope="col">feature</th><th scope="col" class="num">Few</th>' in page
    assert '<th scope="row">Country</th>' in page
    assert "Cohen&#x27;s h" in page


def test_labels_are_those_of_the_table():
    table = build_features(bundle(store(40)), None, ["survey_brand_loyalty", "revenue_60d"])
    labels = table.to_pandas()["revenue_60d"].gt(0).astype(int)
    profile = profile_segments(table, labels)
    assert [profile.label(name) for name in profile.names] == [
        "brand_loyalty (survey)",
        "Revenue of 60 days",
    ]


@pytest.mark.parametrize(
    ("feature", "scale"), [("visits", lambda x: x), ("orders", np.log1p)], ids=["plain", "log"]
)
def test_p_values_are_those_of_welchs_t_test(profile, feature, scale):
    values = scale(FRAME[feature].to_numpy(dtype=float))
    expected = ttest_ind(values[:4], values[4:], equal_var=False).pvalue
    for segment in (0, 1):
        assert row(profile, segment, feature)["p_value"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_welch_does_not_depend_on_the_unit(unit):
    few, many = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 9.0, 9.5])
    expected = ttest_ind(few, many, equal_var=False).pvalue
    assert welch_p(few * unit, many * unit) == pytest.approx(expected, rel=1e-12)


def test_welch_needs_two_on_each_side_and_variation():
    assert np.isnan(welch_p(np.array([1.0]), np.array([2.0, 3.0])))
    assert np.isnan(welch_p(np.array([2.0, 3.0]), np.array([])))
    assert np.isnan(welch_p(np.array([0.1] * 3), np.array([0.3] * 5)))
    found = welch_p(np.array([0.1] * 3), np.array([2.0, 3.0, 4.0]))
    t = 2.9 / np.sqrt(1 / 3)  # of two degrees of freedom: p = 1 - t / sqrt(2 + t²)
    assert found == pytest.approx(1 - t / np.sqrt(2 + t**2), rel=1e-12)


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; the last may not be less.
    found = holm(np.array([0.01, 0.04, 0.03, np.nan, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, np.nan, 0.02], rtol=1e-15)
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).size == 0


def test_levels_are_significant_just_as_their_interval_leaves_zero():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({f"shop {i}": rng.choice(list("abcd"), 80) for i in range(40)})
    labels = pd.Series(rng.integers(0, 2, 80))
    table = profile_segments(frame, labels, level=0.8).table
    away = (table["low"] > 0) | (table["high"] < 0)
    assert away.any()
    assert ((table["p_value"] < 0.2) == away).all()
    np.testing.assert_allclose(table["p_adjusted"], holm(table["p_value"].to_numpy()))


def test_one_false_finding_in_a_table_is_as_rare_as_promised():
    rng = np.random.default_rng(5)
    labels = pd.Series(np.repeat([0, 1, 2], [20, 60, 120]))
    found = 0
    for _ in range(60):
        values = rng.standard_normal((200, 4)) * np.where(labels == 0, 6, 1)[:, None]
        profile = profile_segments(pd.DataFrame(values), labels, level=0.9)
        found += bool(profile.table["significant"].any())
    assert found <= 10  # of 60 tables of noise, of which 10% may hold one: P(> 10) = 3%


def test_what_is_not_significant_is_pale_and_said():
    profile = profile_segments(FRAME, LABELS, {0: "Few", 1: "Many"})
    assert not profile.table["significant"].all()
    page = profile._repr_html_()
    assert page.count('<span class="muted">') == (~profile.table["significant"]).sum()
    assert "Holm&#x27;s correction for 4 comparisons, 0.05" in page
    clear = pd.DataFrame({"visits": [*range(30), *range(100, 130)]})
    page = profile_segments(clear, pd.Series(np.repeat([0, 1], 30)))._repr_html_()
    assert "Pale" not in page
    assert '<span class="muted">' not in page


def test_a_segmenter_brings_its_names_and_own_names_come_first():
    segmenter = KMeansSegmenter(2, names={0: "Few"}).fit(FRAME)
    profile = profile_segments(FRAME.iloc[::-1], segmenter, {1: "Many"})
    assert profile.segments["name"].tolist() == ["Few", "Many"]
    assert profile.segments["size"].tolist() == segmenter.segments_["size"].tolist()


def test_noise_is_described_under_its_name():
    labels = LABELS.replace({1: -1})
    assert profile_segments(FRAME, labels).segments["name"].to_dict() == {
        -1: "noise",
        0: "segment 0",
    }


def test_twice_the_same_customer_and_bad_parameters_are_refused():
    twice = LABELS.rename({"g": "a"})
    with pytest.raises(DataError, match="there twice"):
        profile_segments(FRAME, twice)
    for level in (0, 1, 95):
        with pytest.raises(ParameterError, match="level is out of range"):
            profile_segments(FRAME, LABELS, level=level)
    with pytest.raises(ParameterError, match="not segments of customers"):
        profile_segments(FRAME, "segments")
