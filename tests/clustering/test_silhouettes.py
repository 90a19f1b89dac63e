from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_samples
from sklearn.preprocessing import StandardScaler

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.clustering.silhouettes import silhouette_values

from .test_segment_map import Labels


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = np.array([[0, 0], [3, 0], [0, 3]])[np.arange(n) % 3] + random.normal(size=(n, 2))
    return pd.DataFrame(values, index=[f"c{i}" for i in range(n)], columns=["a", "b"])


@pytest.mark.parametrize("rounded", [False, True])  # equal rows count as many times as they are
def test_values_are_those_of_scikit_learn(rounded):
    frame = customers(500).round(0 if rounded else 9)
    segmenter = KMeansSegmenter(n_segments=4).fit(frame)
    found = silhouette_values(segmenter, frame)
    reference = silhouette_samples(StandardScaler().fit_transform(frame), segmenter.labels_)
    assert len(found.values) == 500
    np.testing.assert_allclose(
        found.values.loc[frame.index, "silhouette"], reference, rtol=0, atol=1e-7
    )
    assert found.mean == pytest.approx(reference.mean(), abs=1e-7)
    by_segment = pd.Series(reference, index=frame.index).groupby(segmenter.labels_)
    np.testing.assert_allclose(found.table["mean"], by_segment.mean(), atol=1e-7)
    np.testing.assert_allclose(
        found.table["negative"], by_segment.apply(lambda v: (v < 0).mean()), atol=1e-12
    )
    assert (found.table["low"] == found.table["mean"]).all()


def test_a_sample_is_exact_for_its_customers_and_covers_the_mean():
    frame = customers(6000)
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    everyone = silhouette_values(segmenter, frame, max_customers=10_000)
    inside = 0
    for seed in range(20):
        found = silhouette_values(segmenter, frame, max_customers=300, random_state=seed)
        assert found.table["sampled"].sum() == pytest.approx(300, abs=2)
        assert found.values.index.is_unique
        exact = everyone.values["silhouette"].loc[found.values.index]
        np.testing.assert_allclose(found.values["silhouette"], exact, rtol=0, atol=1e-9)
        mean = everyone.table["mean"]
        inside += ((found.table["low"] <= mean) & (mean <= found.table["high"])).sum()
    assert 51 <= inside <= 60  # of 60 at 95%: 57 expected, standard deviation 1.7


def test_small_segments_are_looked_at_as_a_whole():
    frame = customers(3000)
    labels = pd.Series(0, index=frame.index)
    labels.iloc[:30] = 1
    found = silhouette_values(Labels(labels), frame, max_customers=100)
    assert found.table["sampled"].tolist() == [99, 30]


def test_row_order_changes_nothing():
    frame = customers(900)
    segmenter = KMeansSegmenter(n_segments=3).fit(frame)
    found = silhouette_values(segmenter, frame, 200)
    again = silhouette_values(segmenter, frame.sample(frac=1, random_state=3), 200)
    pd.testing.assert_frame_equal(found.values, again.values, check_exact=True)
    pd.testing.assert_frame_equal(found.table, again.table, check_exact=True)


def test_noise_is_nobodys_neighbour():
    frame = customers(300)
    labels = pd.Series(np.arange(300) % 3, index=frame.index)
    noisy = labels.copy()
    noisy.iloc[::7] = -1
    found = silhouette_values(Labels(noisy), frame)
    kept = noisy != -1
    scaled = StandardScaler().fit_transform(frame)
    reference = silhouette_samples(scaled[kept], labels[kept])
    np.testing.assert_allclose(
        found.values.loc[frame.index[kept], "silhouette"], reference, atol=1e-7
    )
    assert found.n_noise == int((~kept).sum())


def test_a_segment_of_one_and_equal_customers_have_silhouette_0():
    frame = pd.DataFrame({"a": [0.0, 0, 0, 9]}, index=list("abcd"))
    found = silhouette_values(Labels(pd.Series([0, 0, 0, 1], index=frame.index)), frame)
    assert found.table["mean"].tolist() == [1.0, 0.0]
    same = pd.DataFrame({"a": [1.0] * 4}, index=list("abcd"))
    found = silhouette_values(Labels(pd.Series([0, 0, 1, 1], index=same.index)), same)
    assert found.table["mean"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("label", [0, -1])
def test_one_segment_has_no_silhouette(label):
    frame = customers(30)
    with pytest.raises(NotEnoughDataError, match="compares two segments"):
        silhouette_values(Labels(pd.Series(label, index=frame.index)), frame)


@pytest.mark.parametrize("most", [0, 1.5, "all"])
def test_sample_size_is_checked(most):
    frame = customers(30)
    with pytest.raises(ParameterError, match="max_customers"):
        silhouette_values(KMeansSegmenter(n_segments=2).fit(frame), frame, most)
