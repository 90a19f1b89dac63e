"""What `to_audience` is given, as tables of one engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from segml._core.check import nearest
from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.clustering._labels import labels_of
from segml.data import CustomerData
from segml.data.bundle import DataTable
from segml.data.consent import in_engine
from segml.engine import Engine, Table

from .audience_rows import CONSENT, check_once


def customers_table(customers: Any) -> Table:
    """Return the canonical table of customers with consent and e-mail address.

    Raises
    ------
    MissingTableError
        There is no such table, or it lacks one of these columns; says which.
    ParameterError
        It is neither a bundle of tables nor this table.
    """
    if isinstance(customers, CustomerData):
        found = customers.require("customers")
    elif isinstance(customers, DataTable) and customers.name == "customers":
        found = customers
    else:
        raise ParameterError(
            "these are not customers",
            where="customers",
            got=type(customers).__name__,
            expected="CustomerData, or the table customers",
            hint='segml.data.read_table(frame, "customers") reads a frame or a file',
        )
    for column, why in (("email", "address"), (CONSENT, "consent to marketing")):
        if column not in found.columns:
            raise MissingTableError(
                f"the {why} of customers is not known: there is no column {column}",
                where=f"customers.{column}",
                got=", ".join(found.columns),
                nearest=nearest(column, found.columns),
                hint="without a record of consent, none is taken for granted"
                if column == CONSENT
                else None,
            )
    return found.table


def segments_table(
    segments: Any, names: Mapping[Any, str] | pd.Series | None, engine: Engine
) -> tuple[Table, dict[str, str]]:
    """Return ``customer_id`` and ``segment`` as text, and the name of each label.

    Raises
    ------
    DataError
        A customer has no id or is there twice, or a label is a fraction.
    MissingTableError
        A table lacks one of the columns.
    ParameterError
        These are no segments.
    """
    known = {str(label): str(name) for label, name in dict(_given(names)).items()}
    if isinstance(segments, Table):
        for name in ("customer_id", "segment"):
            if name not in segments.types:
                raise MissingTableError(
                    f"the table of segments has no column {name}",
                    where="segments",
                    got=", ".join(segments.columns),
                    nearest=nearest(name, segments.columns),
                )
        own = (
            "SELECT DISTINCT CAST(segment AS VARCHAR), CAST({} AS VARCHAR) FROM {{table}}"
            " WHERE segment IS NOT NULL ORDER BY 1, 2"
        ).format("name" if "name" in segments.types else "NULL")
        rows = segments.engine.sql(own, table=segments).to_arrow()
        known = {
            str(label): str(name)
            for label, name in zip(*(part.to_pylist() for part in rows.columns), strict=True)
            if name is not None
        } | known
        table = engine.sql(
            "SELECT CAST(customer_id AS VARCHAR) AS customer_id, CAST(segment AS VARCHAR)"
            " AS segment FROM {table}",
            table=in_engine(segments, engine),
        ).materialise()
    else:
        labels, found = labels_of(segments, names)
        known = {str(label): str(name) for label, name in found.items()} | known
        table = _registered(engine, labels.index, "segment", _texts(labels))
    check_once(table, "segments", ["segment"])
    return table, known


def groups_table(
    groups: Any, control: str | Collection[str] | None, engine: Engine
) -> tuple[Table, list[str]]:
    """Return ``customer_id``, ``experiment_group`` and ``is_control``, and the groups written to.

    Control groups are those of an Assignment, unless others are named, else "control" and
    "holdout".

    Raises
    ------
    DataError
        A customer is in two groups, or in none.
    ParameterError
        These are no groups, or none of them is the control group.
    """
    # An Assignment, or what looks like one: what a file is written from need not load the tests.
    assigned = getattr(groups, "table", None)
    found = assigned["group"] if isinstance(assigned, pd.DataFrame) else groups
    given = getattr(groups, "control", "control") if control is None else control
    controls = [given] if isinstance(given, str) else [*given]
    controls += ["holdout"] if control is None else []
    if not isinstance(found, pd.Series):
        raise ParameterError(
            "these are not groups of customers",
            where="groups",
            got=type(groups).__name__,
            expected="an Assignment, or a Series of groups indexed by customer",
        )
    if found.isna().any():
        raise DataError(
            "a customer has no group", where="groups", got=f"{int(found.isna().sum()):,} rows"
        )
    texts = _texts(found)
    labels = sorted(texts.unique().to_pylist())
    if not set(labels) & set(controls):
        raise ParameterError(
            "none of the groups is the control group",
            where="control",
            got=", ".join(controls),
            expected="one of " + ", ".join(labels),
            nearest=nearest("".join(controls[:1]), labels),
        )
    table = _registered(engine, found.index, "experiment_group", texts)
    check_once(table, "groups", ["experiment_group"])
    with_control = engine.sql(
        "SELECT *, experiment_group IN {control} AS is_control FROM {table}",
        control=controls,
        table=table,
    )
    return with_control, [label for label in labels if label not in controls]


def _given(names: Mapping[Any, str] | pd.Series | None) -> Mapping[Any, str] | pd.Series:
    return {} if names is None else names


def _texts(labels: pd.Series) -> pa.Array:
    """Return labels as text, whole numbers without decimals."""
    if labels.dtype.kind == "f":
        known = labels.dropna()
        if (known % 1 != 0).any():
            raise DataError(
                "a label is a fraction", where="segments", expected="whole numbers or names"
            )
        labels = labels.astype("Int64")
    try:
        return pa.array(labels, from_pandas=True).cast(pa.string())
    except pa.ArrowException:  # of several types
        texts = [None if pd.isna(label) else str(label) for label in labels]
        return pa.array(texts, pa.string())


def _registered(engine: Engine, ids: pd.Index, name: str, values: pa.Array) -> Table:
    return engine.register(pa.table({"customer_id": _texts(pd.Series(ids)), name: values}))
