r"""Covariates of customers in the models of repeat purchases (Fader & Hardie 2007, note 019).

A covariate multiplies a parameter of the distribution over customers, so that its logarithm
is linear in the coefficients:

.. math:: \ln\theta_{i} = \ln\theta + \sum_e s_e\, \gamma_e\, z_{ie}, \qquad s_e = \pm 1

Derivatives by the logarithms of the parameters of a row therefore turn into those by
the base parameters and coefficients by one linear map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core.check import nearest, number
from segml._core.errors import DataError, MissingTableError, ParameterError

from ._rfm import AGE, FREQUENCY, RECENCY, as_frame, refuse
from ._unique import Floats

#: From the logarithms of p parameters, one array of shape (m,) each, to the log-likelihood
#: of each row (m,), its gradient (m, p) and its Hessian (m, p, p) by those logarithms.
RowLikelihood = Callable[[Sequence[Floats]], tuple[Floats, Floats, Floats]]


@dataclass(frozen=True)
class Effect:
    """One coefficient: how a covariate moves one parameter.

    Parameters
    ----------
    name : str
        Of the coefficient, such as ``"purchase[income]"``.
    column : str
        The covariate.
    parameter : int
        Position of the parameter that it moves.
    sign : float
        1 where the parameter grows with the covariate times the coefficient, else -1.
    """

    name: str
    column: str
    parameter: int
    sign: float


def covariate_names(value: object, argument: str) -> tuple[str, ...]:
    """Return the names in an argument of a model: distinct columns that are not the history.

    Raises
    ------
    ParameterError
        When it is not such a sequence.

    Examples
    --------
    >>> covariate_names(["income"], "purchase_covariates")
    ('income',)
    """
    names = () if isinstance(value, str) or not isinstance(value, Sequence) else tuple(value)
    valid = (
        len(names) == len(set(names))
        and not set(names) & {FREQUENCY, RECENCY, AGE}
        and all(isinstance(name, str) for name in names)
    )
    if not valid or (not names and value not in ((), [])):
        raise ParameterError(
            f"{argument} are not names of covariates",
            where=argument,
            got=value,
            expected="a sequence of distinct column names, none of frequency, recency and T",
        )
    return names


def columns_of(effects: Sequence[Effect]) -> list[str]:
    """Return the covariates that have an effect, each once."""
    return list(dict.fromkeys(effect.column for effect in effects))


def read_covariates(rfm: object, names: Sequence[str]) -> dict[str, Floats]:
    """Read and check covariates.

    Parameters
    ----------
    rfm : DataFrame
        One row per customer with these columns, of numbers or of true and false.
    names : sequence of str

    Returns
    -------
    dict of str to ndarray of shape (n,)

    Raises
    ------
    MissingTableError
        When a column is missing.
    DataError
        When a column is not of numbers, or a value is missing or infinite.

    Examples
    --------
    >>> read_covariates(pd.DataFrame({"member": [True, False]}), ["member"])
    {'member': array([1., 0.])}
    """
    frame = as_frame(rfm)
    columns = {}
    for name in names:
        if name not in frame.columns:
            raise MissingTableError(
                f"the RFM table has no column {name}",
                where="rfm",
                got=", ".join(str(column) for column in frame.columns),
                expected="the covariates " + ", ".join(names),
                nearest=nearest(name, [str(column) for column in frame.columns]),
            )
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column) or column.dtype.kind == "c":
            raise DataError(
                f"the covariate {name} is not a column of numbers",
                where=f"rfm, column {name}",
                got=str(column.dtype),
                expected="a column of numbers, or of true and false",
                hint=f'one column per level: pd.get_dummies(rfm, columns=["{name}"],'
                " drop_first=True)",
            )
        values = column.to_numpy(dtype=float, na_value=np.nan)
        bad = ~np.isfinite(values)
        refuse(bad, f"{name} is missing or infinite", {name: values}, "a finite number")
        columns[name] = values
    return columns


def row_parameters(
    parameters: Sequence[float], effects: Sequence[Effect], columns: Mapping[str, Floats]
) -> list[Floats]:
    """Return the parameters of each row.

    Parameters
    ----------
    parameters : sequence of float
        The p base parameters, then one coefficient for each effect.
    effects : sequence of Effect
    columns : mapping of str to ndarray of shape (m,)
        The covariates.

    Returns
    -------
    list of p arrays
        Of shape (m,) where covariates move the parameter, and () otherwise.

    Examples
    --------
    >>> effects = [Effect("purchase[z]", "z", 1, -1.0)]
    >>> row_parameters([2.0, 8.0, np.log(2)], effects, {"z": np.array([0.0, 1.0])})
    [array(2.), array([8., 4.])]
    """
    return [np.asarray(np.exp(u)) for u in _row_logarithms(parameters, effects, columns)]


def _row_logarithms(
    parameters: Sequence[float] | Floats, effects: Sequence[Effect], columns: Mapping[str, Floats]
) -> list[Floats]:
    n_base = len(parameters) - len(effects)
    logarithms = [np.asarray(np.log(value)) for value in parameters[:n_base]]
    for effect, coefficient in zip(effects, parameters[n_base:], strict=True):
        shift = effect.sign * coefficient * columns[effect.column]
        logarithms[effect.parameter] = logarithms[effect.parameter] + shift
    return logarithms


class CovariateLikelihood:
    r"""The log-likelihood over base parameters and coefficients, from that of the rows.

    With :math:`u_i = u + Z_i\gamma` and the row's gradient :math:`g_i` and Hessian
    :math:`H_i` by :math:`u_i`, those by :math:`(u, \gamma)` are
    :math:`\sum_i w_i D_i^T g_i` and :math:`\sum_i w_i D_i^T H_i D_i` with
    :math:`D_i = (I, Z_i)`.

    Parameters
    ----------
    rows : callable
        A `RowLikelihood` of the same m rows.
    effects : sequence of Effect
    columns : mapping of str to ndarray of shape (m,)
        The covariates.
    weights : ndarray of shape (m,)

    Examples
    --------
    Counts from Poisson distributions whose logarithms of the means are linear in z:

    >>> x, z = np.array([1.0, 3.0]), np.array([0.0, 1.0])
    >>> def poisson(u):
    ...     mean = np.exp(u[0])
    ...     return x * u[0] - mean, (x - mean)[:, None], -mean[:, None, None]
    >>> likelihood = CovariateLikelihood(poisson, [Effect("g", "z", 0, 1.0)], {"z": z}, np.ones(2))
    >>> value, gradient, hessian = likelihood(np.array([1.0, np.log(3)]))
    >>> bool(np.abs(gradient).max() < 1e-14), hessian.round(6).tolist()
    (True, [[-4.0, -3.0], [-3.0, -3.0]])
    """

    def __init__(
        self,
        rows: RowLikelihood,
        effects: Sequence[Effect],
        columns: Mapping[str, Floats],
        weights: Floats,
    ) -> None:
        self.rows, self.effects, self.columns, self.weights = rows, effects, columns, weights

    def __call__(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and Hessian at base parameters and coefficients."""
        n, n_base = len(parameters), len(parameters) - len(self.effects)
        logarithms = _row_logarithms(parameters, self.effects, self.columns)
        ones = np.ones_like(self.weights)
        value, slope, curve = self.rows([u * ones for u in logarithms])
        slope, curve = slope * self.weights[:, None], curve * self.weights[:, None, None]
        moved = [(j, ones) for j in range(n_base)]
        moved += [(e.parameter, e.sign * self.columns[e.column]) for e in self.effects]
        gradient, hessian = np.empty(n), np.empty((n, n))
        for i, (j, by) in enumerate(moved):
            gradient[i] = slope[:, j] @ by
            for i2, (j2, by2) in enumerate(moved[: i + 1]):
                hessian[i, i2] = hessian[i2, i] = (curve[:, j, j2] * by) @ by2
        by_log = np.r_[gradient[:n_base], np.zeros(len(self.effects))]
        scale = np.r_[parameters[:n_base], np.ones(len(self.effects))]  # back from logarithms
        natural = (hessian - np.diag(by_log)) / np.outer(scale, scale)
        return float(value @ self.weights), gradient / scale, natural


def check_covariates(value: object, names: Sequence[str]) -> dict[str, Floats]:
    """Return the covariates of one customer, as columns of one row.

    Parameters
    ----------
    value : mapping of str to float, or None
        As a caller passed it.
    names : sequence of str
        The covariates of the model.

    Raises
    ------
    ParameterError
        When it does not name exactly these, or a value is not a number.
    """
    given = {} if value is None else value
    if not isinstance(given, Mapping) or set(given) != set(names):
        raise ParameterError(
            "the covariates of the new customer are not those of the model",
            where="covariates",
            got=value,
            expected="a mapping from each of " + ", ".join(names) if names else "no covariates",
        )
    return {name: np.array([number(given[name], f"covariates[{name}]")]) for name in names}
