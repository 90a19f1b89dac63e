"""Who moved between segments, and how much of it is only that segments were found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.errors import ParameterError
from segml.clustering._labels import NOISE, coverage, labels_of
from segml.clustering.matching import SegmentMatching, match_segments
from segml.kpis.intervals import wilson

from .distance_of_shares import mover
from .migration_noise import RefitNoise
from .migration_tables import ENTRY, EXIT, both_sides, flows, transitions


@dataclass(frozen=True, eq=False)
class Migration:
    """Customers by the segment that they were in and the one that they are in.

    Parameters
    ----------
    table : DataFrame
        A row per pair of segments: ``old`` and ``new`` (ids that last; missing for customers
        who were not there, and for those who no longer are), ``old_name``, ``new_name``,
        ``customers``, their ``share`` of the customers of the old segment with ``low`` and
        ``high``, which hold for all of a row together; ``old_value`` and ``new_value``,
        sums over these customers, where values were given.
    segments : DataFrame
        By segment id: ``name``; ``old_size``, of which ``stayed``, ``moved_out`` and are
        ``gone``; ``moved_in`` and ``entered``, who with those who stayed make ``new_size``;
        ``stay_share`` of those who are there at both times, with ``low`` and ``high``.
        Where values were given, ``old_value``, and what adds up to ``new_value`` from there:
        ``value_gone``, ``value_moved_out``, ``value_of_stayers`` (their growth),
        ``value_moved_in`` and ``value_entered``.
    n_both, n_gone, n_entered : int
        Customers with a segment both times, only before, and only after.
    moved, moved_low, moved_high : float
        Share of those there both times who are in another segment.
    excess, excess_low, excess_high : float
        The same without what refits alone are expected to move; missing where that is
        not known.
    noise : RefitNoise or None
        What refits alone move.
    matching : SegmentMatching or None
        Which segment is which; None where the ids were taken as they are.
    currency : str
        ISO code, for display.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    segments: pd.DataFrame
    n_both: int
    n_gone: int
    n_entered: int
    moved: float
    moved_low: float
    moved_high: float
    excess: float
    excess_low: float
    excess_high: float
    noise: RefitNoise | None
    matching: SegmentMatching | None
    currency: str = ""
    level: float = 0.95

    def counts(self) -> pd.DataFrame:
        """Return customers, old segments by new ones; the new and the gone where there are some."""
        return self._wide("customers")

    def shares(self) -> pd.DataFrame:
        """Return the shares of each old segment's customers that went to each new one."""
        return self._wide("share")

    @property
    def verdict(self) -> str:
        """Whether customers moved, in a sentence."""
        span = f"{text.share(self.moved_low)} to {text.share(self.moved_high)}"
        said = f"{text.share(self.moved)} of customers ({span}) are in another segment"
        if self.noise is None:
            if self.matching is None:
                return f"{said} of the same segmentation"
            return f"{said}; how much of that is refit noise is not known"
        by_noise = f"refits alone move {text.share(self.noise.moved)}"
        if self.excess_low > 0:
            span = f"{text.share(self.excess_low)} to {text.share(self.excess_high)}"
            return f"{said}; {by_noise}, so that {text.share(self.excess)} ({span}) truly moved"
        return f"{said}; {by_noise}, so that nobody need have moved"

    def _wide(self, column: str) -> pd.DataFrame:
        names = list(self.segments["name"])
        wide = self.table.pivot(index="old_name", columns="new_name", values=column)
        rows = [*names, ENTRY] if self.n_entered else names
        wide = wide.reindex(index=rows, columns=[*names, EXIT] if self.n_gone else names)
        return wide.rename_axis(index="before", columns="now")

    def _repr_html_(self) -> str:
        shown = [
            ("changed segment", text.share(self.moved), self._of_both()),
            ("gone", text.count(self.n_gone), "only before"),
            ("new", text.count(self.n_entered), "only now"),
        ]
        counts, shares = self.counts(), self.shares()
        rows: list[list[str | html.Cell]] = []
        for name in counts.index:
            total = counts.loc[name].sum()
            cells: list[str | html.Cell] = [html.Cell(str(name), text.count(total))]
            for n, share in zip(counts.loc[name], shares.loc[name], strict=True):
                is_none = pd.isna(n) or n == 0
                cells.append("" if is_none else html.Cell(text.share(share), text.count(n)))
            rows.append(cells)
        head = ["from \\ to", *(str(name) for name in counts.columns)]
        caption = "Where the customers of each segment went, as shares of its customers"
        parts = [html.facts(shown), html.note(self.verdict + ".")]
        parts.append(html.table(head, rows, caption=caption, numeric=range(1, len(head))))
        if "old_value" in self.segments:
            parts.append(self._value_html())
        return html.block(*parts)

    def _of_both(self) -> str:
        return f"of {text.count(self.n_both)} who are there both times"

    def _value_html(self) -> str:
        columns = {
            "old_value": "before",
            "value_gone": "gone",
            "value_moved_out": "moved out",
            "value_of_stayers": "stayers",
            "value_moved_in": "moved in",
            "value_entered": "new",
            "new_value": "now",
        }
        rows = [
            [str(row["name"]), *(text.money(row[key], self.currency) for key in columns)]
            for row in self.segments.to_dict("records")
        ]
        head = ["segment", *columns.values()]
        return html.table(head, rows, caption="Value of the segments", numeric=range(1, 8))


