"""How long a customer's margin takes to pay back the cost of winning them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml.engine import Table

from .measure import Customers
from .rows import Rows
from .values import NOBODY, Result

_GROUPS = 40  # of customers, each left out once
_KNOWN = 0.1  # the least part of the customers who have been known for so long


def payback(rows: Rows, customers: Customers, n: np.ndarray, level: float) -> list[list[Result]]:
    """Return the payback time by period, for each segment and, last, for all customers.

    Notes
    -----
    The mean margin of a customer by age d is the mean cumulative function: the sum over ages
    up to d of the margin earned at that age / customers known for so long. Ages of which less
    than a tenth of the customers have been known are left out. The interval is from the
    delete-a-group jackknife (Kott 2001, Journal of Official Statistics 17, 521-526).
    """
    engine = rows.engine
    who = engine.sql(
        "SELECT b.customer_id, b.period, b.code, b.first_day, c.acquisition_cost AS cost,"
        " row_number() OVER (ORDER BY b.customer_id) % {groups} AS part"
        " FROM {base} AS b JOIN (SELECT customer_id, max(acquisition_cost) AS acquisition_cost"
        " FROM {customers} WHERE acquisition_cost IS NOT NULL GROUP BY customer_id) AS c"
        " ON b.customer_id = c.customer_id"
        " WHERE b.first_day BETWEEN b.start_day AND b.end_day",
        groups=_GROUPS,
        base=customers.base,
        customers=rows.known("customers"),
    ).materialise()
    begun = _fetch(
        engine.sql(
            "SELECT period, code, part, day_index({last}) - first_day AS age, count(*) AS n,"
            " CAST(sum(fixed(cost)) AS DOUBLE) AS cost FROM {who}"
            " GROUP BY period, code, part, first_day",
            last=rows.last,
            who=who,
        )
    )
    earned = _fetch(
        engine.sql(
            "SELECT w.period, w.code, w.part, day_index(o.ordered_at) - w.first_day AS age,"
            " CAST(sum(fixed(o.margin)) AS DOUBLE) AS margin FROM {orders} AS o JOIN {who} AS w"
            " ON o.customer_id = w.customer_id WHERE o.margin IS NOT NULL"
            " GROUP BY w.period, w.code, w.part, day_index(o.ordered_at) - w.first_day",
            orders=rows.known("orders"),
            who=who,
        )
    )
    out = []
    for period in range(n.shape[0]):
        here = begun[begun["period"] == period], earned[earned["period"] == period]
        whole = _result(here[0], here[1], level)
        cells = []
        for code in range(n.shape[1]):
            own = [frame[frame["code"] == code] for frame in here]
            found = _result(own[0], own[1], level)
            cell = found if n[period, code] else Result(reason=NOBODY)
            cells.append(_compared(cell, whole))
        out.append([*cells, _compared(whole, whole)])
    return out


def _result(begun: pd.DataFrame, earned: pd.DataFrame, level: float) -> Result:
    if begun.empty:
        return Result(reason="no customer won in the period has a known cost")
    ages = int(begun["age"].max()) + 1
    known, cost, margin = np.zeros((_GROUPS, ages)), np.zeros(_GROUPS), np.zeros((_GROUPS, ages))
    np.add.at(known, (begun["part"], begun["age"]), begun["n"])
    np.add.at(cost, begun["part"], begun["cost"])
    np.add.at(margin, (earned["part"], earned["age"]), earned["margin"])
    known = known[:, ::-1].cumsum(axis=1)[:, ::-1]  # those who have reached the age
    total_known, total_cost, total = known.sum(axis=0), cost.sum(), margin.sum(axis=0)
    value, last = _days(total_known, total_cost, total)
    if math.isnan(value):
        return Result(reason=f"not paid back within {last} days, the longest that is observed")
    parts = [g for g in range(_GROUPS) if known[g, 0]]
    if len(parts) < 2:
        return Result(value, reason="one customer gives no interval")
    others = np.array(
        [_days(total_known - known[g], total_cost - cost[g], total - margin[g])[0] for g in parts]
    )
    if np.isnan(others).any():
        return Result(value, reason="without some customers it is not paid back: no interval")
    k = len(parts)
    error = math.sqrt((k - 1) / k * ((others - others.mean()) ** 2).sum())
    half = float(norm.ppf(0.5 + level / 2)) * error
    return Result(value, max(value - half, 0.0), value + half)


def _days(known: np.ndarray, cost: float, margin: np.ndarray) -> tuple[float, int]:
    """Return the first age by which the mean margin has reached the mean cost."""
    seen = int((known >= max(1.0, _KNOWN * known[0])).sum())
    mean = np.cumsum(margin[:seen] / known[:seen])
    reached = np.flatnonzero(mean >= cost / known[0])
    return (float(reached[0]) if len(reached) else math.nan), seen - 1


def _compared(cell: Result, whole: Result) -> Result:
    return Result(cell.value, cell.low, cell.high, cell.value - whole.value, reason=cell.reason)


def _fetch(table: Table) -> pd.DataFrame:
    """Fetch in an order of its own, so that sums come out the same."""
    frame = table.to_pandas()
    return frame.sort_values(["period", "code", "part", "age"], ignore_index=True)
