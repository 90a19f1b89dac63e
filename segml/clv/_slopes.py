"""Values that follow from the parameters of a model, with their slopes: the delta method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._base import CLVModel
from ._interval import Scale, interval
from ._logarithms import Logarithms
from ._unique import Floats

_STEP = 1e-4  # of a log parameter: balances truncation and rounding at 1e-8
_STEP_OF_FREE = 1e-3  # of its standard error, as a coefficient is in the unit of its column


@dataclass(frozen=True)
class Estimated:
    """Values with their slopes by the logarithms of the parameters.

    Parameters
    ----------
    values : ndarray of shape (n,)
        What follows from the estimates.
    jacobian : ndarray of shape (n, k)
        Its derivatives by the logarithms of the k parameters.
    covariance : ndarray of shape (k, k)
        Of the logarithms.
    """

    values: Floats
    jacobian: Floats
    covariance: Floats

    def ends(self, scale: Scale, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of the intervals."""
        variance = np.einsum("ij,ij->i", self.jacobian @ self.covariance, self.jacobian)
        return interval(self.values, np.sqrt(np.maximum(variance, 0)), scale, level)


def estimated(model: CLVModel, function: Callable[[Any], Floats]) -> Estimated:
    """Compute a function of a fitted model, with its slopes by central differences.

    Parameters
    ----------
    model : CLVModel
        Fitted.
    function : callable
        From a model to an array of shape (n,).

    Examples
    --------
    >>> import pandas as pd
    >>> from segml.clv import BetaGeoModel
    >>> rfm = pd.DataFrame({"frequency": [0, 1, 1, 2, 3, 6], "recency": [0, 9, 2, 4, 21, 30],
    ...                     "T": [39, 36, 35, 38, 37, 39]})
    >>> model = BetaGeoModel().fit(rfm, weights=[900, 90, 150, 60, 40, 20])
    >>> found = estimated(model, lambda m: np.array([m.params_["alpha"]]))
    >>> low, high = found.ends("positive")
    >>> bool(abs(high[0] / model.summary().loc["alpha", "high"] - 1) < 1e-6)
    True
    """
    scale = model._scale()
    at = scale.of(np.asarray(model._parameters()))
    covariance = model._log_covariance()
    slopes = []
    for j, size in enumerate(_steps(scale, covariance)):
        step = np.zeros_like(at)
        step[j] = size
        up, down = (function(model._with_parameters(scale.back(at + way))) for way in (step, -step))
        slopes.append((up - down) / (2 * size))
    return Estimated(function(model), np.column_stack(slopes), covariance)


def _steps(scale: Logarithms, log_covariance: Floats) -> Floats:
    """Return how far to go from each parameter for the differences."""
    error = np.sqrt(np.diag(log_covariance))
    of_free = np.where(error > 0, _STEP_OF_FREE * error, _STEP)
    return np.where(scale.positive, _STEP, of_free)
