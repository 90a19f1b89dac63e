"""Segments as users give them, checked and known to the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core import text
from segml._core.errors import DataError, ParameterError
from segml.engine import Table

ALL = "all customers"


@dataclass(frozen=True)
class Assigned:
    """Segments in the engine.

    Parameters
    ----------
    table : Table
        ``code``, the place of the segment in `ids`, and the columns of the customers.
    ids : tuple
        Segment ids, in order.
    notes : tuple of str
        Who is in no segment.
    """

    table: Table
    ids: tuple[Any, ...]
    notes: tuple[str, ...]


def register_segments(
    customers: Table, segments: pd.Series, as_of: dt.date, also: Sequence[Any] = ()
) -> Assigned:
    """Check segments against the customers and hand them to the engine.

    Parameters
    ----------
    customers : Table
        One row with ``customer_id`` for each customer with an order by `as_of`.
    segments : Series
        Segment id, indexed by customer_id; checked by `check_segments`.
    as_of : date
        Last day that counts.
    also : sequence
        Ids of segments that may have no customer.

    Raises
    ------
    DataError
        A customer has no order by `as_of`, or ids are of different types.
    """
    codes, ids = _coded(segments, also)
    engine = customers.engine
    assigned = engine.register(
        pa.table(
            {
                "customer_id": pa.array(segments.index.astype(str), pa.string()),
                "code": pa.array(codes, pa.int64()),
            }
        )
    )
    table = engine.sql(
        "SELECT a.code, c.* FROM {assigned} AS a"
        " JOIN {customers} AS c ON a.customer_id = c.customer_id",
        assigned=assigned,
        customers=customers,
    ).materialise()
    found, known = len(table), len(customers)
    if found < len(segments):
        raise DataError(
            "some customers of the segments have no order",
            where="segments",
            got=f"{len(segments) - found:,} of {len(segments):,} customers",
            expected=f"customers with an order up to {as_of.isoformat()}",
        )
    notes = (
        (f"{text.count(known - found)} customers with orders are in no segment and not counted.",)
        if found < known
        else ()
    )
    return Assigned(table, ids, notes)


def check_segments(segments: Any) -> None:
    """Check that each customer is in one segment.

    Raises
    ------
    DataError
        It is no Series, or a customer stands in it twice or without a segment.
    """
    if not isinstance(segments, pd.Series):
        raise DataError(
            "the segments are not a Series",
            where="segments",
            got=type(segments).__name__,
            expected="a pandas Series of segment ids, indexed by customer_id",
        )
    if segments.empty:
        raise DataError("the segments have no customer", where="segments", got="0 rows")
    if segments.index.astype(str).has_duplicates:
        raise DataError(
            "a customer stands in the segments more than once",
            where="segments",
            got=f"{int(segments.index.astype(str).duplicated().sum()):,} repeated rows",
        )
    if segments.isna().any():
        raise DataError(
            "a customer has no segment",
            where="segments",
            got=f"{int(segments.isna().sum()):,} rows",
        )


def segment_names(ids: Sequence[Any], names: Mapping[Any, str] | pd.Series | None) -> dict:
    """Return the name of each segment, and of all customers.

    Raises
    ------
    ParameterError
        A name is given twice.
    """
    named = {i: f"segment {i}" for i in ids} | dict(names if names is not None else {})
    shown = [str(named[i]) for i in ids]
    for name in shown:
        if name == ALL or shown.count(name) > 1:
            raise ParameterError(
                "two columns of the table would have the same name",
                where="names",
                got=name,
                expected=f"a name of its own for each segment, and none called {ALL!r}",
            )
    return dict(zip(ids, shown, strict=True)) | {ALL: ALL}


def _coded(segments: pd.Series, also: Sequence[Any]) -> tuple[np.ndarray, tuple[Any, ...]]:
    values = np.asarray(segments.to_numpy())
    found = set(pd.unique(segments))
    try:
        ids = sorted(found | set(also))
    except TypeError as error:  # numbers beside texts
        raise DataError(
            "segment ids are of different types",
            where="segments",
            got=", ".join(sorted({type(i).__name__ for i in found | set(also)})),
            expected="all whole numbers, or all texts",
        ) from error
    places = {i: place for place, i in enumerate(ids)}
    return pd.Series(values).map(places).to_numpy(dtype="int64"), tuple(ids)
