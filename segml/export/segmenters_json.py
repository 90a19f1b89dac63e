"""Segmenters that numbers and texts describe: k-means and the RFM rules, for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core.errors import ParameterError
from segml.clustering.rfm_grid import RFM_SEGMENTS
from segml.clustering.rfm_scorer import RFMScorer

from .preprocessors import build_preprocessor, describe_preprocessor

IN_JSON = ("KMeansSegmenter", "RFMSegmenter")


def describe_json(segmenter: Any) -> dict[str, Any]:
    """Return options, segments and fitted constants of a segmenter.

    Raises
    ------
    ParameterError
        A part has no form in JSON.
    """
    options = segmenter.get_params(deep=False)
    if options.get("names"):
        options["names"] = {str(key): str(name) for key, name in options["names"].items()}
    describe = _describe_k_means if "n_segments" in options else _describe_rfm
    described = describe(segmenter, options)
    described["fitted"]["dissolved"] = segmenter.dissolved_.to_dict("records")
    return {
        "segments": segmenter.segments_.reset_index().to_dict("records"),
        "options": {key: _plain(value) for key, value in options.items()},
        **described,
    }


def read_json(
    name: str, options: dict[str, Any], data: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], pd.DataFrame]:
    """Return options, fitted attributes and segments from a description.

    Raises
    ------
    KeyError, TypeError, ValueError
        The data are not those of such a segmenter.
    """
    read = _read_k_means if name == "KMeansSegmenter" else _read_rfm
    fitted = read(options, data)
    if not all(isinstance(row, dict) for row in data["segments"]):
        raise TypeError("a segment is not a mapping")
    segments = pd.DataFrame(
        {key: [row[key] for row in data["segments"]] for key in ("name", "size", "share")},
        index=pd.Index([int(row["segment"]) for row in data["segments"]], name="segment"),
    )
    count = int(fitted["_ids"].max()) + 1
    if segments.index.tolist() != list(range(count)):
        raise ValueError(f"{len(segments)} segments are described, {count} were found")
    fitted["_n_features_out"] = count
    dissolved = data["fitted"]["dissolved"]
    fitted["dissolved_"] = pd.DataFrame(dissolved, columns=["size", "reason"])
    return options, fitted, segments


def _describe_k_means(segmenter: Any, options: dict[str, Any]) -> dict[str, Any]:
    given = options.pop("preprocessor") is not None
    if options.pop("embedding") is not None:
        raise ParameterError(
            "an embedding has no form in JSON",
            where="embedding",
            got=type(segmenter.embedding).__name__,
            hint="save to a file that ends in .skops",
        )
    fitted = {
        "centers": segmenter.cluster_centers_.tolist(),
        "inertia": segmenter.inertia_,
        "n_iter": segmenter.n_iter_,
    }
    preprocessor = {"given": given, **describe_preprocessor(segmenter.preprocessor_)}
    return {"preprocessor": preprocessor, "fitted": fitted}


def _read_k_means(options: dict[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    preprocessor, fitted = build_preprocessor(data["preprocessor"]), data["fitted"]
    options["preprocessor"] = clone(preprocessor) if data["preprocessor"]["given"] else None
    centers = np.array(fitted["centers"], float)
    if centers.shape != (len(centers), len(preprocessor.get_feature_names_out())):
        raise ValueError("the centres have other columns than the preprocessor gives")
    if not np.isfinite(centers).all():
        raise ValueError("a centre is not finite")
    names = getattr(preprocessor, "feature_names_in_", None)
    known = preprocessor.n_features_in_ if names is None else names.tolist()
    if known != data["features"]:
        raise ValueError("the features are not those of the preprocessor")
    return {
        "preprocessor_": preprocessor,
        "cluster_centers_": centers,
        "inertia_": float(fitted["inertia"]),
        "n_iter_": int(fitted["n_iter"]),
        "_ids": np.arange(len(centers)),
    }


def _describe_rfm(segmenter: Any, options: dict[str, Any]) -> dict[str, Any]:
    # Ids are those of the rules, in their order; merged ones share one.
    ids = segmenter._ids.tolist()
    return {"fitted": {"cuts": segmenter.cuts_, "rules": _rules(), "ids": ids}}


def _read_rfm(options: dict[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    fitted, scorer = data["fitted"], RFMScorer()
    scorer.cuts_ = {
        name: [float(cut) for cut in fitted["cuts"][name]]
        for name in ("recency", "frequency", "monetary_value")
    }
    if fitted["rules"] != _rules() or len(fitted["ids"]) != len(RFM_SEGMENTS):
        raise ValueError("the rules are not those of this version")
    return {"preprocessor_": scorer, "_ids": np.array(fitted["ids"], int)}


def _rules() -> list[dict[str, Any]]:
    """Return the scores of each segment, from the lowest to the highest."""
    return [
        {
            "name": name,
            "recency": list(rule.recency),
            "frequency_monetary": list(rule.frequency_monetary),
        }
        for name, rule in RFM_SEGMENTS.items()
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
