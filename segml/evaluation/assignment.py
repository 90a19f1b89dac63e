"""Who gets what in a test: drawn by a salted hash, in each segment by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering._labels import labels_of
from segml.engine import Table, default_engine

from .assignment_balance import Balance, balance
from .sample_ratio import checked_shares

HOLDOUT = "holdout"
HALVES = {"control": 0.5, "treatment": 0.5}

# The order of the hash in a segment is an order at random; those held out come by its value.
_DRAW = """
SELECT customer_id, segment, held_out,
    row_number() OVER (PARTITION BY segment, held_out ORDER BY place, customer_id) AS place,
    count(*) OVER (PARTITION BY segment, held_out) AS size
FROM (
    SELECT customer_id, segment,
        md5(concat({salt}, '/', customer_id)) AS place,
        md5(concat({holdout_salt}, '/', customer_id)) < {cut} AS held_out
    FROM {customers}
)
ORDER BY customer_id
"""


@dataclass(frozen=True, eq=False)
class Assignment:
    """Customers and their groups.

    Parameters
    ----------
    table : DataFrame
        By customer_id: ``segment`` and ``group``.
    shares : dict of str to float
        Share of each group among those who are not held out.
    control : str
        The group that the others are compared with.
    holdout : float
        Share of customers held out, who are in the group "holdout".
    salt : str
        What the draw depends on beside the ids.
    names : dict of int to str
        Names of segments.
    balance : Balance, optional
        How alike the groups were before.
    """

    table: pd.DataFrame = field(repr=False)
    shares: dict[str, float]
    control: str
    holdout: float
    salt: str
    names: dict[int, str] = field(default_factory=dict)
    balance: Balance | None = None

    @property
    def planned(self) -> dict[str, float]:
        """Share of each group among all customers, the holdout group included."""
        tested = {group: share * (1 - self.holdout) for group, share in self.shares.items()}
        return tested | ({HOLDOUT: self.holdout} if self.holdout else {})

    def counts(self) -> pd.DataFrame:
        """Return numbers of customers, segments by groups."""
        return crosstab(self.table, list(self.planned))

    def customers(self, group: str) -> pd.Index:
        """Return the customers of a group.

        Raises
        ------
        ParameterError
            There is no such group.
        """
        one_of(group, self.planned, "group")
        return self.table.index[self.table["group"] == group]

    @property
    def verdict(self) -> str:
        """What was drawn, in a sentence or two."""
        sizes = self.counts().sum()
        said = ", ".join(f"{text.count(size)} in {group}" for group, size in sizes.items())
        checked = f" {self.balance.verdict}" if self.balance else ""
        return f"{text.count(len(self.table))} customers: {said}.{checked}"

    def _repr_html_(self) -> str:
        counts = self.counts()
        rows = [
            [segment_name(segment, self.names), *(text.count(size) for size in sizes)]
            for segment, sizes in zip(counts.index, counts.to_numpy(), strict=True)
        ]
        rows.append(["all customers", *(text.count(size) for size in counts.sum())])
        heads = [f"{group} ({text.share(share)})" for group, share in self.planned.items()]
        parts = [
            html.note(self.verdict),
            html.table(
                ["segment", *heads],
                rows,
                caption="Customers by group",
                numeric=range(1, len(heads) + 1),
            ),
        ]
        if self.balance:
            parts.append(self.balance.table_html())
        return html.block(*parts)


def assign(
    segments: Any,
    salt: str,
    *,
    shares: Mapping[str, float] = HALVES,
    control: str = "control",
    holdout: float = 0.0,
    holdout_salt: str = HOLDOUT,
    features: Any = None,
    names: Mapping[int, str] | pd.Series | None = None,
) -> Assignment:
    """Draw the groups of a test, in each segment by itself.

    Parameters
    ----------
    segments : Series, segmenter or Table
        Segment ids by customer_id, a fitted segmenter, or a table of an engine with the
        columns ``customer_id`` and ``segment``; those on Spark are drawn there.
    salt : str
        Name of the test, such as "autumn-coupon". The same salt draws the same groups
        again; another draws groups that know nothing of these.
    shares : mapping of str to float, default {"control": 0.5, "treatment": 0.5}
        Share of each group, together 1.
    control : str, default "control"
        The group that the others are compared with.
    holdout : float, default 0
        Share of customers who are kept out.
    holdout_salt : str, default "holdout"
        As long as it stays, so do those held out, whatever the test.
    features : DataFrame or FeatureTable, optional
        What is known of the customers from before, to check the balance of the groups.
    names : mapping or Series of int to str, optional
        Names of segments.

    Returns
    -------
    Assignment
        The same whatever the order of rows and the engine. Keep its table: customers who
        come later are another draw, in which these keep their groups.

    Raises
    ------
    ParameterError
        The shares do not add up, the control is not among them, or a number is out of range.
    DataError
        A customer is there twice or has no segment.
    NotEnoughDataError
        There are no customers.

    Notes
    -----
    Customers of a segment are put in the order of MD5(salt/id), which is an order at random,
    and cut by the shares at a random offset: in each segment the sizes are those planned to
    within one customer, and each customer's chances are exactly the shares, whatever the size
    of the segment (systematic sampling; Cochran 1977, Sampling Techniques, 3rd ed.,
    section 8.1). Those held out are all whose MD5(holdout_salt/id) is small enough.

    Examples
    --------
    >>> segments = pd.Series([0, 0, 0, 0, 1, 1], index=list("abcdef"))
    >>> assign(segments, "autumn-coupon").counts().to_numpy().tolist()
    [[2, 2], [1, 1]]
    """
    planned = checked_shares(shares)
    one_of(control, planned, "control")
    if HOLDOUT in planned:
        raise ParameterError(
            "this group is made by the parameter holdout", where="shares", got=HOLDOUT
        )
    held = number(holdout, "holdout", low=0, high=0.999)
    customers, named = _customers(segments, names)
    drawn = customers.engine.sql(
        _DRAW,
        customers=customers,
        salt=_text(salt, "salt"),
        holdout_salt=_text(holdout_salt, "holdout_salt"),
        cut=f"{round(held * 16**13):013x}",
    ).to_pandas()
    _check(drawn)
    if drawn["segment"].dtype.kind == "f":  # integers that came by way of NaN
        drawn["segment"] = drawn["segment"].astype("int64")
    ids, codes = np.unique(drawn["segment"].to_numpy(), return_inverse=True)
    offset = np.array([_uniform(f"{salt}/offset/{one}") for one in ids])[codes]
    position = (drawn["place"].to_numpy() - offset) / drawn["size"].to_numpy()
    ends = np.cumsum(list(planned.values()))[:-1]
    code = np.where(drawn["held_out"], len(planned), np.searchsorted(ends, position, side="right"))
    groups = [*planned, HOLDOUT] if held else list(planned)
    table = pd.DataFrame(
        {
            "segment": drawn["segment"].to_numpy(),
            "group": pd.Categorical.from_codes(code, pd.Index(groups)),
        },
        index=pd.Index(drawn["customer_id"].astype(str), name="customer_id"),
    )
    checked = None if features is None else balance(table, features, control)
    return Assignment(table, planned, control, held, salt, named, checked)


def crosstab(table: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Return numbers of customers, segments by groups, in that order of groups."""
    counts = table.groupby(["segment", "group"], observed=True).size().unstack(fill_value=0)
    counts = counts.set_axis(counts.columns.astype(str), axis=1)
    return counts.reindex(columns=pd.Index(groups, name="group"), fill_value=0)


