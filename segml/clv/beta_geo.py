"""The BG/NBD model of repeat purchases (Fader, Hardie & Lee 2005)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from segml._core.check import number
from segml._core.errors import NotEnoughDataError, ParameterError

from ._alive_purchases import alive_purchases
from ._base import CLVModel
from ._beta_geo_likelihood import BetaGeoLikelihood
from ._fit import maximise
from ._rfm import Customers, read_history, read_weights
from ._unique import Floats, unique_rows


class BetaGeoModel(CLVModel):
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

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your
       customers" the easy way: an alternative to the Pareto/NBD model.
       Marketing Science 24(2), 275-284.

    Examples
    --------
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

    def _read(self, rfm: object) -> Customers:
        return read_history(rfm)

    def fit(self, rfm: object, weights: object = None) -> Self:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        rfm : DataFrame
            One row per customer, indexed by customer_id: ``frequency`` (repeat
            purchases), ``recency`` (time from first to last purchase) and ``T``
            (time from first purchase to the end of observation).
        weights : Series or array of shape (n,), optional
            How many customers each row stands for; one by default.

        Returns
        -------
        BetaGeoModel
            Itself, fitted.

        Raises
        ------
        DataError, MissingTableError
            When the table breaks a rule; names the rows by position.
        NotEnoughDataError
            When nobody bought again, or there are fewer distinct rows than parameters.
        ConvergenceError
            When the likelihood has no maximum inside.
        """
        customers = self._read(rfm)
        columns, kinds = customers.unique(read_weights(weights, customers.index))
        used = kinds.counts > 0
        x, t_x, T = (column[used] for column in columns.values())
        w = kinds.counts[used]
        if not (x > 0).any():
            raise NotEnoughDataError(
                "no customer bought again",
                where="frequency",
                got=f"frequency 0 for all of {len(customers):,} customers",
                expected="some repeat purchases",
                hint="a longer period of observation",
            )
        if len(x) < len(self._meanings):
            raise NotEnoughDataError(
                "too few distinct purchase histories",
                where="rfm",
                got=f"{len(x)} distinct rows (frequency, recency, T)",
                expected=f"at least as many as parameters, {len(self._meanings)}",
            )
        scale = float(w @ T) / float(w @ x)  # time per repeat purchase
        starts: list[list[float]] = [
            [0.25, 0.25 * scale, 0.8, 2.5],
            [1.0, scale, 0.3, 5.0],
            [0.5, 0.5 * scale, 0.1, 0.3],
        ]
        optimum = maximise(BetaGeoLikelihood(x, t_x, T, w), starts, list(self._meanings))
        return self._finish(optimum, float(w.sum()))

    def expected_purchases(self, rfm: object, future_t: float) -> pd.Series:
        r"""Purchases expected of each customer in (T, T + future_t].

        .. math:: E[X(t)] = P(\mathrm{alive})\, \frac{r+x}{\alpha+T}
            \int_0^t {}_2F_1\left(r+x+1, a; a+b+x; -\frac{s}{\alpha+T}\right) ds

        which is equation 10 of Fader, Hardie & Lee (2005) in a form without its
        poles and cancellation.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : float
            Length of the period, in the time unit of the table.

        Returns
        -------
        Series
            By customer, named ``expected_purchases``.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = number(future_t, "future_t", low=0)
        return self._predict(rfm, "expected_purchases", partial(self._purchases, t=t, delta=0.0))

    def _discounted_purchases(self, rfm: object, future_t: float, delta: float) -> pd.Series:
        """Purchases expected in (T, T + future_t], discounted to T at the continuous rate delta."""
        purchases = partial(self._purchases, t=future_t, delta=delta)
        return self._predict(rfm, "discounted_purchases", purchases)

    def expected_probability_alive(self, rfm: object) -> pd.Series:
        r"""Probability that each customer is still alive at T.

        .. math:: P(\mathrm{alive}) = \left(1 + \frac{a}{b+x-1}
            \left(\frac{\alpha+T}{\alpha+t_x}\right)^{r+x}\right)^{-1}

        for x > 0, and 1 for x = 0, as customers leave after a repeat purchase
        only (Fader, Hardie & Lee 2008, "Computing P(alive) using the BG/NBD
        model", brucehardie.com/notes/021).

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.

        Returns
        -------
        Series
            By customer, named ``probability_alive``.

        Raises
        ------
        NotFittedError, DataError, MissingTableError
        """
        return self._predict(
            rfm, "probability_alive", lambda x, t_x, T: expit(-self._log_odds_left(x, t_x, T))
        )

    def expected_probability_no_purchase(self, rfm: object, future_t: float) -> pd.Series:
        r"""Probability that each customer buys nothing in (T, T + future_t].

        .. math:: 1 - P(\mathrm{alive}) + P(\mathrm{alive})
            \left(\frac{\alpha+T}{\alpha+T+t}\right)^{r+x}

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : float
            Length of the period, in the time unit of the table.

        Returns
        -------
        Series
            By customer, named ``probability_no_purchase``.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = number(future_t, "future_t", low=0)

        def no_purchase(x: Floats, t_x: Floats, T: Floats) -> Floats:
            r, alpha, _, _ = self._parameters()
            odds = self._log_odds_left(x, t_x, T)
            none = np.exp(-(r + x) * np.log1p(t / (alpha + T)))
            return np.minimum(expit(odds) + expit(-odds) * none, 1.0)

        return self._predict(rfm, "probability_no_purchase", no_purchase)

    def expected_purchases_new_customer(self, t: ArrayLike) -> float | Floats:
        """Repeat purchases expected of a new customer in the time t after the first purchase.

        Equation 9 of Fader, Hardie & Lee (2005).

        Parameters
        ----------
        t : float or array
            Time since the first purchase, in the unit of the table.

        Returns
        -------
        float or ndarray
            As `t`.

        Raises
        ------
        NotFittedError, ParameterError
        """
        r, alpha, a, b = self._parameters()
        times = np.atleast_1d(np.asarray(t, dtype=float))
        if not (np.isfinite(times) & (times >= 0)).all():
            raise ParameterError(
                "t is out of range", where="t", got=t, expected="finite numbers of at least 0"
            )
        at = np.ones(times.size)
        expected = alive_purchases(r * at, alpha * at, a, b * at, times.ravel())
        return float(expected[0]) if np.ndim(t) == 0 else expected.reshape(times.shape)

    def _log_odds_left(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        r, alpha, a, b = self._parameters()
        silent = np.log1p((T - t_x) / (alpha + t_x))
        odds = np.log(a) - np.log(b + np.maximum(x - 1, 0)) + (r + x) * silent
        return np.where(x > 0, odds, -np.inf)

    def _purchases(self, x: Floats, t_x: Floats, T: Floats, t: float, delta: float) -> Floats:
        r, alpha, a, b = self._parameters()
        pairs = unique_rows([x, T])  # all that the purchases of the living depend on
        one_x, one_T = x[pairs.first], T[pairs.first]
        alive = alive_purchases(r + one_x, alpha + one_T, a, b + one_x, t, delta)
        return expit(-self._log_odds_left(x, t_x, T)) * alive[pairs.inverse]
