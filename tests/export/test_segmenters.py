"""Segmenters as files: the same labels anywhere, no customers, other features refused."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler

from segml import __version__
from segml._core.errors import DataError, ParameterError, SegmlWarning
from segml.clustering import KMeansSegmenter, assign_segments
from segml.clustering.embedding import UmapEmbedding
from segml.clustering.gaussian_mixture import GaussianMixtureSegmenter
from segml.clustering.hdbscan_segmenter import HDBSCANSegmenter
from segml.clustering.rfm_segmenter import RFMSegmenter
from segml.engine import connect
from segml.export import load_model, save_model
from segml.features import make_preprocessor


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 400)
    return pd.DataFrame(
        {
            "recency_days": rng.gamma(2, 20 + 40 * (kind == 0)),
            "orders": rng.poisson(1 + 6 * kind) + 1,
            "revenue": np.round(rng.lognormal(3 + kind, 0.3), 2),
        },
        index=pd.Index([f"secret-{i:03}" for i in range(400)], name="customer_id"),
    )


@pytest.fixture(scope="module")
def new(frame):
    rows = frame.sample(300, replace=True, random_state=1)
    return rows.set_axis([f"n{i}" for i in range(300)]) * np.linspace(0.5, 2, 300)[:, None]


def scaled():
    return make_preprocessor(["recency_days", "orders", "revenue"])


FITS = {
    "k-means": (KMeansSegmenter(3, names={1: "Ours"}), ".json"),
    "k-means, prepared": (KMeansSegmenter(4, preprocessor=scaled(), random_state=7), ".json"),
    "k-means in skops": (KMeansSegmenter(3, preprocessor=RobustScaler()), ".skops"),
    "k-means, prepared, in skops": (KMeansSegmenter(3, scaled(), names={0: "Ours"}), ".skops"),
    "k-means, merged": (KMeansSegmenter(9, min_segment_size=40), ".json"),
    "k-means of PCA": (KMeansSegmenter(3, embedding=PCA(2)), ".skops"),
    "mixture": (GaussianMixtureSegmenter(3, scaled(), covariance_type="tied"), ".skops"),
    "RFM rules": (RFMSegmenter(names={0: "Best"}), ".json"),
    "RFM rules, merged": (RFMSegmenter(max_segments=4), ".json"),
    "RFM rules in skops": (RFMSegmenter(min_segment_size=30), ".skops"),
    "HDBSCAN": (HDBSCANSegmenter(20, scaled()), ".skops"),
    "HDBSCAN, nearest": (HDBSCANSegmenter(20, noise="nearest"), ".skops"),
}


@pytest.fixture(scope="module", params=FITS)
def saved(request, frame, tmp_path_factory):
    segmenter, ending = FITS[request.param]
    segmenter.fit(frame)
    return segmenter, save_model(segmenter, tmp_path_factory.mktemp("saved") / f"model{ending}")


@pytest.fixture
def written(frame, tmp_path):
    """Write the JSON of a segmenter with changes and return its path."""
    segmenter = KMeansSegmenter(2, preprocessor=scaled()).fit(frame)

    def write(*without, **changes):
        path = save_model(segmenter, tmp_path / "model.json")
        data = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: data[key] for key in data if key not in without}))
        return path

    return write


# --- what comes back -------------------------------------------------------------------------


def test_a_loaded_segmenter_is_the_fitted_one(saved, frame, new):
    segmenter, path = saved
    back = load_model(path)
    assert type(back) is type(segmenter)
    pd.testing.assert_series_equal(back.predict(frame), segmenter.labels_)
    pd.testing.assert_series_equal(back.predict(new), segmenter.predict(new))
    pd.testing.assert_frame_equal(
        back.predict_membership(new), segmenter.predict_membership(new), check_exact=True
    )
    np.testing.assert_array_equal(back.transform(new), segmenter.transform(new))
    pd.testing.assert_frame_equal(back.segments_, segmenter.segments_, check_exact=True)
    assert back.feature_names_in_.tolist() == list(frame.columns)
    assert repr(back) == repr(segmenter)
    assert back.get_feature_names_out().tolist() == segmenter.get_feature_names_out().tolist()


def test_it_can_be_fitted_anew(saved, frame):
    segmenter, path = saved
    pd.testing.assert_series_equal(load_model(path).fit(frame).labels_, segmenter.labels_)


@pytest.mark.slow
def test_another_process_predicts_the_same(frame, new, tmp_path):
    new.to_parquet(tmp_path / "new.parquet")
    fitted = {name: segmenter.fit(frame) for name, (segmenter, _) in FITS.items()}
    paths = [save_model(fitted[name], tmp_path / f"{name}{FITS[name][1]}") for name in FITS]
    code = (
        "import sys, pandas as pd; from segml.export import load_model;"
        "new = pd.read_parquet(sys.argv[1]);"
        "[print(*load_model(path).predict(new)) for path in sys.argv[2:]]"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "new.parquet")]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)
    assert done.stderr == ""
    expected = [" ".join(map(str, segmenter.predict(new))) for segmenter in fitted.values()]
    assert done.stdout.splitlines() == expected


def test_a_loaded_segmenter_assigns_in_the_engine(frame, new, tmp_path):
    segmenter = KMeansSegmenter(3, preprocessor=scaled()).fit(frame)
    back = load_model(save_model(segmenter, tmp_path / "model.json"))
    rows = new.rename_axis("customer_id").reset_index()
    got = assign_segments(back, connect().register(rows)).to_pandas()
    expected = segmenter.predict(new)
    assert got.set_index("customer_id")["segment"].to_dict() == expected.to_dict()


def test_a_fit_to_an_array(frame, tmp_path):
    segmenter = KMeansSegmenter(3).fit(frame.to_numpy())
    for name in ("a.json", "a.skops"):
        back = load_model(save_model(segmenter, tmp_path / name))
        assert not hasattr(back, "feature_names_in_")
        np.testing.assert_array_equal(back.predict(frame.to_numpy()), segmenter.labels_)


def test_an_embedding_by_umap_needs_no_umap_to_come_back(frame, new, tmp_path, monkeypatch):
    monkeypatch.setattr(UmapEmbedding, "_lay_out", lambda self, *_: self.points_[:, :2] ** 2)
    segmenter = KMeansSegmenter(3, embedding=UmapEmbedding()).fit(frame)
    monkeypatch.undo()
    back = load_model(save_model(segmenter, tmp_path / "model.skops"))
    pd.testing.assert_series_equal(back.predict(frame), segmenter.labels_)
    pd.testing.assert_series_equal(back.predict(new), segmenter.predict(new))
    with pytest.raises(ParameterError, match="an embedding has no form in JSON"):
        save_model(segmenter, tmp_path / "model.json")


def test_all_noise_comes_back(frame, tmp_path):
    segmenter = HDBSCANSegmenter(min_segment_size=390)
    with pytest.warns(SegmlWarning, match="all customers are noise"):
        segmenter.fit(frame)
    back = load_model(save_model(segmenter, tmp_path / "model.skops"))
    pd.testing.assert_frame_equal(back.segments_, segmenter.segments_)
    assert (back.predict(frame) == -1).all()
    assert back.predict_membership(frame).shape == (400, 0)


# --- what is in the file ---------------------------------------------------------------------


def test_no_customer_is_in_the_file(saved):
    segmenter, path = saved
    assert not hasattr(load_model(path), "labels_")
    if path.suffix == ".json":
        assert b"secret" not in path.read_bytes()
        assert path.stat().st_size < 6000
        return
    with zipfile.ZipFile(path) as file:
        parts = {part: file.read(part) for part in file.namelist()}
    assert not any(b"secret" in content for content in parts.values())
    shapes = [np.load(io.BytesIO(parts[name])).shape for name in parts if name.endswith(".npy")]
    long = [shape for shape in shapes if len(segmenter.labels_) in shape]
    # Other customers cannot be placed without those of the fit.
    assert bool(long) == isinstance(segmenter, HDBSCANSegmenter)
    assert (400, 3) in long or not long


def test_the_file_says_what_it_is(saved):
    _, path = saved
    if path.suffix == ".json":
        data = json.loads(path.read_text())
        assert data["segml_version"] == __version__
        assert data["features"] == ["recency_days", "orders", "revenue"]
        assert list(data["versions"]) == ["scikit-learn"]
    else:
        with zipfile.ZipFile(path) as file:
            text = file.read("schema.json").decode()
        assert all(word in text for word in (__version__, "scikit-learn", "recency_days"))


def test_the_same_fit_is_the_same_bytes(saved, frame, tmp_path):
    segmenter, path = saved
    again = type(segmenter)(**segmenter.get_params(deep=False))
    again.fit(frame.sample(frac=1, random_state=3))
    assert save_model(again, tmp_path / path.name).read_bytes() == path.read_bytes()


def test_own_names_and_numbers_of_numpy(frame, tmp_path):
    segmenter = KMeansSegmenter(np.int64(2), names={np.int64(1): "Né"}, random_state=np.int32(3))
    for name in ("a.json", "a.skops"):
        back = load_model(save_model(segmenter.fit(frame), tmp_path / name))
        assert back.names == {1: "Né"}
        assert back.segments_["name"].tolist() == segmenter.segments_["name"].tolist()


# --- other features --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x.assign(clicks=1), ["clicks"]),
        (lambda x: x.drop(columns="revenue"), ["revenue"]),
        (lambda x: x.rename(columns={"revenue": "revenu"}), ["revenue", "revenu"]),
        (lambda x: x[["revenue", "orders", "recency_days"]], ["order"]),
    ],
    ids=["extra", "missing", "renamed", "order"],
)
def test_other_features_are_an_error_that_lists_the_difference(saved, frame, change, said):
    back, changed = load_model(saved[1]), change(frame)
    if isinstance(back, RFMSegmenter) and set(frame.columns) <= set(changed.columns):
        # The rules take their columns by name, in the fit as well.
        pd.testing.assert_series_equal(back.predict(changed), saved[0].labels_)
        return
    with pytest.raises(ValueError) as caught:
        back.predict(changed)
    assert all(name in str(caught.value) for name in said)


# --- what is not saved -----------------------------------------------------------------------


def test_endings(frame, tmp_path):
    segmenter = KMeansSegmenter(2).fit(frame)
    for name in ("model", "model.pkl", "model.JSON"):
        with pytest.raises(ParameterError, match=r"ends in \.json or \.skops"):
            save_model(segmenter, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_json_takes_known_preprocessors_only(frame, tmp_path):
    segmenter = KMeansSegmenter(2, preprocessor=RobustScaler()).fit(frame)
    with pytest.raises(ParameterError, match="has no form in JSON") as caught:
        save_model(segmenter, tmp_path / "model.json")
    assert caught.value.problem.got == "RobustScaler"
    assert list(tmp_path.iterdir()) == []


def double(x):
    return 2 * x


@pytest.mark.parametrize("function", [double, lambda x: x], ids=["of a module", "without a name"])
def test_functions_of_ones_own_are_refused_when_saving(frame, tmp_path, function):
    made = make_pipeline(FunctionTransformer(function), RobustScaler())
    segmenter = KMeansSegmenter(2, preprocessor=made).fit(frame)
    with pytest.raises(ParameterError, match=r"would not be loaded|has no form in skops") as caught:
        save_model(segmenter, tmp_path / "model.skops")
    assert "scikit-learn and segml" in caught.value.problem.expected
    assert list(tmp_path.iterdir()) == []


# --- what is not loaded ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", ["version", "model", "options", "features", "segments", "preprocessor", "fitted"]
)
def test_missing_entries(written, entry):
    with pytest.raises(DataError) as caught:
        load_model(written(entry))
    assert f"model.json, {entry}" in str(caught.value) or "preprocessor" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"colour": "red"}},
        {"options": 3},
        {"fitted": {"centers": [["a"]], "inertia": 1.0, "n_iter": 2}},
        {"fitted": {"centers": [[1.0, 2.0]], "inertia": 1.0, "n_iter": 2}},
        {"fitted": {"centers": [[1e999] * 3] * 2, "inertia": 1.0, "n_iter": 2}},
        {"fitted": {"centers": [[1.0] * 2] * 2, "inertia": 1.0, "n_iter": 2}},
        {"features": ["a", "b"]},
        {"features": 3.5},
        {"segments": {"segment": [0], "name": ["a"], "size": [3], "share": [1.0]}},
        {"segments": [1, 2]},
        {"preprocessor": {"type": "eval", "given": True}},
        {"preprocessor": 3},
    ],
    ids=str,
)
def test_entries_of_a_wrong_kind(written, change):
    with pytest.raises(DataError, match="wrong kind") as caught:
        load_model(written(**change))
    assert "model.json" in caught.value.problem.where


@pytest.mark.parametrize("name", ["KMeansSegmentr", "KMeans", "os.system", None, ["a"]])
def test_unknown_segmenters(written, name):
    with pytest.raises(DataError, match="a model that this version does not know"):
        load_model(written(model=name))


def test_later_formats(written):
    with pytest.raises(DataError, match="a format that this version does not read") as caught:
        load_model(written(version=2, segml_version="9.9"))
    assert "9.9" in caught.value.problem.hint


def test_other_versions_are_said(frame, tmp_path, monkeypatch):
    from segml.export import segmenters

    segmenter = KMeansSegmenter(2).fit(frame)
    monkeypatch.setattr(segmenters, "installed", lambda name: "0.0.1")
    paths = [save_model(segmenter, tmp_path / name) for name in ("a.json", "a.skops")]
    monkeypatch.undo()
    load_model(paths[0])  # numbers mean the same in any version
    with pytest.warns(SegmlWarning, match="other versions") as caught:
        load_model(paths[1])
    assert caught[0].message.problem.got == "scikit-learn 0.0.1"
    assert caught[0].filename == __file__
