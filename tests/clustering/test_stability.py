from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import (
    GaussianMixtureSegmenter,
    KMeansSegmenter,
    RFMSegmenter,
    Stability,
    stability,
)
from segml.clustering.resampling import best_jaccard
from segml.features import make_preprocessor


def lumps(centers: list, n: int = 80, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    places = np.repeat(np.array(centers, dtype=float), n, axis=0)
    index = pd.Index([f"c{i:04d}" for i in range(len(places))], name="customer_id")
    values = places + rng.normal(size=places.shape)
    return pd.DataFrame(values, index, ["orders", "revenue"])


THREE = lumps([[0, 0], [12, 0], [0, 12]])


@pytest.fixture(scope="module")
def of_three() -> Stability:
    return stability(KMeansSegmenter(3).fit(THREE), THREE, 30)


@pytest.mark.parametrize("scheme", ["bootstrap", "subsample"])
@pytest.mark.parametrize("segmenter", [KMeansSegmenter(3), GaussianMixtureSegmenter(3)])
def test_lumps_far_apart_come_back(segmenter, scheme):
    found = stability(segmenter, THREE, 20, scheme)
    assert (found.table["jaccard"] > 0.99).all()
    assert set(found.table["verdict"]) == {"highly stable"}
    assert found.ari > 0.99
    assert found.failed == ()


def test_one_lump_cut_in_two_does_not_come_back():
    frame = lumps([[15, 15]] * 3 + [[0, 0]], 100)
    table = stability(KMeansSegmenter(3).fit(frame), frame).table
    assert table["jaccard"].iloc[2] > 0.95  # the whole one
    assert (table["jaccard"].iloc[:2] < 0.75).all()
    assert not set(table["verdict"].iloc[:2]) & {"valid", "highly stable"}


def test_a_round_cloud_has_no_stable_segments():
    rng = np.random.default_rng(3)
    found = stability(KMeansSegmenter(6), rng.normal(size=(600, 4)), 30)
    assert (found.table["verdict"] == "not trusted").all()
    assert found.ari < 0.5


def test_the_table_is_that_of_the_draws():
    frame = lumps([[0, 0], [3, 0], [0, 3]], 60)
    found = stability(KMeansSegmenter(4), frame, 20)
    table, draws = found.table, found.draws
    assert draws.shape == (20, 4)
    assert table["jaccard"].tolist() == pytest.approx(draws.mean().tolist())
    assert table["low"].tolist() == np.quantile(draws, 0.025, axis=0).tolist()
    assert table["high"].tolist() == np.quantile(draws, 0.975, axis=0).tolist()
    assert table["dissolved"].tolist() == (draws <= 0.5).mean().tolist()
    assert found.ari_low < found.ari < found.ari_high


def test_jaccard_by_sets():
    rng = np.random.default_rng(5)
    old, new = rng.integers(-1, 4, 200), rng.integers(-1, 6, 200)
    expected = []
    for i in [0, 1, 2, 3]:
        own = set(np.flatnonzero(old == i))
        others = [set(np.flatnonzero(new == j)) for j in range(6)]
        expected.append(max(len(own & b) / len(own | b) for b in others))
    lost, again = set(np.flatnonzero(old == -1)), set(np.flatnonzero(new == -1))
    expected.append(len(lost & again) / len(lost | again))
    assert best_jaccard(old, new, 4).tolist() == pytest.approx(expected, rel=1e-15)


def test_a_segment_that_nobody_was_drawn_of_is_missing_and_not_zero():
    assert np.isnan(best_jaccard(np.array([0, 0, 2]), np.array([0, 0, 1]), 3)[1])


def test_a_segment_that_became_noise_is_zero():
    assert best_jaccard(np.array([0, 1]), np.array([0, -1]), 2).tolist() == [1, 0, 0]


@pytest.mark.slow
def test_near_to_refits_with_many_starts_of_scikit_learn():
    """Three starts from scratch and not from the old centres, which would flatter."""
    frame = lumps([[0, 0], [3, 0], [0, 3], [3, 3]], 150, seed=4)
    segmenter = KMeansSegmenter(5).fit(frame)
    found = stability(segmenter, frame, 60)
    points, labels = StandardScaler().fit_transform(frame), segmenter.labels_.to_numpy()
    rng = np.random.default_rng(0)
    alike, rand = [], []
    for _ in range(60):
        drawn = rng.integers(600, size=600)
        with threadpool_limits(limits=1):
            again = KMeans(5, n_init=10, random_state=0).fit(points[drawn]).labels_
        places, first = np.unique(drawn, return_index=True)
        alike.append(best_jaccard(labels[places], again[first], 5)[:5])
        rand.append(adjusted_rand_score(labels[places], again[first]))
    # Means of 60 draws: four standard errors of the difference.
    error = 4 * np.sqrt((np.var(alike, axis=0) + found.draws.var().to_numpy()) / 60)
    assert (np.abs(found.table["jaccard"] - np.mean(alike, axis=0)) < error).all()
    assert abs(found.ari - np.mean(rand)) < 4 * np.std(rand) * np.sqrt(2 / 60)


def test_row_order_and_container_change_nothing(of_three):
    shuffled = THREE.sample(frac=1, random_state=1)
    for given in (shuffled, pl.from_pandas(shuffled.reset_index()), THREE.convert_dtypes()):
        again = stability(KMeansSegmenter(3), given, 30)
        pd.testing.assert_frame_equal(again.table, of_three.table)
        pd.testing.assert_frame_equal(again.draws, of_three.draws)
        assert again.ari == of_three.ari


def test_the_seed_decides(of_three):
    frame = lumps([[0, 0], [3, 0]], 60)
    one, same, other = (stability(KMeansSegmenter(3), frame, 5, random_state=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one.draws, same.draws)
    assert not one.draws.equals(other.draws)


def test_the_segmenter_is_not_changed():
    segmenter = KMeansSegmenter(3)
    stability(segmenter, THREE, 2)
    assert not hasattr(segmenter, "labels_")
    fitted = segmenter.fit(THREE)
    before = fitted.cluster_centers_.tobytes()
    stability(fitted, THREE, 2)
    assert fitted.cluster_centers_.tobytes() == before


def test_names_and_a_preprocessor_are_those_of_the_segmenter():
    frame = THREE.abs()
    frame.iloc[0, 0] = np.nan
    segmenter = KMeansSegmenter(
        3, make_preprocessor(["orders", "revenue"]), names={0: "Loyal"}
    ).fit(frame)
    table = stability(segmenter, frame, 3).table
    assert table["name"].tolist() == segmenter.segments_["name"].tolist()
    assert table["size"].tolist() == segmenter.segments_["size"].tolist()


def test_many_customers_are_drawn_in_part(of_three):
    assert of_three.n_drawn == 240
    assert stability(KMeansSegmenter(3), THREE, 2, max_customers=100).n_drawn == 100
    assert stability(KMeansSegmenter(3), THREE, 2, "subsample").n_drawn == 120


def test_cuts_of_scores_are_found_anew_in_each_resample():
    rng = np.random.default_rng(0)
    T = np.full(300, 52.0)
    frame = pd.DataFrame(
        {
            "frequency": rng.integers(0, 12, 300),
            "recency": np.round(rng.uniform(0, 52, 300)),
            "T": T,
            "monetary_value": np.round(rng.lognormal(3, 1, 300), 2),
        },
        index=pd.Index([f"c{i}" for i in range(300)], name="customer_id"),
    )
    found = stability(RFMSegmenter().fit(frame), frame, 5)
    known = found.table["jaccard"].dropna()
    assert len(known)
    assert (known < 1).any()  # with the same cuts all would be 1
    assert (found.table.loc[found.table["size"] == 0, "verdict"] == "unknown").all()


def test_density_takes_subsamples_and_tells_noise_apart():
    from segml.clustering.hdbscan_segmenter import HDBSCANSegmenter

    rng = np.random.default_rng(1)
    strewn = pd.DataFrame(rng.uniform(-6, 18, (40, 2)), columns=THREE.columns).set_index(
        pd.Index([f"n{i}" for i in range(40)], name="customer_id")
    )
    frame = pd.concat([THREE, strewn])
    segmenter = HDBSCANSegmenter(min_segment_size=30).fit(frame)
    found = stability(segmenter, frame, 10)
    assert found.scheme == "subsample"
    assert -1 not in found.table.index
    assert found.noise_share == (segmenter.labels_ == -1).mean() > 0
    assert 0 < found.noise_jaccard <= 1
    assert (found.table["verdict"] != "not trusted").all()
    assert "in no segment" in found._repr_html_()


def test_resamples_without_segments_are_counted_with_the_reason():
    frame = pd.DataFrame({"orders": [1.0, 2, 3, 50, 51, 52]}, index=list("abcdef"))
    found = stability(KMeansSegmenter(4), frame, 20)
    assert found.failed
    assert len(found.failed) + len(found.draws) == 20
    assert "fewer distinct customers" in found.failed[0]
    assert "further resamples gave none" in found._repr_html_()


def test_no_resample_at_all_is_an_error_that_says_why():
    frame = pd.DataFrame({"orders": [1.0, 2, 3]}, index=list("abc"))
    with pytest.raises(NotEnoughDataError, match="in any resample"):
        stability(KMeansSegmenter(3), frame, 5, "subsample")


def test_one_segment_is_as_stable_as_can_be():
    found = stability(KMeansSegmenter(1), THREE, 3)
    assert found.table["jaccard"].tolist() == [1.0]
    assert found.ari == 1


def test_copies_of_customers_are_together():
    frame = pd.concat([THREE.iloc[::8]] * 4).set_axis([f"d{i}" for i in range(120)])
    assert (stability(KMeansSegmenter(3), frame, 5).table["jaccard"] > 0.9).all()


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"n_resamples": 1}, "n_resamples"),
        ({"n_resamples": 2.5}, "n_resamples"),
        ({"scheme": "jackknife"}, "scheme"),
        ({"max_customers": 0}, "max_customers"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_parameters_out_of_range(given, where):
    with pytest.raises(ParameterError) as caught:
        stability(KMeansSegmenter(2), THREE, **given)
    assert caught.value.problem.where == where


def test_other_clusterers_are_refused():
    with pytest.raises(ParameterError, match="not a segmenter"):
        stability(KMeans(2), THREE)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers(bad):
    frame = THREE.copy()
    frame.iloc[3, 1] = bad
    with pytest.raises(DataError, match="NaN or infinite"):
        stability(KMeansSegmenter(2).fit(THREE), frame)


def test_nothing_warns_and_the_page_says_what_was_done(of_three):
    with warnings.catch_warnings(action="error"):
        page = stability(KMeansSegmenter(8), THREE, 3)._repr_html_()
    assert "not trusted" in page or "doubtful" in page
    assert "30 bootstrap samples of 240 customers" in of_three._repr_html_()
    assert "Adjusted Rand index of all together 1.00" in of_three._repr_html_()
