"""How unevenly revenue is spread over customers: Lorenz curve and Gini index, from SQL."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml._core import html, text
from segml._core.check import number
from segml.engine import Table
from segml.features.dates import as_day, as_orders, last_day

from .assigned import ALL, check_segments, register_segments, segment_names

_POINTS = 100  # of a curve


@dataclass(frozen=True)
class Concentration:
    """How much of the revenue the best customers bring.

    Parameters
    ----------
    table : DataFrame
        By segment and, last, all customers: ``segment`` (id), ``name``, ``customers``,
        ``revenue``, ``gini``, its interval ``low`` to ``high``, ``top_fifth``, the share of
        revenue that the best 20% of these customers bring, and ``reason`` where one is missing.
    curve : DataFrame
        The Lorenz curves: ``segment``, ``name``, ``customers`` and ``revenue``, the share of
        revenue that this share of customers brings together, the smallest first; from (0, 0)
        to (1, 1) in steps of at most 1% of customers or one customer.
    as_of : date
        Last day that counts.
    currency : str
        ISO code for display.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    as_of: dt.date
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """What is seen, in a sentence."""
        whole = self.table.iloc[-1]
        if math.isnan(whole["gini"]):
            return f"How revenue is spread cannot be said: {whole['reason']}."
        return (
            f"The best 20% of customers bring {text.share(whole['top_fifth'])} of revenue "
            f"(Gini index {whole['gini']:.2f})."
        )

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = []
        for row in self.table.to_dict("records"):
            interval = f"{row['low']:.2f} to {row['high']:.2f}"
            known = not math.isnan(row["gini"])
            gini = f"{row['gini']:.2f}" if known else text.MISSING
            detail = row["reason"] if math.isnan(row["low"]) else interval
            rows.append(
                [
                    html.Cell(row["name"], f"{text.count(row['customers'])} customers"),
                    text.money(row["revenue"], self.currency),
                    html.Cell(gini, detail),
                    text.share(row["top_fifth"]),
                ]
            )
        caption = "How unevenly revenue is spread over customers: 0 evenly, 1 all by one customer"
        head = ["segment", "revenue", "Gini index", "by the best 20%"]
        return html.block(
            html.note(self.verdict),
            html.table(head, rows, caption=caption, numeric=(1, 2, 3)),
            *(html.note(note) for note in self.notes),
        )


def concentration(
    data: Any,
    segments: pd.Series,
    names: Mapping[Any, str] | pd.Series | None = None,
    *,
    as_of: Any = None,
    currency: str = "",
    level: float = 0.95,
) -> Concentration:
    r"""Measure how unevenly revenue is spread over the customers, and within each segment.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        The orders.
    segments : Series
        Segment id, indexed by customer_id.
    names : mapping or Series of int to str, optional
        Segment names.
    as_of : date or str, optional
        Last day that counts; the day of the last order when not given.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Concentration
        Without an index where there is no revenue or a customer's is negative.

    Raises
    ------
    DataError
        A customer stands in `segments` twice, without a segment, or has no order.

    Notes
    -----
    With the revenues :math:`y_{(1)} \le \dots \le y_{(n)}` of n customers and their mean
    :math:`\bar y`

    .. math::

        \hat G &= \frac{2}{n^2 \bar y} \sum_i y_{(i)} (i - \tfrac12) - 1, \qquad
        \widehat{\mathrm{Var}}(\hat G) = \frac{1}{(n \bar y)^2} \sum_i (Z_i - \bar Z)^2 \\
        Z_i &= -(\hat G + 1) y_{(i)} + \frac{2 i - 1}{n} y_{(i)}
        - \frac2n \sum_{j \le i} y_{(j)}

    (Davidson 2009, Journal of Econometrics 150, 30-40, eqs. 5, 20 and 21). The interval is
    normal on the log odds of the index, so that it stays between 0 and 1.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "b", "c", "d"], "order_id": [1, 2, 3, 4],
    ...     "ordered_at": ["2026-01-05"] * 4, "revenue": [0.0, 0.0, 0.0, 8.0]})
    >>> found = concentration(orders, pd.Series(0, index=list("abcd")))
    >>> found.table["gini"].round(6).tolist(), found.table["top_fifth"].round(6).tolist()
    ([0.75, 0.75], [0.8, 0.8])
    """
    number(level, "level", low=0, high=1, open_low=True)
    orders = as_orders(data)
    given = None if as_of is None else as_day(as_of, "as_of")
    spent = _spent(orders, given or dt.date.max)
    day = given or last_day(spent)
    named_ids = list(dict(names if names is not None else {}))
    check_segments(segments)
    who = register_segments(spent, segments, day, named_ids)
    named = segment_names(who.ids, names)
    ranked = _ranked(who.table, len(who.ids))
    sums = ranked.engine.sql(
        "SELECT code, max(n) AS n, max(total) AS total, min(y) AS least,"
        " CAST(sum(fixed(10000000000 * safe_ratio(y, total) * place / n)) AS DOUBLE)"
        " / 10000000000 AS weighted FROM {ranked}"
        " GROUP BY code ORDER BY code",
        ranked=ranked,
    ).to_pandas()
    mean_place = sums["weighted"] - 0.5 / sums["n"]  # of a unit of revenue
    sums["gini"] = 2 * mean_place - 1
    errors = _errors(ranked, sums)
    points = _points(ranked)
    rows, curves = [], []
    for code, i in enumerate([*who.ids, ALL]):
        row: dict[str, Any] = {"segment": str(i), "name": named[i]}
        own = sums[sums["code"] == code]
        part = points[points["code"] == code]
        found = _row(own.iloc[0] if len(own) else None, errors.get(code, math.nan), level)
        if not math.isnan(found["gini"]):
            x, y = (np.concatenate([[0.0], part[c].to_numpy()]) for c in ("customers", "revenue"))
            found["top_fifth"] = 1 - float(np.interp(0.8, x, y))
            curves.append(pd.DataFrame({**row, "customers": x, "revenue": y}))
        rows.append(row | found)
    empty = pd.DataFrame(columns=["segment", "name", "customers", "revenue"])
    return Concentration(
        pd.DataFrame(rows),
        pd.concat(curves, ignore_index=True) if curves else empty,
        day,
        currency,
        who.notes,
    )


