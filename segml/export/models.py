"""Fitted models as files of data: parameters, options and versions, and no customers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Protocol, Self
from zipfile import is_zipfile

import numpy as np
import pandas as pd

import segml.clustering
import segml.clv
from segml import __version__
from segml._core.check import nearest
from segml._core.errors import DataError, ParameterError, SegmlError
from segml._core.files import write_json

from .segmenters import FORMAT as SEGMENTERS
from .segmenters import build_segmenter, read_segmenter, save_segmenter, segmenters

_FORMAT = "segml.clv"
#: Entries that the first files did not have, with what went without saying.
_EARLIER = {"k": 1}


class Model(Protocol):
    """What a fitted model has to have to be saved: it describes itself as plain data."""

    params_: pd.Series
    covariance_: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Return the model as data that JSON can hold."""
        ...

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the model that the data describe."""
        ...


def save_model(model: Any, path: str | os.PathLike[str]) -> Path:
    """Write a fitted model of `segml.clv` or segmenter of `segml.clustering` as a file.

    The file appears whole or not at all, and the same model gives the same bytes.

    Parameters
    ----------
    model : model of `segml.clv` or segmenter of `segml.clustering`
        Fitted, such as a `BetaGeoModel` or a `KMeansSegmenter`.
    path : str or path
        Where to; a file that is there is replaced, missing folders are made. The ending
        of a segmenter's file says its format: ``.json`` or ``.skops``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NotFittedError
        Before ``fit``.
    ParameterError
        When `model` is of another kind, or the format cannot hold it.

    See Also
    --------
    load_model : The way back.

    Notes
    -----
    Models of `segml.clv` become JSON: estimates, their covariance, options, versions.

    Segmenters become JSON if they are k-means or RFM rules on features that are only
    standardised or that `segml.features.make_preprocessor` prepares. Any of them becomes a
    skops file (https://skops.readthedocs.io), a zip archive of JSON and arrays. Both hold
    the options, the fitted preprocessor, what customers are assigned by, the features'
    names and the versions of the libraries. Neither is a pickle, and neither holds
    ``labels_`` or customer ids. Only HDBSCAN and UMAP, which have no centres, need the
    customers of their fit to place new ones: the file holds their scaled features, without
    ids, and is refused above 500 MB.

    Examples
    --------
    >>> import tempfile
    >>> from segml.clustering import KMeansSegmenter
    >>> from segml.clv import BetaGeoModel
    >>> folder = Path(tempfile.mkdtemp())
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> path = save_model(model, folder / "purchases.json")
    >>> load_model(path).params_.equals(model.params_)
    True
    >>> segmenter = KMeansSegmenter(2).fit(rfm[["frequency", "T"]])
    >>> path = save_model(segmenter, folder / "segments.json")
    >>> load_model(path).predict(rfm[["frequency", "T"]]).tolist()
    [0, 0, 0, 0, 0, 1]
    """
    if type(model) in segmenters().values():
        return save_segmenter(model, Path(path))
    if type(model) not in _models().values():
        raise ParameterError(
            "this is not a model that can be saved",
            where="model",
            got=model.__name__ if isinstance(model, type) else type(model).__name__,
            expected="a fitted " + ", ".join([*_models(), *segmenters()]),
            hint="save the segmenter that was fitted with it as its embedding: the file holds both"
            if isinstance(model, segml.clustering.UmapEmbedding)
            else None,
        )
    data = _plain(model.to_dict())
    return write_json(path, {"format": data["format"], "segml_version": __version__, **data})


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that :func:`save_model` wrote, with this or an earlier version of segml.

    Nothing in the file is executed, and no code is loaded by a name in it but that of
    known parts of scikit-learn and segml.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    model of `segml.clv` or segmenter of `segml.clustering`
        Fitted, of the class that was saved. A segmenter has no ``labels_``: `predict`
        gives the customers of the fit the labels that they had.

    Raises
    ------
    DataError
        When there is no such file, or it is of neither format, not a model file, of a
        later version, of a model that is not known, incomplete, has an entry of a wrong
        kind, or a type that is not trusted.

    Warns
    -----
    SegmlWarning
        A skops file was written with another version of scikit-learn.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.json"
    >>> _ = path.write_text('{"format": "segml.clv", "model": "BetaGeoModell"}')
    >>> load_model(path)
    Traceback (most recent call last):
      ...
    segml._core.errors.DataError: the file holds a model that this version does not know
      ...
      did you mean: 'BetaGeoModel'?
      ...
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("the file does not exist", where=str(path))
    if is_zipfile(path):
        return read_segmenter(path)
    data = _read(path)
    return build_segmenter(data, path) if data["format"] == SEGMENTERS else _build(data, path)


def _build(data: dict[str, Any], path: Path) -> Model:
    """Return the model of `segml.clv` that a file describes."""
    models = _models()
    name, written_by = data.get("model"), data.get("segml_version", "an unknown version")
    versions = f"the file was written by segml {written_by}, this is segml {__version__}"
    if name not in list(models):  # what is no text is not hashed
        raise DataError(
            "the file holds a model that this version does not know",
            where=f"{path}, model",
            got=name,
            expected="one of " + ", ".join(models),
            nearest=nearest(name, models),
            hint=versions,
        )
    try:
        model = models[name].from_dict(_EARLIER | data)
        numbers = np.append(model.params_.to_numpy(), model.covariance_.to_numpy().astype(float))
    except SegmlError as error:
        parts = vars(error.problem) | {"where": f"{path}, {error.problem.where}"}
        raise DataError(**parts | {"hint": error.problem.hint or versions}) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "the file has an entry of a wrong kind",
            where=str(path),
            got=str(error),
            expected=f"what save_model writes for a {name}",
            hint=versions,
        ) from error
    if not np.isfinite(numbers).all():
        raise DataError(
            "a parameter or a covariance is not finite", where=str(path), expected="finite numbers"
        )
    return model


def _models() -> dict[str, type[Model]]:
    """Return the models of `segml.clv` by name: what is there, and nothing else, is loaded."""
    public = {name: getattr(segml.clv, name) for name in segml.clv.__all__}
    return {name: value for name, value in public.items() if hasattr(value, "from_dict")}


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError("the file is not JSON", where=str(path), got=str(error)) from error
    if not isinstance(data, dict) or data.get("format") not in (_FORMAT, SEGMENTERS):
        raise DataError(
            "the file is not that of a model",
            where=str(path),
            got=data.get("format") if isinstance(data, dict) else type(data).__name__,
            expected=f"a JSON object of format {_FORMAT} or {SEGMENTERS}, as save_model writes",
        )
    return data


def _plain(value: Any) -> Any:
    """Return the value as JSON has it: options may hold numbers of NumPy."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
