"""Fitted preprocessors as plain data: the constants of each feature, for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from segml._core.errors import ParameterError
from segml.features.encoders import LevelEncoder, as_numbers, as_ranks, circle_names, on_circle
from segml.features.preprocess import FeaturePreprocessor, signed_log
from segml.features.scaling import FeatureScaler

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "as_numbers": as_numbers,
    "as_ranks": as_ranks,
    "on_circle": on_circle,
    "signed_log": signed_log,
}


def describe_preprocessor(preprocessor: Any) -> dict[str, Any]:
    """Return what a fitted preprocessor does, as data that JSON can hold.

    Parameters
    ----------
    preprocessor : FeaturePreprocessor or StandardScaler
        Fitted; what `make_preprocessor` builds, or the scaler that stands in for none.

    Returns
    -------
    dict
        ``type``, then the constants; no customer.

    Raises
    ------
    ParameterError
        It, or a part of it, is of another kind.
    """
    if type(preprocessor) is StandardScaler and preprocessor.with_mean and preprocessor.with_std:
        return {"type": "StandardScaler", **_scales(preprocessor)}
    if type(preprocessor) is not FeaturePreprocessor:
        raise _unknown(preprocessor, "preprocessor")
    features = []
    for name, pipeline, columns in preprocessor.transformers_:
        if type(pipeline) is not Pipeline or list(columns) != [name]:
            raise _unknown(pipeline, f"preprocessor, step {name}")
        steps = [{"step": step, **_part(part, name)} for step, part in pipeline.steps]
        features.append({"name": name, "steps": steps})
    columns = [str(name) for name in preprocessor.feature_names_in_]
    return {"type": "FeaturePreprocessor", "columns": columns, "features": features}


def build_preprocessor(data: Mapping[str, Any]) -> Any:
    """Return the fitted preprocessor that `describe_preprocessor` described.

    Raises
    ------
    KeyError, TypeError, ValueError
        The data are not such a description.
    """
    if data["type"] == "StandardScaler":
        return _fill_scales(StandardScaler(), data)
    if data["type"] != "FeaturePreprocessor":
        raise ValueError(f"a preprocessor of type {data['type']!r}")
    pipelines = {one["name"]: _pipeline(one) for one in data["features"]}
    # Frozen steps keep their constants while the whole learns, from a customer of whom
    # nothing is known, which columns come in and go out.
    made = FeaturePreprocessor(
        [(name, FrozenEstimator(pipeline), [name]) for name, pipeline in pipelines.items()],
        verbose_feature_names_out=False,
    )
    made.fit(pd.DataFrame([[None] * len(data["columns"])], columns=data["columns"], dtype=object))
    made.transformers_ = [
        (name, pipelines.get(name, step), columns) for name, step, columns in made.transformers_
    ]
    made.transformers = [(name, clone(step), [name]) for name, step in pipelines.items()]
    return made


def _part(part: Any, feature: str) -> dict[str, Any]:
    """Return the type and the constants of one step of a feature."""
    if type(part) is LevelEncoder:
        levels = {"levels": part.levels_, "columns": part.feature_names_in_.tolist()}
        return {"type": "LevelEncoder", "options": part.get_params(), **levels}
    if type(part) is FeatureScaler:
        return {"type": "FeatureScaler", "options": part.get_params(), **_constants(part)}
    function = getattr(part, "func", None)
    name = next((name for name, one in _FUNCTIONS.items() if one is function), None)
    if type(part) is not FunctionTransformer or name is None:
        raise _unknown(part, f"preprocessor, feature {feature}")
    return {"type": name, "options": part.kw_args, **_width(part)}


def _pipeline(data: Mapping[str, Any]) -> Pipeline:
    return Pipeline([(step["step"], _step(step)) for step in data["steps"]])


def _step(data: Mapping[str, Any]) -> Any:
    """Return one fitted step."""
    options = dict(data["options"] or {})
    if data["type"] == "LevelEncoder":
        encoder = LevelEncoder(**options)
        encoder.levels_ = [list(map(str, levels)) for levels in data["levels"]]
        encoder.n_features_in_ = len(encoder.levels_)
        encoder.feature_names_in_ = np.array(data["columns"], object)
        return encoder
    if data["type"] == "FeatureScaler":
        scaler = FeatureScaler(**options)
        scaler.center_ = np.array(data["center"], float)
        scaler.fill_ = np.array(data["fill"], float)
        scaler.scale_ = float(data["scale"])
        scaler.missing_share_ = float(data["missing_share"])
        scaler.has_indicator_ = bool(data["has_indicator"])
        scaler.factor_ = float(data["factor"])
        scaler.n_features_in_ = len(scaler.center_)
        return scaler
    function = _FUNCTIONS[data["type"]]
    if "levels" in options:
        options["levels"] = tuple(options["levels"])
    step = FunctionTransformer(
        function,
        kw_args=options or None,
        feature_names_out=circle_names if function is on_circle else "one-to-one",
    )
    return _set_width(step, data)


def _constants(scaler: FeatureScaler) -> dict[str, Any]:
    return {
        "center": scaler.center_.tolist(),
        "scale": float(scaler.scale_),
        "fill": scaler.fill_.tolist(),
        "missing_share": scaler.missing_share_,
        "has_indicator": bool(scaler.has_indicator_),
        "factor": float(scaler.factor_),
    }


def _scales(scaler: StandardScaler) -> dict[str, Any]:
    return {
        "mean": scaler.mean_.tolist(),
        "variance": scaler.var_.tolist(),
        "scale": scaler.scale_.tolist(),
        "n_customers": int(scaler.n_samples_seen_),
        **_width(scaler),
    }


def _fill_scales(scaler: StandardScaler, data: Mapping[str, Any]) -> StandardScaler:
    scaler.mean_ = np.array(data["mean"], float)
    scaler.var_ = np.array(data["variance"], float)
    scaler.scale_ = np.array(data["scale"], float)
    scaler.n_samples_seen_ = np.int64(data["n_customers"])
    return _set_width(scaler, data)


def _width(step: Any) -> dict[str, Any]:
    """Return the columns that a step was fitted to: their names, or how many without any."""
    names = getattr(step, "feature_names_in_", None)
    return {"columns": int(step.n_features_in_) if names is None else names.tolist()}


def _set_width(step: Any, data: Mapping[str, Any]) -> Any:
    columns = data["columns"]
    if isinstance(columns, list):
        step.feature_names_in_ = np.array(columns, object)
        columns = len(columns)
    step.n_features_in_ = int(columns)
    return step


def _unknown(part: Any, where: str) -> ParameterError:
    return ParameterError(
        "this preprocessor has no form in JSON",
        where=where,
        got=type(part).__name__,
        expected="none, or one from make_preprocessor",
        hint="save to a file that ends in .skops",
    )
