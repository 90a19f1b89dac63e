"""What a KPI is: sums over customers of measures, each an aggregate of a customer's rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.data.tables import TABLES

Unit = Literal["money", "share", "count", "days", "seconds", "score"]
Interval = Literal["none", "wilson", "clustered", "delta", "order", "jackknife", "model"]
Window = Literal["period", "recent", "earlier", "so_far", "before"]
Group = Literal[
    "size", "value", "purchase", "retention", "acquisition", "site", "e-mail", "satisfaction"
]

KNOWN_OF_CUSTOMERS = ("first_day", "second_day", "start_day", "end_day")
"""What expressions may use beside measures: the days of the customer's first order and of
the next day with one, and the first and last day of the period, as `day_index` numbers."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Source:
    """Rows that measures are aggregates of, where those of a table are not enough.

    Parameters
    ----------
    name : str
        What measures call it in `table`.
    table : str
        Canonical table whose rows of the window stand for ``{rows}`` in `sql`, with a column
        ``period``.
    sql : str
        A SELECT with ``customer_id`` and ``period``; other canonical tables up to the last
        day that is known stand as ``{messages}`` and the like.
    columns : tuple of str
        Columns of `table` that `sql` reads.
    also : mapping of str to tuple of str
        Other tables that it needs, with their columns.
    empty : str
        Why it may have no row although the table has.
    """

    name: str
    table: str
    sql: str
    columns: tuple[str, ...]
    also: Mapping[str, tuple[str, ...]]
    empty: str


@dataclass(frozen=True)
class Measure:
    """What is counted or added up for one customer.

    Parameters
    ----------
    sql : str
        Aggregate over the customer's rows in the window.
    table : str
        Canonical table, or name of a :class:`Source`.
    columns : tuple of str
        Columns of the table that it needs.
    window : {"period", "recent", "earlier", "so_far", "before"}
        Which rows: those of the period; of the window that retention and growth look at (the
        period, or the last days where all that is known is one period); of the window of the
        same length just before; all up to the end of the period; all before its start. Rows
        of the table customers have no time and always count.
    """

    sql: str
    table: str = "orders"
    columns: tuple[str, ...] = ()
    window: Window = "period"


@dataclass(frozen=True)
class KPI:
    """One key performance indicator.

    Parameters
    ----------
    name : str
        Key.
    label : str
        Name for people.
    formula : str
        The definition in words, with its denominator.
    unit : {"money", "share", "count", "days", "seconds", "score"}
        What the value is.
    numerator, denominator : str
        SQL expressions of measures and of `KNOWN_OF_CUSTOMERS`, summed over the customers who
        have ordered by the end of the period. Without a denominator the KPI is the sum of
        the numerator; with interval "order" it is the median of the numerator over the
        customers of whom it is known. Of a prediction the denominator is the name of the
        KPI that it is divided by.
    interval : {"none", "wilson", "clustered", "delta", "order", "jackknife", "model"}
        How its interval is computed: Wilson's for shares of customers; "clustered", Wilson's
        with the effective sample size, for shares of rows of which a customer may have
        several; delta method for ratios of sums and means; order statistics for medians;
        the jackknife over groups of customers; the model's own for predictions; "none" for
        totals, which are known exactly.
    higher_is_better : bool, optional
        None where neither is better.
    of_all : bool
        Whether the denominator is summed over all customers, not the segment's.
    prediction : str
        Name of the prediction whose mean it is.
    reference : str
        Where the definition comes from.
    group : str
        Where it stands in the table.
    complement : bool
        Whether it is 1 less the mean of the prediction.

    Raises
    ------
    ParameterError
        A part does not fit the others.

    Examples
    --------
    >>> KPI("aov", "Average order value", "Revenue / orders.", "money",
    ...     "spent", "order_count").interval
    'delta'
    """

    name: str
    label: str
    formula: str
    unit: Unit
    numerator: str = ""
    denominator: str = ""
    interval: Interval = "delta"
    higher_is_better: bool | None = True
    of_all: bool = False
    prediction: str = ""
    reference: str = ""
    group: Group = "value"
    complement: bool = False

    def __post_init__(self) -> None:
        """Check the parts against each other."""
        one_of(self.unit, get_args(Unit), "unit")
        one_of(self.interval, get_args(Interval), "interval")
        one_of(self.group, get_args(Group), "group")
        wrong = ""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            wrong = "its name is not small letters, digits and underscores, a letter first"
        elif not self.label or not self.formula:
            wrong = "it has no label or no formula in words"
        elif bool(self.prediction) != (self.interval == "model"):
            wrong = "interval 'model' and a prediction go together"
        elif not self.prediction and not self.numerator:
            wrong = "it has no numerator"
        elif self.interval in ("wilson", "clustered", "delta") and not self.denominator:
            wrong = f"interval {self.interval!r} needs a denominator"
        elif self.interval in ("none", "order") and self.denominator:
            wrong = f"interval {self.interval!r} and a denominator do not go together"
        elif self.interval in ("wilson", "clustered") and self.unit != "share":
            wrong = f"interval {self.interval!r} is one of shares"
        if wrong:
            raise ParameterError("this KPI is not complete", where=str(self.name), got=wrong)

    @property
    def words(self) -> tuple[str, ...]:
        """The names in its numerator and its denominator, in order."""
        if self.prediction:
            return ()
        found = re.findall(r"[A-Za-z_]\w*", f"{self.numerator} {self.denominator}")
        return tuple(dict.fromkeys(found))

    @property
    def measures(self) -> dict[str, Measure]:
        """The measures of its numerator and its denominator, by name."""
        from .registry import MEASURES

        return {word: MEASURES[word] for word in self.words if word in MEASURES}

    @property
    def tables(self) -> dict[str, tuple[str, ...]]:
        """The tables that it needs, each with the columns."""
        from .registry import needs

        return needs(self)

    @property
    def sql(self) -> str:
        """The definition as SQL, to be read; `kpi_table` runs the same expressions."""
        from .registry import described

        return described(self)


def check_measure(name: str, measure: Measure, sources: Mapping[str, Source]) -> None:
    """Check that a measure names tables and columns that there are.

    Raises
    ------
    ParameterError
        It does not; with the nearest spelling.
    """
    if not _NAME.fullmatch(name) or name in KNOWN_OF_CUSTOMERS:
        raise ParameterError(
            "a measure cannot have this name",
            where="measures",
            got=name,
            expected="small letters, digits and underscores, and none of "
            + ", ".join(KNOWN_OF_CUSTOMERS),
        )
    one_of(measure.table, [*TABLES, *sources], f"table of {name}")
    one_of(measure.window, get_args(Window), f"window of {name}")
    if measure.table in ("order_lines", "costs"):
        raise ParameterError(
            "rows of this table have no customer",
            where=f"table of {name}",
            got=measure.table,
            expected=", ".join(t for t in TABLES if t not in ("order_lines", "costs")),
        )
    if measure.table in TABLES:
        for column in measure.columns:
            one_of(column, TABLES[measure.table].names, f"columns of {name}")
