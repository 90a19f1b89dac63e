"""What the models of repeat purchases share: how they are fitted, and what they predict."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segml._core.check import number
from segml._core.errors import NotEnoughDataError, ParameterError

from ._base import CLVModel
from ._fit import LogLikelihood, maximise
from ._rfm import FREQUENCY, Customers, read_history, read_weights
from ._sample import sampled
from ._unique import Floats

#: The columns of the distinct rows, in the order of `PurchaseModel._read`.
Columns = tuple[Floats, ...]


class PurchaseModel(CLVModel):
    """Base of the models of repeat purchases.

    A model adds its likelihood and four functions of the distinct rows of the table.
    """

    def _read(self, rfm: object) -> Customers:
        return read_history(rfm)

    @abstractmethod
    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        """Return the log-likelihood of distinct rows with their weights."""

    @abstractmethod
    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        """Return where to begin to climb, the best guess first."""

    @abstractmethod
    def _alive(self, columns: Columns) -> Floats:
        """Return P(alive at T)."""

    @abstractmethod
    def _no_purchase(self, columns: Columns, t: float) -> Floats:
        """Return P(no purchase in (T, T + t])."""

    @abstractmethod
    def _purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        """Return the purchases expected in (T, T + t], discounted to T at the rate delta."""

    @abstractmethod
    def _new_purchases(self, t: Floats) -> Floats:
        """Return the repeat purchases expected of a new customer within each time t."""

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
        PurchaseModel
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
        rows, w = {name: one[used] for name, one in columns.items()}, kinds.counts[used]
        names = self._names()
        if not (rows[FREQUENCY] > 0).any():
            raise NotEnoughDataError(
                "no customer bought again",
                where=FREQUENCY,
                got=f"frequency 0 for all of {len(customers):,} customers",
                expected="some repeat purchases",
                hint="a longer period of observation",
            )
        if len(w) < len(names):
            raise NotEnoughDataError(
                "too few distinct purchase histories",
                where="rfm",
                got=f"{len(w)} distinct rows ({', '.join(rows)})",
                expected=f"at least as many as parameters, {len(names)}",
            )
        starts, free = self._starts(rows, w), self._free()
        if (few := sampled(w)) is not None:  # what is found on a few rows is near the optimum
            some = {name: column[few.rows] for name, column in rows.items()}
            rough = maximise(self._likelihood(some, few.weights), starts, names, free)
            starts = [rough.parameters.tolist()]
        optimum = maximise(self._likelihood(rows, w), starts, names, free)
        return self._finish(optimum, float(w.sum()))

    def expected_purchases(self, rfm: object, future_t: float) -> pd.Series:
        """Purchases expected of each customer in (T, T + future_t].

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
        return self._predict(rfm, "expected_purchases", self._purchases, t=t, delta=0.0)

    def _discounted_purchases(self, rfm: object, future_t: float, delta: float) -> pd.Series:
        """Purchases expected in (T, T + future_t], discounted to T at the continuous rate delta."""
        return self._predict(rfm, "discounted_purchases", self._purchases, t=future_t, delta=delta)

    def expected_probability_alive(self, rfm: object) -> pd.Series:
        """Probability that each customer is still alive at T.

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
        return self._predict(rfm, "probability_alive", self._alive)

    def expected_probability_no_purchase(self, rfm: object, future_t: float) -> pd.Series:
        """Probability that each customer buys nothing in (T, T + future_t].

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
        return self._predict(rfm, "probability_no_purchase", self._no_purchase, t=t)

    def expected_purchases_new_customer(self, t: ArrayLike) -> float | Floats:
        """Repeat purchases expected of a new customer in the time t after the first purchase.

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
        self._parameters()
        times = np.atleast_1d(np.asarray(t, dtype=float))
        if not (np.isfinite(times) & (times >= 0)).all():
            raise ParameterError(
                "t is out of range", where="t", got=t, expected="finite numbers of at least 0"
            )
        expected = self._new_purchases(times.ravel())
        return float(expected[0]) if np.ndim(t) == 0 else expected.reshape(times.shape)
