from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from segml._core import text
from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import (
    GaussianMixtureSegmenter,
    KMeansSegmenter,
    RFMSegmenter,
    Selection,
    select_n_segments,
)
from segml.clustering._separation import border_density, explained_interval, explained_share


def lumps(centers: list, n: int = 80, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    places = np.repeat(np.array(centers, dtype=float), n, axis=0)
    index = pd.Index([f"c{i:04d}" for i in range(len(places))], name="customer_id")
    return pd.DataFrame(places + rng.normal(size=places.shape), index, ["orders", "revenue"])


FOUR = lumps([[0, 0], [8, 0], [0, 8], [8, 8]])
# Two pairs: each pair near, the pairs far from each other.
PAIRS = lumps([[0, 0], [5, -5], [40, 40], [45, 35]], 60)


@pytest.fixture(scope="module")
def of_four() -> Selection:
    return select_n_segments(KMeansSegmenter(), FOUR, range(2, 7), n_resamples=5)


@pytest.mark.parametrize("segmenter", [KMeansSegmenter(), GaussianMixtureSegmenter()])
def test_lumps_are_counted(segmenter):
    found = select_n_segments(segmenter, FOUR, range(2, 7), n_resamples=5)
    assert (found.recommended, found.evidence) == (4, "apart")


def test_pairs_of_lumps_are_counted_where_the_silhouette_sees_two():
    found = select_n_segments(KMeansSegmenter(), PAIRS, range(2, 7), n_resamples=5)
    by = found.table.set_index("k")
    assert by["silhouette"].idxmax() == 2
    assert found.recommended == 4
    assert "the silhouette alone would say 2" in found.reason


def test_one_cloud_is_said_to_be_one():
    cloud = np.random.default_rng(2).normal(size=(400, 4))
    found = select_n_segments(KMeansSegmenter(), cloud, range(2, 6), n_resamples=5)
    assert found.evidence in ("stable", "weak")
    assert "apart" not in found.evidence
    assert (found.table["border_density"] > 0.6).all()


def test_columns_are_those_that_are_promised(of_four):
    assert list(of_four.table) == [
        "k", "n_segments", "stability", "ari", "silhouette", "calinski_harabasz",
        "davies_bouldin", "border_density", "smallest_share", "noise_share", "explained",
        "explained_low", "explained_high", "recommended",
    ]  # fmt: skip
    assert of_four.table["recommended"].sum() == 1
    assert of_four.table.loc[of_four.table["recommended"], "k"].tolist() == [4]
    assert of_four.table["explained"].isna().all()


def test_indices_are_those_of_scikit_learn(of_four):
    points = StandardScaler().fit_transform(FOUR)
    labels = KMeans(4, n_init=10, random_state=0).fit(points).labels_
    row = of_four.table.set_index("k").loc[4]
    assert row["silhouette"] == pytest.approx(silhouette_score(points, labels), rel=1e-12)
    expected = calinski_harabasz_score(points, labels)
    assert row["calinski_harabasz"] == pytest.approx(expected, rel=1e-12)
    expected = davies_bouldin_score(points, labels)
    assert row["davies_bouldin"] == pytest.approx(expected, rel=1e-12)
    assert row["smallest_share"] == np.bincount(labels).min() / 320


def test_row_order_changes_nothing(of_four):
    shuffled = FOUR.sample(frac=1, random_state=1)
    again = select_n_segments(KMeansSegmenter(), shuffled, range(2, 7), n_resamples=5)
    pd.testing.assert_frame_equal(again.table, of_four.table)
    assert again.reason == of_four.reason


def test_later_revenue_by_hand_and_matched_by_customer():
    later = pd.Series(np.repeat([1.0, 2, 5, 9], 80), FOUR.index)
    later += np.random.default_rng(0).normal(size=320)
    found = select_n_segments(
        KMeansSegmenter(), FOUR, [2, 4], later.sample(frac=1, random_state=3), 5
    )
    labels, y = KMeansSegmenter(4).fit(FOUR).labels_.to_numpy(), later.to_numpy()
    errors = total = 0.0
    for i in range(320):
        others = np.arange(320) != i
        errors += (y[i] - y[others & (labels == labels[i])].mean()) ** 2
        total += (y[i] - y[others].mean()) ** 2
    row = found.table.set_index("k").loc[4]
    assert row["explained"] == pytest.approx(1 - errors / total, rel=1e-10)
    assert "of the variance of later revenue is explained (" in found.reason
    assert row["explained_low"] < row["explained"] < row["explained_high"] <= 1
    within = f"{text.share(row['explained_low'])} to {text.share(row['explained_high'])}"
    assert f"<small>{within}</small>" in found._repr_html_()


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_of_what_is_explained_holds_as_often_as_it_says(skewed):
    n = 4000 if skewed else 500  # of skewed amounts it is a little short where they are few
    means = np.array([1.0, 2, 3, 6])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    within = (shares * means**2).sum() if skewed else 4.0
    between = (shares * (means - shares @ means) ** 2).sum()
    # Out of sample: the means of four segments, and that of all, are learnt from n.
    expected = 1 - within * (1 + 4 / n) / ((between + within) * (1 + 1 / n))
    hits, repeats = 0, 300
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        labels = rng.choice(4, n, p=shares)
        mean = means[labels]
        values = rng.exponential(mean) if skewed else rng.normal(mean, 2)
        share, low, high = explained_interval(labels, values)
        assert share == explained_share(labels, values)
        hits += low <= expected <= high
    assert hits / repeats == pytest.approx(0.95, abs=0.04)  # three standard errors


def test_the_interval_holds_where_segments_tell_nothing():
    hits, n = 0, 400
    for seed in range(200):
        rng = np.random.default_rng(seed)
        _, low, high = explained_interval(rng.integers(0, 5, n), rng.exponential(size=n))
        hits += low <= -4 / n <= high
    assert hits >= 182  # 95% of 200, less 2.6 standard errors


def test_an_interval_of_values_that_do_not_differ_is_missing():
    assert np.isnan(explained_interval(np.array([0, 1, 1]), np.ones(3))).all()


def test_segments_that_tell_nothing_explain_nothing_on_average():
    rng = np.random.default_rng(1)
    shares = [explained_share(rng.integers(0, 10, 200), rng.normal(size=200)) for _ in range(200)]
    assert np.mean(shares) < 0  # in the sample it would be 9 / 199 above 0


def test_explained_share_of_amounts_far_from_zero_loses_no_digits():
    rng = np.random.default_rng(1)
    labels, values = rng.integers(0, 4, 100), rng.integers(0, 9, 100).astype(float)
    expected = explained_share(labels, values)
    assert explained_share(labels, values + 2.0**40) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [[3, 3, 3], [1]])
