"""Mixtures of normals: scikit-learn's, with labels that depend on the data alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import DataError, NotEnoughDataError, ParameterError, SegmlWarning
from segml.clustering import GaussianMixtureSegmenter, KMeansSegmenter, gaussian_mixture
from segml.features import make_preprocessor

TYPES = ["full", "tied", "diag", "spherical"]


@parametrize_with_checks([GaussianMixtureSegmenter(2, covariance_type="diag", n_init=1)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_is_one_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Three overlapping groups, the last 40 customers like the first."""
    rng = np.random.default_rng(5)
    wide = rng.normal([0, 0], [3, 0.4], (200, 2))
    long = rng.multivariate_normal([1, 4], [[1.0, 0.8], [0.8, 1.0]], 120)
    small = rng.normal([8, 2], 0.3, (60, 2))
    values = np.vstack([wide, long, small])
    values = np.vstack([values, values[:40]]).round(2)
    index = pd.Index([f"c{i:03d}" for i in range(len(values))], name="customer_id")
    return pd.DataFrame(values, index=index, columns=["aov", "orders"])


@pytest.fixture(scope="module", params=TYPES)
def fitted(request, frame) -> GaussianMixtureSegmenter:
    return GaussianMixtureSegmenter(3, covariance_type=request.param).fit(frame)


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_and_layout_change_no_label_and_no_byte(frame, fitted, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    again = clone(fitted).fit(shuffled)
    pd.testing.assert_series_equal(again.labels_.sort_index(), fitted.labels_)
    for name in ("means_", "covariances_", "weights_"):
        assert getattr(again, name).tobytes() == getattr(fitted, name).tobytes()
    pd.testing.assert_frame_equal(again.segments_, fitted.segments_)
    by_array = clone(fitted).fit(np.asfortranarray(shuffled))
    assert by_array.labels_.tolist() == again.labels_.tolist()


def test_predict_is_the_largest_membership_also_of_single_rows(frame, fitted):
    pd.testing.assert_series_equal(fitted.predict(frame), fitted.labels_)
    membership = fitted.predict_membership(frame)
    assert membership.index.equals(frame.index)
    assert membership.to_numpy().argmax(axis=1).tolist() == fitted.labels_.tolist()
    for i in (0, 7, 250):
        one = fitted.predict_membership(frame.iloc[[i]])
        assert one.to_numpy().tobytes() == membership.iloc[[i]].to_numpy().tobytes()


def test_memberships_are_posteriors_by_scipy(frame, fitted):
    scaled = fitted.preprocessor_.transform(frame)
    joint = np.column_stack(
        [
            weight * multivariate_normal(mean, covariance).pdf(scaled)
            for weight, mean, covariance in zip(
                fitted.weights_, fitted.means_, fitted.covariances_, strict=True
            )
        ]
    )
    expected = joint / joint.sum(axis=1, keepdims=True)
    found = fitted.predict_membership(frame).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    # At a maximum of the likelihood mean memberships are the weights.
    np.testing.assert_allclose(found.mean(axis=0), fitted.weights_, atol=5e-3)


def test_fit_is_that_of_scikit_learn_on_sorted_rows(frame, fitted):
    values = frame.to_numpy()
    values = StandardScaler().fit_transform(values[np.lexsort(values.T[::-1])])
    theirs = GaussianMixture(
        3,
        covariance_type=fitted.covariance_type,
        n_init=5,
        random_state=0,
        reg_covar=1e-3,
        max_iter=500,
    ).fit(values)
    assert fitted.bic_ == pytest.approx(theirs.bic(values), rel=1e-12)
    np.testing.assert_allclose(np.sort(fitted.weights_), np.sort(theirs.weights_), rtol=1e-9)
    labels = theirs.predict(StandardScaler().fit(values).transform(values))
    own = fitted.labels_.to_numpy()[np.lexsort(frame.to_numpy().T[::-1])]
    assert adjusted_rand_score(labels, own) == 1
    assert fitted.converged_


def test_overlapping_groups_of_other_shapes_are_found(frame):
    truth = np.repeat([0, 1, 2, 0], [200, 120, 60, 40])
    by_mixture = GaussianMixtureSegmenter(3).fit(frame).labels_
    by_means = KMeansSegmenter(3).fit(frame).labels_
    assert adjusted_rand_score(truth, by_mixture) > 0.95
    assert adjusted_rand_score(truth, by_means) < 0.9


def test_segments_are_described_by_size(fitted):
    segments = fitted.segments_
    assert segments["size"].tolist() == np.bincount(fitted.labels_).tolist()
    assert segments["size"].is_monotonic_decreasing
    assert segments["name"].is_unique
    assert list(segments.columns) == ["name", "size", "share"]


def test_transform_gives_memberships(frame, fitted):
    plain = fitted.transform(frame)
    np.testing.assert_array_equal(plain, fitted.predict_membership(frame))
    as_frame = clone(fitted).set_output(transform="pandas").fit(frame).transform(frame)
    assert as_frame.columns.tolist() == [f"gaussianmixturesegmenter{i}" for i in range(3)]


def test_customers_far_from_all_belong_somewhere(fitted):
    far = pd.DataFrame({"aov": [1e12, -1e12], "orders": [0.0, 1e12]})
    membership = fitted.predict_membership(far).to_numpy()
    np.testing.assert_allclose(membership.sum(axis=1), 1, rtol=1e-12)


def test_a_segment_that_is_too_small_is_merged(frame, fitted):
    guarded = clone(fitted).set_params(min_segment_size=100).fit(frame)
    assert guarded.dissolved_["reason"].str.contains("min_segment_size=100").all()
    assert len(guarded.segments_) + len(guarded.dissolved_) == 3
    assert len(guarded.segments_) == 2
    assert guarded.segments_["size"].min() >= 100
    assert guarded.segments_["size"].tolist() == np.bincount(guarded.labels_).tolist()
    pd.testing.assert_series_equal(guarded.predict(frame), guarded.labels_)
    free, merged = fitted.predict_membership(frame), guarded.predict_membership(frame)
    np.testing.assert_allclose(merged.sum(axis=1), 1, rtol=1e-12)
    assert merged.to_numpy().argmax(axis=1).tolist() == guarded.labels_.tolist()
    same = [any(np.allclose(merged[j], free[i]) for i in free) for j in merged]
    assert sorted(same) == [False, True]  # one is as before, the other the sum of two


def test_within_an_embedding(frame):
    segmenter = GaussianMixtureSegmenter(3, embedding=PCA(1)).fit(frame)
    assert segmenter.means_.shape == (3, 1)
    pd.testing.assert_series_equal(segmenter.predict(frame), segmenter.labels_)


def test_a_spike_of_equal_customers_is_a_segment(frame):
    spiked = pd.concat([frame, frame.iloc[[0] * 300].set_axis([f"s{i}" for i in range(300)])])
    segmenter = GaussianMixtureSegmenter(4).fit(spiked)
    assert segmenter.labels_.filter(like="s").nunique() == 1
    assert np.isfinite(segmenter.predict_membership(spiked)).all(axis=None)


def test_constant_column_changes_no_label(frame):
    plain = GaussianMixtureSegmenter(3, covariance_type="diag").fit(frame)
    more = clone(plain).fit(frame.assign(revenue=7.0))
    assert more.labels_.equals(plain.labels_)


def test_one_row_and_one_segment():
    segmenter = GaussianMixtureSegmenter(1).fit([[1.0], [2.0], [4.0]])
    assert segmenter.labels_.tolist() == [0, 0, 0]
    assert segmenter.predict_membership([[9.0]]).to_numpy().tolist() == [[1.0]]
    with pytest.raises(NotEnoughDataError, match="n_samples=1 of which 1 differ"):
        GaussianMixtureSegmenter(2).fit([[1.0]])
    with pytest.raises(NotEnoughDataError, match="n_samples=1 "):
        GaussianMixtureSegmenter(1).fit([[1.0]])


def test_fewer_numbers_than_parameters():
    values = np.random.default_rng(0).normal(size=(20, 8))
    with pytest.raises(NotEnoughDataError, match="more parameters") as caught:
        GaussianMixtureSegmenter(5).fit(values)
    # 5 x 8 means, 5 x 36 covariances, 4 weights
    assert caught.value.problem.got == "224 parameters for n_samples=20 of 8 columns"
    assert len(GaussianMixtureSegmenter(5, covariance_type="spherical").fit(values).segments_) == 5


def test_a_singular_covariance_is_told():
    x = np.random.default_rng(0).normal(size=200) * 1e9
    values = np.column_stack([x, 3 * x, -x])
    with pytest.raises(NotEnoughDataError, match="fewer dimensions") as caught:
        GaussianMixtureSegmenter(2, preprocessor=FunctionTransformer()).fit(values)
    assert "diag" in caught.value.problem.hint


def test_a_mixture_that_does_not_settle_warns(frame, monkeypatch):
    monkeypatch.setattr(gaussian_mixture, "_MAX_ITER", 1)
    with pytest.warns(SegmlWarning, match="not settled"):
        segmenter = GaussianMixtureSegmenter(3).fit(frame)
    assert not segmenter.converged_


def test_bad_input_is_named(frame, fitted):
    broken = frame.copy()
    broken.iloc[4, 1] = np.nan
    for use in (clone(fitted).fit, fitted.predict, fitted.predict_membership):
        with pytest.raises(DataError, match="NaN or infinite") as caught:
            use(broken)
        assert caught.value.problem.got == "orders: 1"
        with pytest.raises(DataError, match="not numbers"):
            use(frame.astype(object).assign(orders="many"))
    with pytest.raises(ValueError, match=r"now missing:\n- orders"):
        fitted.predict(frame[["aov"]])
    filled = GaussianMixtureSegmenter(2, make_preprocessor(["aov", "orders"])).fit(broken)
    assert len(filled.labels_) == len(frame)


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [("n_segments", 0), ("n_init", 2.5), ("covariance_type", "round"), ("min_segment_size", -1)],
)
def test_bad_parameters(frame, parameter, bad):
    with pytest.raises(ParameterError, match=parameter):
        GaussianMixtureSegmenter(**{parameter: bad}).fit(frame)
