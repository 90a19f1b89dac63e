"""Segments assigned by SQL are those that predict gives, on both engines."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segml._core.errors import MissingTableError, ParameterError
from segml.clustering import KMeansSegmenter, assign_segments
from segml.clustering.nearest_sql import _sum
from segml.data import load_cdnow_sample
from segml.engine import Engine
from segml.features import build_features, make_preprocessor

RNG = np.random.default_rng(8)
N = 3_000


def frame(columns: int, integers: bool = False) -> pd.DataFrame:
    values = RNG.integers(0, 4, (N, columns)) if integers else RNG.lognormal(2, 1, (N, columns))
    index = pd.Index([f"c{i:05}" for i in range(N)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=[f"x{j}" for j in range(columns)])


def assigned(segmenter: Any, features: pd.DataFrame, engine: Engine) -> pd.Series:
    table = engine.register(pa.Table.from_pandas(features.reset_index(), preserve_index=False))
    found = assign_segments(segmenter, table).to_pandas().set_index("customer_id").sort_index()
    assert found["name"].equals(found["segment"].map(segmenter.segments_["name"]).astype("str"))
    return found["segment"]


@pytest.mark.parametrize("columns", [1, 7, 8, 19, 130])
def test_labels_are_those_of_predict(any_engine, columns: int) -> None:
    features = frame(columns)
    segmenter = KMeansSegmenter(4, n_init=1).fit(features)
    pd.testing.assert_series_equal(assigned(segmenter, features, any_engine), segmenter.labels_)


def test_of_equally_near_centres_the_first_wins(any_engine) -> None:
    features = frame(2, integers=True)
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    segmenter.preprocessor_.mean_ = np.zeros(2)
    segmenter.preprocessor_.scale_ = np.ones(2)
    segmenter.cluster_centers_ = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 3.0]])
    expected = segmenter.predict(features)
    assert (features["x0"] == 1).any()
    pd.testing.assert_series_equal(assigned(segmenter, features, any_engine), expected)


def test_one_segment(any_engine) -> None:
    features = frame(2)
    segmenter = KMeansSegmenter(1, n_init=1).fit(features)
    assert assigned(segmenter, features, any_engine).eq(0).all()


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_a_feature_table(any_engine, cdnow_sample, scaling: Any) -> None:
    known = ["recency_days", "orders", "aov", "revenue", "tenure_days", "order_weekday"]
    here = build_features(cdnow_sample, "1998-06-30", known)
    preprocessor = make_preprocessor(here, scaling=scaling)
    segmenter = KMeansSegmenter(5, preprocessor, n_init=2).fit(here)
    there = build_features(load_cdnow_sample(any_engine), "1998-06-30", known)
    found = assign_segments(segmenter, there).to_pandas().set_index("customer_id").sort_index()
    pd.testing.assert_series_equal(found["segment"], segmenter.labels_)


def test_a_value_that_is_missing_or_infinite_has_no_segment(any_engine) -> None:
    features = frame(2)
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    wrong = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "x0": [1.0, None, float("inf"), float("nan")],
            "x1": [1.0, 1.0, 1.0, 1.0],
        }
    )
    table = any_engine.register(pa.table({name: wrong[name].tolist() for name in wrong}))
    rows = assign_segments(segmenter, table).to_arrow().to_pylist()
    found = {row["customer_id"]: row for row in rows}
    assert found["a"]["segment"] is not None
    for name in "bcd":
        assert (found[name]["segment"], found[name]["name"]) == (None, None)


def test_written_where_it_is(any_engine, tmp_path) -> None:
    features = frame(3)
    segmenter = KMeansSegmenter(3, n_init=1).fit(features)
    table = any_engine.register(pa.Table.from_pandas(features.reset_index()))
    path = assign_segments(segmenter, table).to_parquet(tmp_path / "segments.parquet")
    back = pd.read_parquet(path).set_index("customer_id").sort_index()
    assert back["segment"].tolist() == segmenter.labels_.tolist()


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 23, 128, 129, 300])
def test_terms_are_added_as_numpy_adds_them(n: int) -> None:
    values = RNG.normal(size=(50, n))
    for row, total in zip(values, values.sum(axis=1), strict=True):
        assert eval(_sum([repr(float(v)) for v in row])) == total


def test_what_cannot_be_assigned(engine) -> None:
    features = frame(2)
    table = engine.register(pa.Table.from_pandas(features.reset_index()))
    with pytest.raises(ParameterError, match="not assigned in the engine"):
        assign_segments(object(), table)
    with pytest.raises(ParameterError, match="array"):
        assign_segments(KMeansSegmenter(2).fit(features.to_numpy()), table)
    segmenter = KMeansSegmenter(2).fit(features.rename(columns={"x1": "x_one"}))
    with pytest.raises(MissingTableError, match="x_one"):
        assign_segments(segmenter, table)
