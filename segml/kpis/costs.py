"""Acquisition costs that are recorded by segment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import norm

from segml._core import text
from segml.data import CustomerData

from .intervals import poisson
from .registry import KPIS
from .rows import Rows
from .sums import Sums
from .values import NO_DENOMINATOR, Result

NO_COST = "no cost of it is recorded"
COSTED = {
    "cac": replace(KPIS["new_customers"], name="cac"),
    "roi": replace(KPIS["historic_clv"], name="roi", denominator="1"),
}
"""KPIs that rest on costs by segment where there are some, and whose sums these are set to."""


def has_segment_costs(data: CustomerData) -> bool:
    """Whether some cost is recorded for a segment."""
    costs = data.costs
    if costs is None or "segment" not in costs.table.columns:
        return False
    return bool(costs.table.scalar("SELECT count(segment) FROM {self}"))


@dataclass(frozen=True)
class Costs:
    """Costs by window, "period" or "so_far", and period.

    Parameters
    ----------
    by_segment : dict of str to ndarray, shape (periods, segments)
        Costs of the segment in the window of each period.
    of_all : dict of str to ndarray, shape (periods,)
        All costs, those of no segment or of a segment of another name included.
    """

    by_segment: dict[str, np.ndarray]
    of_all: dict[str, np.ndarray]


def segment_costs(
    rows: Rows, ids: Sequence[Any], names: Mapping[Any, str], n_periods: int, currency: str
) -> tuple[Costs, tuple[str, ...]]:
    """Return the costs of segments, which are found by their name or their id, and a note.

    The note says how much is of no segment that there is.
    """
    places = {str(i): place for place, i in enumerate(ids)}
    places |= {str(names[i]): place for place, i in enumerate(ids)}
    by_segment, of_all, other = {}, {}, {}
    for window in ("period", "so_far"):
        found = rows.engine.sql(
            "SELECT period, segment, CAST(sum(fixed(cost)) AS DOUBLE) AS cost FROM {costs}"
            " WHERE cost IS NOT NULL GROUP BY period, segment ORDER BY period, segment",
            costs=rows.table("costs", window),
        ).to_pandas()
        own, whole, rest = np.zeros((n_periods, len(ids))), np.zeros(n_periods), 0.0
        for period, segment, cost in found.itertuples(index=False):
            whole[int(period)] += cost
            if isinstance(segment, str) and segment in places:
                own[int(period), places[segment]] += cost
            else:
                rest += cost
        by_segment[window], of_all[window], other[window] = own, whole, rest
    notes: tuple[str, ...] = ()
    if other["period"]:
        notes = (
            f"Costs of {text.money(other['period'], currency)} are of no segment of the table: "
            "they count in the acquisition cost of all customers only.",
        )
    return Costs(by_segment, of_all), notes


def from_costs(name: str, costs: Costs, sums: Sums, level: float) -> list[list[Result]]:
    """Return CAC or the return on acquisition by period, for each segment and, last, for all.

    Notes
    -----
    The costs are known; how many customers they win is a Poisson count. The interval of CAC
    is the cost over the exact interval of that count, that of the return has the variance of
    a compound Poisson sum, the sum of the squared margins.
    """
    window = "period" if name == "cac" else "so_far"
    squares = sums.ee + 2 * sums.center * sums.ex + sums.center**2 * sums.xx
    out = []
    for p in range(len(sums.y)):
        cost = [*costs.by_segment[window][p], costs.of_all[window][p]]
        won = [*sums.y[p], sums.y[p].sum()]
        spread = [*squares[p], squares[p].sum()]
        cells = [
            _acquired(float(c), float(y), level)
            if name == "cac"
            else _returned(float(c), float(y), float(s), level)
            for c, y, s in zip(cost, won, spread, strict=True)
        ]
        whole = cells[-1].value
        out.append([replace(cell, difference=cell.value - whole) for cell in cells])
    return out


def _acquired(cost: float, n: float, level: float) -> Result:
    if not n or not cost:
        return Result(numerator=cost, denominator=n, reason=NO_DENOMINATOR if cost else NO_COST)
    few, many = poisson(round(n), level)
    return Result(cost / n, cost / many, cost / few, numerator=cost, denominator=n)


def _returned(cost: float, margin: float, squares: float, level: float) -> Result:
    if not cost:
        return Result(numerator=margin, denominator=cost, reason=NO_COST)
    half = float(norm.ppf(0.5 + level / 2)) * math.sqrt(max(squares, 0.0)) / cost
    value = (margin - cost) / cost
    return Result(value, value - half, value + half, numerator=margin - cost, denominator=cost)
