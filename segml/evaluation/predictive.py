"""What customers did after a cut-off, and how much of it segments explain."""

from __future__ import annotations

import datetime as dt
import heapq
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import rankdata

from segml._core.errors import DataError, ParameterError
from segml.data import CustomerData
from segml.features.dates import last_day

from .predictive_skill import Outcome, skills

_FEWEST = 10  # customers of whom anything is said

# Of each customer what is known at the end of as_of, and what came in the days after it.
_HISTORY = """
SELECT
    a.customer_id,
    a.position,
    day_index({as_of}) - max(day_index(o.ordered_at)) FILTER (WHERE {known}) AS recency_days,
    count(DISTINCT o.order_id) FILTER (WHERE {known}) AS orders,
    CAST(coalesce(sum(fixed(o.revenue)) FILTER (WHERE {known}), 0) AS DOUBLE) AS revenue,
    count(o.order_id) FILTER (WHERE {known}
        AND day_index(o.ordered_at) > day_index({as_of}) - {days}) AS orders_before,
    count(o.order_id) FILTER (WHERE NOT {known}) AS orders_after,
    CAST(coalesce(sum(fixed(o.revenue)) FILTER (WHERE NOT {known}), 0) AS DOUBLE)
        AS revenue_after
FROM {assigned} a LEFT JOIN {orders} o ON o.customer_id = a.customer_id
    AND day_index(o.ordered_at) <= day_index({as_of}) + {days}
GROUP BY a.customer_id, a.position
ORDER BY a.position
""".replace("{known}", "day_index(o.ordered_at) <= day_index({as_of})")

_UNASSIGNED = """
SELECT count(DISTINCT o.customer_id) FROM {self} o
WHERE day_index(o.ordered_at) <= day_index({as_of})
    AND NOT EXISTS (SELECT 1 FROM {assigned} a WHERE a.customer_id = o.customer_id)
"""

MEASURES = (
    ("revenue", "R²"),
    ("rank of revenue", "R²"),
    ("purchase", "Brier skill"),
    ("churn", "Brier skill"),
    ("purchase", "AUC"),
    ("churn", "AUC"),
)
_NOTHING = {"R²": 0.0, "Brier skill": 0.0, "AUC": 0.5}


@dataclass(frozen=True, eq=False)
class History:
    """Customers before and after a cut-off.

    Parameters
    ----------
    customers : DataFrame
        Indexed by customer_id as it was asked for: ``recency_days``, ``orders`` and
        ``revenue`` up to the cut-off, ``orders_before`` in the last `days` of it,
        ``orders_after`` and ``revenue_after`` in the `days` after it.
    unassigned : int
        Customers with an order up to the cut-off who were not asked for.
    days : int
        Length of the time after the cut-off.
    """

    customers: pd.DataFrame
    unassigned: int
    days: int


def customer_history(data: CustomerData, customers: pd.Index, as_of: dt.date, days: int) -> History:
    """Add up orders before and after a cut-off for each customer.

    Parameters
    ----------
    data : CustomerData
        With the orders, on any engine.
    customers : Index
        Ids, each once.
    as_of : date
        Last day that is known.
    days : int
        How long after it.

    Raises
    ------
    ParameterError
        The data end before the horizon does: says the last day.
    DataError
        A customer has no order up to `as_of`.
    """
    orders = data.orders.table
    last = last_day(orders)
    if as_of + dt.timedelta(days) > last:
        most = (last - as_of).days
        raise ParameterError(
            "the horizon ends after the data",
            where="horizon",
            got=f"{days} days after {as_of.isoformat()}, to "
            f"{(as_of + dt.timedelta(days)).isoformat()}",
            expected=f"a day up to that of the last order, {last.isoformat()}"
            + (f": at most {most} days" if most > 0 else ""),
            hint=None if most > 0 else "segments of an earlier day",
        )
    assigned = orders.engine.register(
        pa.table(
            {
                "customer_id": pa.array(customers.astype(str), pa.string()),
                "position": pa.array(np.arange(len(customers)), pa.int64()),
            }
        )
    )
    table = orders.engine.sql(_HISTORY, assigned=assigned, orders=orders, as_of=as_of, days=days)
    frame = table.to_pandas().set_index(customers).drop(columns=["customer_id", "position"])
    if unknown := int((frame["orders"] == 0).sum()):
        raise DataError(
            "some customers of the segments have no order",
            where="segments",
            got=f"{unknown:,} of {len(frame):,} customers",
            expected=f"customers with an order up to {as_of.isoformat()}",
        )
    unassigned = orders.scalar(_UNASSIGNED, as_of=as_of, assigned=assigned)
    return History(frame.astype(float), int(unassigned), days)


