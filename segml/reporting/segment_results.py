"""Segments of a report: found, named, tested, explained."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from segml.clustering import (
    Cautions,
    Personas,
    SegmentMap,
    SegmentProfile,
    SegmentRules,
    Selection,
    Stability,
    cautions,
    map_segments,
    personas,
    profile_segments,
    segment_rules,
    select_n_segments,
    stability,
)
from segml.clustering.rfm_scorer import FEATURES as RFM_FEATURES
from segml.export import load_model, save_model
from segml.features import FeatureTable, build_features

from .data_results import DataResults
from .segmenters import new_segmenter

NOISE = -1
NO_SEGMENT = "no segment"
_FILES = ("segmenter.json", "segmenter.skops")


class SegmentResults(DataResults):
    """Segments, on top of the data."""

    @cached_property
    def features(self) -> FeatureTable:
        """The features that segments are made of."""
        asked = self.params.clustering
        needed = RFM_FEATURES if asked.method == "rfm" else ()
        names = list(dict.fromkeys([*needed, *asked.features]))
        features = build_features(self.data, self.as_of, names)
        self.artefacts.keep_customers("features.parquet", features.table)
        return features

    @cached_property
    def selection(self) -> Selection | None:
        """How many segments were looked at, and why one number; None where it was given."""
        asked = self.params.clustering
        by_number = asked.method in ("kmeans", "gaussian_mixture")
        if not by_number or asked.n_segments is not None:
            return None
        segmenter = new_segmenter(asked, self.features, self.params.seed, n_segments=2)
        found = select_n_segments(segmenter, self.features, random_state=self.params.seed)
        self.artefacts.keep_frame("selection.parquet", found.table)
        return found

    @cached_property
    def segmenter(self) -> Any:
        """What assigns customers to segments; without ``labels_`` where a run has stored it."""
        for name in _FILES:
            if (stored := self.artefacts.find(name)) is not None:
                return load_model(stored)
        asked = self.params.clustering
        chosen = self.selection.recommended if self.selection else asked.n_segments
        segmenter = new_segmenter(asked, self.features, self.params.seed, chosen)
        segmenter.fit(self.features)
        if self.artefacts.folder is not None:
            as_json = asked.method in ("kmeans", "rfm") and asked.embedding == "none"
            save_model(segmenter, self.artefacts.folder / _FILES[not as_json])
        return segmenter

    @cached_property
    def labels(self) -> pd.Series:
        """Segment id by customer; -1 for those in none."""
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
    def segment_names(self) -> pd.Series:
        """Names by segment id, of those who are in none as well where there are any."""
        names = self.segments["name"]
        if (self.labels == NOISE).any():
            names = pd.concat([names, pd.Series({NOISE: NO_SEGMENT}, name="name")])
        return names

    def _segment(self) -> None:
        segmenter = self.segmenter
        asked = self.params.clustering
        self.segments = segmenter.segments_
        self.labels = segmenter.predict(self.features)
        described = {
            "method": asked.method,
            "embedding": asked.embedding,
            "features": self.features.names,
            "n_segments": len(self.segments),
            "seed": self.params.seed,
            "segments": self.segments.reset_index().to_dict("records"),
        }
        if (centres := getattr(segmenter, "cluster_centers_", None)) is not None:
            described["centres"] = centres.tolist()
        self.artefacts.keep_json("segments.json", described)
        self.artefacts.keep_frame(
            "segments.parquet",
            self.labels.to_frame().assign(name=self.labels.map(self.segment_names)),
        )

    @cached_property
    def in_segments(self) -> pd.Series:
        """Labels without the customers who are in no segment."""
        return self.labels[self.labels != NOISE]

    @cached_property
    def stability(self) -> Stability | None:
        """Whether the segments come back in resampled customers; None where not asked for."""
        if not self.params.clustering.stability or self.params.clustering.method == "rfm":
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
    def cautions(self) -> Cautions:
        """What speaks against using the segments as they are."""
        return cautions(self.labels, self.features, self.segments["name"], self.membership)

    @cached_property
    def membership(self) -> pd.DataFrame:
        """How far each customer belongs to each segment."""
        return self.segmenter.predict_membership(self.features)

    @cached_property
    def personas(self) -> Personas:
        """One card a segment."""
        found = personas(self._known, self.features, self.labels, self.segments["name"])
        currency = self.params.currency
        cards = tuple(replace(one, currency=one.currency or currency) for one in found)
        return replace(found, cards=cards)

    @cached_property
    def segment_map(self) -> SegmentMap:
        """Customers laid out by the first two principal components, with their segments."""
        return map_segments(self.segmenter, self.features)