def segment_name(segment: Any, names: Mapping[Any, str]) -> str:
    """Return the name of a segment; an id that is text is its own name."""
    known = names.get(segment)
    if known is not None:
        return str(known)
    return segment if isinstance(segment, str) else f"segment {segment}"


def _customers(
    segments: Any, names: Mapping[int, str] | pd.Series | None
) -> tuple[Table, dict[int, str]]:
    if isinstance(segments, Table):
        lacking = [name for name in ("customer_id", "segment") if name not in segments.columns]
        if lacking:
            raise DataError(
                "the table of segments lacks a column",
                where="segments",
                got=", ".join(segments.columns),
                expected=" and ".join(lacking),
            )
        text_ids = segments.engine.sql(
            "SELECT CAST(customer_id AS STRING) AS customer_id, segment FROM {segments}",
            segments=segments,
        )
        return text_ids, dict(names) if names is not None else {}
    labels, named = labels_of(segments, names)
    if isinstance(labels.dtype, pd.CategoricalDtype):
        labels = labels.astype(labels.cat.categories.dtype)
    table = pa.table(
        {
            "customer_id": pa.array(labels.index.astype(str), pa.string()),
            "segment": pa.array(labels.to_numpy(), from_pandas=True),
        }
    )
    return default_engine().register(table), named


def _check(drawn: pd.DataFrame) -> None:
    if drawn.empty:
        raise NotEnoughDataError("there are no customers to assign", where="segments")
    if drawn["segment"].isna().any():
        raise DataError(
            "a customer has no segment",
            where="segments",
            got=f"{int(drawn['segment'].isna().sum()):,} rows",
        )
    ids = drawn["customer_id"]  # in order, so that those twice are next to each other
    if twice := int((ids.to_numpy()[1:] == ids.to_numpy()[:-1]).sum()):
        raise DataError(
            "a customer is there twice",
            where="segments",
            got=f"{twice:,} rows of customers that came before",
            expected="each customer in one segment",
        )


def _text(value: Any, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise ParameterError(
        f"{name} is no name", where=name, got=value, expected="text, such as 'autumn-coupon'"
    )


def _uniform(key: str) -> float:
    """Return a number from 0 to 1 that a text stands for."""
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:13], 16) / 16**13
