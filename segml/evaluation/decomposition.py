"""Why a KPI changed: other customers in the segments, or the segments themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import one_of
from segml.clustering._labels import coverage

from .decomposition_parts import SPLIT, Side, intervals, read_customers, split

PARTS = {
    "size": "number of customers",
    "mix": "mix of segments",
    "within": "within segments",
    "entry": "new segments",
    "exit": "segments that are gone",
}


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The change of a KPI, split into parts that add up to it.

    Parameters
    ----------
    kpi : str
        What changed, for people.
    old_value, new_value : float
        The KPI over all customers.
    parts : DataFrame
        By part: ``label``, ``value``, ``low``, ``high``. The parts are ``size`` (of totals
        only), ``mix``, ``within``, ``entry`` and ``exit``; ``change`` is their sum. The rows
        ``numerator`` and ``denominator``, of ratios, are what ``within`` consists of.
    table : DataFrame
        By segment id: ``name``, ``old_share`` and ``new_share`` (of the denominator),
        ``old_value`` and ``new_value`` with the ``reason`` where one is missing; and what
        the segment contributes: ``mix``, ``within``, ``numerator``, ``denominator``,
        ``entry``, ``exit`` and ``total``, with the intervals ``mix_low``, ``mix_high``,
        ``within_low``, ``within_high``.
    unit : {"money", "share", "count"}
        What the values are.
    currency : str
        ISO code, for display.
    level : float
        Coverage of the intervals.
    """

    kpi: str
    old_value: float
    new_value: float
    parts: pd.DataFrame
    table: pd.DataFrame
    unit: str = "count"
    currency: str = ""
    level: float = 0.95

    @property
    def change(self) -> float:
        """New minus old value."""
        return self.new_value - self.old_value

    @property
    def verdict(self) -> str:
        """What made the KPI change, the largest part first."""
        opening = f"{self.kpi} went from {self.format(self.old_value)} to "
        opening += self.format(self.new_value)
        shown = self.parts.loc[[name for name in PARTS if name in self.parts.index]]
        if not shown["value"].abs().max() > 0:
            return f"{opening}: no part of it changed"
        said = []
        for row in shown.sort_values("value", key=np.abs, ascending=False).to_dict("records"):
            if row["value"]:
                chance = " (may be chance)" if row["low"] <= 0 <= row["high"] else ""
                said.append(f"{self.signed(row['value'])} {row['label']}{chance}")
        return f"{opening}: {', '.join(said)}"

    def format(self, value: float) -> str:
        """Format a value of the KPI with its unit."""
        if self.unit == "money":
            return text.money(value, self.currency)
        return text.share(value) if self.unit == "share" else text.plain(value)

    def signed(self, value: float) -> str:
        """Format a change with its sign; of shares in percentage points."""
        if pd.isna(value):
            return text.MISSING
        shown = self.format(abs(value))
        if self.unit == "share":
            shown = f"{100 * abs(value):.1f} points"
        is_zero = not any(digit in shown for digit in "123456789")
        return f"{'' if is_zero else '+' if value > 0 else '-'}{shown}"

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [["before", html.Cell(self.format(self.old_value))]]
        for row in self.parts.drop(index="change").reset_index().to_dict("records"):
            inner = row["part"] in ("numerator", "denominator")
            label = html.Cell(row["label"], "a part of within segments" if inner else "")
            rows.append([label, self._cell(row["value"], row["low"], row["high"])])
        rows.append(["after", html.Cell(self.format(self.new_value))])
        by_segment: list[list[str | html.Cell]] = []
        for row in self.table.to_dict("records"):
            shares = f"{text.share(row['old_share'])} → {text.share(row['new_share'])}"
            values = f"{self.format(row['old_value'])} → {self.format(row['new_value'])}"
            moved = row["entry"] + row["exit"]
            by_segment.append(
                [
                    str(row["name"]),
                    shares,
                    html.Cell(values, row["reason"]),
                    self._cell(row["mix"], row["mix_low"], row["mix_high"]),
                    self._cell(row["within"], row["within_low"], row["within_high"]),
                    self.signed(moved) if moved else "",
                    self.signed(row["total"]),
                ]
            )
        head = ["segment", "share", self.kpi, "mix", "within", "new or gone", "sum"]
        caption = f"What {self.kpi} changed by, with {text.share(self.level)} intervals"
        return html.block(
            html.note(self.verdict + "."),
            html.table(["part", self.kpi], rows, caption=caption, numeric=[1]),
            html.table(head, by_segment, caption="By segment", numeric=range(1, 7)),
        )

    def _cell(self, value: float, low: float, high: float) -> html.Cell:
        span = "" if pd.isna(low) else f"{self.signed(low)} to {self.signed(high)}"
        return html.Cell(self.signed(value), span)