def rfm_cells(history: pd.DataFrame, count: int) -> np.ndarray:
    """Part customers into cells of recency, frequency and monetary value.

    Parameters
    ----------
    history : DataFrame, shape (n_customers, ...)
        With ``recency_days``, ``orders`` and ``revenue``.
    count : int
        How many cells.

    Returns
    -------
    ndarray of int, shape (n_customers,)
        Cells; fewer where customers are too alike for as many.

    Notes
    -----
    A grid of nested quantiles, as in scoring by hand (Hughes 1994, Strategic Database
    Marketing), for any number of cells: the largest cell is halved until there are enough
    of them, first by recency, its halves by frequency, theirs by monetary value, and so on.
    Customers of the same value are never parted: a cell is cut between the two values that
    leave the halves most alike, by the next of the three where all have the same value.

    Examples
    --------
    >>> history = pd.DataFrame(
    ...     {"recency_days": [1, 2, 90, 90], "orders": [1, 1, 1, 5], "revenue": [9.0, 9, 9, 50]})
    >>> rfm_cells(history, 3).tolist()
    [0, 2, 1, 1]
    """
    values = history[["recency_days", "orders", "revenue"]].to_numpy(dtype=float)
    cells = [np.arange(len(values))]
    waiting = [(-len(values), 0, 0)]  # the largest first, of these the one made first
    while waiting and len(cells) < count:
        _, cell, depth = heapq.heappop(waiting)
        rows = cells[cell]
        for turn in range(3):
            column = values[rows, (depth + turn) % 3]
            if (cut := _middle_cut(column)) is not None:
                break
        else:
            continue
        below = column <= cut
        cells[cell] = rows[below]
        cells.append(rows[~below])
        for made in (cell, len(cells) - 1):
            heapq.heappush(waiting, (-len(cells[made]), made, depth + turn + 1))
    codes = np.empty(len(values), dtype=int)
    for i, rows in enumerate(cells):
        codes[rows] = i
    return codes


def _middle_cut(column: np.ndarray) -> float | None:
    """Return the value up to which about half are; None where all have the same."""
    distinct, sizes = np.unique(column, return_counts=True)
    if len(distinct) < 2:
        return None
    off = np.abs(np.cumsum(sizes)[:-1] - len(column) / 2)
    return float(distinct[off.argmin()])


def predictive_table(
    history: History, labels: np.ndarray, n_resamples: int, level: float, seed: int
) -> tuple[pd.DataFrame, int]:
    """Compare segments with an RFM grid of as many cells and with no segments.

    Parameters
    ----------
    history : History
        Of the customers.
    labels : ndarray of int, shape (n_customers,)
        Their segments; noise is a group as well.
    n_resamples, level, seed
        As in `skills`.

    Returns
    -------
    table : DataFrame
        A row per outcome and measure.
    n_cells : int
        Cells of the grid.
    """
    frame = history.customers
    cells = rfm_cells(frame, len(np.unique(labels)))
    later = frame["revenue_after"].to_numpy()
    bought = (frame["orders_after"] > 0).to_numpy(dtype=float)
    active = (frame["orders_before"] > 0).to_numpy()
    everyone = np.ones(len(frame), dtype=bool)
    outcomes = {
        "revenue": Outcome(later, everyone),
        "rank of revenue": Outcome(rankdata(later) / len(later), everyone),
        "purchase": Outcome(bought, everyone),
        "churn": Outcome(1 - bought, active),
    }
    reasons = {name: _reason(name, one, history.days) for name, one in outcomes.items()}
    known = [(name, measure) for name, measure in MEASURES if not reasons[name]]
    squares = [outcomes[name] for name, measure in known if measure != "AUC"]
    ranks = [outcomes[name] for name, measure in known if measure == "AUC"]
    found = skills((labels, cells), squares, ranks, n_resamples, level, seed) if known else ([], [])
    by_measure = dict(zip(known, [*found[0], *found[1]], strict=True))
    rows = []
    for name, measure in MEASURES:
        one = outcomes[name]
        row: dict[str, object] = {"outcome": name, "measure": measure}
        row["n"] = int(one.inside.sum())
        # The mean rank is one half, whatever customers do.
        row["mean"] = np.nan if name == "rank of revenue" else _mean(one)
        row["none"] = np.nan if reasons[name] else _NOTHING[measure]
        skill = by_measure.get((name, measure))
        for i, part in enumerate(("segments", "rfm", "difference")):
            for end in ("", "_low", "_high"):
                of = {"": "value"}.get(end, end.strip("_"))
                row[part + end] = np.nan if skill is None else float(getattr(skill, of)[i])
        rows.append(row | {"reason": reasons[name]})
    return pd.DataFrame(rows), len(np.unique(cells))


def _mean(outcome: Outcome) -> float:
    return float(outcome.values[outcome.inside].mean()) if outcome.inside.any() else np.nan


def _reason(name: str, outcome: Outcome, days: int) -> str:
    """Say why nothing can be explained; empty where it can."""
    y = outcome.values[outcome.inside]
    if len(y) < _FEWEST:
        who = f"ordered in the {days} days before" if name == "churn" else "are there"
        return f"{len(y)} customers {who}, fewer than {_FEWEST}"
    if np.ptp(y) > 0:
        return ""
    if name in ("revenue", "rank of revenue"):
        return f"revenue of the {days} days after is the same for all customers"
    nobody = y[0] == (1.0 if name == "churn" else 0.0)
    who = "of those who ordered before " if name == "churn" else ""
    return f"{'nobody' if nobody else 'everyone'} {who}ordered in the {days} days after"
