"""Cohort retention: of those who first bought in one period, who buys in later ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError
from segml.engine.sql import Fragment
from segml.features.dates import as_day, as_orders, last_day

from .assigned import check_segments, register_segments, segment_names
from .intervals import wilson
from .periods import CODES, Calendar, last_complete, period_label


@dataclass(frozen=True)
class CohortRetention:
    """Who of each cohort came back, by age.

    Parameters
    ----------
    table : DataFrame
        One row per cohort and age: ``cohort``, the period of the first purchase such as
        "2026-01"; ``age``, whole periods since; ``customers`` of the cohort; ``active``, how
        many of them ordered in that period; ``share``, and its interval ``low`` to ``high``.
        With segments also ``segment`` (id) and ``name``, before the others. Only periods
        that are over by `as_of`.
    period : str
        "week", "month", "quarter" or "year".
    as_of : date
        Last day that counts.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    period: str
    as_of: dt.date
    notes: tuple[str, ...] = ()

    def wide(self, segment: Any = None, column: str = "share") -> pd.DataFrame:
        """Return one column, such as the shares, as a triangle: cohorts by ages.

        Parameters
        ----------
        segment : int or str, optional
            Which segment, by its id; needed where there are segments.
        column : str, default "share"
            Which column of `table`.
        """
        table = self.table
        if "segment" in table:
            one_of(str(segment), table["segment"].unique(), "segment")
            table = table[table["segment"] == str(segment)]
        return table.pivot(index="cohort", columns="age", values=column)

    def _repr_html_(self) -> str:
        parts = []
        groups = self.table.groupby("name", sort=False) if "name" in self.table else [("", None)]
        for name, group in groups:
            frame = self.table if group is None else group
            shares = frame.pivot(index="cohort", columns="age", values="share")
            sizes = frame.groupby("cohort")["customers"].first()
            rows: list[list[str | html.Cell]] = [
                [
                    html.Cell(str(cohort), f"{text.count(sizes[cohort])} customers"),
                    *("" if pd.isna(share) else text.share(share) for share in row),
                ]
                for cohort, row in zip(shares.index, shares.to_numpy(), strict=True)
            ]
            caption = f"Share of customers who ordered again, by {self.period}s since their first"
            caption += f": {name!s}" if name else ""
            head = ["first order in", *(str(age) for age in shares.columns)]
            parts.append(html.table(head, rows, caption=caption, numeric=range(1, len(head))))
        return html.block(*parts, *(html.note(note) for note in self.notes))


def cohort_retention(
    data: Any,
    period: Calendar = "month",
    segments: pd.Series | None = None,
    names: Any = None,
    *,
    as_of: Any = None,
    level: float = 0.95,
) -> CohortRetention:
    r"""Follow the customers who first bought in the same period.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        The orders.
    period : {"week", "month", "quarter", "year"}
        Calendar period of cohorts and ages.
    segments : Series, optional
        Segment id, indexed by customer_id: a triangle for each. Customers in none are left
        out, and counted in a note.
    names : mapping or Series of int to str, optional
        Segment names.
    as_of : date or str, optional
        Last day that counts; the day of the last order when not given.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    CohortRetention
        Every cohort and age whose period is over by `as_of`; a share of 0 is one that was
        observed.

    Raises
    ------
    ParameterError
        An unknown period, with the nearest spelling.
    DataError
        A customer stands in `segments` twice, without a segment, or has no order.
    NotEnoughDataError
        No period is over.

    Notes
    -----
    With :math:`n_c` customers of cohort c, of whom :math:`a_{c,k}` ordered k periods later,
    the share is :math:`a_{c,k} / n_c`, with Wilson's interval. At age 0 it is 1 by
    definition. Customers who first bought before the data begin are taken for new ones.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007). How to project customer retention. Journal of
    Interactive Marketing 21(1), 76-90.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "c"], "order_id": [1, 2, 3, 4],
    ...     "ordered_at": ["2026-01-05", "2026-02-07", "2026-01-20", "2026-02-28"],
    ...     "revenue": [10.0, 20.0, 15.0, 5.0]})
    >>> cohort_retention(orders).wide()
    age        0    1
    cohort
    2026-01  1.0  0.5
    2026-02  1.0  NaN
    """
    one_of(period, CODES, "period")
    number(level, "level", low=0, high=1, open_low=True)
    orders = as_orders(data)
    given = None if as_of is None else as_day(as_of, "as_of")
    engine = orders.engine
    visits = engine.sql(  # the one pass over the orders
        "SELECT customer_id, {index}(ordered_at) AS place, max(ordered_at) AS ordered_at"
        " FROM {orders} WHERE day_index(ordered_at) <= day_index({day})"
        " AND customer_id IS NOT NULL GROUP BY customer_id, {index}(ordered_at)",
        index=Fragment(f"{period}_index"),
        orders=orders,
        day=given or dt.date.max,
    ).materialise()
    day = given or last_day(visits)
    last = last_complete(day, period)
    lives = engine.sql(
        "SELECT customer_id, min(place) AS cohort FROM {visits} GROUP BY customer_id",
        visits=visits,
    )
    notes: tuple[str, ...] = ()
    labels = {0: ""}
    if segments is None:
        coded = engine.sql("SELECT *, 0 AS code FROM {lives}", lives=lives)
    else:
        check_segments(segments)
        who = register_segments(lives.materialise(), segments, day)
        labels = segment_names(who.ids, names)
        labels = {code: labels[i] for code, i in enumerate(who.ids)}
        coded, notes = who.table, who.notes
    found = engine.sql(
        "SELECT l.code, l.cohort, v.place - l.cohort AS age, count(*) AS active"
        " FROM {visits} AS v JOIN {coded} AS l ON v.customer_id = l.customer_id"
        " WHERE v.place <= {last} GROUP BY l.code, l.cohort, v.place - l.cohort",
        visits=visits,
        coded=coded,
        last=last,
    ).to_pandas()
    if found.empty:
        raise NotEnoughDataError(
            f"no {period} with orders is over yet", where="as_of", got=day.isoformat()
        )
    table = _filled(found, last, level)
    table.insert(0, "cohort", [period_label(i, period) for i in table.pop("cohort")])
    code = table.pop("code")
    if segments is not None:
        table.insert(0, "name", [labels[i] for i in code])
        table.insert(0, "segment", [str(who.ids[i]) for i in code])
    return CohortRetention(table, period, day, notes)


def _filled(found: pd.DataFrame, last: int, level: float) -> pd.DataFrame:
    """Return every age of every cohort, with nobody active where no row says otherwise."""
    sizes = found[found["age"] == 0].set_index(["code", "cohort"])["active"].sort_index()
    codes, cohorts = (sizes.index.get_level_values(i).to_numpy() for i in (0, 1))
    ages = last - cohorts + 1
    frame = pd.DataFrame(
        {
            "code": np.repeat(codes, ages),
            "cohort": np.repeat(cohorts, ages),
            "age": np.concatenate([np.arange(n) for n in ages]),
            "customers": np.repeat(sizes.to_numpy(), ages),
        }
    ).merge(found, how="left", on=["code", "cohort", "age"])
    frame["active"] = frame["active"].fillna(0).astype("int64")
    frame["share"] = frame["active"] / frame["customers"]
    ends = [
        wilson(active, customers, level)
        for active, customers in zip(frame["active"], frame["customers"], strict=True)
    ]
    frame["low"], frame["high"] = np.array(ends).T
    return frame
