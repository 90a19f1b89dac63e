"""What the BG/NBD and the MBG/NBD model share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from segml._core.check import number, one_of
from segml._core.errors import ConvergenceError, ParameterError

from ._alive_purchases import alive_purchases
from ._beta_geo_likelihood import BetaGeoLikelihood
from ._beta_geo_rows import BetaGeoRows
from ._covariates import CovariateLikelihood, Effect, covariate_names
from ._fit import LogLikelihood
from ._purchases import Columns, PurchaseModel
from ._regular_purchases import regular_purchases
from ._regularity import living_events, log_sum, read_litt, times_between
from ._rfm import AGE, FREQUENCY, read_weights
from ._unique import Floats, unique_rows

_MOST_EVENTS = 50


class BetaGeoFamily(PurchaseModel):
    """Base of the models in which customers leave after a purchase, at a chance from Beta(a, b).

    Parameters
    ----------
    k : int or "auto"
        Poisson events to a purchase; see the models.
    purchase_covariates, dropout_covariates : sequence of str
        Columns of the table; see the models.
    """

    #: Whether a customer may leave after the first purchase.
    _at_once: ClassVar[bool]
    _also_saved: ClassVar[tuple[str, ...]] = ("k_",)
    _meanings: ClassVar[dict[str, str]] = {
        "r": "shape of the purchase rates over customers",
        "alpha": "rate of that distribution, in time units",
        "a": "first shape of the chance to leave",
        "b": "second shape of it",
    }

    k_: int

    def __init__(
        self,
        k: int | Literal["auto"] = 1,
        purchase_covariates: Sequence[str] = (),
        dropout_covariates: Sequence[str] = (),
    ) -> None:
        self.k = k
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates

    def fit(self, rfm: object, weights: object = None) -> Self:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        rfm : DataFrame
            One row per customer, indexed by customer_id: ``frequency`` (repeat
            purchases), ``recency`` (time from first to last purchase) and ``T``
            (time from first purchase to the end of observation); the covariates; and,
            unless k is 1, ``litt`` (sum of the natural logarithms of the times between
            purchases, in the same unit).
        weights : Series or array of shape (n,), optional
            How many customers each row stands for; one by default.

        Returns
        -------
        BetaGeoModel or ModifiedBetaGeoModel
            Itself, fitted.

        Raises
        ------
        ParameterError
            When an argument of the model is of a wrong kind, or there are covariates
            though k is not 1.
        DataError, MissingTableError
            When the table breaks a rule; names the rows by position.
        NotEnoughDataError
            When nobody bought again, or there are fewer distinct rows than parameters.
        ConvergenceError
            When the likelihood has no maximum inside.
        """
        k = self._checked_k()
        if k == 1:
            return self._fit(rfm, weights, 1)
        customers, litt = self._read(rfm), read_litt(rfm)
        w = read_weights(weights, customers.index)
        w = np.ones(len(customers)) if w is None else w
        total = float(w @ litt)

        def fit_at(k: int) -> None:
            self._fit(rfm, weights, k)
            self.log_likelihood_ += times_between(customers.columns[FREQUENCY], total, w, k)

        if k:
            fit_at(k)
        else:
            self._fit_best(fit_at)
        return self

    def _fit(self, rfm: object, weights: object, k: int) -> Self:
        self.k_ = k
        return super().fit(rfm, weights)

    def _fit_best(self, fit_at: Callable[[int], None]) -> None:
        """Fit k = 1, 2, ... until the likelihood falls, and keep the best."""
        best: dict[str, Any] = {}
        for k in range(1, _MOST_EVENTS + 1):
            try:
                fit_at(k)
            except ConvergenceError:
                if k == 1:
                    raise
                break
            if best and self.log_likelihood_ <= best["log_likelihood_"]:
                break
            best = {name: value for name, value in vars(self).items() if name.endswith("_")}
        for name, value in best.items():
            setattr(self, name, value)

    def _checked_k(self) -> int:
        """Return k, 0 for "auto"."""
        if isinstance(self.k, str):
            one_of(self.k, ["auto"], "k")
            k = 0
        else:
            k = int(number(self.k, "k", low=1, high=_MOST_EVENTS, whole=True))
        if k != 1 and self._effects():
            raise ParameterError(
                "covariates and regular times between purchases do not go together",
                where="k",
                got=self.k,
                expected="k=1 for a model with covariates",
            )
        return k

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        if data.get("options", {}).get("k", 1) != "auto":
            data = {"k": data.get("options", {}).get("k", 1), **data}
        return super().from_dict(data)

    def _effects(self) -> list[Effect]:
        purchase = covariate_names(self.purchase_covariates, "purchase_covariates")
        dropout = covariate_names(self.dropout_covariates, "dropout_covariates")
        return [
            *(Effect(f"purchase[{name}]", name, 1, -1.0) for name in purchase),
            *(Effect(f"dropout_a[{name}]", name, 2, 1.0) for name in dropout),
            *(Effect(f"dropout_b[{name}]", name, 3, 1.0) for name in dropout),
        ]

    def _likelihood(self, columns: dict[str, Floats], weights: Floats) -> LogLikelihood:
        x, t_x, T = list(columns.values())[:3]
        if effects := self._effects():
            rows = BetaGeoRows(x, t_x, T, self._at_once)
            return CovariateLikelihood(rows, effects, columns, weights)
        return BetaGeoLikelihood(x, t_x, T, weights, self._at_once, self.k_)

    def _starts(self, columns: dict[str, Floats], weights: Floats) -> list[list[float]]:
        events = self.k_ * float(weights @ columns[FREQUENCY])
        scale = float(weights @ columns[AGE]) / events
        starts = [
            [0.25, 0.25 * scale, 0.8, 2.5],
            [1.0, scale, 0.3, 5.0],
            [0.5, 0.5 * scale, 0.1, 0.3],
        ]
        if self._at_once:  # most leave at once, and the others buy often
            starts.append([1.0, 0.5 * scale, 0.3, 0.1])
        return starts

    def _alive(self, columns: Columns) -> Floats:
        return expit(-self._log_odds_left(columns))

    def _no_purchase(self, columns: Columns, t: float | Floats) -> Floats:
        r, alpha, _, _ = self._row_parameters(columns)
        x, t_x, T = columns[:3]
        n, later = r + self.k_ * x, alpha + T + t
        none = -n * np.log1p(t / (alpha + T))
        if self.k_ > 1:  # of the events that are too few for a purchase, now and then
            some = living_events(n, (T + t - t_x) / later, self.k_)
            none += log_sum(some) - log_sum(self._events(columns))
        odds = self._log_odds_left(columns)
        return np.minimum(expit(odds) + expit(-odds) * np.exp(none), 1.0)

    def _purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        if self.k_ > 1:
            return self._alive(columns) * self._regular_purchases(columns, t, delta)
        x, _, T = columns[:3]
        pairs = unique_rows([x, T, *columns[3:]])  # all that the purchases of the living depend on
        one = tuple(column[pairs.first] for column in columns)
        r, alpha, a, b = self._row_parameters(one)
        at, stays = np.ones(len(pairs)), one[0] + self._at_once
        alive = alive_purchases((r + one[0]) * at, alpha + one[2], a, b + stays, t, delta)
        return self._alive(columns) * alive[pairs.inverse]

    def _new_purchases(self, t: Floats) -> Floats:
        r, alpha, a, b = self._parameters()
        at = np.ones(t.size)
        stays = b + self._at_once
        alive = b / (a + b) if self._at_once else 1.0  # after the first purchase
        if self.k_ == 1:
            return alive * alive_purchases(r * at, alpha * at, a, stays * at, t)
        just_bought = np.zeros((self.k_, 1))
        just_bought[0] = 1.0
        now = np.array([alpha])
        one = [regular_purchases(r, now, just_bought, a, stays, float(end))[0] for end in t]
        return alive * np.array(one)

    def _regular_purchases(self, columns: Columns, t: float, delta: float) -> Floats:
        """Return purchases expected of the living, one value of x after the other."""
        r, alpha, a, b = self._parameters()
        x, _, T = columns[:3]
        events = self._events(columns)
        share = np.exp(events - log_sum(events))
        expected = np.empty(len(x))
        for value in np.unique(x):
            at: NDArray[np.bool_] = x == value
            n, stays = r + self.k_ * value, b + value + self._at_once
            expected[at] = regular_purchases(n, alpha + T[at], share[:, at], a, stays, t, delta)
        return expected

    def _events(self, columns: Columns) -> Floats:
        """Return the log weights of the events since the last purchase, of shape (k, m)."""
        r, alpha, _, _ = self._row_parameters(columns)
        x, t_x, T = columns[:3]
        return living_events(r + self.k_ * x, (T - t_x) / (alpha + T), self.k_)

    def _log_odds_left(self, columns: Columns) -> Floats:
        r, alpha, a, b = self._row_parameters(columns)
        x, t_x, T = columns[:3]
        silent = np.log1p((T - t_x) / (alpha + t_x))
        stays = x + (int(self._at_once) - 1)
        odds = np.log(a) - np.log(b + np.maximum(stays, 0)) + (r + self.k_ * x) * silent
        if self.k_ > 1:
            odds -= log_sum(self._events(columns))
        return np.where(stays >= 0, odds, -np.inf)
