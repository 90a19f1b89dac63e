"""Fitted models as small JSON files: parameters, covariance, options and versions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

import segml.clv
from segml import __version__
from segml._core.check import nearest
from segml._core.errors import DataError, ParameterError, SegmlError
from segml._core.files import write_json

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


def save_model(model: Model, path: str | os.PathLike[str]) -> Path:
    """Write a fitted model of `segml.clv` as a JSON file.

    The file holds the estimates and their covariance, the options of the model, and
    the versions of segml and of the format; no row that the model was fitted to. It
    appears whole or not at all.

    Parameters
    ----------
    model : model of `segml.clv`
        Fitted, such as a `BetaGeoModel`.
    path : str or path
        Where to; a file that is there is replaced, missing folders are made.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NotFittedError
        Before ``fit``.
    ParameterError
        When `model` is of another kind.

    See Also
    --------
    load_model : The way back.

    Examples
    --------
    >>> import tempfile
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> path = save_model(model, Path(tempfile.mkdtemp()) / "purchases.json")
    >>> load_model(path).params_.equals(model.params_)
    True
    """
    if type(model) not in _models().values():
        raise ParameterError(
            "this is not a model that can be saved",
            where="model",
            got=model.__name__ if isinstance(model, type) else type(model).__name__,
            expected="a fitted " + ", ".join(_models()),
        )
    data = _plain(model.to_dict())
    return write_json(path, {"format": data["format"], "segml_version": __version__, **data})


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that :func:`save_model` wrote, with this or an earlier version of segml.

    Nothing in the file is executed, and no code is loaded by a name in it.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    model of `segml.clv`
        Fitted, of the class that was saved.

    Raises
    ------
    DataError
        When there is no such file, or it is not JSON, not a model file, of a later
        format, of a model that is not known, incomplete, or has an entry of a wrong kind.

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
    data = _read(Path(path))
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
    if not path.is_file():
        raise DataError("the file does not exist", where=str(path))
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError("the file is not JSON", where=str(path), got=str(error)) from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise DataError(
            "the file is not that of a model",
            where=str(path),
            got=data.get("format") if isinstance(data, dict) else type(data).__name__,
            expected=f"a JSON object of format {_FORMAT}, as save_model writes",
        )
    return data


def _plain(value: Any) -> Any:
    """Return the value as JSON has it: options may hold numbers of NumPy."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