def decompose(
    old: pd.DataFrame,
    new: pd.DataFrame,
    names: Mapping[int, str] | pd.Series | None = None,
    *,
    kpi: str = "KPI",
    total: bool = False,
    unit: Literal["money", "share", "count"] = "count",
    currency: str = "",
    level: float = 0.95,
) -> Decomposition:
    r"""Split the change of a KPI into mix and within-segment parts.

    Parameters
    ----------
    old, new : DataFrame, one row per customer
        Indexed by customer: ``segment`` (id, -1 for noise), ``numerator`` and, for ratios
        and where not every customer counts, ``denominator`` (0 or more; 1 where there is
        no such column). The KPI is the sum of the one over the sum of the other. Segments
        have the same ids in both: refits are matched first, see `migration`.
    names : mapping or Series of int to str, optional
        Segment names.
    kpi : str, optional
        Name of the KPI, for display.
    total : bool, default False
        Whether the KPI is the sum of the numerator itself, such as revenue; it then has
        no denominator.
    unit : {"money", "share", "count"}
        What the values are, for display.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Decomposition
        Its parts add up to the change.

    Raises
    ------
    DataError
        A column is missing, a customer is there twice or without a segment, a number is
        missing or not finite, or a denominator is negative.
    NotEnoughDataError
        There is no customer, or nobody to divide by, before or after.
    ParameterError
        `level` is not between 0 and 1, or an unknown unit.

    Notes
    -----
    With the shares w of the segments s in the denominator and their values r, the KPI is
    :math:`R = \sum_s w_s r_s`, and with :math:`c = (R_0 + R_1) / 2` and a bar for the mean of
    before and after (Kitagawa [1]_, eq. 5; Oaxaca [2]_)

    .. math:: R_1 - R_0 = \sum_s \Delta w_s (\bar r_s - c) + \sum_s \bar w_s \Delta r_s

    The first sum is the mix, the second what changed within segments. As the shares sum to
    1, c changes no sum, but says what growth of one segment means: more of a segment with a
    KPI above the average lifts it. A segment that is only there after has no
    :math:`\Delta r`; it contributes :math:`w_1 (r_1 - c)`, as entry, and one that is only there
    before :math:`-w_0 (r_0 - c)`, as exit. A segment without any denominator counts as not there.

    With a and b, numerator and denominator for each customer of a segment, r = a / b, and

    .. math:: \Delta r = \tfrac12 (1/b_0 + 1/b_1) \Delta a + \bar a \, \Delta (1/b)

    tells whether numerator or denominator changed. A total is N R with N customers, and
    its change is :math:`\bar R \Delta N + \bar N \Delta R`, of which the first is the size.

    Intervals are of the delta method over customers, who are paired where they are in both:
    with the derivatives of a part by the sums it is made of, each customer's influence on it
    is found; its variance is n / (n - 1) times the sum of their squares. They are missing for
    a segment of one customer.

    References
    ----------
    .. [1] Kitagawa, E. M. (1955). Components of a difference between two rates. Journal of
       the American Statistical Association 50, 1168-1194.
    .. [2] Oaxaca, R. (1973). Male-female wage differentials in urban labor markets.
       International Economic Review 14, 693-709.

    Examples
    --------
    >>> old = pd.DataFrame({"segment": [0, 0, 0, 1], "numerator": [10.0, 10, 10, 50]})
    >>> new = pd.DataFrame({"segment": [0, 0, 1, 1], "numerator": [10.0, 10, 60, 60]})
    >>> found = decompose(old, new, {0: "Light", 1: "Heavy"}, kpi="revenue per customer")
    >>> found.parts["value"].to_dict()
    {'mix': 11.25, 'within': 3.75, 'entry': 0.0, 'exit': 0.0, 'change': 15.0}
    >>> found.table["within"].to_dict()
    {0: 0.0, 1: 3.75}
    """
    level = coverage(level)
    one_of(unit, ["money", "share", "count"], "unit")
    is_ratio = "denominator" in old.columns or "denominator" in new.columns
    before, after = (
        read_customers(old, "old", is_ratio, total),
        read_customers(new, "new", is_ratio, total),
    )
    ids = np.union1d(before["segment"], after["segment"])
    customers = before.index.union(after.index)
    sides = [Side.of(frame, ids, customers) for frame in (before, after)]
    sums = np.concatenate([side.sums for side in sides])
    y0, x0, n0, y1, x1, n1 = sums
    old_value, new_value = (
        y.sum() if total else y.sum() / x.sum() for y, x in ((y0, x0), (y1, x1))
    )
    there = x0 > 0, x1 > 0
    found = split(sums, there, total)
    low, high = intervals(sums, there, total, sides, level)
    names = dict(names) if names is not None else {}
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = (n0, n1) if total else (x0, x1)
        values = y0 / scale[0], y1 / scale[1]
    table = pd.DataFrame(
        {
            "name": [str(names.get(i, "noise" if i < 0 else f"segment {i}")) for i in ids],
            "old_share": x0 / x0.sum(),
            "new_share": x1 / x1.sum(),
            "old_value": np.where(there[0], values[0], np.nan),
            "new_value": np.where(there[1], values[1], np.nan),
            "reason": [_reason(*row) for row in zip(n0, x0, n1, x1, strict=True)],
        },
        index=pd.Index(ids, name="segment"),
    )
    one_customer = (n0 == 1) | (n1 == 1)
    for j, part in enumerate(SPLIT):
        table[part] = found[:-1, j]
        if part in ("mix", "within"):
            table[f"{part}_low"] = np.where(one_customer, np.nan, low[:-1, j])
            table[f"{part}_high"] = np.where(one_customer, np.nan, high[:-1, j])
    return Decomposition(
        kpi=kpi,
        old_value=float(old_value),
        new_value=float(new_value),
        parts=_parts(found[-1], low[-1], high[-1], is_ratio, total),
        table=table,
        unit=unit,
        currency=currency,
        level=level,
    )


def _parts(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, is_ratio: bool, total: bool
) -> pd.DataFrame:
    labels = PARTS | {
        "numerator": "numerator per customer",
        "denominator": "denominator per customer",
    }
    order = ["size"] * total + ["mix", "within"]
    order += ["numerator", "denominator"] * (is_ratio and not total) + ["entry", "exit"]
    columns = [*SPLIT, "size"]
    at = [columns.index(name) for name in order]
    # The interval of a total's change is not the sum of those of its size and the rest.
    ends = [np.nan, np.nan] if total else [low[-2], high[-2]]
    return pd.DataFrame(
        {
            "label": [*(labels[name] for name in order), "change"],
            "value": [*value[at], value[-2] + value[-1]],
            "low": [*low[at], ends[0]],
            "high": [*high[at], ends[1]],
        },
        index=pd.Index([*order, "change"], name="part"),
    )


def _reason(n0: float, x0: float, n1: float, x1: float) -> str:
    said = []
    for n, x, when in ((n0, x0, "before"), (n1, x1, "after")):
        if n == 0:
            said.append(f"no customer {when}")
        elif x == 0:
            said.append(f"nobody to divide by {when}")
    return ", ".join(said)