def migration(
    old: Any,
    new: Any,
    names: Mapping[int, str] | pd.Series | None = None,
    *,
    match: bool = True,
    noise: RefitNoise | None = None,
    old_value: pd.Series | None = None,
    new_value: pd.Series | None = None,
    currency: str = "",
    level: float = 0.95,
) -> Migration:
    r"""Count customers by the segment they were in and the one they are in.

    Parameters
    ----------
    old, new : Series or segmenter
        Segment ids indexed by customer, -1 for noise; or fitted segmenters, which bring
        their names.
    names : mapping or Series of int to str, optional
        Names of the old segments; take precedence.
    match : bool, default True
        Whether segments were found anew, so that their ids say nothing: the new ones are
        matched to the old ones (`match_segments`). False where one segmentation assigned
        the customers both times.
    noise : RefitNoise, optional
        From `refit_noise`: what refits alone move.
    old_value, new_value : Series, optional
        What each customer is worth before and after, such as revenue of a year, both or
        neither; for every customer with a segment.
    currency : str, optional
        ISO code, for display.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Migration
        The same whatever the order of customers.

    Raises
    ------
    DataError
        A customer is there twice, labels are no whole numbers, or a customer has no value.
    NotEnoughDataError
        No customer has a segment both times.
    ParameterError
        One value without the other, noise of what was not refitted, `level` out of range,
        or these are no segments.

    Notes
    -----
    Shares of a row have Goodman's [1]_ simultaneous intervals: Wilson's at the level
    1 - (1 - `level`) / k for k destinations, so that all of them hold at once. Other shares have
    Wilson's.

    Customers whose segment is noise are as in a segment of their own. What refits alone
    move is subtracted from the share that moved; the interval of the difference
    is made of those of the two (Zou and Donner [2]_, eq. 3), for noise the middle 95% of
    pairs of refits, as the refit at hand is one of them. The difference is movement that
    the refit does not explain. It says nothing of features that vary without a cause, such
    as the orders of a month.

    References
    ----------
    .. [1] Goodman, L. A. (1965). On simultaneous confidence intervals for multinomial
       proportions. Technometrics 7(2), 247-254.
    .. [2] Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect
       measures: a general approach. Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> old = pd.Series([0, 0, 0, 0, 1, 1], index=list("abcdef"))
    >>> new = pd.Series([1, 1, 1, 0, 0, 1], index=list("abcegh"))
    >>> found = migration(old, new, {0: "Loyal", 1: "Lapsed"})
    >>> found.counts()
    now             Loyal  Lapsed  gone customers
    before
    Loyal             3.0     0.0             1.0
    Lapsed            0.0     1.0             1.0
    new customers     1.0     1.0             NaN
    >>> found.moved, found.n_entered, found.n_gone
    (0.0, 2, 2)
    """
    level = coverage(level)
    if (old_value is None) != (new_value is None):
        raise ParameterError(
            "values are needed of both times or of neither",
            where="new_value" if new_value is None else "old_value",
            got=None,
            expected="a Series by customer",
        )
    if noise is not None and not match:
        raise ParameterError(
            "segments that were not found anew have no refit noise",
            where="noise",
            got="match=False",
            expected="noise=None",
        )
    matching = match_segments(old, new, names)
    before, old_names = labels_of(old, names)
    after, new_names = labels_of(new)
    if match:
        after = matching.rename(after.astype(int))
        named = {matching.ids[i]: name for i, name in matching.names.items()} | old_names
    else:
        named = new_names | old_names
    before, after = before.astype(int), after.astype(int)
    ids = sorted({*before, *after, *(i for i in named if i != NOISE)}, key=lambda i: (i < 0, i))
    called = {i: str(named.get(i, "noise" if i == NOISE else f"segment {i}")) for i in ids}
    _check_names(list(called.values()))
    frame = both_sides(before, after, old_value, new_value)
    table = transitions(frame, called, level)
    segments = flows(table, called, level)
    shared = frame["old"].notna() & frame["new"].notna()
    n = int(shared.sum())
    changed = int((frame["old"] != frame["new"])[shared].sum())
    moved = (changed / n, *wilson(changed, n, level))
    excess = (np.nan, np.nan, np.nan)
    if noise is not None:
        excess = mover(moved, (noise.moved, noise.low, noise.high))
        segments["refit_moved"] = noise.table["moved"].reindex(segments.index)
    return Migration(
        table=table,
        segments=segments,
        n_both=n,
        n_gone=int(frame["new"].isna().sum()),
        n_entered=int(frame["old"].isna().sum()),
        moved=moved[0],
        moved_low=moved[1],
        moved_high=moved[2],
        excess=excess[0],
        excess_low=excess[1],
        excess_high=excess[2],
        noise=noise,
        matching=matching if match else None,
        currency=currency,
        level=level,
    )


def _check_names(names: list[str]) -> None:
    for name in names:
        if name in (ENTRY, EXIT) or names.count(name) > 1:
            raise ParameterError(
                "two rows of the matrix would have the same name",
                where="names",
                got=name,
                expected="a name of its own for each segment, and none called "
                f"{ENTRY!r} or {EXIT!r}",
            )
