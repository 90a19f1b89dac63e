from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from segml._core.errors import DataError, NotEnoughDataError
from segml.clustering import KMeansSegmenter
from segml.clustering.segment_map import map_segments


class Labels:
    """A segmenter that knows its labels already, noise among them."""

    def __init__(self, labels: pd.Series) -> None:
        self.labels_ = labels
        ids = sorted(set(labels) - {-1})
        self.segments_ = pd.DataFrame(
            {"name": [f"s{i}" for i in ids], "size": [(labels == i).sum() for i in ids]},
            index=pd.Index(ids, name="segment"),
        )

    def predict(self, X):
        return self.labels_.loc[X.index]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(1)
    centres = np.array([[0, 0, 0], [6, 0, 1], [0, 7, 2]])
    values = centres[np.arange(300) % 3] + random.normal(size=(300, 3))
    index = pd.Index([f"c{i}" for i in range(300)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=["orders", "visits", "z"])


def test_components_are_those_of_scikit_learn(frame):
    mapped = map_segments(KMeansSegmenter(n_segments=3).fit(frame), frame)
    pca = PCA(2).fit(StandardScaler().fit_transform(frame))
    reference = pca.transform(StandardScaler().fit_transform(frame))
    signs = np.sign((mapped.points[["x", "y"]].to_numpy() * reference).sum(axis=0))
    np.testing.assert_allclose(mapped.points[["x", "y"]], signs * reference, atol=1e-12)
    assert mapped.axes[0].endswith(f"({100 * pca.explained_variance_ratio_[0]:.0f}% of variance)")
    assert mapped.axes[0].startswith("principal component 1: ")
    assert mapped.points["segment"].equals(
        KMeansSegmenter(n_segments=3).fit(frame).labels_.rename("segment")
    )


def test_mixing_is_the_share_of_the_ten_nearest(frame):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    mapped = map_segments(segmenter, frame)
    places = mapped.points[["x", "y"]].to_numpy()
    near = NearestNeighbors(n_neighbors=10).fit(places).kneighbors(return_distance=False)
    labels = mapped.points["segment"].to_numpy()
    for i in range(3):
        for j in range(3):
            assert mapped.mixing.loc[i, j] == pytest.approx((labels[near[labels == i]] == j).mean())
        assert mapped.segments.loc[i, "own"] == mapped.mixing.loc[i, i]


def test_row_order_changes_nothing(frame):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    mapped = map_segments(segmenter, frame)
    shuffled = frame.sample(frac=1, random_state=0)
    again = map_segments(segmenter, shuffled)
    pd.testing.assert_frame_equal(again.points.loc[frame.index], mapped.points, rtol=0, atol=1e-12)
    pd.testing.assert_frame_equal(again.mixing, mapped.mixing, rtol=1e-12)


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_embedding_is_matched_by_customer(frame, shuffle):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    places = frame[["orders", "z"]].set_axis(["UMAP 1", "UMAP 2"], axis=1)
    given = places.sample(frac=1, random_state=0) if shuffle else places
    mapped = map_segments(segmenter, frame, given)
    assert mapped.points["x"].tolist() == frame["orders"].tolist()
    assert mapped.axes == ("UMAP 1", "UMAP 2")
    array = map_segments(segmenter, frame, places.to_numpy())
    assert array.points.equals(mapped.points)
    assert array.axes == ("embedding 1", "embedding 2")


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros((300, 3)),
        np.zeros((299, 2)),
        np.full((300, 2), np.nan),
        np.full((300, 2), np.inf),
        np.array([["a", "b"]] * 300),
    ],
)
def test_what_is_no_map_is_refused(frame, embedding):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    with pytest.raises(DataError, match="no map of these customers"):
        map_segments(segmenter, frame, embedding)


def test_an_embedding_of_others_is_refused(frame):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    others = pd.DataFrame(np.zeros((300, 2)), index=frame.index[::-1] + "x")
    with pytest.raises(DataError, match="300 of 300 customers missing"):
        map_segments(segmenter, frame, others)


def test_noise_has_a_row_of_its_own_and_is_no_segment(frame):
    labels = pd.Series([0, 1, -1] * 100, index=frame.index)
    mapped = map_segments(Labels(labels), frame)
    assert mapped.segments["size"].tolist() == [100, 100]
    assert mapped.segments["share"].sum() == pytest.approx(2 / 3)
    assert list(mapped.mixing.index) == [-1, 0, 1]
    np.testing.assert_allclose(mapped.mixing.sum(axis=1), 1)


def test_one_feature_and_equal_customers():
    frame = pd.DataFrame({"orders": [1.0, 2, 3, 9]})
    mapped = map_segments(KMeansSegmenter(n_segments=2).fit(frame), frame)
    assert mapped.points["y"].tolist() == [0.0] * 4
    assert mapped.axes[1] == ""
    same = pd.DataFrame({"orders": [1.0] * 30, "visits": [2.0] * 30})
    mapped = map_segments(KMeansSegmenter(n_segments=1).fit(same), same)
    assert mapped.points[["x", "y"]].eq(0).all(axis=None)
    assert mapped.segments["own"].tolist() == [1.0]


def test_an_array_has_customers_by_number(frame):
    mapped = map_segments(KMeansSegmenter(n_segments=3).fit(frame.to_numpy()), frame.to_numpy())
    assert mapped.points.index.tolist() == list(range(300))
    assert mapped.axes[0].startswith("principal component 1 (")


def test_one_customer_is_no_map(frame):
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    with pytest.raises(NotEnoughDataError, match="needs two customers"):
        map_segments(segmenter, frame[:1])
