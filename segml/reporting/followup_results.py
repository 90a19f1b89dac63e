"""What has changed since an earlier time: who moved, what drifted, which alerts that raises."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text
from segml.evaluation import (
    Alert,
    Decomposition,
    Drift,
    DriftThresholds,
    Migration,
    alerts,
    decompose,
    drift,
    migration,
    refit_noise,
)
from segml.features import build_features

from .earlier import Earlier, find_run, read_run
from .kpi_results import KpiResults


class FollowUpResults(KpiResults):
    """Changes, on top of the key figures."""

    @cached_property
    def earlier(self) -> Earlier:
        """What the report is compared with."""
        asked = self.params.migration
        if asked.against is not None and self.artefacts.folder is not None:
            run = find_run(self.artefacts.folder.parents[1], asked.against)
            if run is not None:
                return read_run(run, self.as_of)
        day = self.as_of - dt.timedelta(days=asked.days)
        features = self.features_at(day)
        return Earlier(
            f"{text.count(asked.days)} days earlier",
            day,
            features,
            self.segmenter.predict(features),
            self.segments["name"],
            self.segmenter,
            refit=False,
        )

    def features_at(self, day: dt.date) -> pd.DataFrame:
        """Return the features that segments are made of, as they were on a day."""
        return build_features(self.data, day, self.features.names).to_pandas()

    @cached_property
    def migration(self) -> Migration:
        """Who moved, came and went, and how much of that is refitting."""
        before = self.earlier
        noise = None
        if before.refit and self.params.clustering.method != "rfm":
            noise = refit_noise(self.segmenter, self.features, random_state=self.params.seed)
        found = migration(
            before.labels,
            self.labels,
            before.names,
            match=before.refit,
            noise=noise,
            old_value=self._revenue(before.day, before.labels.index),
            new_value=self._revenue(self.as_of, self.labels.index),
            currency=self.params.currency,
        )
        self.artefacts.keep_frame("migration.parquet", found.table)
        return found

    @cached_property
    def drift(self) -> Drift:
        """How features, sizes and distances changed."""
        before = self.earlier
        found = drift(
            before.features,
            self._now,
            before.segmenter,
            names=before.names,
            random_state=self.params.seed,
        )
        self.artefacts.keep_frame("drift.parquet", found.features.reset_index())
        return found

    @cached_property
    def revenue_change(self) -> Decomposition:
        """Change of revenue per customer: by the mix of segments, and within them."""
        before = self.earlier
        return decompose(
            self._spent(before.day, before.labels),
            self._spent(self.as_of, before.segmenter.predict(self._now)),
            before.names,
            kpi="Revenue per customer",
            unit="money",
            currency=self.params.currency,
        )

    @cached_property
    def alerts(self) -> list[Alert]:
        """Thresholds that were crossed; the runner ends with exit code 3 if there are any."""
        asked = self.params.migration
        found = alerts(self.drift, self._thresholds)
        moved = self.migration
        share = moved.moved if np.isnan(moved.excess) else moved.excess
        if asked.alert_moved is not None and share > asked.alert_moved:
            found.append(
                Alert(
                    "moved",
                    share,
                    asked.alert_moved,
                    f"{text.share(share)} of customers changed segment, the limit "
                    f"{text.share(asked.alert_moved)}",
                )
            )
        change = self.revenue_change
        relative = abs(change.change) / change.old_value if change.old_value else np.nan
        if asked.alert_revenue is not None and relative > asked.alert_revenue:
            found.append(
                Alert(
                    "revenue",
                    relative,
                    asked.alert_revenue,
                    f"revenue per customer changed by {text.share(relative)}, the limit "
                    f"{text.share(asked.alert_revenue)}",
                )
            )
        told = [
            {"key": one.key, "value": one.value, "limit": one.limit, "words": one.words}
            for one in found
        ]
        self.artefacts.keep_json("alerts.json", told)
        return found

    @property
    def _thresholds(self) -> DriftThresholds:
        asked = self.params.migration
        return DriftThresholds(
            psi=asked.alert_psi,
            mix_psi=asked.alert_psi,
            within_psi=None,
            far_share=asked.alert_far,
        )

    @property
    def _now(self) -> pd.DataFrame:
        return self.features.to_pandas()

    def _spent(self, day: dt.date, labels: pd.Series) -> pd.DataFrame:
        revenue = self._revenue(day, labels.index)
        return pd.DataFrame({"segment": labels, "numerator": revenue})

    def _revenue(self, day: dt.date, customers: pd.Index[Any]) -> pd.Series:
        """Return revenue by customer of the days up to one, as many as lie between the two."""
        days = max((self.as_of - self.earlier.day).days, 1)
        found = self.data.orders.table.engine.sql(
            "SELECT customer_id, CAST(sum(fixed(revenue)) AS DOUBLE) AS revenue FROM {orders}"
            " WHERE day_index(ordered_at) > day_index({day}) - {days}"
            " AND day_index(ordered_at) <= day_index({day}) GROUP BY customer_id",
            orders=self.data.orders.table,
            day=day,
            days=days,
        ).to_pandas()
        return found.set_index("customer_id")["revenue"].reindex(customers, fill_value=0.0)
