"""Outcomes of a test, read and checked: one row per customer, in the order of ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from segml._core.check import one_of
from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering._input import as_frame

from .assignment import HOLDOUT, Assignment, crosstab
from .cuped import cuped
from .sample_ratio import ALARM, loss_p_value, p_text

Kind = Literal["share", "mean", "revenue"]
KINDS = ("share", "mean", "revenue")


@dataclass(frozen=True, eq=False)
class Arms:
    """Customers of a test whose outcome is known.

    Parameters
    ----------
    frame : DataFrame
        By customer_id, ordered: ``segment``, ``group``, ``raw`` (the outcome), ``y`` (the
        same, or adjusted by CUPED).
    counts : DataFrame
        Customers counted, segments by groups, the holdout group included.
    control : str
        Name of the control.
    variants : list of str
        The other groups, without those held out.
    cuped : DataFrame, optional
        By segment: ``theta`` and ``reduction``, the share of variance that is gone.
    lost : str
        A warning where groups lost unequal shares of their customers.
    notes : list of str
        What the reader should know.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    control: str
    variants: list[str]
    cuped: pd.DataFrame | None = None
    lost: str = ""
    notes: list[str] = field(default_factory=list)


def read_arms(
    outcomes: Any, assignment: Assignment | None, outcome: str, control: str, pre: str | None
) -> Arms:
    """Read outcomes; see `experiment` for the parameters and errors."""
    given = as_frame(outcomes)
    if not isinstance(given, pd.DataFrame):
        raise ParameterError(
            "the outcomes are no table",
            where="outcomes",
            got=type(outcomes).__name__,
            expected="a DataFrame with one row per customer",
        )
    given = given.set_axis(given.index.astype(str)).rename_axis("customer_id")
    for name in [outcome, *([pre] if pre is not None else [])]:
        one_of(name, list(given.columns), "pre" if name == pre else "outcome")
    _check_rows(given)
    notes: list[str] = []
    lost = ""
    frame = _own_groups(given) if assignment is None else _drawn_groups(given, assignment)
    frame = frame.assign(raw=_numbers(given[outcome].reindex(frame.index), outcome))
    if pre is not None:
        frame["x"] = _numbers(given[pre].reindex(frame.index), pre)
    frame = frame.sort_index(kind="stable")
    groups = sorted(set(frame["group"]))
    one_of(control, groups, "control")
    known = frame["raw"].notna()
    if not known.all():
        missing = frame["group"][~known].value_counts().reindex(groups, fill_value=0)
        said = ", ".join(f"{count:,} in {group}" for group, count in missing.items())
        notes.append(f"Customers whose {outcome} is not known are not counted: {said}.")
        p = loss_p_value(frame["group"].value_counts(), frame["group"][known].value_counts())
        if p < ALARM:
            lost = f"The groups lost unequal shares of their customers (p = {p_text(p)})"
    frame = frame[known]
    counts = crosstab(frame, groups)
    variants = [group for group in groups if group not in (control, HOLDOUT)]
    if not variants or not (frame["group"] == control).any():
        raise NotEnoughDataError(
            "there is nothing to compare",
            where="group",
            got=", ".join(f"{group}: {n:,}" for group, n in counts.sum().items()),
            expected=f"customers with an outcome in {control!r} and in another group",
        )
    if HOLDOUT in groups and control != HOLDOUT:
        frame = frame[frame["group"] != HOLDOUT]
        notes.append(f"Those held out ({counts[HOLDOUT].sum():,}) are in no comparison.")
    frame = frame.assign(y=frame["raw"])
    table = None
    if pre is not None:
        if unknown := int(frame["x"].isna().sum()):
            notes.append(
                f"The {pre} of {unknown:,} customers is not known; "
                "the mean of their segment stands for it."
            )
        frame, table = _adjust(frame)
    return Arms(frame, counts, control, variants, table, lost, notes)


