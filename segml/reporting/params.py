"""What a report is asked to do: one frozen model, every key described.

The descriptions are the documentation of a parameter file; unknown keys are errors.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from segml._core.check import nearest
from segml._core.errors import ParameterError
from segml.data.tables import ORDERS
from segml.data.zones import check_zone
from segml.features import FEATURES
from segml.features.registry import WINDOWED, find_feature

from .cleaning_params import CleaningParams
from .param_types import Day, Real, Text, Whole

BUILT_IN_SOURCES = ("cdnow", "cdnow_sample")

TimeUnit = Literal["D", "W", "M"]


def _unique(values: list[str]) -> list[str]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"each one once; repeated: {', '.join(repeated)}")
    return values


def _known(values: list[str], allowed: Iterable[str]) -> list[str]:
    allowed = list(allowed)
    if unknown := [value for value in values if value not in allowed]:
        close = nearest(unknown[0], allowed)
        hint = f"; for {unknown[0]!r} did you mean {close!r}?" if close else ""
        raise ValueError(f"of {', '.join(allowed)}{hint}")
    return values


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataParams(_Model):
    """Which orders to read and how."""

    source: Text = Field(
        description="cdnow or cdnow_sample (built in), or the path of a CSV or Parquet file "
        "(or a glob of them); a relative path starts at the folder of this file"
    )
    preset: Text | None = Field(
        default=None,
        description="layout of a known system, as `segml presets` lists them, or a YAML file",
    )
    columns: dict[str, Text | None] = Field(
        default={},
        description="canonical column: its name in the file; order_id: null means that "
        "each row is an order",
    )
    date_format: Text | None = Field(
        default=None, description="strptime format of the order date; null means that the data tell"
    )
    time_zone: Text | None = Field(
        default=None,
        description="the store's IANA time zone, such as Europe/London, to which times with a "
        "zone are converted; null means that they become UTC",
    )
    separator: Text | None = Field(
        default=None, description="field separator of a CSV file; null means it is detected"
    )
    encoding: str = Field(default="utf-8", description="encoding of a CSV file")
    backend: Literal["duckdb", "spark"] = Field(
        default="duckdb",
        description="what computes: duckdb (this machine, no server) or spark (segml[spark])",
    )
    spark: Text = Field(
        default="local[*]",
        description="with backend spark, its master: local[*] (this machine), "
        "spark://host:7077, or sc://host for Spark Connect",
    )
    cleaning: CleaningParams = Field(
        default=CleaningParams(), description="what to do with rows that are doubtful"
    )

    @field_validator("columns")
    @classmethod
    def _canonical_and_only_order_id_absent(
        cls, columns: dict[str, str | None]
    ) -> dict[str, str | None]:
        _known(list(columns), ORDERS.names)
        absent = [name for name, column in columns.items() if column is None]
        if absent not in ([], ["order_id"]):
            raise ValueError("a column name each; only order_id may be null")
        return columns

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str | None) -> str | None:
        try:
            return check_zone(time_zone)
        except ParameterError as error:
            close = error.problem.nearest
            raise ValueError(
                "an IANA name such as Europe/London" + (f"; did you mean {close!r}?" * bool(close))
            ) from error

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ValueError("the name of a text encoding, such as utf-8 or latin-1") from error
        return encoding


class DateParams(_Model):
    """From when customers are looked at."""

    as_of: Day | None = Field(
        default=None, description="the report's day; null means the last day of the data"
    )
    holdout_days: Whole = Field(
        default=0, ge=0, description="days before as_of kept aside to check the forecast"
    )


class SegmentParams(_Model):
    """How customers are grouped."""

    n_segments: Whole = Field(default=5, ge=2, le=20, description="number of segments")
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

    _features_once = field_validator("features")(_unique)

    @field_validator("features")
    @classmethod
    def _known_features(cls, features: list[str]) -> list[str]:
        # Whether the data have the value of a name such as survey_trust is seen there.
        _known([name for name in features if not find_feature(name)], [*FEATURES, *WINDOWED])
        return features


class ClvParams(_Model):
    """How customers' lifetime value is forecast."""

    period: TimeUnit = Field(
        default="D", description="orders within one day (D), week or month count as one purchase"
    )
    time_unit: TimeUnit = Field(
        default="W", description="unit of the model's time: days (D), weeks or months"
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


class KpiParams(_Model):
    """How key figures are counted."""

    period_days: Whole = Field(
        default=90,
        ge=1,
        description="retention compares the two periods of this many days that end at as_of",
    )


class ReportParams(_Model):
    """One report: what to run, on which data, with which parameters.

    Parameters
    ----------
    report : str
        Folder below the reports, in lower-case letters, digits, _ and -.
    title : str
        Title of the page.
    seed : int, default 1
        Seed of everything random.
    currency : str, default ""
        ISO code.
    notebooks : list of str
        Notebooks to run, in order, without .ipynb.
    data, dates, segments, clv, kpis : mapping
        What each part is asked; ``model_fields`` of their classes describe every key.

    Examples
    --------
    >>> params = ReportParams(report="cdnow", title="CDNOW", data={"source": "cdnow"})
    >>> params.seed, params.clv.horizon, params.notebooks[0]
    (1, 52.0, '01_data_quality')
    """

    report: str = Field(
        pattern=r"^[a-z0-9_-]+$",
        description="folder below reports/: lower-case letters, digits, _ and -",
    )
    title: Text = Field(description="title of the page")
    seed: Whole = Field(default=1, ge=0, description="seed of everything random")
    currency: str = Field(
        default="",
        pattern=r"^([A-Z]{3})?$",
        description='ISO code such as EUR; "" when there is none',
    )
    notebooks: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]] = Field(
        default=[
            "01_data_quality",
            "02_features",
            "03_segmentation",
            "04_lifetime_value",
            "05_kpis",
        ],
        min_length=1,
        description="notebooks to run, in this order, without .ipynb",
    )
    data: DataParams = Field(description="which orders to read and how")
    dates: DateParams = Field(default=DateParams(), description="from when customers are looked at")
    segments: SegmentParams = Field(
        default=SegmentParams(), description="how customers are grouped"
    )
    clv: ClvParams = Field(default=ClvParams(), description="how lifetime value is forecast")
    kpis: KpiParams = Field(default=KpiParams(), description="how key figures are counted")

    _notebooks_once = field_validator("notebooks")(_unique)

    def as_json(self) -> dict[str, Any]:
        """Return every parameter, defaults included, as plain JSON values."""
        return self.model_dump(mode="json")


def model_at(path: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the model whose keys live at a key path, or None where there is none.

    Examples
    --------
    >>> model_at(["clv"]).__name__
    'ClvParams'
    """
    model: type[BaseModel] = ReportParams
    for part in path:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        model = kind
    return model
