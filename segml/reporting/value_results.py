"""What customers are worth: purchases, spend, lifetime value, churn, and the check of them."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

import pandas as pd

from segml._core.errors import ConvergenceError, NotEnoughDataError
from segml.clv import (
    BetaGeoModel,
    GammaGammaModel,
    HoldoutCheck,
    ModelSelection,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    Prediction,
    SpendFit,
    Tracking,
    ValueDistribution,
    churn_table,
    customer_lifetime_value,
    holdout_check,
    predict_with_interval,
    select_model,
    spend_fit,
    track_purchases,
    value_distribution,
)
from segml.clv._purchases import PurchaseModel
from segml.export import load_model, save_model
from segml.features import rfm_summary

from .segment_results import SegmentResults

_UNIT_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12}
UNIT_NAMES = {"D": "days", "W": "weeks", "M": "months"}
_MODELS = {
    "beta_geo": BetaGeoModel,
    "modified_beta_geo": ModifiedBetaGeoModel,
    "pareto_nbd": ParetoNBDModel,
}


class ValueResults(SegmentResults):
    """Forecasts, on top of the segments."""

    @cached_property
    def rfm(self) -> pd.DataFrame:
        """The RFM table of all orders up to the report's day."""
        asked = self.params.clv
        rfm = rfm_summary(self._known, self.as_of, asked.period, time_unit=asked.time_unit)
        self.artefacts.keep_frame("rfm.parquet", rfm)
        return rfm

    @cached_property
    def model_selection(self) -> ModelSelection | None:
        """Models of purchases beside each other; None where one was asked for."""
        if self.params.clv.model != "auto":
            return None
        asked = self.params.clv
        found = select_model(
            self.rfm,
            orders=self._known,
            as_of=self.as_of,
            period=asked.period,
            time_unit=asked.time_unit,
        )
        self.artefacts.keep_frame("model_selection.parquet", found.table)
        return found

    @cached_property
    def purchase_model(self) -> PurchaseModel:
        """The model of purchases, fitted."""
        return self._stored("purchase_model.json") or self._keep(
            "purchase_model.json",
            self.model_selection.best.model
            if self.model_selection
            else self._new_purchase_model().fit(self.rfm),
        )

    def _new_purchase_model(self) -> PurchaseModel:
        asked = self.params.clv.model
        kind = type(self.purchase_model) if asked == "auto" else _MODELS[asked]
        return kind()

    @cached_property
    def spend_model(self) -> GammaGammaModel:
        """The Gamma-Gamma model of spend per purchase; repeat buyers of zero value left out."""
        return self._stored("spend_model.json") or self._keep(
            "spend_model.json", GammaGammaModel(non_positive="leave_out").fit(self.rfm)
        )

    def _stored(self, name: str) -> Any:
        path = self.artefacts.find(name)
        return None if path is None else load_model(path)

    def _keep(self, name: str, model: Any) -> Any:
        if self.artefacts.folder is not None:
            save_model(model, self.artefacts.folder / name)
        return model

    @property
    def horizon(self) -> str:
        """The forecast horizon in words."""
        return f"{self.params.clv.horizon:g} {self.time_unit}"

    @property
    def time_unit(self) -> str:
        """The models' unit of time in words."""
        return UNIT_NAMES[self.params.clv.time_unit]

    @cached_property
    def lifetime_value(self) -> Prediction:
        """Discounted margin expected of each customer within the horizon."""
        asked = self.params.clv
        per_unit = (1 + asked.discount_rate) ** (_UNIT_DAYS[asked.time_unit] / 365.25) - 1
        return customer_lifetime_value(
            self.purchase_model,
            self.spend_model,
            self.rfm,
            asked.horizon,
            discount_rate=per_unit,
            margin=asked.margin,
        )

    @cached_property
    def p_alive(self) -> Prediction:
        """Probability of each customer of being active."""
        return predict_with_interval(self.purchase_model, "expected_probability_alive", self.rfm)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One row per customer: segment, lifetime value with interval, churn forecast."""
        table = self.lifetime_value.to_frame().join(
            churn_table(self.purchase_model, self.rfm, self.params.clv.horizon)
        )
        table.insert(0, "segment", self.labels.reindex(table.index).map(self.segment_names))
        self.artefacts.keep_frame("customers.parquet", table.astype({"churn_band": "str"}))
        return table

    @cached_property
    def value_distribution(self) -> ValueDistribution:
        """How lifetime value is spread over customers."""
        return value_distribution(self.lifetime_value)

    @cached_property
    def spend_fit(self) -> SpendFit:
        """How well the model of spend describes what was spent."""
        return spend_fit(self.spend_model, self.rfm)

    @cached_property
    def holdout(self) -> HoldoutCheck | None:
        """The forecast checked on the last days; None where it could not be."""
        if self._calibrated is None:
            return None
        model, rfm = self._calibrated
        check = holdout_check(model, rfm)
        self.artefacts.keep_frame("holdout.parquet", check.table)
        return check

    @cached_property
    def tracking(self) -> Tracking | None:
        """Purchases week by week beside the forecast; None where it could not be checked."""
        if self._calibrated is None:
            return None
        asked = self.params.clv
        return track_purchases(
            self._calibrated[0],
            self.data,
            self._cutoff,
            self.as_of,
            asked.period,
            time_unit=asked.time_unit,
        )

    @property
    def unchecked(self) -> str:
        """Why the forecast could not be checked; empty where it was."""
        found = self._calibration
        return found if isinstance(found, str) else ""

    @property
    def _cutoff(self) -> dt.date:
        return self.as_of - dt.timedelta(days=self.params.dates.holdout_days)

    @property
    def _calibrated(self) -> tuple[PurchaseModel, pd.DataFrame] | None:
        found = self._calibration
        return None if isinstance(found, str) else found

    @cached_property
    def _calibration(self) -> tuple[PurchaseModel, pd.DataFrame] | str:
        """The model fitted before the last days and its table, or why there is none."""
        days = self.params.dates.holdout_days
        if days == 0:
            return "set dates.holdout_days to keep the last days aside and compare"
        asked = self.params.clv
        rfm = rfm_summary(
            self._known,
            self._cutoff,
            asked.period,
            holdout_end=self.as_of,
            time_unit=asked.time_unit,
        )
        try:
            return self._new_purchase_model().fit(rfm), rfm
        except (ConvergenceError, NotEnoughDataError) as error:
            return f"on the orders before the last {days} days, {error.problem.what}"
