"""Which models may be the best: the model confidence set."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from segml._core.seeds import generator

from .count_metrics import Floats
from .paired import Losses, covariance, uncertainty

_DRAWS = 10_000


def confidence_set(found: Losses, seed: int = 0) -> Floats:
    r"""Return for each model the p-value of being among the best.

    Parameters
    ----------
    found : Losses
        From `segml.evaluation.paired.losses`.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    ndarray, shape (n_models,)
        The models with a p-value above 0.05 are a set that holds the best one with a
        probability of at least 0.95.

    Notes
    -----
    The sequential test of Hansen, Lunde & Nason [1]_ (section 3.1.2, statistic
    :math:`T_{max}`): of the models that are left, the one that is the most standard errors
    worse than their mean is removed if that is too much for models that are equally good; the
    p-value of a model is the highest of the tests up to its removal. Where the paper
    draws the distribution of the statistic by a block bootstrap, it is drawn here from the
    normal distribution with the covariance over customers and dates that
    `segml.evaluation.paired` estimates. Each difference has the degrees of freedom that few
    dates leave it, and counts as the normal number that is as improbable. Models that
    forecast the same are removed together or not at all.

    References
    ----------
    .. [1] Hansen, P. R., Lunde, A. and Nason, J. M. (2011). The model confidence set.
       Econometrica 79(2), 453-497.
    """
    n = len(found.models)
    matrix = covariance(found)
    rng = generator(seed, "model confidence set")
    drawn = rng.standard_normal((_DRAWS, n)) @ _root(matrix).T
    p_values, highest, left = np.ones(n), 0.0, np.arange(n)
    while len(left) > 1:
        contrast = np.zeros((len(left), n))  # of each that is left to the mean of these
        contrast[:, left] = np.eye(len(left)) - 1 / len(left)
        scale = np.sqrt(np.maximum(np.diag(contrast @ matrix @ contrast.T), 0.0))
        known = scale > 1e-9 * np.abs(found.means[left]).max()
        if not known.any():  # they forecast the same
            break
        scores = np.full(len(left), -np.inf)
        for i in np.flatnonzero(known):
            ratio = contrast[i] @ found.means / scale[i]
            scores[i] = _normal_score(ratio, uncertainty(found, contrast[i]).degrees)
        chance = (drawn @ contrast[known].T / scale[known]).max(axis=1)
        highest = max(highest, float((chance >= scores.max()).mean()))
        out = scores >= scores.max() - 1e-9
        p_values[left[out]] = highest
        left = left[~out]
    p_values[left] = 1.0
    return p_values


def _root(matrix: Floats) -> Floats:
    """Return a square root of a covariance matrix that may be singular."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _normal_score(ratio: float, degrees: float) -> float:
    """Return the standard normal number that is as improbable as one of Student's t."""
    if not np.isfinite(degrees):
        return float(ratio)
    tail = student.sf(abs(ratio), degrees)
    return float(np.sign(ratio) * norm.isf(max(tail, np.finfo(float).tiny)))
