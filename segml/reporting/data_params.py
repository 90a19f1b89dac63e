"""What a report reads: orders, the other tables, and how doubtful rows are dealt with."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import Field, field_validator, model_validator

from segml._core.errors import ParameterError
from segml.data.tables import ORDERS, TABLES
from segml.data.zones import check_zone

from .cleaning_params import CleaningParams
from .param_types import Model, Text, Whole, known

BUILT_IN_SOURCES = ("cdnow", "cdnow_sample", "simulated_store")

TableName = Literal["order_lines", "customers", "sessions", "messages", "costs", "surveys"]


class TableParams(Model):
    """Where one table is and how it is written."""

    source: Text = Field(
        description="path of a CSV or Parquet file, or a glob of them; a relative path starts "
        "at the folder of this file"
    )
    preset: Text | None = Field(
        default=None,
        description="layout of a known system, as `segml presets` lists them, or a YAML file",
    )
    columns: dict[str, Text | None] = Field(
        default={}, description="canonical column: its name in the file"
    )
    date_format: Text | None = Field(
        default=None, description="strptime format of dates; null means that the data tell"
    )
    separator: Text | None = Field(
        default=None, description="field separator of a CSV file; null means it is detected"
    )
    encoding: str = Field(default="utf-8", description="encoding of a CSV file")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ValueError("the name of a text encoding, such as utf-8 or latin-1") from error
        return encoding


class DataParams(TableParams):
    """Which orders and other tables to read, and how."""

    source: Text = Field(
        description="cdnow or cdnow_sample (built in), simulated_store (drawn, all tables), or "
        "the path of a CSV or Parquet file of orders (or a glob of them); a relative path starts "
        "at the folder of this file"
    )
    columns: dict[str, Text | None] = Field(
        default={},
        description="canonical column: its name in the file; order_id: null means that "
        "each row is an order",
    )
    tables: dict[TableName, TableParams] = Field(
        default={},
        description="further tables by name, with the keys source, preset, columns, "
        "date_format, separator and encoding each",
    )
    time_zone: Text | None = Field(
        default=None,
        description="the store's IANA time zone, such as Europe/London, to which times with a "
        "zone are converted; null means that they become UTC",
    )
    simulated_customers: Whole = Field(
        default=2000, ge=50, le=1_000_000, description="how many customers a simulated_store has"
    )
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
        known(list(columns), ORDERS.names)
        absent = [name for name, column in columns.items() if column is None]
        if absent not in ([], ["order_id"]):
            raise ValueError("a column name each; only order_id may be null")
        return columns

    @field_validator("tables")
    @classmethod
    def _canonical_columns(cls, tables: dict[str, TableParams]) -> dict[str, TableParams]:
        for name, table in tables.items():
            known(list(table.columns), TABLES[name].names)
        return tables

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

    @model_validator(mode="after")
    def _built_in_data_are_whole(self) -> DataParams:
        if self.source in BUILT_IN_SOURCES and self.tables:
            raise ValueError(f"no tables beside the built-in data {self.source}")
        return self
