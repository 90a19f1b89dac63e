"""Customers drawn from a fitted model, purchase by purchase, all of them at once."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import pandas as pd

from segml._core.errors import ParameterError

from ._base import CLVModel
from ._beta_geo_family import BetaGeoFamily
from ._purchases import PurchaseModel
from ._regularity import LITT
from ._rfm import AGE, FREQUENCY, HISTORY, RECENCY, VALUE
from ._unique import Floats
from .gamma_gamma import GammaGammaModel
from .pareto_nbd import ParetoNBDModel

Rng = np.random.Generator
_TINY = 1e-300  # of which the inverse can still be held


@singledispatch
def simulate(model: CLVModel, rfm: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Draw what a fitted model says could have been seen of these customers.

    Parameters
    ----------
    model : CLVModel
        Fitted.
    rfm : DataFrame
        The customers: of a model of purchases only T and the covariates are used, of the
        model of spend only frequency.
    rng : Generator

    Returns
    -------
    DataFrame
        What the model reads, in continuous time.

    Raises
    ------
    ParameterError
        When there is no simulation of this kind of model.
    """
    raise ParameterError(
        "there is no simulation of this kind of model", where="model", got=type(model).__name__
    )


@simulate.register
def _(model: BetaGeoFamily, rfm: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    T, (r, alpha, a, b) = _ages_and_parameters(model, rfm)
    n = len(T)
    leave = rng.beta(a, b, n)
    stays = rng.random(n) > leave if model._at_once else np.ones(n, dtype=bool)
    until = np.where(stays, T, 0.0)
    return _histories(rfm, _gamma(r, alpha, n, rng), leave, until, rng, model.k_)


@simulate.register
def _(model: ParetoNBDModel, rfm: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    T, (r, alpha, s, beta) = _ages_and_parameters(model, rfm)
    n = len(T)
    life = rng.exponential(size=n) / _gamma(s, beta, n, rng)
    return _histories(rfm, _gamma(r, alpha, n, rng), np.zeros(n), np.minimum(T, life), rng)


@simulate.register
def _(model: GammaGammaModel, rfm: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    p, q, v = model._parameters()
    x = rfm[FREQUENCY].to_numpy(dtype=float)
    bought = np.maximum(x, 1)
    spend = rng.gamma(p * bought) / (_gamma(q, v, len(x), rng) * bought)
    return rfm[[FREQUENCY]].assign(**{VALUE: np.where(x > 0, spend, np.nan)})


def _ages_and_parameters(model: PurchaseModel, rfm: pd.DataFrame) -> tuple[Floats, list[Floats]]:
    columns = tuple(model._read(rfm).columns.values())
    return columns[HISTORY.index(AGE)], model._row_parameters(columns)


def _gamma(shape: float | Floats, rate: float | Floats, n: int, rng: Rng) -> Floats:
    return np.maximum(rng.gamma(shape, size=n) / rate, _TINY)


def _histories(
    rfm: pd.DataFrame,
    rate: Floats,
    leave: Floats,
    until: Floats,
    rng: Rng,
    k: int = 1,
) -> pd.DataFrame:
    """Draw purchases, each the k-th event, until the customer leaves or is no longer watched."""
    n = len(rate)
    x, t_x, litt, now = (np.zeros(n) for _ in range(4))
    living = np.arange(n)
    while len(living):
        now[living] += rng.gamma(k, size=len(living)) / rate[living]
        living = living[now[living] < until[living]]
        litt[living] += np.log(now[living] - t_x[living])
        x[living] += 1
        t_x[living] = now[living]
        living = living[rng.random(len(living)) > leave[living]]
    return rfm.assign(**{FREQUENCY: x, RECENCY: t_x, LITT: litt})
