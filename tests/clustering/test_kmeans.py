from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.features import build_features, make_preprocessor

NAMES = ["orders", "revenue", "recency_days"]


@parametrize_with_checks([KMeansSegmenter()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_is_one_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    values = np.round(rng.lognormal(sigma=0.8, size=(240, 3)) * [3, 60, 40], 2)
    values[200:] = values[:40]  # customers who tie in everything
    index = pd.Index([f"c{i:03d}" for i in range(240)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=NAMES)


@pytest.fixture(scope="module")
def fitted(frame) -> KMeansSegmenter:
    return KMeansSegmenter(4, preprocessor=make_preprocessor(NAMES)).fit(frame)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_row_order_changes_no_label_and_no_byte(frame, fitted, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    again = clone(fitted).fit(shuffled)
    pd.testing.assert_series_equal(again.labels_.sort_index(), fitted.labels_)
    assert again.cluster_centers_.tobytes() == fitted.cluster_centers_.tobytes()
    pd.testing.assert_frame_equal(again.segments_, fitted.segments_)


def _containers(frame: pd.DataFrame) -> dict[str, object]:
    flat = frame.reset_index()
    return {
        "pandas from columns": pd.DataFrame(
            {c: frame[c].to_numpy().copy() for c in frame}
        ).set_axis(frame.index),
        "pandas Fortran": pd.DataFrame(
            np.asfortranarray(frame), index=frame.index, columns=frame.columns
        ),
        "pandas with a column": flat,
        "pandas nullable": frame.convert_dtypes(),
        "Polars": pl.from_pandas(flat),
        "Arrow": pa.Table.from_pandas(flat, preserve_index=False),
    }


@pytest.mark.parametrize("kind", list(_containers(pd.DataFrame(index=pd.Index([], name="id")))))
def test_every_container_gives_the_same_labels_by_customer(frame, fitted, kind):
    given_as = _containers(frame)[kind]
    again = clone(fitted).fit(given_as)
    pd.testing.assert_series_equal(again.labels_, fitted.labels_)
    assert again.cluster_centers_.tobytes() == fitted.cluster_centers_.tobytes()
    pd.testing.assert_series_equal(again.predict(given_as), fitted.labels_)


def test_arrays_in_any_layout_give_the_labels_of_the_frame(frame):
    by_frame = KMeansSegmenter(4).fit(frame)
    padded = np.zeros((len(frame), 6))
    padded[:, ::2] = frame
    for values in (frame.to_numpy(), np.asfortranarray(frame), padded[:, ::2]):
        by_array = KMeansSegmenter(4).fit(values)
        assert isinstance(by_array.labels_, np.ndarray)
        assert by_array.labels_.tolist() == by_frame.labels_.tolist()
        assert by_array.cluster_centers_.tobytes() == by_frame.cluster_centers_.tobytes()


def test_single_precision_gives_the_same_in_a_frame_and_in_an_array(frame):
    single = frame.astype("float32")
    by_frame, by_array = KMeansSegmenter(4).fit(single), KMeansSegmenter(4).fit(single.to_numpy())
    assert by_frame.cluster_centers_.tobytes() == by_array.cluster_centers_.tobytes()
    assert by_frame.labels_.tolist() == by_array.labels_.tolist()


def test_feature_table_is_taken_as_it_is(cdnow_sample):
    features = build_features(cdnow_sample, "1998-06-30", NAMES)
    segmenter = KMeansSegmenter(4, preprocessor=make_preprocessor(features)).fit(features)
    assert list(segmenter.labels_.index[:2]) == ["0001", "0002"]
    assert segmenter.labels_.index.name == "customer_id"
    assert segmenter.segments_["size"].sum() == 2357
    pd.testing.assert_series_equal(segmenter.predict(features.to_pandas()), segmenter.labels_)


# Whole numbers from a small range: many rows tie, many distances tie.
tied = hnp.arrays(np.float64, st.tuples(st.integers(4, 25), st.just(2)), elements=st.integers(0, 4))


@given(tied, st.integers(1, 4), st.randoms(use_true_random=False))
def test_tied_rows_do_not_make_labels_depend_on_order(values, n_segments, random):
    n_segments = min(n_segments, len(np.unique(values, axis=0)))
    segmenter = KMeansSegmenter(n_segments, n_init=3).fit(values)
    labels = segmenter.labels_
    order = list(range(len(values)))
    random.shuffle(order)
    again = clone(segmenter).fit(np.asfortranarray(values[order]))
    assert again.labels_.tolist() == labels[order].tolist()
    assert segmenter.predict(values).tolist() == labels.tolist()
    same = pd.DataFrame(values).assign(label=labels).groupby([0, 1])["label"].nunique()
    assert (same == 1).all()  # equal customers are in one segment
    sizes = segmenter.segments_["size"].tolist()
    assert sizes == np.bincount(labels, minlength=n_segments).tolist()
    assert min(sizes) > 0
    assert sizes[0] == max(sizes)
    assert segmenter.segments_["name"].is_unique
    membership = segmenter.predict_membership(values).to_numpy()
    np.testing.assert_allclose(membership.sum(axis=1), 1, rtol=1e-12)
    rows = np.arange(len(values))
    np.testing.assert_allclose(membership[rows, labels], membership.max(axis=1), rtol=1e-12)


def test_predict_on_the_training_rows_and_on_others(frame, fitted):
    pd.testing.assert_series_equal(fitted.predict(frame), fitted.labels_)
    some = frame.iloc[[5, 3, 3]]
    assert fitted.predict(some).tolist() == fitted.labels_.iloc[[5, 3, 3]].tolist()
    assert fitted.predict(some).index.tolist() == ["c005", "c003", "c003"]


def test_labels_are_a_series_by_customer(frame, fitted):
    assert fitted.labels_.name == "segment"
    assert fitted.labels_.index.equals(frame.index)
    assert fitted.fit_predict(frame).equals(fitted.labels_)


def test_segments_are_described_by_size(frame, fitted):
    segments = fitted.segments_
    assert segments.index.tolist() == [0, 1, 2, 3]
    assert segments["size"].tolist() == fitted.labels_.value_counts().sort_index().tolist()
    assert segments["size"].is_monotonic_decreasing
    np.testing.assert_allclose(segments["share"], segments["size"] / 240, rtol=1e-15)
    assert list(segments.columns) == ["name", "size", "share"]


def test_memberships_follow_the_documented_formula(frame, fitted):
    membership = fitted.predict_membership(frame)
    assert membership.index.equals(frame.index)
    assert membership.columns.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(membership.sum(axis=1), 1, rtol=1e-12)
    assert membership.to_numpy().argmax(axis=1).tolist() == fitted.labels_.tolist()
    squared = np.asarray(fitted.transform(frame)) ** 2
    variance = fitted.inertia_ / (240 * 3)
    weight = np.exp(-squared / (2 * variance))
    np.testing.assert_allclose(
        membership, weight / weight.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-300
    )


def test_membership_of_an_array_has_no_customers(frame):
    membership = KMeansSegmenter(2).fit(frame.to_numpy()).predict_membership(frame.to_numpy())
    assert membership.index.equals(pd.RangeIndex(240))


def test_membership_where_every_customer_is_a_centre():
    segmenter = KMeansSegmenter(2).fit([[1.0], [2.0]])
    assert segmenter.inertia_ == 0
    membership = segmenter.predict_membership([[1.0], [2.0], [9.0]]).to_numpy()
    low, high = segmenter.labels_
    assert membership[0, low] == membership[1, high] == membership[2, high] == 1


def test_fit_is_as_good_as_that_of_scikit_learn(frame, fitted):
    scaled = make_preprocessor(NAMES).fit_transform(frame)
    theirs = KMeans(4, n_init=10, random_state=0).fit(scaled)
    assert fitted.inertia_ <= theirs.inertia_ * (1 + 1e-9)
    nearest = ((scaled[:, None] - fitted.cluster_centers_) ** 2).sum(axis=2).min(axis=1).sum()
    assert fitted.inertia_ == pytest.approx(nearest, rel=1e-9)


def test_features_are_standardised_when_there_is_no_preprocessor(frame):
    segmenter = KMeansSegmenter(3).fit(frame)
    scaled = StandardScaler().fit_transform(frame)
    means = pd.DataFrame(scaled).groupby(segmenter.labels_.to_numpy()).mean()
    np.testing.assert_allclose(segmenter.cluster_centers_, means, rtol=1e-9, atol=1e-12)


_PROGRAM = """
import numpy as np, sys
from segml.clustering import KMeansSegmenter
X = np.random.default_rng(3).lognormal(size=(500, 4))
sys.stdout.write(KMeansSegmenter(6).fit(X).cluster_centers_.tobytes().hex())
"""


def test_another_process_gives_the_same_bytes():
    environment = {**os.environ, "PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    X = np.random.default_rng(3).lognormal(size=(500, 4))
    here = KMeansSegmenter(6).fit(X).cluster_centers_
    assert here.shape == (6, 4)
    assert run.stdout == here.tobytes().hex()


def test_well_separated_groups_are_found_and_named():
    rng = np.random.default_rng(11)
    truth = np.repeat([0, 1, 2], [120, 60, 20])
    centers = np.array([[1.0, 300.0], [6.0, 30.0], [40.0, 3.0]])
    values = centers[truth] * rng.uniform(0.9, 1.1, size=(200, 2))
    frame = pd.DataFrame(values, columns=["orders", "recency_days"])
    features = ["orders", "recency_days"]
    segmenter = KMeansSegmenter(3, preprocessor=make_preprocessor(features)).fit(frame)
    assert adjusted_rand_score(truth, segmenter.labels_) == 1
    assert segmenter.segments_["size"].tolist() == [120, 60, 20]
    assert segmenter.segments_.loc[0, "name"] in ("Few-order, lapsed", "Lapsed, few-order")
    assert set(segmenter.segments_.loc[2, "name"].lower().split(", ")) == {
        "very frequent",
        "very recent",
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_values_are_named_and_counted(frame, bad):
    broken = frame.copy()
    broken.iloc[[4, 9], 1] = bad
    broken.iloc[9, 2] = bad
    plain, own = KMeansSegmenter(4), KMeansSegmenter(4, preprocessor=FunctionTransformer())
    for segmenter in (plain, own):
        fitted = clone(segmenter).fit(frame)
        uses = (fitted.predict, fitted.transform, fitted.predict_membership)
        for use in (clone(segmenter).fit, *uses):
            with pytest.raises(DataError, match="NaN or infinite") as caught:
                use(broken)
            assert caught.value.problem.where == "first in row 5"
            assert caught.value.problem.got == "revenue: 2, recency_days: 1"


def test_infinite_values_are_refused_by_the_preprocessor(frame, fitted):
    broken = frame.copy()
    broken.iloc[4, 1] = np.inf
    for use in (clone(fitted).fit, fitted.predict, fitted.transform, fitted.predict_membership):
        with pytest.raises(DataError, match="infinite values") as caught:
            use(broken)
        assert caught.value.problem.where == "column revenue"


def test_missing_values_of_an_array_are_named_by_position():
    with pytest.raises(DataError, match="column 1: 1"):
        KMeansSegmenter(2).fit([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])


def test_constant_column_changes_nothing_else(frame):
    with_constant = frame.assign(aov=7.0)
    segmenter = KMeansSegmenter(3).fit(with_constant)
    assert segmenter.labels_.equals(KMeansSegmenter(3).fit(frame).labels_)
    assert segmenter.cluster_centers_[:, 3].tolist() == [0, 0, 0]


def test_only_constant_columns_allow_one_segment():
    frame = pd.DataFrame({"orders": [2.0] * 5, "aov": [9.5] * 5}, index=list("abcde"))
    segmenter = KMeansSegmenter(1).fit(frame)
    assert segmenter.labels_.tolist() == [0] * 5
    assert segmenter.segments_["name"].tolist() == ["Average"]
    with pytest.raises(NotEnoughDataError) as caught:
        KMeansSegmenter(2).fit(frame)
    assert caught.value.problem.got == "n_segments=2, n_samples=5 of which 1 differ"


def test_repeated_customers_stay_together(frame):
    twice = pd.concat([frame, frame.set_axis("d" + frame.index.astype(str))])
    labels = KMeansSegmenter(4).fit(twice).labels_
    assert labels[:240].tolist() == labels[240:].tolist()


def test_one_row():
    segmenter = KMeansSegmenter(1).fit(pd.DataFrame({"orders": [3.0]}, index=["a"]))
    assert segmenter.labels_.to_dict() == {"a": 0}
    with pytest.raises(NotEnoughDataError, match="n_samples=1 of which 1 differ"):
        KMeansSegmenter(2).fit(pd.DataFrame({"orders": [3.0]}))


def test_text_where_numbers_belong_is_named(fitted, frame):
    broken = frame.astype(object)
    broken.iloc[3, 1] = "n/a"
    with pytest.raises(DataError, match="not numbers") as caught:
        KMeansSegmenter(2).fit(broken)
    assert caught.value.problem.got == "revenue"
    with pytest.raises(DataError, match="not numbers") as caught:
        fitted.predict(broken)
    assert caught.value.problem.where == "column revenue"


def test_features_that_are_missing_renamed_or_more_are_named(fitted, frame):
    with pytest.raises(ValueError, match=r"now missing:\n- revenue"):
        fitted.predict(frame.drop(columns="revenue"))
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- turnover"):
        fitted.predict(frame.rename(columns={"revenue": "turnover"}))
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- aov"):
        fitted.predict(frame.assign(aov=1.0))


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", None, True, float("nan")])
def test_bad_numbers_of_segments_and_starts(frame, bad):
    with pytest.raises(ParameterError, match="n_segments is out of range"):
        KMeansSegmenter(bad).fit(frame)
    with pytest.raises(ParameterError, match="n_init is out of range"):
        KMeansSegmenter(2, n_init=bad).fit(frame)


def test_own_names_take_precedence(fitted, frame):
    generated = fitted.segments_["name"]
    own = clone(fitted).set_params(names={0: "Core", 3: "Rest"}).fit(frame).segments_["name"]
    assert own.tolist() == ["Core", generated[1], generated[2], "Rest"]


def test_own_names_for_no_segment_or_for_two(fitted, frame):
    with pytest.raises(ParameterError) as caught:
        clone(fitted).set_params(names={4: "Ghost"}).fit(frame)
    assert (caught.value.problem.got, caught.value.problem.expected) == (4, "ids from 0 to 3")
    with pytest.raises(ParameterError, match="the same name"):
        clone(fitted).set_params(names={0: "Core", 1: "Core"}).fit(frame)


def test_distances_come_as_frame_on_request(fitted, frame):
    plain = fitted.transform(frame)
    assert isinstance(plain, np.ndarray)
    segmenter = clone(fitted).set_output(transform="pandas").fit(frame)
    distances = segmenter.transform(frame)
    assert distances.columns.tolist() == [f"kmeanssegmenter{i}" for i in range(4)]
    assert distances.index.equals(frame.index)
    np.testing.assert_array_equal(distances, plain)
    scaled = fitted.preprocessor_.transform(frame)
    by_hand = np.linalg.norm(scaled[:, None] - fitted.cluster_centers_, axis=2)
    np.testing.assert_allclose(plain, by_hand, rtol=1e-12)


def test_clone_keeps_parameters_and_no_result(fitted):
    copy = clone(fitted)
    assert copy.get_params()["n_segments"] == 4
    assert copy.preprocessor is not fitted.preprocessor_
    with pytest.raises(NotFittedError):
        copy.predict(np.zeros((1, 3)))
    assert not hasattr(fitted.preprocessor, "transformers_")  # a copy was fitted


def test_another_seed_may_start_elsewhere_but_orders_segments_by_size(frame):
    for seed in range(3):
        sizes = KMeansSegmenter(5, n_init=1, random_state=seed).fit(frame).segments_["size"]
        assert sizes.is_monotonic_decreasing
