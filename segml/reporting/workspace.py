"""One report's results, each computed once, handed from notebook to notebook as artefacts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core.errors import ConvergenceError, NotEnoughDataError
from segml.clustering import (
    KMeansSegmenter,
    SegmentProfile,
    SegmentRules,
    Stability,
    profile_segments,
    segment_rules,
    stability,
)
from segml.clv import (
    BetaGeoModel,
    GammaGammaModel,
    HoldoutCheck,
    Prediction,
    churn_table,
    customer_lifetime_value,
    holdout_check,
    predict_with_interval,
)
from segml.data import CustomerData, QualityReport, quality_report
from segml.engine import Engine
from segml.export import load_model, save_model
from segml.features import FeatureTable, build_features, make_preprocessor, rfm_summary
from segml.features.dates import last_day
from segml.kpis import KpiTable, kpi_table

from .artefacts import Artefacts
from .params import ReportParams
from .params_file import load_params, validate_params
from .reading import open_engine, read_data, store_data, stored_data

_UNIT_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12}
UNIT_NAMES = {"D": "days", "W": "weeks", "M": "months"}


def open_workspace(
    params: ReportParams | Mapping[str, Any] | str | Path, run_dir: str | Path | None = None
) -> Workspace:
    """Open the results of a report.

    Parameters
    ----------
    params : path, mapping or ReportParams
        What the report is asked to do: a parameter file or its content.
    run_dir : path, optional
        A run folder: results that are in its ``artefacts`` are read from there, others
        are computed and written there. Without it nothing is written.

    Returns
    -------
    Workspace
        Its attributes are the results; each is computed when it is first asked for.

    Raises
    ------
    ParameterError
        The parameters are wrong.

    Examples
    --------
    >>> workspace = open_workspace({
    ...     "report": "sample", "title": "Sample", "data": {"source": "cdnow_sample"},
    ...     "segments": {"features": ["recency_days", "orders"], "n_segments": 3}})
    >>> workspace.segments["size"].sum()
    np.int64(2357)
    """
    if isinstance(params, (str, Path)):
        params = load_params(params)
    elif not isinstance(params, ReportParams):
        params = validate_params(params)
    return Workspace(params, None if run_dir is None else Path(run_dir))


class Workspace:
    """Results of one report; see :func:`open_workspace`.

    Parameters
    ----------
    params : ReportParams
        What the report is asked to do.
    run_dir : Path or None
        Its run folder.
    """

    def __init__(self, params: ReportParams, run_dir: Path | None) -> None:
        self.params = params
        self.artefacts = Artefacts(run_dir)

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self.params.data)

    @cached_property
    def data(self) -> CustomerData:
        """The clean orders, with the account of every row."""
        if (stored := stored_data(self.artefacts, self._engine)) is not None:
            return stored
        data = read_data(self.params.data, self.params.currency, self._engine)
        store_data(self.artefacts, data)
        return data

    @cached_property
    def as_of(self) -> dt.date:
        """The report's day: as asked, or that of the last order."""
        return self.params.dates.as_of or last_day(self.data.orders.table)

    @cached_property
    def quality(self) -> QualityReport:
        """What the data are like and what they are enough for."""
        report = quality_report(self.data, self.as_of)
        self.artefacts.keep_json("quality.json", report.to_dict())
        return report

    @cached_property
    def _known(self) -> CustomerData:
        """The orders up to the report's day; the period it falls in may go on after it."""
        orders = self.data.orders
        table = orders.table.engine.sql(
            "SELECT * FROM {orders} WHERE day_index(ordered_at) <= day_index({as_of})",
            orders=orders.table,
            as_of=self.as_of,
        )
        return replace(self.data, orders=replace(orders, table=table))

    @cached_property
    def features(self) -> FeatureTable:
        """The features that segments are made of."""
        features = build_features(self.data, self.as_of, self.params.segments.features)
        self.artefacts.keep_customers("features.parquet", features.table)
        return features

    @cached_property
    def labels(self) -> pd.Series:
        """Segment id by customer."""
        if (stored := self.artefacts.read_frame("segments.parquet")) is not None:
            return stored.set_index("customer_id")["segment"]
        self._segment()
        return self.labels

    @cached_property
    def segments(self) -> pd.DataFrame:
        """One row per segment, by id: name, size, share."""
        if (stored := self.artefacts.read_json("segments.json")) is not None:
            return pd.DataFrame(stored["segments"]).set_index("segment")
        self._segment()
        return self.segments

    @cached_property
    def segmenter(self) -> KMeansSegmenter:
        """What assigns customers to segments; without ``labels_`` where a run has stored it."""
        if (stored := self.artefacts.find("segmenter.json")) is not None:
            return load_model(stored)
        asked = self.params.segments
        segmenter = KMeansSegmenter(
            asked.n_segments,
            preprocessor=make_preprocessor(self.features),
            names=asked.names,
            random_state=self.params.seed,
        ).fit(self.features)
        if self.artefacts.folder is not None:
            save_model(segmenter, self.artefacts.folder / "segmenter.json")
        return segmenter

    def _segment(self) -> None:
        segmenter = self.segmenter
        self.segments = segmenter.segments_
        self.labels = segmenter.predict(self.features)
        described = {
            "method": "k-means",
            "features": self.features.names,
            "n_segments": self.params.segments.n_segments,
            "seed": self.params.seed,
            "segments": self.segments.reset_index().to_dict("records"),
            "centres": segmenter.cluster_centers_.tolist(),
        }
        self.artefacts.keep_json("segments.json", described)
        self.artefacts.keep_frame(
            "segments.parquet",
            self.labels.to_frame().assign(name=self.labels.map(self.segments["name"])),
        )

    @cached_property
    def stability(self) -> Stability | None:
        """Whether the segments come back in resampled customers; None where not asked for."""
        if not self.params.segments.stability:
            return None
        found = stability(self.segmenter, self.features, random_state=self.params.seed)
        self.artefacts.keep_frame("segment_stability.parquet", found.table)
        return found

    @cached_property
    def rules(self) -> SegmentRules:
        """Thresholds that say who is in which segment."""
        return segment_rules(self.features, self.labels, names=self.segments["name"])

    @cached_property
    def profile(self) -> SegmentProfile:
        """What each segment is like."""
        profile = profile_segments(self.features, self.labels, self.segments["name"])
        self.artefacts.keep_frame("segment_profile.parquet", profile.table)
        return profile

    @cached_property
    def rfm(self) -> pd.DataFrame:
        """The RFM table of all orders up to the report's day."""
        asked = self.params.clv
        rfm = rfm_summary(self._known, self.as_of, asked.period, time_unit=asked.time_unit)
        self.artefacts.keep_frame("rfm.parquet", rfm)
        return rfm

    @cached_property
    def purchase_model(self) -> BetaGeoModel:
        """The BG/NBD model of purchases."""
        if (stored := self.artefacts.read_json("purchase_model.json")) is not None:
            return BetaGeoModel.from_dict(stored)
        model = BetaGeoModel().fit(self.rfm)
        self.artefacts.keep_json("purchase_model.json", model.to_dict())
        return model

    @cached_property
    def spend_model(self) -> GammaGammaModel:
        """The Gamma-Gamma model of spend per purchase; repeat buyers of zero value left out."""
        if (stored := self.artefacts.read_json("spend_model.json")) is not None:
            return GammaGammaModel.from_dict(stored)
        model = GammaGammaModel(non_positive="leave_out").fit(self.rfm)
        self.artefacts.keep_json("spend_model.json", model.to_dict())
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
        table.insert(0, "segment", self.labels.reindex(table.index).map(self.segments["name"]))
        self.artefacts.keep_frame("customers.parquet", table.astype({"churn_band": "str"}))
        return table

    @cached_property
    def holdout(self) -> HoldoutCheck | None:
        """The forecast checked on the last days; None where it could not be."""
        return self._checked[0]

    @property
    def unchecked(self) -> str:
        """Why the forecast could not be checked; empty where it was."""
        return self._checked[1]

    @cached_property
    def _checked(self) -> tuple[HoldoutCheck | None, str]:
        days = self.params.dates.holdout_days
        if days == 0:
            return None, "set dates.holdout_days to keep the last days aside and compare"
        asked = self.params.clv
        rfm = rfm_summary(
            self._known,
            self.as_of - dt.timedelta(days=days),
            asked.period,
            holdout_end=self.as_of,
            time_unit=asked.time_unit,
        )
        try:
            model = BetaGeoModel().fit(rfm)
        except (ConvergenceError, NotEnoughDataError) as error:
            return None, f"on the orders before the last {days} days, {error.problem.what}"
        check = holdout_check(model, rfm)
        self.artefacts.keep_frame("holdout.parquet", check.table)
        return check, ""

    @cached_property
    def kpis(self) -> KpiTable:
        """KPIs by segment, predictions included."""
        table = kpi_table(
            self.data,
            self.labels,
            self.segments["name"],
            as_of=self.as_of,
            period_days=self.params.kpis.period_days,
            predictions={"clv": self.lifetime_value, "p_alive": self.p_alive},
            currency=self.params.currency,
        )
        self.artefacts.keep_frame("kpis.parquet", table.table)
        return table
