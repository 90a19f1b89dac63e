"""How well the items of a survey construct measure one thing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .registry import SURVEY_SCALES
from .rows import Rows


@dataclass(frozen=True)
class Reliability:
    r"""Cronbach's alpha of a construct, or why there is none.

    Parameters
    ----------
    construct : str
        What the items ask about.
    items : int
        Number of items.
    respondents : int
        Customers who answered all of them.
    low, high : float
        Bounds of the scale, by which reversed items are turned round.
    alpha : float
        Missing (NaN) where it cannot be computed.
    reason : str
        Why it is missing.

    Notes
    -----
    With the variances :math:`s_i^2` of the k items and :math:`s^2` of their sum over the
    customers who answered all of them [1]_, :math:`\alpha = k / (k - 1) (1 - \sum s_i^2 / s^2)`.

    References
    ----------
    .. [1] Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests.
       Psychometrika 16(3), 297-334: equation 2.
    """

    construct: str
    items: int
    respondents: int
    low: float
    high: float
    alpha: float = math.nan
    reason: str = ""


def reliability(rows: Rows) -> tuple[Reliability, ...]:
    """Return the reliability of each construct, by name."""
    engine, answers = rows.engine, rows.table("scale_answers")
    complete = engine.sql(
        "SELECT r.customer_id, r.construct, r.total FROM (SELECT customer_id, construct,"
        " count(*) AS n, CAST(sum(fixed(score)) AS DOUBLE) AS total FROM {answers}"
        " GROUP BY customer_id, construct) AS r JOIN (SELECT construct, count(DISTINCT question)"
        " AS items FROM {answers} GROUP BY construct) AS k"
        " ON r.construct = k.construct AND r.n = k.items",
        answers=answers,
    )
    sums = (
        "count(c.total) AS n, CAST(sum(fixed({x})) AS DOUBLE) AS total,"
        " CAST(sum(fixed({x} * {x})) AS DOUBLE) AS squares"
    )
    items = engine.sql(
        f"SELECT a.construct, a.question, {sums.replace('{x}', _ITEM)} FROM {{answers}} AS a"
        " LEFT JOIN {complete} AS c ON a.customer_id = c.customer_id"
        " AND a.construct = c.construct GROUP BY a.construct, a.question ORDER BY a.construct",
        answers=answers,
        complete=complete,
    )
    totals = engine.sql(
        f"SELECT construct, {sums.replace('{x}', 'total')} FROM {{complete}} AS c"
        " GROUP BY construct",
        complete=complete,
    )
    whole = {row["construct"]: _variance(row) for row in totals.to_arrow().to_pylist()}
    bounds = {row["construct"]: row for row in rows.table(SURVEY_SCALES).to_arrow().to_pylist()}
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in items.to_arrow().to_pylist():
        parts.setdefault(row["construct"], []).append(row)
    made = []
    for name, part in parts.items():
        k, n, variance = len(part), part[0]["n"], whole.get(name, math.nan)
        alpha, reason = math.nan, ""
        if k < 2:
            reason = "it has one item"
        elif n < 2:
            reason = "fewer than two customers answered all items"
        elif not variance > 0:
            reason = "the answers do not differ"
        else:
            alpha = k / (k - 1) * (1 - math.fsum(map(_variance, part)) / variance)
        low, high = float(bounds[name]["low"]), float(bounds[name]["high"])
        made.append(Reliability(name, k, n, low, high, alpha, reason))
    return tuple(made)


def _variance(sums: Mapping[str, Any]) -> float:
    """Return the sample variance of n values by their sum and the sum of their squares."""
    n, total = sums["n"], sums["total"]
    return (sums["squares"] - total * total / n) / (n - 1) if n > 1 else math.nan


_ITEM = "CASE WHEN c.total IS NOT NULL THEN a.score END"
