"""Fitted segmenters as files: what they assign new customers by, and not the old ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClusterMixin, clone
from sklearn.utils.validation import check_is_fitted

import segml.clustering
from segml import __version__
from segml._core.check import nearest
from segml._core.errors import DataError, ParameterError, SegmlError, SegmlWarning
from segml._core.files import write_json

from .segmenters_json import IN_JSON, describe_json, read_json
from .skops_file import read_skops, write_skops

FORMAT = "segml.clustering"
_VERSION = 1
#: What the fitted customers are known by; and what files have entries of their own for.
_ROWS = ("labels_",)
_APART = ("segments_", "n_features_in_", "feature_names_in_")


def segmenters() -> dict[str, type]:
    """Return the segmenters of `segml.clustering` by name."""
    public = {name: getattr(segml.clustering, name) for name in segml.clustering.__all__}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, ClusterMixin)
    }


def save_segmenter(segmenter: Any, path: Path) -> Path:
    """Write a fitted segmenter; see `segml.export.save_model`."""
    check_is_fitted(segmenter)
    if path.suffix == ".skops":
        return write_skops(path, _describe(segmenter))
    name = type(segmenter).__name__
    if path.suffix != ".json" or name not in IN_JSON:
        raise ParameterError(
            "segmenters of this kind are not saved to such a file",
            where="path",
            got=str(path),
            expected=f"a name that ends in {'.json or ' * (name in IN_JSON)}.skops",
        )
    return write_json(path, _head(segmenter) | describe_json(segmenter))


def read_segmenter(path: Path) -> Any:
    """Read a segmenter from a skops file."""
    data = read_skops(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataError(
            "the file is not that of a model", where=str(path), expected=f"format {FORMAT}"
        )
    segmenter = build_segmenter(data, path, in_json=False)
    wrote, here = data["versions"], _versions()
    if changed := [f"{name} {wrote.get(name)}" for name in here if wrote.get(name) != here[name]]:
        warnings.warn(
            SegmlWarning(
                "the file was written with other versions, which may read it otherwise",
                where=str(path),
                got=", ".join(changed),
                expected=", ".join(f"{name} {version}" for name, version in here.items()),
                hint="compare a few labels with those that the model gave, or fit anew",
            ),
            stacklevel=3,
        )
    return segmenter


def build_segmenter(data: Mapping[str, Any], path: Path, in_json: bool = True) -> Any:
    """Return the segmenter that a file describes, in JSON or in skops.

    Raises
    ------
    DataError
        It is of a later format or of an unknown kind, or an entry is missing or wrong.
    """
    hint = (
        f"the file was written by segml {data.get('segml_version', 'an unknown version')}, "
        f"this is segml {__version__}"
    )
    if data.get("version") != _VERSION:
        raise DataError(
            "the file has a format that this version does not read",
            where=f"{path}, version",
            got=data.get("version"),
            expected=str(_VERSION),
            hint=hint,
        )
    known, name = segmenters(), data.get("model")
    if name not in list(known):  # what is no text is not hashed
        raise DataError(
            "the file holds a model that this version does not know",
            where=f"{path}, model",
            got=name,
            expected="one of " + ", ".join(known),
            nearest=nearest(name, known),
            hint=hint,
        )
    try:
        return _build(known[name], data, in_json)
    except KeyError as error:
        raise DataError(
            "the file lacks an entry", where=f"{path}, {error.args[0]}", hint=hint
        ) from error
    except (SegmlError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "the file has an entry of a wrong kind",
            where=str(path),
            got=str(error),
            expected=f"what save_model writes for a {name}",
            hint=hint,
        ) from error


def _head(segmenter: Any) -> dict[str, Any]:
    names = getattr(segmenter, "feature_names_in_", None)
    return {
        "format": FORMAT,
        "segml_version": __version__,
        "version": _VERSION,
        "versions": _versions(),
        "model": type(segmenter).__name__,
        "features": int(segmenter.n_features_in_) if names is None else names.tolist(),
        "segments": _pack(segmenter.segments_),
    }


def _versions() -> dict[str, str]:
    return {"scikit-learn": installed("scikit-learn")}


def _describe(segmenter: Any) -> dict[str, Any]:
    """Return all that a segmenter consists of but its customers, for skops."""
    options = segmenter.get_params(deep=False)
    left_out = {*options, *_ROWS, *_APART}
    fitted = {name: _pack(value) for name, value in vars(segmenter).items() if name not in left_out}
    if options.get("names"):
        options["names"] = dict(options["names"])
    for name in ("preprocessor", "embedding"):  # of a fitted one, a copy of it was fitted anew
        if options.get(name) is not None:
            options[name] = clone(options[name])
    frozen = getattr(getattr(segmenter, "embedding_", None), "estimator", None)
    if isinstance(frozen, segml.clustering.UmapEmbedding):
        raise ParameterError(
            "a frozen embedding is not saved, as it holds the customers whom it was fitted to",
            where="embedding",
            got="FrozenEstimator of UmapEmbedding",
            expected="an embedding that the segmenter fits itself, such as UmapEmbedding()",
            hint="fit the segmenter with embedding=UmapEmbedding() and save it",
        )
    return _head(segmenter) | {"options": options, "fitted": fitted}


def _build(kind: type, data: Mapping[str, Any], in_json: bool) -> Any:
    """Return a segmenter from either form."""
    options, fitted = dict(data["options"]), dict(data["fitted"])
    if options.get("names"):
        options["names"] = {int(key): str(name) for key, name in options["names"].items()}
    if in_json:
        options, fitted, segments = read_json(kind.__name__, options, data)
    else:
        fitted = {name: _unpack(value) for name, value in fitted.items()}
        segments = _unpack(data["segments"])
    segmenter = kind(**options)
    for name, value in fitted.items():
        setattr(segmenter, name, value)
    features = data["features"]
    if isinstance(features, list):
        segmenter.feature_names_in_ = np.array(features, object)
        features = len(features)
    segmenter.n_features_in_ = int(features)
    segmenter.segments_ = segments
    return segmenter


def _pack(value: Any) -> Any:
    """Return tables as data: skops has no form for those of pandas."""
    if not isinstance(value, pd.DataFrame):
        return value
    columns = {str(name): column.tolist() for name, column in value.items()}
    kinds = {str(name): str(kind) for name, kind in value.dtypes.items()}
    index = value.index
    ids = {"name": index.name, "values": index.tolist(), "kind": str(index.dtype)}
    return {"ids": ids, "columns": columns, "kinds": kinds}


def _unpack(value: Any) -> Any:
    if not (isinstance(value, dict) and set(value) == {"ids", "columns", "kinds"}):
        return value
    ids = value["ids"]
    index = pd.Index(ids["values"], dtype=ids["kind"], name=ids["name"])
    return pd.DataFrame(value["columns"], index=index).astype(value["kinds"])
