"""What each notebook is asked, beside the data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from segml.features import FEATURES
from segml.features.registry import WINDOWED, find_feature

from .param_types import Day, Model, Real, Text, Whole, known, unique

TimeUnit = Literal["D", "W", "M"]

# As `segml.evaluation.FORECASTERS` names them; not imported, as that takes long.
OWN_MODELS = (
    "BG/NBD",
    "MBG/NBD",
    "Pareto/NBD",
    "BG/CNBD-k",
    "MBG/CNBD-k",
    "BG/BB",
    "gradient boosting",
    "hiatus rule",
    "own mean",
    "same as last period",
    "mean of all",
)
LIFETIMES_MODELS = ("lifetimes BG/NBD", "lifetimes MBG/NBD", "lifetimes Pareto/NBD")


def known_features(names: list[str]) -> list[str]:
    """Refuse names of features that are not registered."""
    # Whether the data have the value of a name such as survey_trust is seen there.
    known([name for name in names if not find_feature(name)], [*FEATURES, *WINDOWED])
    return names


class DateParams(Model):
    """From when customers are looked at."""

    as_of: Day | None = Field(
        default=None, description="the report's day; null means the last day of the data"
    )
    holdout_days: Whole = Field(
        default=0, ge=0, description="days before as_of kept aside to check the forecast"
    )


class ClusteringParams(Model):
    """How customers are grouped."""

    method: Literal["kmeans", "gaussian_mixture", "hdbscan", "rfm"] = Field(
        default="kmeans",
        description="kmeans, gaussian_mixture, hdbscan (finds the number itself, and leaves "
        "customers out as noise) or rfm (the table of 1-to-5 scores)",
    )
    n_segments: Whole | None = Field(
        default=5,
        ge=2,
        le=20,
        description="number of segments for kmeans and gaussian_mixture; null means that it is "
        "chosen from 2 to 12 by stability, size and separation",
    )
    min_segment_size: Whole | None = Field(
        default=None,
        ge=1,
        description="customers that a segment needs; null means 1, and for hdbscan 1 in 100",
    )
    embedding: Literal["none", "pca", "umap"] = Field(
        default="none", description="space in which segments are found: none, pca or umap"
    )
    features: list[Text] = Field(
        default=["recency_days", "orders", "aov"],
        min_length=1,
        description="features to group by",
    )
    names: dict[int, Text] = Field(
        default={}, description="segment number: name; the others are named from the data"
    )
    stability: bool = Field(
        default=True,
        description="whether to find the segments again in 100 resamples of the customers, and "
        "say which of them come back",
    )

    _features_once = field_validator("features")(unique)

    _features_known = field_validator("features")(known_features)


class ClvParams(Model):
    """How customers' lifetime value is forecast."""

    period: TimeUnit = Field(
        default="D", description="orders within one day (D), week or month count as one purchase"
    )
    time_unit: TimeUnit = Field(
        default="W", description="unit of the model's time: days (D), weeks or months"
    )
    model: Literal["beta_geo", "modified_beta_geo", "pareto_nbd", "auto"] = Field(
        default="beta_geo",
        description="model of purchases: beta_geo (BG/NBD), modified_beta_geo, pareto_nbd, or "
        "auto for the best of them by AIC",
    )
    horizon: Real = Field(default=52.0, gt=0, description="how far to forecast, in time_unit")
    discount_rate: Real = Field(default=0.10, ge=0, description="discount rate, a year")
    margin: Real = Field(default=1.0, gt=0, le=1, description="margin as a share of revenue")

    @field_validator("time_unit")
    @classmethod
    def _fixed_ratio_to_period(cls, unit: str, info: ValidationInfo) -> str:
        period = info.data.get("period")
        if "M" in (unit, period) and unit != period:
            raise ValueError("M with period M, else D or W: months differ in length")
        return unit


class KpiParams(Model):
    """How key figures are counted."""

    period_days: Whole = Field(
        default=90,
        ge=1,
        description="retention compares the two periods of this many days that end at as_of",
    )


class MigrationParams(Model):
    """What the segments are compared with, and which changes raise an alert."""

    against: Text | None = Field(
        default=None,
        description="a run id of this report, or latest for its latest completed run; null, or "
        "where there is none yet, means the same shop some days earlier",
    )
    days: Whole = Field(
        default=90, ge=1, description="how many days earlier, where no run is compared with"
    )
    alert_psi: Real | None = Field(
        default=None,
        gt=0,
        description="alert where a feature's population stability index is above this, such as "
        "0.25; null means no alert",
    )
    alert_moved: Real | None = Field(
        default=None,
        gt=0,
        le=1,
        description="alert where a greater share of customers changed segment beyond what "
        "refitting alone moves",
    )
    alert_far: Real | None = Field(
        default=None,
        gt=0,
        le=1,
        description="alert where a greater share of customers is far from every segment",
    )
    alert_revenue: Real | None = Field(
        default=None,
        gt=0,
        description="alert where revenue per customer changed by more than this share",
    )


class CampaignParams(Model):
    """Which campaign is evaluated, or what the next one is planned for."""

    campaign: Text | None = Field(
        default=None,
        description="campaign_id of the table messages, to evaluate; null means: plan one",
    )
    start: Day | None = Field(
        default=None,
        description="first day of the campaign; null means the day of its first message",
    )
    days: Whole = Field(default=28, ge=1, description="days after the start that count")
    control: Text = Field(default="control", description="variant, or group, that was left alone")
    outcome: Literal["revenue", "purchase"] = Field(
        default="revenue", description="revenue per customer, or the share who purchase"
    )
    effect: Real = Field(
        default=0.10, gt=0, description="for a plan: smallest relative lift worth finding"
    )
    power: Real = Field(default=0.80, gt=0.5, lt=1, description="for a plan: chance to find it")
    treated: Real = Field(
        default=0.5, gt=0, lt=1, description="for a plan: share of customers who are treated"
    )


class ComparisonParams(Model):
    """Which models are compared, over which past."""

    models: list[Text] = Field(
        default=list(OWN_MODELS),
        min_length=1,
        description="models to compare: the default ones, or those of the package lifetimes "
        "beside them, such as lifetimes BG/NBD",
    )
    cutoffs: list[Day] = Field(
        default=[],
        description="days that forecasts start from; [] means three, of which the last leaves "
        "room for the longest horizon",
    )
    horizons: list[Whole] = Field(
        default=[13], min_length=1, description="how far forecasts reach, in weeks"
    )
    feature_sets: dict[str, list[Text]] = Field(
        default={},
        description="sets of features to compare segmentations with, by name; {} means RFM, "
        "and RFM with its trend",
    )
    n_segments: list[Whole] = Field(
        default=[3, 5, 8], description="numbers of segments to compare; [] compares none"
    )
    mlflow: Text | None = Field(
        default=None,
        description="tracking address to which trials are logged as well (segml[mlflow])",
    )

    _models_once = field_validator("models")(unique)

    @field_validator("feature_sets")
    @classmethod
    def _known_feature_sets(cls, sets: dict[str, list[str]]) -> dict[str, list[str]]:
        for names in sets.values():
            known_features(names)
        return sets

    @field_validator("models")
    @classmethod
    def _known_models(cls, models: list[str]) -> list[str]:
        return known(models, [*OWN_MODELS, *LIFETIMES_MODELS])
