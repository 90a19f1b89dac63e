from __future__ import annotations

import subprocess
import sys
import warnings

import hdbscan
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import DataError, ParameterError, SegmlWarning
from segml.clustering import HDBSCANSegmenter
from segml.clustering._density import _nearest
from segml.features import make_preprocessor

CENTERS = np.array([[0.0, 0.0, 0.0], [4.0, 4.0, 0.0], [0.0, 6.0, 3.0], [5.0, -4.0, 1.0]])
NAMES = ["orders", "revenue", "recency_days"]


def as_is(**parameters) -> HDBSCANSegmenter:
    return HDBSCANSegmenter(preprocessor=FunctionTransformer(), **parameters)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    """Four dense groups and customers in between, none twice, in no order."""
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(600, 3)) * 0.8 + CENTERS[np.repeat(range(4), [200, 170, 130, 100])]
    rows = np.vstack([dense, rng.uniform(-6, 9, (60, 3))])
    return rows[rng.permutation(len(rows))]


@pytest.fixture(scope="module")
def frame(values) -> pd.DataFrame:
    index = pd.Index([f"c{i:03d}" for i in range(len(values))], name="customer_id")
    return pd.DataFrame(values, index=index, columns=NAMES)


@pytest.fixture(scope="module")
def fitted(frame) -> HDBSCANSegmenter:
    return as_is().fit(frame)


@pytest.fixture(scope="module")
def others() -> np.ndarray:
    rng = np.random.default_rng(3)
    near = rng.normal(size=(300, 3)) + CENTERS[rng.integers(0, 4, 300)]
    return np.vstack([near, rng.uniform(-9, 12, (300, 3))])


@pytest.fixture(scope="module")
def theirs(values):
    points = np.ascontiguousarray(values[np.lexsort(values.T[::-1])])
    return hdbscan.HDBSCAN(
        min_cluster_size=25, min_samples=10, core_dist_n_jobs=1, prediction_data=True
    ).fit(points)


