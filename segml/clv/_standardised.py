"""Covariates on a common scale while a model is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segml._core.errors import DataError

from ._covariates import Effect, columns_of
from ._fit import Optimum
from ._logarithms import Logarithms
from ._unique import Floats


@dataclass(frozen=True)
class Standardised:
    """Covariates brought to mean 0 and standard deviation 1, in which the climb is easy.

    Parameters
    ----------
    effects : sequence of Effect
    means, deviations : dict of str to float
        Of each covariate.
    """

    effects: Sequence[Effect]
    means: dict[str, float]
    deviations: dict[str, float]

    @classmethod
    def of(
        cls, effects: Sequence[Effect], columns: Mapping[str, Floats], weights: Floats
    ) -> Standardised:
        """Measure the covariates.

        Raises
        ------
        DataError
            When one of them is constant: its effect cannot be told from the base parameter.
        """
        means, deviations = {}, {}
        for name in columns_of(effects):
            values = columns[name]
            if values.min() == values.max():
                raise DataError(
                    f"the covariate {name} is constant",
                    where=f"rfm, column {name}",
                    got=f"{values[0]:g} in all rows",
                    expected="a covariate that differs between customers",
                )
            means[name] = float(np.average(values, weights=weights))
            spread = np.average((values - means[name]) ** 2, weights=weights)
            deviations[name] = float(np.sqrt(spread))
        return cls(effects, means, deviations)

    def columns(self, columns: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the columns with the covariates among them standardised."""
        return dict(columns) | {
            name: (columns[name] - mean) / self.deviations[name]
            for name, mean in self.means.items()
        }

    def undo(self, optimum: Optimum) -> Optimum:
        """Return the optimum in the units of the covariates.

        Raises
        ------
        DataError
            When a covariate is so far from 0 that the parameters there are out of range.
        """
        n = len(optimum.parameters)
        n_base = n - len(self.effects)
        change = np.eye(n)
        for at, effect in enumerate(self.effects, start=n_base):
            change[at, at] = 1 / self.deviations[effect.column]
            shift = -effect.sign * self.means[effect.column] * change[at, at]
            change[effect.parameter, at] = shift
        scale = Logarithms(np.arange(n) < n_base)
        with np.errstate(over="ignore"):
            parameters = scale.back(change @ scale.of(optimum.parameters))
        if not (np.isfinite(parameters).all() and (parameters[:n_base] > 0).all()):
            raise DataError(
                "the covariates are far from 0, where the base parameters are taken",
                where=", ".join(self.means),
                got="means of " + ", ".join(f"{mean:g}" for mean in self.means.values()),
                expected="0 within the reach of the data",
                hint="subtract its mean from each covariate",
            )
        change = change / np.outer(1 / scale.slopes(parameters), scale.slopes(optimum.parameters))
        covariance = change @ optimum.covariance @ change.T
        gradient = np.linalg.solve(
            change.T, optimum.gradient / scale.slopes(optimum.parameters)
        ) * scale.slopes(parameters)
        return replace(
            optimum,
            parameters=parameters,
            gradient=gradient,
            covariance=(covariance + covariance.T) / 2,
        )