def _spent(orders: Table, day: dt.date) -> Table:
    """Return the revenue of each customer, and when the last order was: one pass."""
    return orders.engine.sql(
        "SELECT customer_id, CAST(sum(fixed(revenue)) AS DOUBLE) AS y,"
        " max(ordered_at) AS ordered_at FROM {orders}"
        " WHERE day_index(ordered_at) <= day_index({day}) AND customer_id IS NOT NULL"
        " GROUP BY customer_id",
        orders=orders,
        day=day,
    ).materialise()


def _ranked(own: Table, n_segments: int) -> Table:
    """Return each customer's revenue with its place in the segment, and again in all."""
    return own.engine.sql(
        "WITH twice AS (SELECT code, y FROM {own} UNION ALL SELECT {all} AS code, y FROM {own})"
        " SELECT code, y, row_number() OVER (PARTITION BY code ORDER BY y) AS place,"
        " count(*) OVER (PARTITION BY code) AS n,"
        " CAST(sum(fixed(y)) OVER (PARTITION BY code) AS DOUBLE) AS total,"
        " CAST(sum(fixed(y)) OVER (PARTITION BY code ORDER BY y"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DOUBLE) AS so_far FROM twice",
        own=own,
        all=n_segments,
    ).materialise()


def _errors(ranked: Table, sums: pd.DataFrame) -> dict[int, float]:
    """Return the standard error of the index by code."""
    known = sums[(sums["least"] >= 0) & (sums["total"] > 0)]
    ginis = ranked.engine.register(known[["code", "gini"]].reset_index(drop=True))
    # In units of the mean, whose squares fixed-point numbers hold.
    found = ranked.engine.sql(
        "WITH z AS (SELECT code, n, (-(gini + 1) * y + (2 * place - 1) * y / n - 2 * so_far / n)"
        " * n / total AS z FROM {ranked} JOIN {ginis} USING (code)),"
        " means AS (SELECT code, max(n) AS n, CAST(sum(fixed(z * 1000000)) AS DOUBLE)"
        " / 1000000 / max(n) AS mean FROM z GROUP BY code)"
        " SELECT code, max(m.n) AS n,"
        " CAST(sum(fixed((z - mean) * (z - mean) * 100)) AS DOUBLE) / 100 AS squares"
        " FROM z JOIN means AS m USING (code) GROUP BY code",
        ranked=ranked,
        ginis=ginis,
    ).to_pandas()
    return {int(code): math.sqrt(squares) / n for code, n, squares in found.itertuples(index=False)}


def _points(ranked: Table) -> pd.DataFrame:
    """Return the points of the curves, by code and share of customers."""
    return ranked.engine.sql(
        "SELECT code, CAST(place AS DOUBLE) / n AS customers,"
        " CASE WHEN total > 0 THEN so_far / total END AS revenue FROM {ranked}"
        " WHERE floor(place * {points} / n) > floor((place - 1) * {points} / n)"
        " ORDER BY code, place",
        ranked=ranked,
        points=float(_POINTS),
    ).to_pandas()


def _row(own: Any, error: float, level: float) -> dict[str, Any]:
    row: dict[str, Any] = {"customers": 0, "revenue": math.nan, "gini": math.nan, "low": math.nan}
    row |= {"high": math.nan, "top_fifth": math.nan, "reason": ""}
    if own is None:
        return row | {"reason": "the segment has no customer"}
    n, total = int(own["n"]), float(own["total"])
    row |= {"customers": n, "revenue": total}
    if own["least"] < 0:
        return row | {"reason": "the revenue of a customer is negative"}
    if total == 0:
        return row | {"reason": "there is no revenue"}
    gini = max(float(own["gini"]), 0.0)
    if n < 2:
        return row | {"gini": gini, "reason": "one customer gives no interval"}
    if not 0 < gini < 1 or not error > 0:
        return row | {"gini": gini, "low": gini, "high": gini}
    half = float(norm.ppf(0.5 + level / 2)) * error / (gini * (1 - gini))
    odds = math.log(gini / (1 - gini))
    low, high = (1 / (1 + math.exp(-(odds + side * half))) for side in (-1, 1))
    return row | {"gini": gini, "low": low, "high": high}
