"""k-means in the engine: Lloyd's algorithm as in memory, the same on both engines."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer

from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter, assign_segments, fit_segments
from segml.clustering._lloyd_sql import Scan
from segml.engine import Engine, Table
from segml.features import build_features, make_preprocessor

N = 2_000
NAMES = ["orders", "revenue", "recency_days"]


def table_of(frame: pd.DataFrame, engine: Engine) -> Table:
    return engine.register(pa.Table.from_pandas(frame.reset_index(), preserve_index=False))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    values = rng.lognormal(sigma=0.8, size=(N, 3)) * [3, 60, 40]
    index = pd.Index([f"c{i:05}" for i in range(N)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=NAMES)


@pytest.fixture(scope="module")
def segmenter() -> KMeansSegmenter:
    return KMeansSegmenter(4, make_preprocessor(NAMES), n_init=2)


def started(frame: pd.DataFrame, segmenter: KMeansSegmenter, sample_size: int) -> pd.DataFrame:
    """Return the customers that hashes choose: by hashlib, not by an engine."""
    highest = int(sample_size / len(frame) * 16**8)
    chosen = [int(hashlib.md5(i.encode()).hexdigest()[:8], 16) < highest for i in frame.index]
    return frame[chosen]


def test_it_is_lloyds_algorithm_from_the_centres_of_a_sample(engine, frame, segmenter):
    sample = started(frame, segmenter, 300)
    assert 250 < len(sample) < 350
    start = KMeansSegmenter(4, make_preprocessor(NAMES), n_init=2).fit(sample)
    scaled = start.preprocessor_.transform(frame)
    sampled = start.preprocessor_.transform(sample)
    centers, expected = start.cluster_centers_, None
    for _ in range(300):
        labels = ((scaled[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        expected = np.array([scaled[labels == i].mean(axis=0) for i in range(4)])
        moved = ((expected - centers) ** 2).sum()
        centers = expected
        if moved <= 1e-4 * sampled.var(axis=0).mean():
            break
    labels = ((scaled[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    sizes = np.bincount(labels)

    found = fit_segments(segmenter, table_of(frame, engine), sample_size=300)
    assert found.segments_["size"].tolist() == sorted(sizes, reverse=True)
    np.testing.assert_allclose(found.cluster_centers_, centers[np.argsort(-sizes)], rtol=1e-9)
    inertia = ((scaled - centers[labels]) ** 2).sum()
    assert found.inertia_ == pytest.approx(inertia, rel=1e-9)
    assert found.segments_["size"].sum() == N
    assert found.segments_["name"].is_unique
    # As good as scikit-learn's own from the same start, but for where it stops.
    theirs = KMeans(4, init=start.cluster_centers_, n_init=1).fit(scaled)
    assert found.inertia_ == pytest.approx(theirs.inertia_, rel=1e-3)
    # What the engine assigns, and what memory predicts, is what was counted.
    assigned = assign_segments(found, table_of(frame, engine)).to_pandas()
    assert assigned["segment"].value_counts().sort_index().tolist() == sorted(sizes, reverse=True)
    predicted = found.predict(frame)
    pd.testing.assert_series_equal(
        assigned.set_index("customer_id").sort_index()["segment"], predicted
    )
    assert found.predict_membership(frame).shape == (N, 4)


@pytest.mark.spark
def test_both_engines_give_the_same_bytes(engine, spark_engine, frame):
    plain = KMeansSegmenter(3, n_init=1)
    here = fit_segments(plain, table_of(frame, engine), sample_size=200)
    there = fit_segments(plain, table_of(frame, spark_engine), sample_size=200)
    assert here.cluster_centers_.tobytes() == there.cluster_centers_.tobytes()
    assert (here.inertia_, here.n_iter_) == (there.inertia_, there.n_iter_)
    pd.testing.assert_frame_equal(here.segments_, there.segments_)


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_changes_no_byte(engine, frame, segmenter, seed):
    first = fit_segments(segmenter, table_of(frame, engine), sample_size=300)
    shuffled = frame.sample(frac=1, random_state=seed)
    again = fit_segments(segmenter, table_of(shuffled, engine), sample_size=300)
    assert again.cluster_centers_.tobytes() == first.cluster_centers_.tobytes()
    assert again.inertia_ == first.inertia_
    pd.testing.assert_frame_equal(again.segments_, first.segments_)


def test_few_customers_are_fitted_in_memory(engine, frame, segmenter):
    found = fit_segments(segmenter, table_of(frame, engine))
    memory = KMeansSegmenter(4, make_preprocessor(NAMES), n_init=2).fit(frame)
    assert found.cluster_centers_.tobytes() == memory.cluster_centers_.tobytes()
    pd.testing.assert_frame_equal(found.segments_, memory.segments_)
    assert not hasattr(found, "labels_")
    assert not hasattr(segmenter, "cluster_centers_")


def test_a_feature_table(engine, cdnow_sample):
    features = build_features(cdnow_sample, "1998-06-30", NAMES)
    segmenter = KMeansSegmenter(4, make_preprocessor(features), n_init=2)
    found = fit_segments(segmenter, features, sample_size=500)
    assert found.segments_["size"].sum() == 2357
    assert found.predict(features).value_counts().tolist() == found.segments_["size"].tolist()


def test_guard_and_names_are_of_all_customers(engine, frame):
    outliers = pd.DataFrame(
        {"orders": 400.0, "revenue": 9e3, "recency_days": 1.0},
        index=[f"x{i}" for i in range(40)],
    )
    both = pd.concat([frame, outliers]).rename_axis("customer_id")
    free = fit_segments(KMeansSegmenter(4), table_of(both, engine), sample_size=700)
    assert free.segments_["size"].min() == 40
    guarded = KMeansSegmenter(4, names={2: "Rest"}, min_segment_size=50)
    found = fit_segments(guarded, table_of(both, engine), sample_size=700)
    assert found.segments_["size"].min() >= 50
    assert found.segments_["size"].sum() == N + 40
    assert (
        found.dissolved_.loc[0, "reason"] == "a segment of 40 is smaller than min_segment_size=50"
    )
    assert found.segments_["name"][2] == "Rest"
    assert found.get_params()["min_segment_size"] == 50


def test_sums_are_exact_whatever_the_size_of_values(engine):
    rng = np.random.default_rng(2)
    for scale in (1e-12, 1.0, 1e12):
        values = rng.normal(size=(1_000, 2)) * [scale, 1]
        values[0, 0] = 50 * scale
        frame = pd.DataFrame(values, columns=["scaled_0", "scaled_1"]).rename_axis("customer_id")
        centers = np.array([[0.0, -1.0], [scale, 1.0]])
        found = Scan(table_of(frame, engine), ["a", "b"]).once(centers)
        labels = ((values[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        means = [values[labels == i].mean(axis=0) for i in (0, 1)]
        assert found.sizes.tolist() == np.bincount(labels).tolist()
        np.testing.assert_allclose(
            found.means / [scale, 1], means / np.array([scale, 1]), atol=1e-13
        )
        inertia = ((values - centers[labels]) ** 2).sum()
        assert found.inertia == pytest.approx(inertia, rel=1e-9)


def test_a_centre_without_customers_stays_where_it_is(engine, frame):
    scaled = frame.set_axis([f"scaled_{j}" for j in range(3)], axis=1)
    centers = np.array([[3.0, 60.0, 40.0], [1e9, 1e9, 1e9]])
    found = Scan(table_of(scaled, engine), NAMES).once(centers)
    assert found.sizes.tolist() == [N, 0]
    assert found.means[1].tolist() == [1e9] * 3


def test_what_cannot_be_fitted(engine, frame, segmenter):
    table = table_of(frame, engine)
    with pytest.raises(ParameterError, match="embedding"):
        fit_segments(KMeansSegmenter(2, embedding=PCA(1)), table)
    with pytest.raises(ParameterError, match="not found in the engine"):
        fit_segments(object(), table)
    with pytest.raises(ParameterError, match="sample_size"):
        fit_segments(segmenter, table, sample_size=0)
    with pytest.raises(ParameterError, match="no SQL"):
        fit_segments(KMeansSegmenter(2, FunctionTransformer()), table, sample_size=300)
    with pytest.raises(MissingTableError, match="customer_id"):
        fit_segments(segmenter, engine.register(frame.reset_index(drop=True)))
    with pytest.raises(NotEnoughDataError, match="no customers"):
        fit_segments(segmenter, table_of(frame.iloc[:0], engine))
    with pytest.raises(NotEnoughDataError, match="fewer distinct"):
        fit_segments(KMeansSegmenter(4), table_of(frame * 0.0, engine), sample_size=300)
    # Beyond the sample, where no customer was looked at before.
    late = set(frame.index) - set(started(frame, segmenter, 300).index)
    for bad in (np.nan, np.inf):
        broken = frame.copy()
        broken.loc[min(late), "revenue"] = bad
        with pytest.raises(DataError, match="NaN or infinite") as caught:
            fit_segments(KMeansSegmenter(2), table_of(broken, engine), sample_size=300)
        assert caught.value.problem.got == "revenue: 1"