def kind_of(arms: Arms, kind: Kind | None, outcome: str, pre: str | None) -> Kind:
    """Return what is compared; see `experiment` for the parameters and errors."""
    if kind is not None:
        one_of(kind, KINDS, "kind")
    raw = arms.frame["raw"].to_numpy()
    binary = bool(np.isin(raw, (0.0, 1.0)).all())
    found: Kind = kind or ("share" if binary else "revenue")
    if found != "share":
        return found
    if not binary:
        wrong = raw[~np.isin(raw, (0.0, 1.0))]
        raise DataError(
            "a share is of values that are 0 or 1",
            where=f"outcomes.{outcome}",
            got=f"{len(wrong):,} other values, such as {wrong[0]:g}",
        )
    if pre is not None:
        raise ParameterError(
            "CUPED is for means and revenue",
            where="pre",
            got=pre,
            hint="kind='mean', which compares shares as means",
        )
    return found


def _check_rows(given: pd.DataFrame) -> None:
    if given.empty:
        raise NotEnoughDataError("there are no outcomes", where="outcomes")
    twice = given.index.duplicated(keep=False)
    if not twice.any():
        return
    rows = given[twice]
    if "group" in given and (rows.groupby(level=0)["group"].nunique(dropna=False) > 1).any():
        count = int((rows.groupby(level=0)["group"].nunique(dropna=False) > 1).sum())
        raise DataError(
            "a customer is in two groups",
            where="outcomes",
            got=f"{count:,} customers",
            expected="each customer in one group",
        )
    raise DataError(
        "a customer is there twice",
        where="outcomes",
        got=f"{int(given.index.duplicated().sum()):,} rows of customers that came before",
        expected="one row per customer: sums over the window of the test",
    )


def _own_groups(given: pd.DataFrame) -> pd.DataFrame:
    if "group" not in given:
        raise DataError(
            "the outcomes do not tell the group",
            where="outcomes",
            got=", ".join(str(name) for name in given.columns),
            expected="a column group, or an assignment",
        )
    segment = given.get("segment", 0)
    frame = pd.DataFrame({"segment": segment, "group": given["group"]}, index=given.index)
    for name in ("segment", "group"):
        if missing := int(frame[name].isna().sum()):
            raise DataError(
                f"a customer has no {name}", where=f"outcomes.{name}", got=f"{missing:,} rows"
            )
    if isinstance(frame["segment"].dtype, pd.CategoricalDtype):
        frame["segment"] = frame["segment"].astype(frame["segment"].cat.categories.dtype)
    return frame.astype({"group": "str"})


def _drawn_groups(given: pd.DataFrame, assignment: Assignment) -> pd.DataFrame:
    frame = assignment.table[["segment", "group"]].astype({"group": "str"})
    if strangers := int((~given.index.isin(frame.index)).sum()):
        raise DataError(
            "outcomes of customers who were not assigned",
            where="outcomes",
            got=f"{strangers:,} of {len(given):,} customers",
            expected="customers of the assignment",
        )
    if "group" in given:
        told = given["group"].astype("str")
        if moved := int((told != frame["group"].reindex(told.index)).sum()):
            raise DataError(
                "a customer is in two groups",
                where="outcomes.group",
                got=f"{moved:,} of {len(given):,} customers are in another group by the assignment",
                hint="drop the column: customers count in the group that was drawn",
            )
    return frame


def _numbers(column: pd.Series, name: str) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    if wrong := int((values.isna() & column.notna()).sum()):
        raise DataError(f"the {name} is no number", where=f"outcomes.{name}", got=f"{wrong:,} rows")
    values = pd.Series(values.to_numpy(dtype=float, na_value=np.nan), index=column.index)
    if infinite := int(np.isinf(values).sum()):
        raise DataError(
            f"the {name} is infinite", where=f"outcomes.{name}", got=f"{infinite:,} rows"
        )
    return values


def _adjust(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, parts = {}, []
    for segment, one in frame.groupby("segment", sort=True):
        x = one["x"].to_numpy()
        x = np.where(np.isnan(x), np.nanmean(x) if not np.isnan(x).all() else 0.0, x)
        found = cuped(one["raw"].to_numpy(), x, one["group"].to_numpy())
        rows[segment] = {"theta": found.theta, "reduction": found.reduction}
        parts.append(pd.Series(found.values, index=one.index))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")
    return frame.assign(y=pd.concat(parts).reindex(frame.index)), table
