"""Key figures of a report's segments."""

from __future__ import annotations

from functools import cached_property

from segml.evaluation import Validity, validity
from segml.features import build_features
from segml.kpis import (
    CohortRetention,
    Concentration,
    KpiTable,
    cohort_retention,
    concentration,
    kpi_table,
)

from .segmenters import new_segmenter
from .value_results import ValueResults


class KpiResults(ValueResults):
    """Key figures, on top of the forecasts."""

    @cached_property
    def kpis(self) -> KpiTable:
        """KPIs by segment, predictions included."""
        table = kpi_table(
            self.data,
            self.labels,
            self.segment_names,
            as_of=self.as_of,
            period_days=self.params.kpis.period_days,
            predictions={"clv": self.lifetime_value, "p_alive": self.p_alive},
            currency=self.params.currency,
        )
        self.artefacts.keep_frame("kpis.parquet", table.table)
        return table

    @cached_property
    def cohorts(self) -> CohortRetention:
        """Who comes back, by the month of the first purchase."""
        return cohort_retention(self._known, "month")

    @cached_property
    def concentration(self) -> Concentration:
        """How revenue is spread over customers."""
        return concentration(self._known, self.labels, self.segment_names)

    @cached_property
    def validity(self) -> Validity | None:
        """Whether segments found before the last days say what came then; None without them."""
        days = self.params.dates.holdout_days
        if days == 0:
            return None
        features = build_features(self.data, self._cutoff, self.features.names)
        asked, seed = self.params.clustering, self.params.seed
        number = None if asked.method in ("hdbscan", "rfm") else len(self.segments)
        segmenter = new_segmenter(asked, features, seed, number).fit(features)
        found = validity(
            segmenter,
            features,
            self._known,
            days,
            stability=self.stability,
            names=segmenter.segments_["name"],
            currency=self.params.currency,
            random_state=seed,
        )
        self.artefacts.keep_frame("validity.parquet", found.criteria)
        return found
