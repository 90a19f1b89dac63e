"""The scale on which parameters are estimated: the logarithm where they are positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._unique import Floats


@dataclass(frozen=True)
class Logarithms:
    """Takes parameters to the real line and back.

    Parameters
    ----------
    positive : ndarray of bool, shape (k,)
        Which parameters are positive; the others stand for themselves.

    Examples
    --------
    >>> scale = Logarithms(np.array([True, False]))
    >>> scale.of(np.array([1.0, -2.0])), scale.back(np.array([0.0, -2.0]))
    (array([ 0., -2.]), array([ 1., -2.]))
    """

    positive: NDArray[np.bool_]

    def of(self, parameters: Floats) -> Floats:
        """Return the parameters on the real line."""
        return np.where(self.positive, np.log(np.where(self.positive, parameters, 1)), parameters)

    def back(self, at: Floats) -> Floats:
        """Return the parameters that lie at a point of the real line."""
        return np.where(self.positive, np.exp(np.where(self.positive, at, 0)), at)

    def slopes(self, parameters: Floats) -> Floats:
        """Return the derivatives of the parameters by what stands for them."""
        return np.where(self.positive, parameters, 1.0)

    def only(self, values: Floats) -> Floats:
        """Return the values of the positive parameters, and 0 for the others."""
        return np.where(self.positive, values, 0.0)
