"""The Gamma-Gamma model of spend per purchase (Fader & Hardie 2013)."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from segml._core.check import number, one_of
from segml._core.errors import DataError, NotEnoughDataError

from ._base import CLVModel
from ._fit import Optimum
from ._gamma_gamma_likelihood import GammaGammaLikelihood, highest
from ._rfm import FREQUENCY, VALUE, Customers, read_spend, read_weights, refuse
from ._sample import near_optimum
from ._unique import Floats


class GammaGammaModel(CLVModel):
    r"""Gamma-Gamma: spend varies around a mean of each customer, and the means over customers.

    A purchase of a customer is worth :math:`z \sim \mathrm{Gamma}(p, \nu)` with
    :math:`\nu \sim \mathrm{Gamma}(q, v)`, independent of how often the customer
    buys.

    Parameters
    ----------
    non_positive : {"raise", "leave_out"}
        What to do with repeat buyers whose mean spend is missing, zero or
        negative (refunds may net a purchase to nothing), which the model cannot
        describe: raise, or leave them out of the fit and give them the population mean.
    least_q : float, optional
        Least value of q, greater than 1. Where q is at most 1 the tail of spend over
        customers is so heavy that its mean does not exist, and predictions raise; with
        ``least_q=1.5``, say, q is held there if the likelihood is highest below it. It
        then has no standard error, and p and v are the best that go with it. A q above
        it is not changed. With a q of more than 2 the variance of spend exists as well.

    Attributes
    ----------
    params_ : pandas.Series
        p, q, v (in units of money).
    covariance_ : pandas.DataFrame
        Their covariance.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used: repeat buyers with positive spend.
    n_left_out_ : int or float
        Customers left out of the fit: without a repeat purchase, or by
        `non_positive`.

    Notes
    -----
    The likelihood is equation 1a of [1]_ for the mean spend m of x purchases.

    References
    ----------
    .. [1] Fader, P. S. and Hardie, B. G. S. (2013). The Gamma-Gamma model of
       monetary value. brucehardie.com/notes/025

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> x = rng.poisson(3, 3000)
    >>> nu = rng.gamma(4, 1 / 15, 3000)
    >>> spend = rng.gamma(6 * np.maximum(x, 1), 1 / (nu * np.maximum(x, 1)))
    >>> rfm = pd.DataFrame({"frequency": x, "monetary_value": spend * (x > 0)})
    >>> model = GammaGammaModel().fit(rfm)
    >>> model.summary().round(1)
               estimate  std_error  low  high
    parameter
    p               7.0        1.1  5.1   9.5
    q               4.0        0.2  3.7   4.4
    v              12.9        2.6  8.8  19.1
    >>> model.n_left_out_, round(model.expected_spend_new_customer())
    (179, 30)
    """

    _meanings: ClassVar[dict[str, str]] = {
        "p": "shape of a customer's spend per purchase",
        "q": "shape of the rates over customers",
        "v": "rate of that distribution, in money",
    }
    _also_saved: ClassVar[tuple[str, ...]] = ("n_left_out_",)

    n_left_out_: int | float

    def __init__(self, non_positive: str = "raise", least_q: float | None = None) -> None:
        self.non_positive = non_positive
        self.least_q = least_q

    def _read(self, rfm: object) -> Customers:
        """Read the table; customers whose spend says nothing get frequency and spend 0."""
        one_of(self.non_positive, ["raise", "leave_out"], "non_positive")
        customers = read_spend(rfm)
        x, m = customers.columns.values()
        unusable = (x > 0) & ~(m > 0)
        if self.non_positive == "raise":
            refuse(
                unusable,
                f"{VALUE} of a repeat buyer is missing or not positive",
                {FREQUENCY: x, VALUE: m},
                "a mean spend greater than 0 where frequency is greater than 0",
                'GammaGammaModel(non_positive="leave_out"), or drop purchases of no value before',
            )
        known = (x > 0) & ~unusable
        columns = {FREQUENCY: np.where(known, x, 0.0), VALUE: np.where(known, m, 0.0)}
        return Customers(customers.index, columns)

    def fit(self, rfm: object, weights: object = None) -> Self:
        """Estimate the parameters by maximum likelihood from the repeat buyers.

        Parameters
        ----------
        rfm : DataFrame
            One row per customer, indexed by customer_id: ``frequency`` (repeat
            purchases) and ``monetary_value`` (their mean value; may be missing
            where frequency is 0).
        weights : Series or array of shape (n,), optional
            How many customers each row stands for; one by default.

        Returns
        -------
        GammaGammaModel
            Itself, fitted.

        Raises
        ------
        DataError, MissingTableError
            When the table breaks a rule; names the rows by position.
        NotEnoughDataError
            When there are fewer distinct repeat buyers than parameters.
        ConvergenceError
            When the likelihood has no maximum inside.
        ParameterError
            When an option is not one of those allowed.
        """
        least_q = None
        if self.least_q is not None:
            least_q = number(self.least_q, "least_q", low=1, open_low=True)
        customers = self._read(rfm)
        columns, kinds = customers.unique(read_weights(weights, customers.index))
        used = (columns[FREQUENCY] > 0) & (kinds.counts > 0)
        x, m, w = columns[FREQUENCY][used], columns[VALUE][used], kinds.counts[used]
        if len(x) < len(self._meanings):
            raise NotEnoughDataError(
                "too few repeat buyers to fit their spend",
                where="rfm",
                got=f"{len(x)} distinct rows with frequency and {VALUE} greater than 0",
                expected=f"at least as many as parameters, {len(self._meanings)}",
            )
        typical = float(np.exp((w @ np.log(m)) / w.sum()))  # a mean may be all one customer
        starts = [[6.0, 4.0, 0.5 * typical], [1.0, 2.0, typical], [2.0, 10.0, 4.5 * typical]]
        names = list(self._meanings)

        def maximum(some: Any, weights: Floats, begin: list[list[float]] = starts) -> Optimum:
            likelihood = GammaGammaLikelihood(x[some], m[some], weights)
            return highest(likelihood, begin, names, least_q)

        optimum = maximum(slice(None), w, near_optimum(maximum, w, starts))
        left_out = float(kinds.counts.sum() - w.sum())
        self.n_left_out_ = int(left_out) if left_out.is_integer() else left_out
        return self._finish(optimum, float(w.sum()))

    def expected_customer_spend(self, rfm: object) -> pd.Series:
        r"""Mean spend per purchase expected of each customer in the future.

        .. math:: E[M] = \frac{p\,(v + m x)}{p x + q - 1}

        equation 5 of Fader & Hardie (2013): the customer's own mean m drawn
        towards the population's, which stands where frequency is 0.

        Parameters
        ----------
        rfm : DataFrame
            As for :meth:`fit`.

        Returns
        -------
        Series
            By customer, in money, named ``expected_spend``.

        Raises
        ------
        DataError
            When the table breaks a rule, or the mean does not exist as q is at most 1.
        NotFittedError, MissingTableError
        """
        p, q, v = self._with_mean()

        def spend(columns: tuple[Floats, ...]) -> Floats:
            x, m = columns
            return p * (v + m * x) / (p * x + q - 1)

        return self._predict(rfm, "expected_spend", spend)

    def expected_spend_new_customer(self) -> float:
        """Mean spend per purchase over the population, p v / (q - 1).

        Raises
        ------
        DataError
            When the mean does not exist as q is at most 1.
        NotFittedError
        """
        p, q, v = self._with_mean()
        return p * v / (q - 1)

    def _with_mean(self) -> list[float]:
        parameters = self._parameters()
        if parameters[1] <= 1:
            raise DataError(
                "the mean spend does not exist: spend has too heavy a tail over customers",
                where="q",
                got=parameters[1],
                expected="q greater than 1",
                hint="GammaGammaModel(least_q=1.5), or cap the spend of a few extreme customers",
            )
        return parameters
