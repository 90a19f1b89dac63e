"""Acquisition costs that are recorded by segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segml._core import text
from segml.data import CustomerData

from .rows import Rows

BY_SEGMENT = "costs are known by segment only: there is no interval"


def has_segment_costs(data: CustomerData) -> bool:
    """Whether some cost is recorded for a segment."""
    costs = data.costs
    if costs is None or "segment" not in costs.table.columns:
        return False
    return bool(costs.table.scalar("SELECT count(segment) FROM {self}"))


def segment_costs(
    rows: Rows, ids: Sequence[Any], names: Mapping[Any, str], n_periods: int, currency: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the costs of each period by segment and of all, and a note.

    Segments are found by their name or their id.

    Returns
    -------
    by_segment : ndarray, shape (periods, segments)
        Costs of the segment.
    of_all : ndarray, shape (periods,)
        All costs, those of no segment or of a segment of another name included.
    notes : tuple of str
        How much is of no segment that there is.
    """
    found = rows.engine.sql(
        "SELECT period, segment, CAST(sum(fixed(cost)) AS DOUBLE) AS cost FROM {costs}"
        " WHERE cost IS NOT NULL GROUP BY period, segment ORDER BY period, segment",
        costs=rows.table("costs", "period"),
    ).to_pandas()
    places = {str(i): place for place, i in enumerate(ids)}
    places |= {str(names[i]): place for place, i in enumerate(ids)}
    by_segment, of_all = np.zeros((n_periods, len(ids))), np.zeros(n_periods)
    other = 0.0
    for period, segment, cost in found.itertuples(index=False):
        of_all[int(period)] += cost
        if isinstance(segment, str) and segment in places:
            by_segment[int(period), places[segment]] += cost
        else:
            other += cost
    if not other:
        return by_segment, of_all, ()
    return (
        by_segment,
        of_all,
        (
            f"Costs of {text.money(other, currency)} are of no segment of the table: they count "
            "in the acquisition cost of all customers only.",
        ),
    )
