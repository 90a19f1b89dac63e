"""Intervals for the predictions of a model, by the delta method."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import one_of

from ._base import CLVModel
from ._interval import Scale
from .prediction import Prediction

_STEP = 1e-4  # of a log parameter: balances truncation and rounding at 1e-8


def predict_with_interval(model: CLVModel, method: str, rfm: object, **kwargs: Any) -> Prediction:
    r"""Compute a prediction of a fitted model with its uncertainty.

    The delta method over the logarithms u of the parameters: the derivatives
    :math:`\partial y / \partial u` by central differences, once per distinct
    row, and the covariance of u from the fit.

    Parameters
    ----------
    model : CLVModel
        Fitted.
    method : str
        A method of it that predicts by customer, such as
        ``"expected_probability_alive"``.
    rfm : DataFrame
        The customers.
    **kwargs
        Further arguments of the method.

    Returns
    -------
    Prediction
        Named like the Series that the method returns.

    Raises
    ------
    ParameterError
        When the model has no such method.
    NotFittedError, DataError, MissingTableError
        As the method.

    Examples
    --------
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> prediction = predict_with_interval(model, "expected_purchases", rfm, future_t=10)
    >>> prediction.to_frame().columns.tolist()
    ['expected_purchases', 'std_error', 'low', 'high']
    """
    one_of(method, _methods(model), "method")
    return predict_by_delta(model, method, rfm, **kwargs)


def predict_by_delta(model: CLVModel, method: str, rfm: object, **kwargs: Any) -> Prediction:
    """Do the work of :func:`predict_with_interval` for any method, private ones too."""
    scale_of = model._scale()
    log_parameters = scale_of.of(np.asarray(model._parameters()))
    customers = model._read(rfm)
    columns, kinds = customers.unique()
    distinct = pd.DataFrame(columns)

    def values(at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pd.Series:
        predicted: pd.Series = getattr(model._with_parameters(scale_of.back(at)), method)(
            distinct, **kwargs
        )
        return predicted

    here = values(log_parameters)
    slopes = []
    for step in np.eye(len(log_parameters)) * _STEP:
        rise = values(log_parameters + step) - values(log_parameters - step)
        slopes.append(rise.to_numpy() / (2 * _STEP))
    name = str(here.name)
    scale: Scale = "probability" if "probability" in name else "positive"
    return Prediction(
        pd.Series(here.to_numpy()[kinds.inverse], index=customers.index, name=name),
        np.column_stack(slopes)[kinds.inverse],
        model._log_covariance(),
        name,
        scale,
    )


def _methods(model: CLVModel) -> list[str]:
    """Return the names of the public methods that take customers and predict."""
    return [
        name
        for name, method in inspect.getmembers(model, inspect.ismethod)
        if name.startswith("expected_") and "rfm" in inspect.signature(method).parameters
    ]
