"""The SQL of RFM tables: one pass over the orders, whatever is asked of it.

Orders are added up by customer and period first (``bought``), that by customer
(``counted``); one cut-off or several, with or without a holdout, differ only in which
aggregates stand in the second step.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from segml._core.errors import NotEnoughDataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal

from .dates import PERIODS, period_end, period_index, unit_ratio

_BOUGHT = """
WITH bought AS (
    SELECT customer_id, {index}(ordered_at) AS period{spend}
    FROM {orders}
    WHERE ordered_at <= {end}
    GROUP BY customer_id, {index}(ordered_at)
),{gaps}
counted AS (
    SELECT customer_id, {aggregates}
    FROM {bought}
    GROUP BY customer_id
)
"""

# Fixed-point, as money is: then the sum does not depend on the order of rows.
_GAPS = """
timed AS (
    SELECT
        *,
        CAST(ln(CAST(period - lag(period) OVER (PARTITION BY customer_id ORDER BY period)
            AS DOUBLE)) AS DECIMAL(18, 14)) AS log_gap
    FROM bought
),"""

_ONE = """
SELECT customer_id, {columns}
FROM counted
WHERE n_0 > 0
ORDER BY customer_id
"""

_SEVERAL = """,
chosen AS (
    SELECT as_of, customer_id, first_period, first_spend, known, {picked}
    FROM counted CROSS JOIN (VALUES {listed}) AS cuts (cut, as_of, known)
)
SELECT as_of, customer_id, {columns}
FROM chosen
WHERE n_0 > 0
ORDER BY as_of, customer_id
"""

_COUNTS = """
SELECT {columns}, count(*) AS n
FROM counted
GROUP BY n_0, last_0, first_period
ORDER BY frequency, recency, "T"
"""


@dataclass(frozen=True)
class Cut:
    """A cut-off: the last period that is known, and the last one of its holdout.

    Parameters
    ----------
    day : date
        The cut-off as it was given.
    known, last : int
        Numbers of the two periods; the same where there is no holdout.
    """

    day: dt.date
    known: int
    last: int


@dataclass(frozen=True)
class Query:
    """What to summarise by.

    Parameters
    ----------
    period, time_unit : str
        Codes of :data:`PERIODS`.
    holdout, litt : bool
        Whether their columns are wanted.

    Raises
    ------
    ParameterError
        A code is unknown, or the two have no fixed ratio.
    """

    period: str
    time_unit: str
    holdout: bool = False
    litt: bool = False

    def __post_init__(self) -> None:
        unit_ratio(self.period, self.time_unit)

    def cut(self, day: dt.date, last: dt.date | None = None, ahead: int = 0) -> Cut:
        """Return the cut-off of a day, its holdout to the day `last` or `ahead` periods long."""
        known = period_index(day, self.period)
        return Cut(day, known, period_index(last, self.period) if last else known + ahead)

    def one(self, orders: Table, cut: Cut) -> Table:
        """Return the table of one cut-off."""
        return self._table(orders, [cut], _ONE, self._columns(literal(cut.known), cut))

    def several(self, orders: Table, cuts: list[Cut]) -> Table:
        """Return the tables of several cut-offs, one below the other."""
        names = self._aggregates(cuts[0], 0, whole=False)
        picked = [
            "CASE cut "
            + " ".join(f"WHEN {i} THEN {_numbered(name, i)}" for i in range(len(cuts)))
            + f" END AS {_numbered(name, 0)}"
            for name in names
        ]
        rows = [literal((i, cut.day, cut.known)) for i, cut in enumerate(cuts)]
        columns = self._columns("known", cuts[0])
        return self._table(orders, cuts, _SEVERAL, columns, picked=picked, listed=rows)

    def counts(self, orders: Table, cut: Cut) -> Table:
        """Return how many customers have each frequency, recency and T."""
        columns = self._columns(literal(cut.known), cut)[:3]
        return self._table(orders, [cut], _COUNTS, columns, money=False)

    def _table(
        self,
        orders: Table,
        cuts: list[Cut],
        text: str,
        columns: list[str],
        money: bool = True,
        **parts: list[str],
    ) -> Table:
        aggregates = {"first_period": "min(period)"}
        if money:
            aggregates["first_spend"] = "min_by(spend, period)"
        for i, cut in enumerate(cuts):
            # What stands in `bought` all belongs to the one cut-off without a holdout.
            for name, sql in self._aggregates(cut, i, len(cuts) == 1, money).items():
                aggregates[_numbered(name, i)] = sql
        return orders.engine.sql(
            _BOUGHT + text,
            orders=orders,
            index=Fragment(PERIODS[self.period][0]),
            end=period_end(max(cut.last for cut in cuts), self.period),
            spend=Fragment(", sum(fixed(revenue)) AS spend" if money else ""),
            gaps=Fragment(_GAPS if self.litt else ""),
            bought=Fragment("timed" if self.litt else "bought"),
            aggregates=_listed([f"{sql} AS {name}" for name, sql in aggregates.items()]),
            columns=_listed(columns),
            **{name: _listed(part) for name, part in parts.items()},
        )

    def _aggregates(self, cut: Cut, i: int, whole: bool, money: bool = True) -> dict[str, str]:
        """Return what is added up of each customer for one cut-off, by name."""
        all_known = whole and not self.holdout
        known = "" if all_known else f" FILTER (WHERE period <= {literal(cut.known)})"
        found = {"n": f"count(*){known}", "last": f"max(period){known}"}
        if money:
            found["spend"] = f"sum(spend){known}"
        if self.litt:
            found["log"] = f"sum(log_gap){known}"
        if self.holdout:
            upper = "" if whole else f" AND period <= {literal(cut.last)}"
            later = f" FILTER (WHERE period > {literal(cut.known)}{upper})"
            found |= {"n_after": f"count(*){later}", "spend_after": f"sum(spend){later}"}
        return found

    def _columns(self, known: str, cut: Cut) -> list[str]:
        """Return the columns after customer_id, of cut-off 0 in `counted`."""
        multiply, divide = unit_ratio(self.period, self.time_unit)

        def time(periods: str) -> str:
            return f"CAST({periods} AS DOUBLE) * {literal(multiply)} / {literal(divide)}"

        columns = [
            "n_0 - 1 AS frequency",
            f"{time('last_0 - first_period')} AS recency",
            f'{time(f"{known} - first_period")} AS "T"',
            "safe_ratio(CAST(spend_0 - first_spend AS DOUBLE), n_0 - 1) AS monetary_value",
        ]
        if self.litt:
            each = math.log(multiply / divide)
            unit = f" + (n_0 - 1) * {literal(each)}" if each else ""
            columns.append(f"coalesce(CAST(log_0 AS DOUBLE), {literal(0.0)}){unit} AS litt")
        if self.holdout:
            columns += [
                "n_after_0 AS frequency_holdout",
                "safe_ratio(CAST(spend_after_0 AS DOUBLE), n_after_0) AS monetary_value_holdout",
                f"{time(literal(cut.last - cut.known))} AS duration_holdout",
            ]
        return columns


def check_known(orders: Table, day: dt.date) -> None:
    """Raise where nobody has bought by the end of a day; stops at the first order that has.

    Raises
    ------
    NotEnoughDataError
        Says when the first order was.
    """
    known = orders.scalar(
        "SELECT count(*) FROM (SELECT 1 AS bought FROM {self} WHERE ordered_at <= {end} LIMIT 1)"
        " AS first_known",
        end=dt.datetime.combine(day, dt.time.max),
    )
    if known:
        return
    first = orders.scalar("SELECT min(ordered_at) FROM {self}")
    raise NotEnoughDataError(
        "nobody has bought by as_of",
        where="as_of",
        got=day.isoformat(),
        expected="a day on or after the first order"
        + (f", {first.date().isoformat()}" if first is not None else ""),
    )


def _numbered(name: str, i: int) -> str:
    return f"{name}_{i}"


def _listed(parts: list[str]) -> Fragment:
    return Fragment(", ".join(parts))
