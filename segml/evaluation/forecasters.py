"""What forecasts purchases, revenue and churn: what it is told, and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core.errors import NotEnoughDataError, SegmlError
from segml.clv import BetaGeoBetaBinomModel, GammaGammaModel
from segml.clv._base import CLVModel


@dataclass(frozen=True, eq=False)
class Earlier:
    """An earlier cut-off whose horizon has passed: what a forecaster may learn from.

    Parameters
    ----------
    cutoff : date
        The horizon's length before the cut-off, so that what followed ended by it.
    rfm : DataFrame
        As of that day.
    actual : DataFrame
        By customer, what followed: ``purchases``, ``revenue`` and ``churn``.
    """

    cutoff: dt.date
    rfm: pd.DataFrame
    actual: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Known:
    """All that a forecaster is told: nothing of it is later than the cut-off.

    Parameters
    ----------
    cutoff : date
        Last known day.
    horizon : int
        How long to look ahead, in `time_unit`.
    days : int
        The same in days.
    time_unit : {"D", "W"}
        Unit of `rfm`.
    rfm : DataFrame
        As `segml.features.rfm_summary` gives with ``litt=True``, in the order of customers.
    last : DataFrame
        By customer, ``purchases`` and ``revenue`` of the `days` up to the cut-off.
    earlier : Earlier or None
        None where nobody had bought by then.
    features : callable
        Of a date up to the cut-off; returns segml's features as of that day.
    opportunities : callable
        Returns frequency, recency and T counted in opportunities, which are whole units of
        time up to the cut-off.
    seed : int
        For what draws random numbers.
    """

    cutoff: dt.date
    horizon: int
    days: int
    time_unit: str
    rfm: pd.DataFrame
    last: pd.DataFrame
    earlier: Earlier | None
    features: Callable[[dt.date], pd.DataFrame]
    opportunities: Callable[[], pd.DataFrame]
    seed: int = 0

    def learnable(self) -> Earlier:
        """Return the earlier cut-off.

        Raises
        ------
        NotEnoughDataError
            There is none.
        """
        if self.earlier is None:
            day = self.cutoff - dt.timedelta(days=self.days)
            raise NotEnoughDataError(
                f"nobody had bought by {day.isoformat()}, one horizon earlier, to learn from",
                where="cutoff",
                got=self.cutoff.isoformat(),
            )
        return self.earlier


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is expected of each customer in the horizon.

    Parameters
    ----------
    values : DataFrame
        By customer, in the order of ``Known.rfm``: any of ``purchases`` (days with one),
        ``revenue``, and ``churn``, the chance of no purchase.
    reasons : dict of str to str
        Why the others are not there.
    """

    values: pd.DataFrame
    reasons: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Forecaster(Protocol):
    """Makes a forecast from what is known; its repr says all that determines it.

    One with an attribute ``reads_more`` that is false reads the tables of `Known` alone, and
    is not asked again where only other data have changed.
    """

    def forecast(self, known: Known) -> Forecast:
        """Return what is expected of each customer."""
        ...


@dataclass(frozen=True)
class CLVForecaster:
    """A model of purchases, and Gamma-Gamma for what is spent.

    Parameters
    ----------
    model : purchase model
        Such as ``BetaGeoModel()``; a copy is fitted to what is known at the cut-off.
    spend : GammaGammaModel
        A copy is fitted as well. Where that fails there is no forecast of revenue.

    Notes
    -----
    Revenue is expected purchases times expected spend per purchase, undiscounted. A BG/BB
    model counts weeks (or days) with a purchase; the days with one are taken to be as many
    per week as they were before the cut-off.
    """

    model: Any
    spend: Any = field(default_factory=lambda: GammaGammaModel(non_positive="leave_out"))

    @property
    def reads_more(self) -> bool:
        """Whether it reads more than the tables: purchases by opportunity."""
        return isinstance(self.model, BetaGeoBetaBinomModel)

    def forecast(self, known: Known) -> Forecast:
        """Fit, and return what is expected of each customer."""
        table, each = known.rfm, 1.0
        if isinstance(self.model, BetaGeoBetaBinomModel):
            table = known.opportunities()
            repeats = table["frequency"].sum()
            each = known.rfm["frequency"].sum() / repeats if repeats else 1.0
        model = clone(self.model).fit(table)
        purchases = each * model.expected_purchases(table, future_t=known.horizon)
        churn = model.expected_probability_no_purchase(table, future_t=known.horizon)
        values = pd.DataFrame({"purchases": purchases, "churn": churn.clip(0, 1)})
        try:
            spend = clone(self.spend).fit(known.rfm).expected_customer_spend(known.rfm)
        except SegmlError as problem:
            return Forecast(values, {"revenue": f"no model of spend: {problem.problem.what}"})
        return Forecast(values.assign(revenue=purchases * spend))


def as_forecaster(model: Any) -> Any:
    """Return a forecaster as it is, and a model of purchases with Gamma-Gamma beside it."""
    return CLVForecaster(model) if isinstance(model, CLVModel) else model


def flaw(forecast: Forecast, target: str, index: pd.Index) -> str:
    """Say why a forecast of a target cannot be used; nothing where it can."""
    if target not in forecast.values.columns:
        return forecast.reasons.get(target, f"it does not forecast {target}")
    if not forecast.values.index.equals(index):
        return "its customers are not those of the cut-off, in their order"
    values = forecast.values[target].to_numpy(dtype=float)
    if bad := int((~np.isfinite(values)).sum()):
        return f"{bad:,} of {len(values):,} forecasts are missing or infinite"
    if target == "churn" and ((values < 0) | (values > 1)).any():
        return "there are chances below 0 or above 1"
    return ""
