"""A campaign's test: what it changed, or how large the next one must be."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import pandas as pd

from segml.evaluation import (
    Assignment,
    Experiment,
    ExperimentPlan,
    assign,
    campaign_outcomes,
    experiment,
    experiment_baseline,
    plan_experiment,
)
from segml.features.dates import last_day

from .followup_results import FollowUpResults
from .segment_results import NOISE

_COLUMNS = {"revenue": "revenue", "purchase": "ordered"}


class CampaignResults(FollowUpResults):
    """Campaigns, on top of the changes."""

    @cached_property
    def experiment(self) -> Experiment | None:
        """What a campaign changed in each segment; None where none is evaluated."""
        asked = self.params.campaign
        if asked.campaign is None:
            return None
        outcomes = campaign_outcomes(
            self.data,
            campaign_id=asked.campaign,
            segments=self._segments_before(self._campaign_start),
            start=asked.start,
            days=asked.days,
        )
        self.artefacts.keep_frame("campaign_outcomes.parquet", outcomes)
        money = asked.outcome == "revenue"
        found = experiment(
            outcomes,
            _COLUMNS[asked.outcome],
            control=asked.control,
            pre="revenue_before" if money else None,
            names=self.segment_names,
            seed=self.params.seed,
            currency=self.params.currency,
        )
        self.artefacts.keep_frame("campaign_lifts.parquet", found.lifts)
        return found

    @cached_property
    def assignment(self) -> Assignment:
        """Who would be in which group of the next campaign."""
        asked = self.params.campaign
        found = assign(
            self.in_segments,
            f"{self.params.report} {self.as_of.isoformat()}",
            shares={asked.control: 1 - asked.treated, "treatment": asked.treated},
            control=asked.control,
            features=self.features.to_pandas().reindex(self.in_segments.index),
            names=self.segments["name"],
        )
        self.artefacts.keep_frame("assignment.parquet", found.table)
        return found

    @cached_property
    def plan(self) -> ExperimentPlan:
        """How many customers the next campaign needs in each segment."""
        asked = self.params.campaign
        column = _COLUMNS[asked.outcome]
        money = asked.outcome == "revenue"
        end = min(self.as_of, last_day(self.data.orders.table))
        first = end - dt.timedelta(days=asked.days - 1)
        # Segments as they were before: those of today are made of what is looked at.
        before = self._segments_before(first)
        lately = campaign_outcomes(
            self.data, assign(before[before != NOISE], "plan"), start=first, days=asked.days
        )
        return plan_experiment(
            experiment_baseline(lately, column, pre="revenue_before" if money else None),
            asked.effect,
            kind="revenue" if money else "share",
            power=asked.power,
            shares={asked.control: 1 - asked.treated, "treatment": asked.treated},
            control=asked.control,
            names=self.segments["name"],
            currency=self.params.currency,
        )

    @property
    def _campaign_start(self) -> dt.date:
        asked = self.params.campaign
        if asked.start is not None:
            return asked.start
        messages = self.data.require("messages").table
        first = messages.scalar(
            "SELECT min(sent_at) FROM {self} WHERE campaign_id = {campaign}",
            campaign=asked.campaign,
        )
        return self.as_of if first is None else pd.Timestamp(first).date()

    def _segments_before(self, day: dt.date) -> pd.Series:
        """Segments as of the day before: a campaign must not choose its own segments."""
        return self.segmenter.predict(self.features_at(day - dt.timedelta(days=1)))
