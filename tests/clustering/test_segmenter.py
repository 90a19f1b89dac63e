"""What all segmenters share: embeddings, guards, noise and the numbering of segments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from segml._core.errors import ParameterError
from segml.clustering import GaussianMixtureSegmenter, KMeansSegmenter
from segml.clustering._input import distinct_rows, value_order
from segml.clustering._segmenter import Segmenter


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Four groups of 100, 60, 30 and 6 customers, the last near the third."""
    rng = np.random.default_rng(1)
    centers = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 9, 4]])
    values = np.repeat(centers, [100, 60, 30, 6], axis=0) + rng.normal(0, 0.3, (196, 3))
    index = pd.Index([f"c{i:03d}" for i in range(196)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=["orders", "aov", "revenue"])


class Bands(Segmenter):
    """Segments by whole numbers of the first column, negative ones are noise."""

    def __init__(self, min_segment_size: int = 1, max_segments: int | None = None, names=None):
        self.min_segment_size = min_segment_size
        self.max_segments = max_segments
        self.names = names

    def _new_preprocessor(self):
        return StandardScaler(with_mean=False, with_std=False)

    def _find(self, points):
        labels = self._label(points)
        return labels, int(labels.max()) + 1

    def _label(self, points):
        return np.maximum(np.floor(points[:, 0]), -1).astype(int)

    def _soft(self, points):
        count = len(self._ids)
        return np.vstack([np.zeros(count), np.eye(count)])[self._label(points) + 1]


def bands(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"orders": np.array(values, dtype=float), "aov": 1.0})


def test_noise_is_in_no_segment_and_the_largest_comes_first():
    given = bands([-1, -2, -1, 0.5, 1.5, 1.5, 1.5, 2.5, 2.5])
    segmenter = Bands().fit(given)
    assert segmenter.labels_.tolist() == [-1, -1, -1, 2, 0, 0, 0, 1, 1]
    assert segmenter.segments_["size"].tolist() == [3, 2, 1]
    np.testing.assert_allclose(segmenter.segments_["share"], [3 / 9, 2 / 9, 1 / 9], rtol=1e-15)
    assert segmenter.predict(given).tolist() == segmenter.labels_.tolist()
    membership = segmenter.predict_membership(given)
    assert membership.columns.tolist() == [0, 1, 2]
    assert membership.sum(axis=1).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert segmenter.transform(given).tolist() == membership.to_numpy().tolist()


def test_names_compare_with_all_customers_noise_among_them():
    without = Bands().fit(bands([0.5] * 9 + [1.5] * 9))
    with_noise = Bands().fit(bands([0.5] * 9 + [1.5] * 9 + [-9] * 9))
    assert without.segments_["name"].tolist() != with_noise.segments_["name"].tolist()


def test_all_noise_leaves_no_segment():
    given = bands([-1, -2, -3])
    segmenter = Bands().fit(given)
    assert segmenter.labels_.tolist() == [-1, -1, -1]
    assert len(segmenter.segments_) == 0
    assert list(segmenter.segments_.columns) == ["name", "size", "share"]
    assert segmenter.predict(given).tolist() == [-1, -1, -1]
    assert segmenter.predict_membership(given).shape == (3, 0)


def test_small_segments_are_merged_into_the_nearest():
    given = bands([0.5] * 5 + [3.9] * 2 + [4.1] * 4 + [9.5] * 3 + [-1])
    segmenter = Bands(min_segment_size=3).fit(given)
    assert segmenter.segments_["size"].tolist() == [6, 5, 3]
    assert segmenter.labels_.tolist() == [1] * 5 + [0] * 6 + [2] * 3 + [-1]
    # Whole numbers between that no customer has are segments of none, and go first.
    assert segmenter.dissolved_["size"].tolist() == [0] * 6 + [2]
    assert segmenter.dissolved_["reason"].iloc[-1] == (
        "a segment of 2 is smaller than min_segment_size=3"
    )
    assert segmenter.predict(given).tolist() == segmenter.labels_.tolist()
    assert segmenter.predict_membership(given).iloc[5].tolist() == [1, 0, 0]


def test_no_more_segments_than_allowed_and_always_one():
    given = bands([0.5] * 5 + [1.5] * 2 + [2.5] * 4)
    two = Bands(max_segments=2).fit(given)
    assert two.segments_["size"].sum() == 11
    assert len(two.segments_) == 2
    assert two.dissolved_["reason"].tolist() == [
        "a segment of 2 is the smallest and beyond max_segments=2"
    ]
    assert Bands(min_segment_size=100).fit(given).segments_["size"].tolist() == [11]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_merging_does_not_depend_on_the_order_of_rows(seed):
    given = bands([0.5] * 3 + [1.5] * 3 + [2.5] * 3 + [3.5] * 3)  # all tie
    first = Bands(max_segments=2).fit(given)
    again = clone(first).fit(given.sample(frac=1, random_state=seed))
    pd.testing.assert_series_equal(again.labels_.sort_index(), first.labels_)
    pd.testing.assert_frame_equal(again.dissolved_, first.dissolved_)


