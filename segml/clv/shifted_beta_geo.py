"""The shifted beta-geometric model of subscriptions (Fader & Hardie 2007)."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError

from ._base import CLVModel
from ._beta_geometric import discounted_survival, log_survival
from ._contracts import CHURNED, read_contracts
from ._fit import maximise
from ._opportunities import future_opportunities
from ._rfm import AGE, Customers, read_weights
from ._shifted_beta_geo_likelihood import ShiftedBetaGeoLikelihood
from ._unique import Floats


class ShiftedBetaGeoModel(CLVModel):
    r"""sBG: at each renewal of a contract the customer leaves with a chance of their own.

    That chance is :math:`\theta \sim \mathrm{Beta}(\alpha, \beta)` over customers and the
    same at each renewal.  The retention rate of a cohort rises with time as those who
    leave easily have left.

    Attributes
    ----------
    params_ : pandas.Series
        alpha, beta.
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.

    Notes
    -----
    In the table ``T`` is the number of renewal opportunities observed, for those who
    ``churned`` with the one at which they did.  Who churned at the T-th contributes
    P(leave at T), who is still there after T contributes S(T) (equations 5 and 6
    of [1]_):

    .. math::

        S(t) = \frac{B(\alpha, \beta+t)}{B(\alpha, \beta)}
             = \prod_{k=0}^{t-1} \frac{\beta+k}{\alpha+\beta+k}, \qquad
        P(\text{leave at } t) = S(t-1)\, \frac{\alpha}{\alpha+\beta+t-1}

    The retention rate of opportunity t is
    :math:`S(t) / S(t-1) = (\beta+t-1) / (\alpha+\beta+t-1)`.  Who is still there after T
    has beta + T in place of beta.  Who has churned stays so: all chances to be there and
    all renewals expected are 0.

    References
    ----------
    .. [1] Fader, P. S. and Hardie, B. G. S. (2007). How to project customer retention.
       Journal of Interactive Marketing 21(1), 76-90.
    .. [2] Fader, P. S. and Hardie, B. G. S. (2010). Customer-base valuation in a
       contractual setting: the perils of ignoring heterogeneity. Marketing Science
       29(1), 85-93.

    Examples
    --------
    The high-end customers of [1]_, of whom 491 of 1,000 were left after seven years:

    >>> from segml.clv import contracts_from_survivors
    >>> survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    >>> contracts, weights = contracts_from_survivors(survivors)
    >>> model = ShiftedBetaGeoModel().fit(contracts, weights)
    >>> model.summary().round(2)
               estimate  std_error   low  high
    parameter
    alpha          0.67       0.10  0.49  0.91
    beta           3.81       0.79  2.54  5.70
    >>> model.expected_probability_alive_new_customer([7, 12]).round(3)
    array([0.489, 0.378])
    >>> still_there = pd.DataFrame({"T": [1, 7], "churned": [False, False]})
    >>> model.expected_residual_lifetime(still_there, discount_rate=0.1).round(2).tolist()
    [5.36, 6.85]
    """

    _meanings: ClassVar[dict[str, str]] = {
        "alpha": "first shape of the chance to leave at a renewal",
        "beta": "second shape of it",
    }

    def _read(self, rfm: object) -> Customers:
        return read_contracts(rfm)

    def fit(self, contracts: object, weights: object = None) -> Self:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        contracts : DataFrame
            One row per customer, indexed by customer_id: ``T`` (renewal opportunities
            observed, that of churn included) and ``churned`` (whether the customer
            left at the T-th; boolean, or 0 and 1).
        weights : Series or array of shape (n,), optional
            How many customers each row stands for; one by default.

        Returns
        -------
        ShiftedBetaGeoModel
            Itself, fitted.

        Raises
        ------
        DataError, MissingTableError
            When the table breaks a rule; names the rows by position.
        NotEnoughDataError
            When nobody churned, nobody renewed, or nobody was observed over two
            opportunities.
        ConvergenceError
            When the likelihood has no maximum inside, as where customers differ too
            little for retention to rise.
        """
        customers = self._read(contracts)
        columns, kinds = customers.unique(read_weights(weights, customers.index))
        used = kinds.counts > 0
        (T, churned), w = (column[used] for column in columns.values()), kinds.counts[used]
        n, lost = float(w @ T), float(w @ churned)
        if lost in (0, n):  # each observed opportunity was one of churn, or none was
            raise NotEnoughDataError(
                "nobody churned" if lost == 0 else "nobody renewed",
                where=CHURNED,
                got=f"{lost:,g} churned at {n:,g} renewal opportunities",
                expected="customers who renewed and customers who did not",
                hint="a longer period of observation",
            )
        if T.max() < 2:
            raise NotEnoughDataError(
                "one renewal opportunity does not tell how customers differ",
                where=AGE,
                got="T of at most 1",
                expected="some customers observed over two renewals or more",
            )
        odds = (n - lost) / lost
        starts = [[1.0, odds], [0.3, 0.3 * odds], [5.0, 5.0 * odds]]
        optimum = maximise(ShiftedBetaGeoLikelihood(T, churned, w), starts, self._names())
        return self._finish(optimum, float(w.sum()))

    def expected_probability_alive(self, rfm: object, future_t: float = 0) -> pd.Series:
        """Probability that each customer is still there after the next opportunities.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : int
            Renewal opportunities after T; after none it is known, 1 or 0.

        Returns
        -------
        Series
            By customer, named ``probability_alive``.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = future_opportunities(future_t, "future_t")

        def alive(columns: tuple[Floats, ...]) -> Floats:
            return self._still(columns) * np.exp(self._log_survival(columns, t))

        return self._predict(rfm, "probability_alive", alive)

    def expected_probability_churn(self, rfm: object, future_t: float) -> pd.Series:
        """Probability that each customer is gone after the next opportunities.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : int
            Renewal opportunities after T.

        Returns
        -------
        Series
            By customer, named ``probability_churn``; 1 for those who have churned.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = future_opportunities(future_t, "future_t")

        def churn(columns: tuple[Floats, ...]) -> Floats:
            gone = -np.expm1(self._log_survival(columns, t))
            return np.where(self._still(columns), gone, 1.0)

        return self._predict(rfm, "probability_churn", churn)

    def expected_retention_rate(self, rfm: object, future_t: float = 1) -> pd.Series:
        """Probability that each customer renews at one opportunity, if there until then.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : int
            Which opportunity after T, at least 1: by default the next.

        Returns
        -------
        Series
            By customer, named ``retention_probability``; 0 for those who have churned.

        Raises
        ------
        NotFittedError, DataError, MissingTableError, ParameterError
        """
        t = _ordinal(future_t, "future_t")
        alpha, beta = self._parameters()

        def rate(columns: tuple[Floats, ...]) -> Floats:
            stay = beta + columns[0] + (t - 1)
            return self._still(columns) * (stay / (alpha + stay))

        return self._predict(rfm, "retention_probability", rate)

    def expected_residual_lifetime(
        self, rfm: object, future_t: float = math.inf, discount_rate: float = 0.0
    ) -> pd.Series:
        r"""Renewals expected of each customer in the next opportunities, discounted.

        .. math:: \sum_{j=1}^{t} \frac{1}{(1+d)^j}\, \frac{S(T+j)}{S(T)}

        Without an end this is the discounted expected residual lifetime (DERL) of Fader
        & Hardie (2010) [2]_ as it is at opportunity T; their equation 6 has it just
        before the next renewal, which is 1 + d times as much.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.
        future_t : int or infinity
            Renewal opportunities after T; all by default.
        discount_rate : float
            Effective rate d per opportunity, at least 0.

        Returns
        -------
        Series
            By customer, in renewals, named ``residual_lifetime``; 0 for those who have
            churned.

        Raises
        ------
        DataError
            When the table breaks a rule, or the sum is infinite: without an end or a
            discount, and alpha at most 1.
        NotFittedError, MissingTableError, ParameterError
        """
        t = future_opportunities(future_t, "future_t", endless=True)
        delta = math.log1p(number(discount_rate, "discount_rate", low=0))
        alpha, beta = self._parameters()
        if math.isinf(t) and delta == 0 and alpha <= 1:
            raise DataError(
                "the mean lifetime is infinite: too many customers hardly ever leave",
                where="alpha",
                got=alpha,
                expected="alpha greater than 1",
                hint="a discount_rate, or a future_t",
            )

        def lifetime(columns: tuple[Floats, ...]) -> Floats:
            return self._still(columns) * discounted_survival(alpha, beta + columns[0], t, delta)

        return self._predict(rfm, "residual_lifetime", lifetime)

    def expected_probability_alive_new_customer(self, t: ArrayLike) -> float | Floats:
        """Survival S(t): the share of a cohort that is left after t renewal opportunities.

        Parameters
        ----------
        t : int or array
            Number of opportunities.

        Returns
        -------
        float or ndarray
            As `t`.

        Raises
        ------
        NotFittedError, ParameterError
        """
        alpha, beta = self._parameters()
        times = np.asarray(t)
        values = [
            math.exp(log_survival(alpha, np.array([beta]), future_opportunities(one, "t"))[0])
            for one in times.ravel().tolist()
        ]
        return values[0] if times.ndim == 0 else np.reshape(values, times.shape)

    def expected_retention_rate_new_customer(self, t: ArrayLike) -> float | Floats:
        """Retention rate r(t): the share of those there before opportunity t who renew at it.

        Parameters
        ----------
        t : int or array
            Which opportunity, at least 1.

        Returns
        -------
        float or ndarray
            As `t`.

        Raises
        ------
        NotFittedError, ParameterError
        """
        alpha, beta = self._parameters()
        times = np.asarray(t)
        stay = beta + np.array([_ordinal(one, "t") - 1 for one in times.ravel().tolist()])
        values = stay / (alpha + stay)
        return float(values[0]) if times.ndim == 0 else values.reshape(times.shape)

    def _log_survival(self, columns: tuple[Floats, ...], t: float) -> Floats:
        alpha, beta = self._parameters()
        return log_survival(alpha, beta + columns[0], t)

    @staticmethod
    def _still(columns: tuple[Floats, ...]) -> Floats:
        return 1 - columns[1]


def _ordinal(t: object, name: str) -> float:
    return float(number(future_opportunities(t, name), name, low=1, whole=True))
