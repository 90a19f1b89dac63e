"""What a report is asked to do: one frozen model, every key described.

The descriptions are the documentation of a parameter file; unknown keys are errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Field, field_validator

from .data_params import DataParams
from .notebook_params import (
    CampaignParams,
    ClusteringParams,
    ClvParams,
    ComparisonParams,
    DateParams,
    KpiParams,
    MigrationParams,
)
from .param_types import Model, Text, Whole, unique


class ReportParams(Model):
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
    data, dates, clustering, clv, kpis, migration, campaign, comparison : mapping
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
            "06_migration",
            "07_campaign",
        ],
        min_length=1,
        description="notebooks to run, in this order, without .ipynb",
    )
    data: DataParams = Field(description="which orders to read and how")
    dates: DateParams = Field(default=DateParams(), description="from when customers are looked at")
    clustering: ClusteringParams = Field(
        default=ClusteringParams(), description="how customers are grouped"
    )
    clv: ClvParams = Field(default=ClvParams(), description="how lifetime value is forecast")
    kpis: KpiParams = Field(default=KpiParams(), description="how key figures are counted")
    migration: MigrationParams = Field(
        default=MigrationParams(), description="what is compared with before, and which alerts"
    )
    campaign: CampaignParams = Field(
        default=CampaignParams(), description="which campaign to evaluate, or to plan"
    )
    comparison: ComparisonParams = Field(
        default=ComparisonParams(), description="which models to compare"
    )

    _notebooks_once = field_validator("notebooks")(unique)

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
    parts = iter(path)
    for part in parts:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if get_origin(kind) is dict:  # of models, by name
            kind = get_args(kind)[1]
            next(parts, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        model = kind
    return model
