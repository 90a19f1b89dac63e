"""What a feature is, and the rows that features are aggregates of."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.engine.sql import render

Kind = Literal[
    "value",
    "behavioural",
    "engagement",
    "lifecycle",
    "demographic",
    "psychographic",
    "geographic",
    "technographic",
]
Unit = Literal[
    "days",
    "years",
    "seconds",
    "count",
    "money",
    "share",
    "ratio",
    "score",
    "hour",
    "weekday",
    "month",
    "yes or no",
    "category",
]
Scale = Literal["log", "none", "one-hot", "ordinal", "cyclic"]
Missing = Literal["zero", "unknown", "not applicable"]

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_NAME = re.compile(r"[A-Za-z](\w|\{window\}|\{level\})*")


@dataclass(frozen=True)
class Feature:
    """One feature of a customer as of a date.

    Parameters
    ----------
    name : str
        Column name. With ``{window}`` in it the feature is repeated for each window, with
        ``{level}`` for each value of the column `each`.
    label : str
        Name for people; may hold ``{window}`` or ``{level}``, as may `meaning`.
    kind : str
        The kind of segmentation it serves.
    meaning : str
        What it is, in a sentence.
    unit : str
        What its numbers count; "category" for text.
    sql : str
        Aggregate over the rows of one customer in `table` up to the end of the day
        ``{as_of}``. May use ``{as_of}``, ``{window}`` (days) and ``{level}``.
    scale : {"log", "none", "one-hot", "ordinal", "cyclic"}
        How it is best scaled before distances are taken.
    low, high : str
        What customers with low and with high values are called.
    table : str
        Canonical table or :class:`Source` whose rows it aggregates.
    columns : tuple of str
        Canonical columns that it needs beside those of its source, as ``table.column``;
        without a table those of `table`. With ``a|b`` either is enough.
    missing : {"zero", "unknown", "not applicable"}
        What a missing value means. Those that mean zero are computed as 0.
    levels : tuple of str
        Values from lowest to highest, of scale "ordinal"; the possible values in order
        where a "one-hot" has a fixed list.
    cycle : float
        Period, of scale "cyclic": 24 hours, 7 weekdays, 12 months.
    each : str
        Column of `table` whose most frequent values the feature is repeated for.
    window : int
        Days of the window that it was made for; 0 for none.
    level : str
        The value that it was made for.

    Raises
    ------
    ParameterError
        A part does not fit the others.

    Examples
    --------
    >>> Feature(
    ...     "weekend_share", "Weekend orders", "behavioural", "Share of rows at weekends.",
    ...     "share", "avg(CASE WHEN (day_index(ordered_at) + 3) % 7 > 4 THEN 1.0 ELSE 0.0 END)",
    ...     "none", columns=("ordered_at",),
    ... ).low
    'low weekend orders'
    """

    name: str
    label: str
    kind: Kind
    meaning: str
    unit: Unit
    sql: str
    scale: Scale
    low: str = ""
    high: str = ""
    table: str = "orders"
    columns: tuple[str, ...] = ()
    missing: Missing = "not applicable"
    levels: tuple[str, ...] = ()
    cycle: float = 0.0
    each: str = ""
    window: int = 0
    level: str = ""

    def __post_init__(self) -> None:
        """Check the parts against each other; name what has no name for low and high."""
        one_of(self.kind, get_args(Kind), "kind")
        one_of(self.unit, get_args(Unit), "unit")
        one_of(self.scale, get_args(Scale), "scale")
        one_of(self.missing, get_args(Missing), "missing")
        wrong = ""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            wrong = "its name is not letters, digits and underscores, a letter first"
        elif self.name == "customer_id":
            wrong = "customer_id is the key of the table"
        elif not self.sql.strip():
            wrong = "it has no sql"
        elif isinstance(self.columns, str) or isinstance(self.levels, str):
            wrong = "columns and levels are tuples of texts"
        elif (self.scale == "cyclic") != (self.cycle > 0):
            wrong = "scale 'cyclic' and a cycle above 0 go together"
        elif self.scale == "ordinal" and len(set(self.levels)) < 2:
            wrong = "scale 'ordinal' needs levels from lowest to highest"
        elif (self.unit == "category") != (self.scale in ("one-hot", "ordinal")):
            wrong = "unit 'category' and scale 'one-hot' or 'ordinal' go together"
        elif self.unit == "category" and self.missing == "zero":
            wrong = "a missing category is not zero"
        elif ("{level}" in self.name) != bool(self.each):
            wrong = "a name with {level} and a column `each` go together"
        elif "{level}" in self.sql and not (self.each or self.level):
            wrong = "its sql holds {level}, its name does not"
        elif "{window}" in self.sql and "{window}" not in self.name and not self.window:
            wrong = "its sql holds {window}, its name does not"
        if wrong:
            raise ParameterError("this feature is not complete", where=self.name, got=wrong)
        for end in ("low", "high"):
            if not getattr(self, end):
                object.__setattr__(self, end, f"{end} {self.label.lower()}")

    @property
    def is_category(self) -> bool:
        """Whether its values are texts."""
        return self.unit == "category"

    def at_window(self, days: int) -> Feature:
        """Return the feature for one window."""
        return self._filled("window", str(days), str(days), window=days)

    def at_level(self, name: str, level: str) -> Feature:
        """Return the feature for one value of `each`, for which `name` stands in the name."""
        return self._filled("level", name, level, each="", level=level)

    def bound(self, as_of: dt.date) -> str:
        """Return its SQL with the date, the window and the value filled in."""
        values = {"as_of": as_of, "window": self.window, "level": self.level}
        used = _PLACEHOLDER.findall(self.sql)
        return render(self.sql, {key: value for key, value in values.items() if key in used})

    def _filled(self, key: str, name: str, text: str, **changes: Any) -> Feature:
        mark = "{" + key + "}"
        words = {
            part: getattr(self, part).replace(mark, text)
            for part in ("label", "meaning", "low", "high")
        }
        return replace(self, name=self.name.replace(mark, name), **words, **changes)


@dataclass(frozen=True)
class Source:
    """Rows that features are aggregates of, where those of a table are not enough.

    Parameters
    ----------
    name : str
        What features call it in `table`.
    row : str
        What a row is.
    sql : str
        A SELECT with a column ``customer_id``; ``{orders}`` and the like stand for the
        canonical tables up to the end of the day ``{as_of}`` with all their columns (missing
        where the data have none), other names in braces for other sources.
    columns : tuple of str
        Canonical columns that it needs, as ``table.column``.
    empty : str
        Why it may have no row although the columns have values, if that can be.
    """

    name: str
    row: str
    sql: str
    columns: tuple[str, ...] = ()
    empty: str = ""

    @property
    def parents(self) -> tuple[str, ...]:
        """Tables and sources that its text reads, in order."""
        names = dict.fromkeys(_PLACEHOLDER.findall(self.sql))
        return tuple(name for name in names if name != "as_of")
