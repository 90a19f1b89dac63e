"""skops files: the same bytes, known types only, nothing run."""

import os
import zipfile

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skops.io import dumps

from segml._core.errors import DataError, ParameterError
from segml.export import load_model
from segml.export.skops_file import TRUSTED, read_skops, write_skops


def content():
    return {
        "numbers": np.arange(6.0).reshape(2, 3),
        3: ["a", None, 1.5],
        "scaler": StandardScaler().fit(np.eye(3)),
        "text": '"__id__": 123456, "file": "9.npy"',
    }


def test_it_comes_back(tmp_path):
    back = read_skops(write_skops(tmp_path / "a.skops", content()))
    np.testing.assert_array_equal(back["numbers"], content()["numbers"])
    assert (back[3], back["text"]) == (content()[3], content()["text"])
    np.testing.assert_array_equal(
        back["scaler"].transform(np.eye(3)), content()["scaler"].transform(np.eye(3))
    )


def test_the_same_data_are_the_same_bytes(tmp_path):
    held = [object() for _ in range(1000)]  # so that addresses differ
    one = write_skops(tmp_path / "a.skops", content()).read_bytes()
    held.append(content())
    assert write_skops(tmp_path / "b.skops", content()).read_bytes() == one


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_skops(tmp_path / "a.skops", content())
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_skops(path, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_too_large(tmp_path):
    with pytest.raises(ParameterError, match="too large") as caught:
        write_skops(tmp_path / "a.skops", np.zeros(1_000_000), largest=1_000_000)
    assert caught.value.problem.got == "8 MB"
    assert list(tmp_path.iterdir()) == []


def test_other_types_are_not_loaded(tmp_path):
    path = tmp_path / "evil.skops"
    path.write_bytes(dumps(FunctionTransformer(os.system)))
    for read in (read_skops, load_model):
        with pytest.raises(DataError, match="types that are not loaded") as caught:
            read(path)
        assert "system" in caught.value.problem.got


def test_all_trusted_types_are_there():
    import importlib

    for name in TRUSTED:
        module, _, part = name.rpartition(".")
        assert hasattr(importlib.import_module(module), part), name


def test_files_that_are_damaged(tmp_path):
    whole = write_skops(tmp_path / "a.skops", content()).read_bytes()
    cut = tmp_path / "cut.skops"
    cut.write_bytes(whole[: len(whole) // 2])
    empty = tmp_path / "empty.skops"
    with zipfile.ZipFile(empty, "w") as file:
        file.writestr("schema.json", "{}")
    other = tmp_path / "other.skops"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("a.txt", "text")
    for path in (cut, empty, other):
        with pytest.raises(DataError, match="cannot be read"):
            read_skops(path)
        with pytest.raises(DataError) as caught:
            load_model(path)
        assert str(path) in str(caught.value)


def test_data_of_something_else(tmp_path):
    for data in ({"format": "other"}, [1]):
        with pytest.raises(DataError, match="not that of a model"):
            load_model(write_skops(tmp_path / "a.skops", data))