@parametrize_with_checks([HDBSCANSegmenter(min_segment_size=5, min_samples=5)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:no segment was found")
def test_estimator_is_one_of_scikit_learn(estimator, check):
    check(estimator)


def test_labels_are_those_of_hdbscan(fitted, theirs):
    tree = fitted.density_tree_
    np.testing.assert_array_equal(tree.points, theirs.prediction_data_.raw_data)
    assert theirs.labels_.max() == 3
    assert (theirs.labels_ == -1).sum() > 20
    np.testing.assert_array_equal(tree.labels, theirs.labels_)


def test_others_are_assigned_as_by_hdbscan(fitted, theirs, others):
    expected, _ = hdbscan.approximate_predict(theirs, others)
    assert 100 < (expected == -1).sum() < 500
    np.testing.assert_array_equal(fitted.density_tree_.label(others), expected)


def test_memberships_are_those_of_hdbscan(fitted, theirs):
    expected = hdbscan.all_points_membership_vectors(theirs)
    found = fitted.density_tree_.soft(fitted.density_tree_.points)
    # They add 1e-8 to one of the densities.
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


def without_order(seed: int) -> tuple[np.ndarray, hdbscan.HDBSCAN]:
    """Customers in a hierarchy of many small segments, as hdbscan finds it."""
    values = np.random.default_rng(seed).normal(size=(700, 2))
    points = np.ascontiguousarray(values[np.lexsort(values.T[::-1])])
    found = hdbscan.HDBSCAN(
        min_cluster_size=4, min_samples=3, core_dist_n_jobs=1, prediction_data=True
    ).fit(points)
    return points, found


def test_a_deep_hierarchy_is_that_of_hdbscan():
    points, theirs = without_order(7)
    ours = as_is(min_segment_size=4, min_samples=3).fit(points).density_tree_
    assert len(ours.selected) == 48
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    expected = hdbscan.all_points_membership_vectors(theirs)
    np.testing.assert_allclose(ours.soft(points), expected, rtol=1e-6, atol=1e-12)
    new = np.random.default_rng(5).normal(size=(400, 2))
    assigned, _ = hdbscan.approximate_predict(theirs, new)
    np.testing.assert_array_equal(ours.label(new), assigned)


def test_a_segment_that_nobody_leaves_but_in_groups_is_whole():
    points, theirs = without_order(4)
    ours = as_is(min_segment_size=4, min_samples=3).fit(points).density_tree_
    # hdbscan predicts for one of the groups of this segment only, and noise for the other.
    split = [j for j, node in enumerate(ours.selected) if not (ours.node == node).any()]
    assert split == [24]
    assert theirs.prediction_data_.reverse_cluster_map[24] - 700 != ours.selected[24]
    inside = points[ours.labels == 24]
    assert (hdbscan.approximate_predict(theirs, inside)[0] == -1).any()
    assert (ours.label(inside + 1e-6) == 24).all()


def test_memberships_leave_the_rest_to_noise(frame, fitted, others):
    membership = fitted.predict_membership(frame)
    assert membership.index.equals(frame.index)
    assert membership.columns.tolist() == [0, 1, 2, 3]
    total = membership.sum(axis=1)
    assert total.max() <= 1 + 1e-12
    noise = fitted.labels_ == -1
    assert total[noise].mean() < 0.5 < total[~noise].mean()
    largest = membership.to_numpy().argmax(axis=1)
    assert (largest == fitted.labels_)[~noise].mean() > 0.98
    far = fitted.predict_membership(pd.DataFrame([[1e6, -1e6, 0]], columns=NAMES))
    assert 0 < far.to_numpy().sum() < 1e-5
    assert fitted.transform(frame).shape == (len(frame), 4)


def test_membership_of_one_near_a_customer_is_near_hers(frame, fitted):
    beside = fitted.predict_membership(frame + 1e-7).to_numpy()
    inside = (fitted.labels_ >= 0).to_numpy()
    own = fitted.predict_membership(frame).to_numpy()
    assert np.median(np.abs(beside - own)[inside].max(axis=1)) < 1e-4


@pytest.mark.parametrize("noise", ["keep", "nearest"])
def test_predict_is_the_same_for_the_same_customer(frame, others, noise):
    segmenter = as_is(noise=noise).fit(frame)
    pd.testing.assert_series_equal(segmenter.predict(frame), segmenter.labels_)
    some = frame.iloc[[5, 3, 3]]
    assert segmenter.predict(some).tolist() == segmenter.labels_.iloc[[5, 3, 3]].tolist()
    new = pd.DataFrame(others, columns=NAMES)
    labels, soft = segmenter.predict(new), segmenter.predict_membership(new)
    for i in (0, 17, 450):
        assert segmenter.predict(new.iloc[[i]]).tolist() == [labels[i]]
        alone = segmenter.predict_membership(new.iloc[[i]]).to_numpy()[0]
        assert alone.tobytes() == soft.to_numpy()[i].tobytes()


def test_noise_goes_to_the_nearest_who_has_a_segment(frame, fitted, others):
    nearest = clone(fitted).set_params(noise="nearest").fit(frame)
    inside = fitted.labels_ >= 0
    assert not inside.all()
    assert nearest.segments_["size"].sum() == len(frame) > fitted.segments_["size"].sum()
    assert fitted.segments_["share"].sum() == pytest.approx(inside.mean(), rel=1e-12)
    kept = frame[inside].to_numpy()
    for segmenter, rows in ((nearest, frame[~inside].to_numpy()), (nearest, others)):
        labels = segmenter.predict(pd.DataFrame(rows, columns=NAMES)).to_numpy()
        was = fitted.predict(pd.DataFrame(rows, columns=NAMES)).to_numpy()
        distance = ((rows[was < 0][:, None] - kept) ** 2).sum(axis=2)
        expected = nearest.labels_[inside].to_numpy()[distance.argmin(axis=1)]
        assert labels[was < 0].tolist() == expected.tolist()
    assert adjusted_rand_score(nearest.labels_[inside], fitted.labels_[inside]) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_changes_no_label_and_no_byte(frame, fitted, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    again = clone(fitted).fit(shuffled)
    pd.testing.assert_series_equal(again.labels_.sort_index(), fitted.labels_)
    pd.testing.assert_frame_equal(again.segments_, fitted.segments_)
    membership = again.predict_membership(shuffled).sort_index()
    assert membership.to_numpy().tobytes() == fitted.predict_membership(frame).to_numpy().tobytes()


def test_every_container_and_layout_gives_the_same_labels(frame, fitted):
    flat = frame.reset_index()
    for given_as in (
        flat,
        pl.from_pandas(flat),
        pa.Table.from_pandas(flat, preserve_index=False),
        pd.DataFrame(np.asfortranarray(frame), frame.index, frame.columns),
    ):
        pd.testing.assert_series_equal(clone(fitted).fit(given_as).labels_, fitted.labels_)
    array = as_is().fit(np.asfortranarray(frame))
    assert array.labels_.tolist() == fitted.labels_.tolist()
    soft = array.predict_membership(np.asfortranarray(frame)).to_numpy()
    assert soft.tobytes() == fitted.predict_membership(frame).to_numpy().tobytes()


# Whole numbers from a small range: many customers at one place, many distances tie.
tied = hnp.arrays(np.float64, st.tuples(st.integers(8, 60), st.just(2)), elements=st.integers(0, 5))


@given(tied, st.integers(2, 6), st.integers(1, 6), st.randoms(use_true_random=False))
def test_tied_rows_do_not_make_labels_depend_on_order(values, size, min_samples, random):
    segmenter = as_is(min_segment_size=size, min_samples=min_samples)
    order = list(range(len(values)))
    random.shuffle(order)
    with warnings.catch_warnings(action="ignore", category=SegmlWarning):
        segmenter.fit(values)
        again = clone(segmenter).fit(np.asfortranarray(values[order]))
    labels = segmenter.labels_
    assert again.labels_.tolist() == labels[order].tolist()
    assert segmenter.predict(values).tolist() == labels.tolist()
    alike = pd.DataFrame(values).assign(label=labels).groupby([0, 1])["label"].nunique()
    assert (alike == 1).all()
    sizes = segmenter.segments_["size"].tolist()
    assert sizes == np.bincount(labels[labels >= 0], minlength=len(sizes)).tolist()
    assert all(found >= size for found in sizes) or len(sizes) == 1
    new = np.vstack([values, values + 0.3, [[1e9, -1e9]]])
    membership = segmenter.predict_membership(new).to_numpy()
    assert membership.shape == (len(new), len(sizes))
    assert np.isfinite(membership).all()
    assert (membership >= 0).all()
    assert (membership.sum(axis=1) <= 1 + 1e-12).all()


def test_two_places_with_nobody_between_are_two_segments():
    values = np.repeat([[1.0, 1.0], [2.0, 5.0]], [40, 30], axis=0)
    segmenter = HDBSCANSegmenter().fit(values)
    assert segmenter.labels_.tolist() == [0] * 40 + [1] * 30
    membership = segmenter.predict_membership(values).to_numpy()
    np.testing.assert_allclose(membership, np.eye(2)[segmenter.labels_], atol=1e-12)
    new = [[1.1, 1.2], [2.1, 5.0], [1.0, -9.0], [9.0, 5.0]]
    assert segmenter.predict(new).tolist() == [0, 1, -1, -1]
    nearest = HDBSCANSegmenter(noise="nearest").fit(values)
    assert nearest.predict(new).tolist() == [0, 1, 0, 1]


def test_well_separated_groups_are_found_and_named():
    rng = np.random.default_rng(11)
    truth = np.repeat([0, 1, 2], [120, 60, 30])
    centers = np.array([[1.0, 300.0], [6.0, 30.0], [40.0, 3.0]])
    table = pd.DataFrame(
        centers[truth] * rng.uniform(0.9, 1.1, size=(210, 2)), columns=["orders", "recency_days"]
    )
    preprocessor = make_preprocessor(["orders", "recency_days"])
    segmenter = HDBSCANSegmenter(preprocessor=preprocessor, noise="nearest").fit(table)
    assert adjusted_rand_score(truth, segmenter.labels_) == 1
    assert segmenter.segments_["size"].tolist() == [120, 60, 30]
    assert "very frequent" in segmenter.segments_.loc[2, "name"].lower()
    own = clone(segmenter).set_params(names={1: "Core"}).fit(table)
    assert own.segments_.loc[1, "name"] == "Core"
    with pytest.raises(ParameterError, match="not there"):
        clone(segmenter).set_params(names={3: "Ghost"}).fit(table)


def test_where_all_is_noise_it_is_said(frame):
    even = pd.DataFrame(np.arange(100.0), columns=["orders"])
    segmenter = HDBSCANSegmenter(names={0: "Core"})
    with pytest.warns(SegmlWarning, match="no segment was found") as caught:
        segmenter.fit(even)
    assert "KMeansSegmenter" in caught[0].message.problem.hint
    assert caught[0].filename == __file__
    assert segmenter.labels_.tolist() == [-1] * 100
    assert list(segmenter.segments_.columns) == ["name", "size", "share"]
    assert len(segmenter.segments_) == 0
    assert segmenter.predict(even).tolist() == [-1] * 100
    assert segmenter.predict_membership(even).shape == (100, 0)
    assert segmenter.transform(even).shape == (100, 0)
    with pytest.warns(SegmlWarning):
        nearest = HDBSCANSegmenter(noise="nearest").fit(even)
    assert nearest.predict(even).tolist() == [-1] * 100


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_too_few_customers_and_constant_columns_are_noise(rows):
    for values in (np.ones((rows, 2)), np.random.default_rng(0).normal(size=(rows, 2))):
        with pytest.warns(SegmlWarning, match="no segment was found"):
            assert HDBSCANSegmenter().fit(values).labels_.tolist() == [-1] * rows


def test_constant_column_changes_nothing(frame):
    with_constant = HDBSCANSegmenter().fit(frame.assign(aov=7.0))
    assert with_constant.labels_.equals(HDBSCANSegmenter().fit(frame).labels_)


def test_repeated_customers_stay_together(frame):
    twice = pd.concat([frame, frame.set_axis("d" + frame.index.astype(str))])
    labels = as_is().fit(twice).labels_
    assert labels[: len(frame)].tolist() == labels[len(frame) :].tolist()
    assert labels.max() >= 1


def test_more_segments_than_allowed_are_dissolved(frame, fitted):
    fewer = clone(fitted).set_params(max_segments=3).fit(frame)
    assert len(fewer.segments_) == 3
    assert "max_segments=3" in fewer.dissolved_["reason"].item()
    assert (fewer.labels_ == -1).equals(fitted.labels_ == -1)
    pd.testing.assert_series_equal(fewer.predict(frame), fewer.labels_)
    soft = fitted.predict_membership(frame).sum(axis=1)
    np.testing.assert_allclose(fewer.predict_membership(frame).sum(axis=1), soft, rtol=1e-12)


def test_over_an_embedding_customers_keep_their_labels(frame):
    segmenter = HDBSCANSegmenter(embedding=PCA(2), min_segment_size=20).fit(frame)
    assert segmenter.density_tree_.points.shape == (len(frame), 2)
    pd.testing.assert_series_equal(segmenter.predict(frame), segmenter.labels_)
    for i in range(0, len(frame), 60):  # products over fewer rows differ in the last digits
        assert segmenter.predict(frame.iloc[[i]]).item() == segmenter.labels_.iloc[i]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_values_are_named(frame, bad):
    broken = frame.copy()
    broken.iloc[[4, 9], 1] = bad
    fitted = HDBSCANSegmenter().fit(frame)
    for use in (HDBSCANSegmenter().fit, fitted.predict, fitted.predict_membership):
        with pytest.raises(DataError, match="NaN or infinite") as caught:
            use(broken)
        assert caught.value.problem.got == "revenue: 2"


def test_text_missing_and_other_features_are_named(frame):
    broken = frame.astype(object)
    broken.iloc[3, 1] = "n/a"
    with pytest.raises(DataError, match="not numbers"):
        HDBSCANSegmenter().fit(broken)
    fitted = HDBSCANSegmenter().fit(frame)
    with pytest.raises(ValueError, match=r"now missing:\n- revenue"):
        fitted.predict(frame.drop(columns="revenue"))
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- aov"):
        fitted.predict(frame.assign(aov=1.0))


def test_unseen_levels_are_placed_like_other_rare_ones():
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"orders": rng.normal([2.0] * 60 + [30.0] * 60), "country": ["FR"] * 60 + ["DE"] * 60}
    )
    preprocessor = make_preprocessor(["orders", "country"])
    segmenter = HDBSCANSegmenter(preprocessor=preprocessor, noise="nearest").fit(table)
    assert len(segmenter.segments_) == 2
    new = table.iloc[[0, 100]].assign(country=["AT", "DE"])
    assert segmenter.predict(new).tolist() == segmenter.labels_.iloc[[0, 100]].tolist()


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", None, True, float("nan")])
def test_bad_numbers(frame, bad):
    with pytest.raises(ParameterError, match="min_segment_size is out of range"):
        HDBSCANSegmenter(bad).fit(frame)
    with pytest.raises(ParameterError, match="min_samples is out of range"):
        HDBSCANSegmenter(min_samples=bad).fit(frame)
    with pytest.raises(ParameterError, match="unknown value for noise"):
        HDBSCANSegmenter(noise=bad).fit(frame)


def test_one_customer_is_no_segment(frame):
    with pytest.raises(ParameterError, match="min_segment_size is out of range"):
        HDBSCANSegmenter(1).fit(frame)


def test_clone_keeps_parameters_and_no_result(fitted):
    copy = clone(fitted)
    assert copy.get_params()["min_samples"] == 10
    with pytest.raises(NotFittedError):
        copy.predict(np.zeros((1, 3)))


def test_memberships_come_as_frame_on_request(fitted, frame):
    segmenter = clone(fitted).set_output(transform="pandas").fit(frame)
    found = segmenter.transform(frame)
    assert found.columns.tolist() == [f"hdbscansegmenter{i}" for i in range(4)]
    np.testing.assert_array_equal(found, fitted.transform(frame))


def test_packages_are_imported_when_they_are_used():
    program = (
        "import sys, segml.clustering as c; c.HDBSCANSegmenter(); c.UmapEmbedding();"
        "assert not {'umap', 'hdbscan', 'numba', 'pynndescent'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("min_samples", [1, 4, 10])
def test_new_customers_join_the_nearest_by_mutual_reachability(whole, min_samples):
    rng = np.random.default_rng(5)
    points = np.vstack([rng.normal(0, 1, (150, 3)), rng.normal(6, 1, (150, 3))])
    asked = np.vstack([rng.normal(3, 3, (80, 3)), rng.normal(0, 30, (20, 3))])
    if whole:  # many are equally far
        points, asked = points.round(), asked.round() + 0.25
    segmenter = as_is(min_segment_size=20, min_samples=min_samples).fit(points)
    tree = segmenter.density_tree_
    between = np.sort(cdist(tree.points, tree.points), axis=1)
    core = between[:, min_samples - 1]
    away = cdist(asked, tree.points)
    own = np.sort(away, axis=1)[:, [min_samples]]
    near = np.sort(away, axis=1)[:, [2 * min_samples - 1]]
    reach = np.maximum(np.maximum(core, own), away)
    reach[away > np.maximum(near, own)] = np.inf  # twice as many are looked at
    distance, neighbor = _nearest(cKDTree(tree.points), asked, min_samples + 1)
    known = np.full(len(points), np.nan)
    beside, found = tree._beside(cKDTree(tree.points), known, asked, distance, neighbor)
    np.testing.assert_allclose(found, reach.min(axis=1), rtol=1e-12)
    rows = np.arange(len(asked))
    np.testing.assert_allclose(reach[rows, beside], found, rtol=1e-12)
    tied = np.isclose(reach, found[:, None], rtol=1e-12)
    nearest = np.where(tied, away, np.inf).min(axis=1)
    np.testing.assert_allclose(away[rows, beside], nearest, rtol=1e-12)


def test_prediction_does_not_depend_on_blocks(frame, others, fitted, monkeypatch):
    others = pd.DataFrame(others, columns=NAMES)
    whole = fitted.predict(others), fitted.predict_membership(others)
    monkeypatch.setattr("segml.clustering._density._BLOCK", 7)
    np.testing.assert_array_equal(fitted.predict(others), whole[0])
    np.testing.assert_array_equal(fitted.predict_membership(others), whole[1])
    shuffled = frame.sample(frac=1, random_state=2)
    np.testing.assert_array_equal(fitted.predict(shuffled), fitted.labels_[shuffled.index])
