"""What the models of repeat purchases share: how they are fitted, and what they predict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from segml._core.check import number
from segml._core.errors import NotEnoughDataError, ParameterError

from ._base import CLVModel
from ._covariates import (
    Effect,
    check_covariates,
    columns_of,
    read_covariates,
    row_parameters,
)
from ._fit import LogLikelihood, Optimum, maximise
from ._rfm import FREQUENCY, HISTORY, Customers, read_history, read_weights
from ._sample import near_optimum
from ._standardised import Standardised
from ._unique import Floats

#: The columns of the distinct rows: frequency, recency, T and then the covariates.
Columns = tuple[Floats, ...]


class PurchaseModel(CLVModel):
    """Base of the models of repeat purchases.

    A model adds its likelihood and four functions of the distinct rows of the table.
    """

    def _effects(self) -> Sequence[Effect]:
        """Return the coefficients of covariates; most models have none."""
        return ()

    def _names(self) -> list[str]:
        return [*self._meanings, *(effect.name for effect in self._effects())]

    def _free(self) -> frozenset[str]:
        return frozenset(effect.name for effect in self._effects())

    def _meaning(self, name: str) -> str:
        for effect in self._effects():
            if effect.name == name:
                moved = list(self._meanings)[effect.parameter]
                sign = "-" if effect.sign < 0 else ""
                return f"of {effect.column}: {moved} is multiplied by exp({sign}coefficient) a unit"
        return super()._meaning(name)

    def _columns(self) -> tuple[str, ...]:
        """Return the names of the columns that the model reads, as `_read` gives them."""
        return (*HISTORY, *columns_of(self._effects()))

    def _read(self, rfm: object) -> Customers:
        customers = read_history(rfm)
        if effects := self._effects():
            covariates = read_covariates(rfm, columns_of(effects))
            return Customers(customers.index, customers.columns | covariates)
        return customers

    def _row_parameters(self, columns: Columns) -> list[Floats]:
        """Return the parameters of each distinct row; of shape () where all have the same."""
        effects = self._effects()
        covariates = dict(zip(columns_of(effects), columns[len(HISTORY) :], strict=True))
        return row_parameters(self._parameters(), effects, covariates)

    @abstractmethod
    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        """Return the log-likelihood of distinct rows with their weights."""

    @abstractmethod
    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        """Return base parameters at which to begin to climb, the best guess first."""

    @abstractmethod
    def _alive(self, columns: Columns) -> Floats:
        """Return P(alive at T)."""

    @abstractmethod
    def _no_purchase(self, columns: Columns, t: float | Floats) -> Floats:
        """Return P(no purchase in (T, T + t]) for one t, or one t a row."""

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
        standardised = Standardised.of(self._effects(), rows, w)
        rows = standardised.columns(rows)
        starts = [[*start, *([0.0] * len(free))] for start in starts]

        def maximum(some: Any, weights: Floats, begin: list[list[float]] = starts) -> Optimum:
            few = {name: column[some] for name, column in rows.items()}
            return maximise(self._likelihood(few, weights), begin, names, free)

        optimum = maximum(slice(None), w, near_optimum(maximum, w, starts))
        return self._finish(standardised.undo(optimum), float(w.sum()))

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

    def _of_covariates(self, covariates: Mapping[str, float] | None) -> Self:
        """Return the model without covariates that holds for customers with these."""
        effects = self._effects()
        columns = check_covariates(covariates, columns_of(effects))
        if not effects:
            return self
        other = clone(self).set_params(purchase_covariates=(), dropout_covariates=())
        values = row_parameters(self._parameters(), effects, columns)
        other.params_ = pd.Series(np.ravel(np.broadcast_arrays(*values)), index=other._names())
        for name in self._also_saved:
            setattr(other, name, getattr(self, name))
        return other

    def expected_purchases_new_customer(
        self, t: ArrayLike, covariates: Mapping[str, float] | None = None
    ) -> float | Floats:
        """Repeat purchases expected of a new customer in the time t after the first purchase.

        Parameters
        ----------
        t : float or array
            Time since the first purchase, in the unit of the table.
        covariates : mapping of str to float, optional
            The value of each covariate; needed where the model has some.

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
        expected = self._of_covariates(covariates)._new_purchases(times.ravel())
        return float(expected[0]) if np.ndim(t) == 0 else expected.reshape(times.shape)
