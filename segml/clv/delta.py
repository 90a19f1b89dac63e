"""Intervals for the predictions of a model, by the delta method."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd

from segml._core.check import one_of

from ._base import CLVModel
from ._slopes import estimated
from .prediction import Prediction


def predict_with_interval(model: CLVModel, method: str, rfm: object, **kwargs: Any) -> Prediction:
    r"""Compute a prediction of a fitted model with its uncertainty.

    The delta method over the logarithms u of the parameters, coefficients of covariates
    standing for themselves: the derivatives :math:`\partial y / \partial u` by central
    differences, once per distinct row, and the covariance of u from the fit.

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
    customers = model._read(rfm)
    columns, kinds = customers.unique()
    distinct = pd.DataFrame(columns)
    name = str(getattr(model, method)(distinct.iloc[:1], **kwargs).name)
    found = estimated(model, lambda one: getattr(one, method)(distinct, **kwargs).to_numpy())
    return Prediction(
        pd.Series(found.values[kinds.inverse], index=customers.index, name=name),
        found.jacobian[kinds.inverse],
        found.covariance,
        name,
        "probability" if "probability" in name else "positive",
    )


def _methods(model: CLVModel) -> list[str]:
    """Return the names of the public methods that take customers and predict."""
    return [
        name
        for name, method in inspect.getmembers(model, inspect.ismethod)
        if name.startswith("expected_") and "rfm" in inspect.signature(method).parameters
    ]
