"""The Pareto/NBD model of repeat purchases (Schmittlein, Morrison & Colombo 1987)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, exprel

from segml._core.errors import ParameterError

from ._covariates import Effect, covariate_names
from ._fit import LogLikelihood
from ._pareto_nbd_counts import log_count_probability
from ._pareto_nbd_likelihood import ParetoNBDLikelihood, log_odds_left
from ._pareto_quadrature import integral
from ._purchases import Columns, PurchaseModel
from ._rfm import AGE, FREQUENCY
from ._unique import Floats

_MOST_PURCHASES = 1_000_000


class ParetoNBDModel(PurchaseModel):
    r"""Pareto/NBD: purchases at a constant rate until the customer leaves, unseen, at any time.

    While alive a customer buys at a Poisson rate :math:`\lambda \sim
    \mathrm{Gamma}(r, \alpha)`, and leaves at the rate :math:`\mu \sim
    \mathrm{Gamma}(s, \beta)`, the two independent of each other.

    Parameters
    ----------
    purchase_covariates : sequence of str
        Columns of the RFM table that move the rate of purchase: that of a customer with
        covariates z is multiplied by :math:`\exp(\gamma_1^T z)`.
    dropout_covariates : sequence of str
        Columns that move the rate of leaving, which is multiplied by
        :math:`\exp(\gamma_2^T z)`.

    Attributes
    ----------
    params_ : pandas.Series
        r, alpha, s, beta (alpha and beta in the time unit of the table), and the
        coefficients ``purchase[column]`` and ``dropout[column]``.
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    The likelihood [1]_ is that of [2]_ (equation 15), with R = r + x,

    .. math:: L = \frac{\Gamma(R)\, \alpha^r \beta^s}{\Gamma(r)} \left[
        \frac{1}{(\alpha+T)^{R} (\beta+T)^s} + s \int_{t_x}^T
        \frac{d\tau}{(\alpha+\tau)^{R} (\beta+\tau)^{s+1}} \right]

    whose integral is taken by quadrature, exact up to rounding, with exact first and second
    derivatives; the usual difference of two 2F1 loses all digits, or overflows, where x is
    large, where alpha and beta are equal or where T is close to t_x.  P(alive) is the share of
    the first term in the bracket.

    The purchases expected in (T, T + t] are (equation 41 of [2]_, without its pole at s = 1)

    .. math:: E[X(t)] = P(\mathrm{alive})\, \frac{r+x}{\alpha+T}
        \int_0^t \left(1 + \frac{u}{\beta+T}\right)^{-s} du

    which is also right for a new customer (x = T = 0); discounted at the rate
    :math:`\delta` to infinity they are DERT [3]_, equation 2.  The chance of no purchase is

    .. math:: 1 - P(\mathrm{alive}) + P(\mathrm{alive}) \left[ G(t) + \frac{s}{\beta+T}
        \int_0^t G(u) \frac{\beta+T}{\beta+T+u} du \right], \qquad
        G(u) = \left(\frac{\alpha+T}{\alpha+T+u}\right)^{r+x}
        \left(\frac{\beta+T}{\beta+T+u}\right)^{s}

    With covariates [4]_, alpha and beta of a customer are
    :math:`\alpha\, e^{-\gamma_1^T z}` and :math:`\beta\, e^{-\gamma_2^T z}`.

    References
    ----------
    .. [1] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987). Counting your
       customers: who are they and what will they do next? Management Science 33(1), 1-24.
    .. [2] Fader, P. S. and Hardie, B. G. S. (2005). A note on deriving the Pareto/NBD
       model and related expressions. brucehardie.com/notes/009
    .. [3] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). RFM and CLV: using
       iso-value curves for customer base analysis. Journal of Marketing Research 42(4),
       415-430.
    .. [4] Fader, P. S. and Hardie, B. G. S. (2007). Incorporating time-invariant covariates
       into the Pareto/NBD and BG/NBD models. brucehardie.com/notes/019

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(4)
    >>> rate, life = rng.gamma(0.6, 1 / 8, 3000), rng.exponential(1 / rng.gamma(0.7, 1 / 10, 3000))
    >>> x = rng.poisson(rate * np.minimum(life, 39))
    >>> t_x = np.where(x > 0, rng.beta(np.maximum(x, 1), 1) * np.minimum(life, 39), 0)
    >>> rfm = pd.DataFrame({"frequency": x, "recency": t_x, "T": 39.0})
    >>> model = ParetoNBDModel().fit(rfm)
    >>> model.summary().round(2)
               estimate  std_error   low   high
    parameter
    r              0.57       0.04  0.49   0.65
    alpha          7.85       0.52  6.90   8.93
    s              0.86       0.20  0.56   1.35
    beta          15.60       5.82  7.51  32.42
    >>> model.expected_probability_alive(rfm).head(2).round(3).tolist()
    [0.0, 0.221]
    >>> model.expected_probability_of_n_purchases([0, 1, 2], t=10).round(3)
    array([0.689, 0.176, 0.071])
    """

    _meanings: ClassVar[dict[str, str]] = {
        "r": "shape of the purchase rates over customers",
        "alpha": "rate of that distribution, in time units",
        "s": "shape of the rates of leaving over customers",
        "beta": "rate of that distribution, in time units",
    }

    def __init__(
        self, purchase_covariates: Sequence[str] = (), dropout_covariates: Sequence[str] = ()
    ) -> None:
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates

    def _effects(self) -> list[Effect]:
        purchase = covariate_names(self.purchase_covariates, "purchase_covariates")
        dropout = covariate_names(self.dropout_covariates, "dropout_covariates")
        return [
            *(Effect(f"purchase[{name}]", name, 1, -1.0) for name in purchase),
            *(Effect(f"dropout[{name}]", name, 3, -1.0) for name in dropout),
        ]

    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        return ParetoNBDLikelihood(columns, weights, self._effects())

    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        total = float((weights * columns[AGE]).sum())
        scale, age = total / float((weights * columns[FREQUENCY]).sum()), total / weights.sum()
        return [[0.5, 0.5 * scale, 0.5, 0.5 * age], [2.0, 2.0 * scale, 1.0, 5.0 * age]]

    def _alive(self, columns: Columns) -> Floats:
        return expit(-self._log_odds_left(columns))

    def _no_purchase(self, columns: Columns, t: float | Floats) -> Floats:
        R, A, s, B = self._living(columns)
        power, time = R * np.log1p(t / A), np.full_like(A, 1) * t
        silent = np.exp(-power - s * np.log1p(time / B))
        silent += s / B * integral(R, A, np.full_like(B, s + 1), B, time)
        odds = self._log_odds_left(columns)
        return np.minimum(expit(odds) + expit(-odds) * silent, 1.0)

    def _purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        R, A, s, B = self._living(columns)
        if delta > 0:
            times, time_of = np.unique(B, return_inverse=True)
            full = np.full_like(times, s)
            end = np.full_like(times, t)
            stay = integral(np.zeros_like(times), times, full, times, end, delta)[time_of]
        else:
            grown = np.log1p(t / B)
            stay = B * grown * exprel((1 - s) * grown)  # ((1 + t/B)^(1 - s) - 1) / (1 - s)
        return self._alive(columns) * R / A * stay

    def _new_purchases(self, t: Floats) -> Floats:
        r, alpha, s, beta = self._parameters()
        grown = np.log1p(t / beta)
        return r / alpha * beta * grown * exprel((1 - s) * grown)

    def expected_probability_of_n_purchases(
        self, n: ArrayLike, t: ArrayLike, covariates: Mapping[str, float] | None = None
    ) -> float | Floats:
        """Probability that a new customer makes n repeat purchases in the time t.

        Parameters
        ----------
        n : int or array of int
            Number of repeat purchases, from 0 to 1,000,000.
        t : float or array
            Time since the first purchase, in the unit of the table; `n` and `t` are
            broadcast against each other.
        covariates : mapping of str to float, optional
            The value of each covariate; needed where the model has some.

        Returns
        -------
        float or ndarray
            As `n` and `t` together.

        Raises
        ------
        NotFittedError, ParameterError

        References
        ----------
        Fader, P. S. and Hardie, B. G. S. (2006). Deriving an expression for P(X(t) = x)
        under the Pareto/NBD model. brucehardie.com/notes/012
        """
        self._parameters()
        counts, times = np.asarray(n, dtype=float), np.asarray(t, dtype=float)
        for name, got, valid, expected in (
            (
                "n",
                n,
                (counts >= 0) & (counts <= _MOST_PURCHASES) & (counts == np.floor(counts)),
                f"whole numbers from 0 to {_MOST_PURCHASES:,}",
            ),
            ("t", t, np.isfinite(times) & (times >= 0), "finite numbers of at least 0"),
        ):
            if not valid.all():
                raise ParameterError(
                    f"{name} is out of range", where=name, got=got, expected=expected
                )
        counts, times = np.broadcast_arrays(counts, times)
        some, probability = times > 0, np.asarray(counts == 0, dtype=float)
        if some.any():
            parameters = self._of_covariates(covariates)._parameters()
            logs = log_count_probability(counts[some], times[some], *parameters)
            probability[some] = np.exp(np.minimum(logs, 0))
        return float(probability) if probability.ndim == 0 else probability

    def _living(self, columns: Columns) -> tuple[Floats, Floats, float, Floats]:
        """Return the parameters at T of each kind of customer who is alive then."""
        x, _, T = columns[:3]
        r, alpha, s, beta = self._row_parameters(columns)
        return r + x, alpha + T, float(s), beta + T

    def _log_odds_left(self, columns: Columns) -> Floats:
        x, t_x, T = columns[:3]
        r, alpha, s, beta = self._row_parameters(columns)
        return log_odds_left(x, t_x, T, float(r), alpha, float(s), beta)
