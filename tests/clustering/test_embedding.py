from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import HDBSCANSegmenter, UmapEmbedding, umap_embedding
from segml.clustering._placement import neighbor_weights

NAMES = [f"x{j}" for j in range(5)]


@pytest.fixture(scope="module")
def group() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 4, 500)


@pytest.fixture(scope="module")
def frame(group) -> pd.DataFrame:
    """Four groups; the last forty customers are like the first forty."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(500, 5)) + 4 * rng.normal(size=(4, 5))[group]
    values[460:] = values[:40]
    index = pd.Index([f"c{i:03d}" for i in range(500)], name="customer_id")
    return pd.DataFrame(values, index=index, columns=NAMES)


@pytest.fixture(scope="module")
def fitted(frame) -> UmapEmbedding:
    return umap_embedding(frame.iloc[:480])


slow = pytest.mark.slow  # umap takes half a minute to be compiled


def test_weights_of_neighbours_follow_the_documented_formula():
    distances = np.sort(np.random.default_rng(0).lognormal(size=(200, 15)), axis=1)
    weights = neighbor_weights(distances)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    # log w = -d / σ + constant, the same σ for all neighbours
    logs = np.log(weights)
    sigma = -(distances[:, -1] - distances[:, 0]) / (logs[:, -1] - logs[:, 0])
    expected = np.exp(-distances / sigma[:, None])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-9)
    total = np.exp(-distances[:, 1:] / sigma[:, None]).sum(axis=1)
    np.testing.assert_allclose(total, np.log2(15), rtol=1e-9)


@pytest.mark.parametrize(
    "distances", [[0.0, 5e-324], [0.0, 0.0, 1.0], [1e-300] * 4, [1e300] * 15, [1.0, 1e12, 1e12]]
)
def test_weights_at_extreme_distances(distances):
    weights = neighbor_weights(np.array([distances]))[0]
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    assert (np.diff(weights) <= 0).all()


@slow
def test_coordinates_are_by_customer(fitted, frame):
    assert fitted.embedding_.index.equals(frame.index[:480])
    assert list(fitted.embedding_.columns) == ["umap_1", "umap_2"]
    assert np.isfinite(fitted.embedding_.to_numpy()).all()
    found = fitted.transform(frame.iloc[:480])
    assert found.tobytes() == fitted.embedding_.to_numpy().tobytes()
    alike = fitted.embedding_.to_numpy()
    assert alike[460:].tobytes() == alike[:20].tobytes()
    assert len(fitted.points_) == 460


@slow
def test_neighbours_stay_neighbours(fitted, frame, group):
    scaled = StandardScaler().fit_transform(frame.iloc[:460])
    on_map = fitted.transform(frame.iloc[:460])
    by_components = PCA(2).fit_transform(scaled)
    score = trustworthiness(scaled, on_map, n_neighbors=10)
    assert score > trustworthiness(scaled, by_components, n_neighbors=10)
    assert score > 0.93
    near = KNeighborsClassifier(10).fit(on_map, group[:460])
    assert near.score(on_map, group[:460]) > 0.95


@slow
def test_others_are_placed_among_their_like_whoever_comes_along(fitted, frame, group):
    new = pd.DataFrame(
        np.random.default_rng(9).normal(size=(40, 5)) * 0.3 + frame.iloc[:40].to_numpy(),
        columns=NAMES,
    )
    found = fitted.transform(new)
    near = KNeighborsClassifier(10).fit(fitted.embedding_.to_numpy(), group[:480])
    assert near.score(found, group[:40]) > 0.95
    assert fitted.transform(new[::-1])[::-1].tobytes() == found.tobytes()
    for i in (0, 7, 39):
        assert fitted.transform(new.iloc[[i]]).tobytes() == found[[i]].tobytes()
    far = fitted.transform(pd.DataFrame([[1e9] * 5], columns=NAMES))[0]
    assert (far >= fitted.coordinates_.min(axis=0)).all()
    assert (far <= fitted.coordinates_.max(axis=0)).all()


@slow
def test_row_order_container_and_process_change_no_byte(fitted, frame, tmp_path):
    rows = frame.iloc[:480]
    shuffled = umap_embedding(rows.sample(frac=1, random_state=1)).embedding_
    pd.testing.assert_frame_equal(shuffled.loc[rows.index], fitted.embedding_, check_exact=True)
    table = pl.from_pandas(rows.reset_index())
    pd.testing.assert_frame_equal(
        umap_embedding(table).embedding_, fitted.embedding_, check_exact=True
    )
    by_array = umap_embedding(np.asfortranarray(rows)).embedding_
    assert by_array.tobytes() == fitted.embedding_.to_numpy().tobytes()
    np.save(tmp_path / "rows.npy", rows.to_numpy())
    program = (
        "import sys, numpy as np; from segml.clustering import umap_embedding;"
        "found = umap_embedding(np.load(sys.argv[1])).embedding_;"
        "sys.stdout.write(np.ascontiguousarray(found).tobytes().hex())"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "rows.npy")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "3", "OMP_NUM_THREADS": "2"},
    )
    assert run.stdout == by_array.tobytes().hex()
    assert run.stderr == ""


@slow
def test_another_seed_lays_out_otherwise(fitted, frame):
    other = umap_embedding(frame.iloc[:480], random_state=1).embedding_
    assert not np.allclose(other, fitted.embedding_, atol=0.1)


@slow
@pytest.mark.parametrize("n", [4, 5, 9, 16])
def test_few_customers_are_laid_out(fitted, frame, n):
    embedding = UmapEmbedding().fit(frame.iloc[:n])
    assert np.isfinite(embedding.embedding_.to_numpy()).all()
    found = embedding.transform(frame.iloc[:n])
    assert found.tobytes() == embedding.embedding_.to_numpy().tobytes()
    assert np.isfinite(embedding.transform(frame)).all()


@slow
def test_segments_over_the_embedding(fitted, frame, group):
    segmenter = HDBSCANSegmenter(embedding=UmapEmbedding(min_dist=0.0), noise="nearest").fit(frame)
    assert adjusted_rand_score(segmenter.labels_[:460], group[:460]) > 0.9
    pd.testing.assert_series_equal(segmenter.predict(frame), segmenter.labels_)
    some = frame.iloc[[3, 470, 11]]
    assert segmenter.predict(some).tolist() == segmenter.labels_.iloc[[3, 470, 11]].tolist()
    again = clone(segmenter).fit(frame.sample(frac=1, random_state=5))
    pd.testing.assert_series_equal(again.labels_.sort_index(), segmenter.labels_)
    # One that is fitted already is used as it is.
    scaler = StandardScaler().fit(frame)
    once = UmapEmbedding(min_dist=0.0).fit(scaler.transform(frame))
    reused = HDBSCANSegmenter(embedding=FrozenEstimator(once), noise="nearest").fit(frame)
    assert reused.embedding_.estimator is once
    assert adjusted_rand_score(reused.labels_, segmenter.labels_) > 0.9


@slow
def test_coordinates_come_as_frame_on_request(fitted, frame):
    embedding = UmapEmbedding().set_output(transform="pandas").fit(frame.iloc[:30])
    found = embedding.transform(frame.iloc[20:40])
    assert list(found.columns) == ["umap_1", "umap_2"]
    assert found.index.equals(frame.index[20:40])
    pd.testing.assert_frame_equal(embedding.fit_transform(frame.iloc[:30]), embedding.embedding_)


@slow
def test_other_features_are_named(fitted, frame):
    with pytest.raises(ValueError, match=r"now missing:\n- x2"):
        fitted.transform(frame.drop(columns="x2"))
    broken = frame.copy()
    broken.iloc[3, 1] = np.nan
    with pytest.raises(DataError, match="NaN or infinite"):
        fitted.transform(broken)


def test_too_few_distinct_customers(frame):
    for rows in (frame.iloc[:3], frame.iloc[[0, 1, 2] * 9], frame.iloc[:1]):
        with pytest.raises(NotEnoughDataError, match="too few distinct customers") as caught:
            umap_embedding(rows)
        assert caught.value.problem.expected == "at least 4"
    with pytest.raises(NotEnoughDataError, match="at least 7"):
        umap_embedding(frame.iloc[:6], n_components=5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_values_are_named(frame, bad):
    broken = frame.copy()
    broken.iloc[[4, 9], 1] = bad
    with pytest.raises(DataError, match="NaN or infinite") as caught:
        UmapEmbedding().fit(broken)
    assert caught.value.problem.got == "x1: 2"
    assert caught.value.problem.where == "first in row 5"


def test_text_is_named(frame):
    broken = frame.astype(object)
    broken.iloc[3, 1] = "n/a"
    with pytest.raises(DataError, match="not numbers") as caught:
        UmapEmbedding().fit(broken)
    assert caught.value.problem.got == "x1"


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", None, True, float("nan")])
def test_bad_numbers(frame, bad):
    for name in ("n_components", "n_neighbors"):
        with pytest.raises(ParameterError, match=f"{name} is out of range"):
            UmapEmbedding(**{name: bad}).fit(frame)
    if bad != 0 and bad is not True:
        with pytest.raises(ParameterError, match="min_dist is out of range"):
            UmapEmbedding(min_dist=bad).fit(frame)


def test_nothing_is_there_before_the_fit(frame):
    with pytest.raises(NotFittedError):
        UmapEmbedding().transform(frame)
    assert clone(UmapEmbedding(n_neighbors=7)).n_neighbors == 7
