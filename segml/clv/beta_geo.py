"""The BG/NBD model of repeat purchases (Fader, Hardie & Lee 2005)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import expit

from ._alive_purchases import alive_purchases
from ._beta_geo_likelihood import BetaGeoLikelihood
from ._fit import LogLikelihood
from ._purchases import Columns, PurchaseModel
from ._rfm import AGE, FREQUENCY
from ._unique import Floats, unique_rows


class BetaGeoModel(PurchaseModel):
    r"""BG/NBD: purchases at a constant rate until the customer leaves, unseen, after one of them.

    While alive a customer buys at a Poisson rate :math:`\lambda \sim
    \mathrm{Gamma}(r, \alpha)`, and leaves after any repeat purchase with
    probability :math:`p \sim \mathrm{Beta}(a, b)`, the two independent of each
    other.

    Attributes
    ----------
    params_ : pandas.Series
        r, alpha (in the time unit of the table), a, b.
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    The likelihood is equation 6 of [1]_, maximised with exact first and second
    derivatives over the distinct (frequency, recency, T).  Any time unit does;
    alpha and all times that are passed in are in that unit.

    Customers leave after a repeat purchase only, so that all of frequency 0 are
    alive; the others are [2]_ with

    .. math:: P(\mathrm{alive}) = \left(1 + \frac{a}{b+x-1}
        \left(\frac{\alpha+T}{\alpha+t_x}\right)^{r+x}\right)^{-1}

    The purchases expected in (T, T + t] are those of

    .. math:: E[X(t)] = P(\mathrm{alive})\, \frac{r+x}{\alpha+T}
        \int_0^t {}_2F_1\left(r+x+1, a; a+b+x; -\frac{s}{\alpha+T}\right) ds

    which is equation 10 of [1]_ in a form without its poles and cancellation, and
    equation 9 for a new customer (x = T = 0).  The chance of no purchase is

    .. math:: 1 - P(\mathrm{alive}) + P(\mathrm{alive})
        \left(\frac{\alpha+T}{\alpha+T+t}\right)^{r+x}

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your
       customers" the easy way: an alternative to the Pareto/NBD model.
       Marketing Science 24(2), 275-284.
    .. [2] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2008). Computing P(alive)
       using the BG/NBD model. brucehardie.com/notes/021

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(4)
    >>> rate, leave = rng.gamma(0.5, 1 / 5, 2000), rng.beta(1, 3, 2000)
    >>> rows = []
    >>> for speed, p in zip(rate, leave):
    ...     time, x, t_x, alive = 0.0, 0, 0.0, True
    ...     while alive and (time := time + rng.exponential(1 / speed)) < 39:
    ...         x, t_x, alive = x + 1, time, rng.random() > p
    ...     rows.append((x, t_x, 39.0))
    >>> rfm = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    >>> model = BetaGeoModel().fit(rfm)
    >>> model.summary().round(2)
               estimate  std_error   low  high
    parameter
    r              0.49       0.02  0.45  0.53
    alpha          4.62       0.31  4.05  5.28
    a              1.05       0.19  0.75  1.49
    b              3.31       0.74  2.13  5.13
    >>> model.expected_probability_alive(rfm).head(2).round(3).tolist()
    [0.029, 0.125]
    """

    _meanings: ClassVar[dict[str, str]] = {
        "r": "shape of the purchase rates over customers",
        "alpha": "rate of that distribution, in time units",
        "a": "first shape of the chance to leave",
        "b": "second shape of it",
    }

    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        x, t_x, T = columns.values()
        return BetaGeoLikelihood(x, t_x, T, weights)

    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        scale = float(weights @ columns[AGE]) / float(weights @ columns[FREQUENCY])
        return [
            [0.25, 0.25 * scale, 0.8, 2.5],
            [1.0, scale, 0.3, 5.0],
            [0.5, 0.5 * scale, 0.1, 0.3],
        ]

    def _alive(self, columns: Columns) -> Floats:
        return expit(-self._log_odds_left(columns))

    def _no_purchase(self, columns: Columns, t: float) -> Floats:
        r, alpha, _, _ = self._parameters()
        x, _, T = columns
        odds = self._log_odds_left(columns)
        none = np.exp(-(r + x) * np.log1p(t / (alpha + T)))
        return np.minimum(expit(odds) + expit(-odds) * none, 1.0)

    def _purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        r, alpha, a, b = self._parameters()
        x, _, T = columns
        pairs = unique_rows([x, T])  # all that the purchases of the living depend on
        one_x, one_T = x[pairs.first], T[pairs.first]
        alive = alive_purchases(r + one_x, alpha + one_T, a, b + one_x, t, delta)
        return self._alive(columns) * alive[pairs.inverse]

    def _new_purchases(self, t: Floats) -> Floats:
        r, alpha, a, b = self._parameters()
        at = np.ones(t.size)
        return alive_purchases(r * at, alpha * at, a, b * at, t)

    def _log_odds_left(self, columns: Columns) -> Floats:
        r, alpha, a, b = self._parameters()
        x, t_x, T = columns
        silent = np.log1p((T - t_x) / (alpha + t_x))
        odds = np.log(a) - np.log(b + np.maximum(x - 1, 0)) + (r + x) * silent
        return np.where(x > 0, odds, -np.inf)