def test_kmeans_takes_away_the_centre_of_a_small_segment(frame):
    free = KMeansSegmenter(4).fit(frame)
    assert free.segments_["size"].tolist() == [100, 60, 30, 6]
    assert free.dissolved_.empty
    guarded = KMeansSegmenter(4, min_segment_size=10).fit(frame)
    assert guarded.segments_["size"].tolist() == [100, 60, 36]
    assert guarded.dissolved_["size"].tolist() == [6]
    reason = "a segment of 6 is smaller than min_segment_size=10"
    assert guarded.dissolved_["reason"].tolist() == [reason]
    scaled = StandardScaler().fit_transform(frame)
    theirs = KMeans(3, n_init=10, random_state=0).fit(scaled)
    assert guarded.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
    assert guarded.cluster_centers_.shape == (3, 3)
    pd.testing.assert_series_equal(guarded.predict(frame), guarded.labels_)
    assert guarded.predict_membership(frame).shape == (196, 3)
    again = clone(guarded).fit(frame.sample(frac=1, random_state=0))
    assert again.cluster_centers_.tobytes() == guarded.cluster_centers_.tobytes()


def test_a_guard_that_no_segment_meets_leaves_one(frame):
    segmenter = KMeansSegmenter(4, min_segment_size=1_000).fit(frame)
    assert segmenter.segments_["size"].tolist() == [196]
    assert len(segmenter.dissolved_) == 3


@pytest.mark.parametrize("made", [KMeansSegmenter(3), GaussianMixtureSegmenter(3, n_init=1)])
def test_an_embedding_is_fitted_to_the_preprocessed_customers(frame, made):
    segmenter = clone(made).set_params(embedding=PCA(2)).fit(frame)
    scaled = StandardScaler().fit_transform(frame)
    by_hand = PCA(2).fit(scaled)
    np.testing.assert_allclose(
        np.abs(segmenter.embedding_.components_), np.abs(by_hand.components_), rtol=1e-9
    )
    pd.testing.assert_series_equal(segmenter.predict(frame), segmenter.labels_)
    assert segmenter.predict(frame.iloc[:5]).tolist() == segmenter.labels_.iloc[:5].tolist()
    assert not hasattr(segmenter.embedding, "components_")
    again = clone(segmenter).fit(frame.sample(frac=1, random_state=3))
    pd.testing.assert_series_equal(again.labels_.sort_index(), segmenter.labels_)
    assert segmenter.segments_["name"].is_unique
    assert "component" not in " ".join(segmenter.segments_["name"]).lower()  # of the features


def test_centres_and_distances_are_in_the_space_of_the_embedding(frame):
    segmenter = KMeansSegmenter(3, embedding=PCA(2)).fit(frame)
    assert segmenter.cluster_centers_.shape == (3, 2)
    points = segmenter.embedding_.transform(segmenter.preprocessor_.transform(frame))
    by_hand = np.linalg.norm(points[:, None] - segmenter.cluster_centers_, axis=2)
    np.testing.assert_allclose(segmenter.transform(frame), by_hand, rtol=1e-9)


def test_a_fitted_embedding_is_used_as_it_is(frame):
    scaled = StandardScaler().fit_transform(frame)
    fitted = PCA(1).fit(scaled[:50])
    segmenter = KMeansSegmenter(2, embedding=FrozenEstimator(fitted)).fit(frame)
    assert segmenter.embedding_.components_.tobytes() == fitted.components_.tobytes()


@pytest.mark.parametrize("bad", [-1, 2.5, None, "3"])
def test_bad_guards(frame, bad):
    with pytest.raises(ParameterError, match="min_segment_size"):
        KMeansSegmenter(2, min_segment_size=bad).fit(frame)
    with pytest.raises(ParameterError, match="max_segments"):
        Bands(max_segments=0).fit(frame)


def test_distinct_rows_are_sorted_and_found_again():
    values = np.random.default_rng(0).integers(0, 3, (50, 2)).astype(float)
    first, place = distinct_rows(values)
    expected, inverse = np.unique(values, axis=0, return_inverse=True)
    assert values[first].tolist() == expected.tolist()
    assert place.tolist() == inverse.ravel().tolist()


@pytest.mark.parametrize("levels", [1, 2, 3, 10, 10**9])
def test_rows_are_ordered_as_by_a_sort_of_all_columns(levels):
    rng = np.random.default_rng(0)
    for n, columns in ((0, 2), (1, 1), (2, 3), (60, 1), (500, 4)):
        values = rng.integers(0, levels, (n, columns)).astype(float)
        assert value_order(values).tolist() == np.lexsort(values.T[::-1]).tolist()
        first = np.asfortranarray(values)
        assert value_order(first).tolist() == np.lexsort(values.T[::-1]).tolist()