def test_values_that_do_not_differ_have_no_share(values):
    assert np.isnan(explained_share(np.zeros(len(values), int), values))


def test_a_gap_and_a_cut():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 3))
    cut = (points[:, 0] > 0).astype(int)
    assert border_density(points, cut) > 1
    assert border_density(points + 8 * cut[:, None], cut) < 0.05


def test_the_border_of_a_cut_normal_is_as_its_density_says():
    points = np.random.default_rng(0).normal(size=(400_000, 1))
    # Centres of the halves are at ±sqrt(2/π): exp(1/π) as many at 0 as there.
    assert border_density(points, (points[:, 0] > 0).astype(int)) == pytest.approx(
        np.exp(1 / np.pi), rel=0.02
    )


def test_segments_in_one_place_have_no_border():
    assert border_density(np.ones((4, 2)), np.array([0, 0, 1, 1])) == np.inf


def test_density_is_chosen_by_the_least_size():
    from segml.clustering.hdbscan_segmenter import HDBSCANSegmenter

    found = select_n_segments(HDBSCANSegmenter(), FOUR, [10, 30], n_resamples=5)
    assert list(found.table)[:2] == ["min_segment_size", "n_segments"]
    assert found.table["n_segments"].tolist() == [4, 4]
    assert found.recommended in (10, 30)
    said = f"4 segments, found with min_segment_size {found.recommended}, are recommended"
    assert said in found._repr_html_()
    assert ">min_segment_size</th>" in found._repr_html_()


def test_candidates_without_segments_are_told():
    frame = pd.DataFrame({"orders": [1.0, 1, 2, 2, 50, 50]}, index=list("abcdef"))
    found = select_n_segments(KMeansSegmenter(), frame, [2, 3, 4], n_resamples=5)
    assert "fewer distinct customers" in found.failed[4]
    assert found.table.set_index("k").loc[4, "n_segments"] == 0
    assert found.recommended != 4


def test_no_candidate_gives_segments():
    frame = pd.DataFrame({"orders": [1.0, 1]}, index=list("ab"))
    with pytest.raises(NotEnoughDataError, match="no candidate"):
        select_n_segments(KMeansSegmenter(), frame, [2, 3])


def test_the_segmenter_and_its_names_are_kept():
    segmenter = KMeansSegmenter(5, names={4: "Loyal"})
    select_n_segments(segmenter, FOUR, [2, 4], n_resamples=3)
    assert segmenter.n_segments == 5
    assert not hasattr(segmenter, "labels_")


@pytest.mark.parametrize("candidates", [[], [2, 2], [0], [2.5], ["3"]])
def test_candidates_out_of_range(candidates):
    with pytest.raises(ParameterError, match="candidate"):
        select_n_segments(KMeansSegmenter(), FOUR, candidates)


def test_scores_have_no_number_to_choose():
    with pytest.raises(ParameterError, match="no number of segments"):
        select_n_segments(RFMSegmenter(), FOUR)


@pytest.mark.parametrize("holdout", ["lacking", "nan", "text"])
def test_customers_without_later_revenue(holdout):
    later = pd.Series(1.0, FOUR.index).astype(object)
    later = later.iloc[1:] if holdout == "lacking" else later
    if holdout != "lacking":
        later.iloc[0] = np.nan if holdout == "nan" else "x"
    with pytest.raises(DataError, match="no later revenue") as caught:
        select_n_segments(KMeansSegmenter(), FOUR, [2], later)
    assert "1 of 320" in str(caught.value)


@pytest.mark.parametrize("given", [FOUR.to_numpy(), FOUR])
def test_later_revenue_without_customers(given):
    later = np.ones(320) if given is FOUR else pd.Series(np.ones(320))
    with pytest.raises(ParameterError, match="cannot be matched"):
        select_n_segments(KMeansSegmenter(), given, [2], later)


def test_a_customer_with_two_later_revenues():
    later = pd.Series(1.0, [*FOUR.index, FOUR.index[0]])
    with pytest.raises(DataError, match="twice"):
        select_n_segments(KMeansSegmenter(), FOUR, [2], later)


def test_the_page_marks_the_recommended_one(of_four):
    page = of_four._repr_html_()
    assert "4 segments are recommended" in page
    assert page.count("<small>recommended</small>") == 1
    assert "explained" not in page.split("<p")[0]
