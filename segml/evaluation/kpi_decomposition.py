"""Why any KPI of `kpi_table` changed between two periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from segml.data import CustomerData
from segml.kpis.per_customer import customer_sums

from .decomposition import Decomposition, decompose

# What `decompose` has no format for is shown as a plain number; its unit joins the name.
_PLAIN = {"days": "days", "seconds": "seconds"}


def kpi_change(
    data: CustomerData,
    old_segments: pd.Series,
    new_segments: pd.Series,
    kpi: str,
    old_period: tuple[Any, Any],
    new_period: tuple[Any, Any],
    names: Mapping[int, str] | pd.Series | None = None,
    *,
    currency: str = "",
    level: float = 0.95,
) -> Decomposition:
    """Split the change of a KPI between two periods into mix and within-segment parts.

    Parameters
    ----------
    data : CustomerData
        What is known of the customers.
    old_segments, new_segments : Series
        Segment id, a whole number, indexed by customer_id: as they were in each period. A
        segment has the same id in both: refits are matched first, see `migration`.
    kpi : str
        A KPI that is a sum over customers or a ratio of two such sums.
    old_period, new_period : (start, end)
        Days, both of which belong to the period.
    names : mapping or Series of int to str, optional
        Segment names.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Decomposition
        Its parts add up to the difference of the two values that `kpi_table` gives all
        customers of the segments, each with the segments and the period of its time.

    Raises
    ------
    ParameterError
        The KPI is unknown, with the nearest spelling; or is a median, a prediction, a payback
        time or a share of all customers, which have no such parts: lists those that have.
    MissingTableError
        A table or a column that the KPI needs is missing or without a value.
    DataError
        As `kpi_table`, and where a denominator is negative or ids are no whole numbers.
    NotEnoughDataError
        There is nobody to divide by in a period.

    Notes
    -----
    See :func:`segml.evaluation.decompose` for the formula and its source.

    Examples
    --------
    >>> from segml.data import read_orders
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "b", "a", "b", "b"], "order_id": range(5),
    ...     "ordered_at": ["2026-01-01", "2026-01-02", "2026-02-01", "2026-02-02", "2026-02-03"],
    ...     "revenue": [10.0, 40.0, 10.0, 40.0, 40.0]})
    >>> segments = pd.Series({"a": 0, "b": 1})
    >>> found = kpi_change(CustomerData(read_orders(orders)), segments, segments, "aov",
    ...                    ("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"))
    >>> found.parts["value"].round(6).to_dict()["mix"], round(found.change, 6)
    (5.0, 5.0)
    """
    old, spec = customer_sums(data, old_segments, kpi, old_period)
    new, _ = customer_sums(data, new_segments, kpi, new_period)
    label = spec.label + (f" ({_PLAIN[spec.unit]})" if spec.unit in _PLAIN else "")
    return decompose(
        old,
        new,
        names,
        kpi=label,
        total=not spec.denominator,
        unit=spec.unit if spec.unit in ("money", "share") else "count",
        currency=currency,
        level=level,
    )
