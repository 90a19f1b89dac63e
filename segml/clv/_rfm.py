"""The RFM table as the models read it: its columns, its rules, its unique rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from segml._core.check import nearest
from segml._core.errors import DataError, MissingTableError, NotEnoughDataError
from segml._core.text import count

from ._unique import Floats, UniqueRows, unique_rows

FREQUENCY, RECENCY, AGE, VALUE = "frequency", "recency", "T", "monetary_value"
HISTORY = (FREQUENCY, RECENCY, AGE)
SPEND = (FREQUENCY, VALUE)
CUSTOMER = "customer_id"
_ROWS_NAMED = 5
_COUNT = "a count of purchases"


@dataclass(frozen=True)
class Customers:
    """The columns that a model reads, one entry a customer, checked.

    Parameters
    ----------
    index : pandas.Index
        Customer ids.
    columns : dict of str to ndarray of shape (n,)
        The columns as floats.
    """

    index: pd.Index
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.index)

    def unique(self, weights: Floats | None = None) -> tuple[dict[str, Floats], UniqueRows]:
        """Return the columns of the distinct rows, and which customers have them."""
        kinds = unique_rows(list(self.columns.values()), weights)
        return {name: values[kinds.first] for name, values in self.columns.items()}, kinds


def as_frame(rfm: object) -> pd.DataFrame:
    """Return the table as pandas, indexed by customer.

    A Polars or Arrow table is converted; a column ``customer_id`` becomes the index.

    Raises
    ------
    DataError
        When it is not a table.
    NotEnoughDataError
        When it has no rows.

    Examples
    --------
    >>> as_frame(pd.DataFrame({"customer_id": ["a"], "frequency": [0]})).index.tolist()
    ['a']
    """
    if not isinstance(rfm, pd.DataFrame) and hasattr(rfm, "to_pandas"):
        rfm = rfm.to_pandas()
    if not isinstance(rfm, pd.DataFrame):
        raise DataError(
            "the RFM table is not a table",
            where="rfm",
            got=type(rfm).__name__,
            expected="a pandas DataFrame indexed by customer_id, or a Polars or Arrow table",
        )
    if CUSTOMER in rfm.columns:
        rfm = rfm.set_index(CUSTOMER)
    if len(rfm) == 0:
        raise NotEnoughDataError("the RFM table has no rows", where="rfm")
    return rfm


def read_history(rfm: object) -> Customers:
    """Read and check frequency, recency and T.

    The rules: no missing, infinite or negative value; a whole frequency; recency
    at most T; recency 0 if and only if frequency is 0, as repeat purchases are
    counted in periods after the first purchase.

    Parameters
    ----------
    rfm : DataFrame
        One row per customer with ``frequency``, ``recency`` and ``T``.

    Returns
    -------
    Customers

    Raises
    ------
    MissingTableError
        When a column is missing; names the column spelt most like it.
    DataError
        When a rule is broken; says how many rows and the first of them, by
        position and not by customer.
    NotEnoughDataError
        When there are no rows.

    Examples
    --------
    >>> rfm = pd.DataFrame({"frequency": [1.0], "recency": [9.0], "T": [8.0]})
    >>> read_history(rfm)
    Traceback (most recent call last):
      ...
    segml._core.errors.DataError: recency is greater than T in 1 row
      where: row 0 (counted from 0)
      got: recency 9, T 8
      expected: recency of at most T, both counted from the first purchase
    """
    frame = as_frame(rfm)
    require_columns(frame, HISTORY)
    columns = {name: _numbers(frame, name) for name in HISTORY}
    for name, values in columns.items():
        _finite_and_not_negative(values, name)
    x, t_x, T = columns.values()
    refuse(x != np.floor(x), f"{FREQUENCY} is not a whole number", {FREQUENCY: x}, _COUNT)
    refuse(
        t_x > T,
        f"{RECENCY} is greater than {AGE}",
        {RECENCY: t_x, AGE: T},
        "recency of at most T, both counted from the first purchase",
    )
    refuse(
        (t_x > 0) & (x == 0),
        f"{RECENCY} is greater than 0 though {FREQUENCY} is 0",
        {RECENCY: t_x},
        "recency 0 for a customer without a repeat purchase",
    )
    refuse(
        (t_x == 0) & (x > 0),
        f"{RECENCY} is 0 though {FREQUENCY} is not",
        {FREQUENCY: x},
        "purchases within the first period merged into the first purchase",
    )
    return Customers(frame.index, columns)


def read_spend(rfm: object) -> Customers:
    """Read frequency and monetary_value; the latter may still be missing or not positive.

    Raises
    ------
    MissingTableError, DataError, NotEnoughDataError
        As in :func:`read_history`.
    """
    frame = as_frame(rfm)
    require_columns(frame, SPEND)
    columns = {name: _numbers(frame, name) for name in SPEND}
    x, m = columns.values()
    _finite_and_not_negative(x, FREQUENCY)
    refuse(x != np.floor(x), f"{FREQUENCY} is not a whole number", {FREQUENCY: x}, _COUNT)
    refuse(np.isinf(m), f"{VALUE} is infinite", {VALUE: m}, "a finite amount of money")
    return Customers(frame.index, columns)


def read_weights(weights: object, index: pd.Index) -> Floats | None:
    """Return one weight a row: finite, at least 0, not all 0; None stays None.

    A Series is matched by its index, anything else by position.

    Raises
    ------
    DataError
        When the weights do not fit the table or break a rule.
    """
    if weights is None:
        return None
    if isinstance(weights, pd.Series) and not weights.index.equals(index):
        raise DataError(
            "the weights have another index than the RFM table",
            where="weights",
            expected="one weight a row, in the order of the table",
            hint="weights.reindex(rfm.index)",
        )
    values = np.asarray(weights, dtype=float)
    if values.shape != (len(index),):
        raise DataError(
            "the weights do not fit the RFM table",
            where="weights",
            got=f"shape {values.shape}",
            expected=f"shape ({len(index)},)",
        )
    _finite_and_not_negative(values, "weight")
    if not values.any():
        raise NotEnoughDataError("all weights are 0", where="weights")
    return values


def refuse(
    bad: NDArray[np.bool_], what: str, shown: dict[str, Floats], expected: str, hint: str = ""
) -> None:
    """Raise a DataError that counts and names the rows where `bad` is true, if any.

    Rows are named by position, as customer ids are personal; `shown` are the
    columns whose values at the first such row go into the message.
    """
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    plural = "s" if len(rows) > 1 else ""
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED])
    raise DataError(
        f"{what} in {count(len(rows))} row{plural}",
        where=f"row{plural} {named}{', ...' if len(rows) > _ROWS_NAMED else ''} (counted from 0)",
        got=", ".join(f"{name} {values[rows[0]]:g}" for name, values in shown.items()),
        expected=expected,
        hint=hint or None,
    )


def finite_numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as floats; raise a DataError when a value is missing or infinite."""
    values = _numbers(frame, name)
    _finite(values, name)
    return values


def _finite(values: Floats, name: str) -> None:
    bad = ~np.isfinite(values)
    refuse(bad, f"{name} is missing or infinite", {name: values}, "a finite number")


def _finite_and_not_negative(values: Floats, name: str) -> None:
    _finite(values, name)
    refuse(values < 0, f"{name} is negative", {name: values}, "a number of at least 0")


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise a MissingTableError for the first of `names` that is not a column."""
    for name in names:
        if name not in frame.columns:
            raise MissingTableError(
                f"the RFM table has no column {name}",
                where="rfm",
                got=", ".join(str(column) for column in frame.columns),
                expected="columns " + ", ".join(names),
                nearest=nearest(name, [str(column) for column in frame.columns]),
            )


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise DataError(
            f"{name} is not a column of numbers",
            where=f"rfm, column {name}",
            got=str(column.dtype),
            expected="a numeric column",
            hint=f'rfm["{name}"] = pd.to_numeric(rfm["{name}"])',
        )
    return column.to_numpy(dtype=float, na_value=np.nan)
