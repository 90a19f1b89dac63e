"""Which segment of today is which of yesterday, so that names and identities survive a refit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from segml._core import html, text
from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError

from ._empty import listed
from ._labels import NOISE
from ._match_tables import (
    all_ids,
    free_names,
    lasting_ids,
    noise_table,
    overlap_table,
    read_labels,
    same_by_name,
    several_parts,
)
from .resampling import two_places

_LEAST = 0.1  # Jaccard similarity under which two segments have too little in common to be one


@dataclass(frozen=True, eq=False)
class SegmentMatching:
    """New segments beside the old ones, by the customers of both.

    Parameters
    ----------
    mapping : dict of int to int or None
        By new segment id the old one that it is, None where it is a new one.
    ids : dict of int to int
        By new segment id one that lasts: the old id, and for new segments the next ones
        that no old segment has.
    names : dict of int to str
        By new segment id the old name where there is one, and the new segment's own
        otherwise: what ``names=`` of a segmenter takes.
    overlaps : DataFrame
        A row per pair with customers in common: ``old``, ``new``, ``customers``,
        ``of_old`` and ``of_new`` (their shares of each), ``jaccard``, ``matched``.
    splits : dict of int to list of int
        By old segment id the new ones that its customers went to, where several.
    merges : dict of int to list of int
        By new segment id the old ones that its customers came from, where several.
    gone, born : list of int
        Old segments that are no new one, and new ones that were no old one.
    noise : DataFrame
        Customers in no segment before (rows ``segment``, ``noise``) and after (columns).
    n_both, n_old_only, n_new_only : int
        Customers with both labels, and with one only.
    by_name : tuple of int
        New segments that are an old one by their name alone: one of the two has no customer
        with both labels, as those of a table of rules may.
    """

    mapping: dict[int, int | None]
    ids: dict[int, int]
    names: dict[int, str]
    overlaps: pd.DataFrame
    splits: dict[int, list[int]]
    merges: dict[int, list[int]]
    gone: list[int]
    born: list[int]
    noise: pd.DataFrame
    n_both: int
    n_old_only: int
    n_new_only: int
    by_name: tuple[int, ...] = ()

    def rename(self, labels: pd.Series) -> pd.Series:
        """Return new labels under the ids that last.

        Parameters
        ----------
        labels : Series
            New segment ids, indexed by customer; noise stays -1.

        Returns
        -------
        Series
            As `labels`, with the ids of `ids`.

        Raises
        ------
        DataError
            A segment was not there when these were matched.
        """
        known = self.ids | {NOISE: NOISE}
        if unknown := sorted(set(labels.unique()) - set(known)):
            raise DataError(
                "a segment is not one of those that were matched",
                where="labels",
                got=unknown[0],
                expected=", ".join(map(str, sorted(self.ids))),
            )
        return labels.map(known).astype(int)

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = []
        matched = self.overlaps[self.overlaps["matched"]].set_index("new")
        for new, old in self.mapping.items():
            if old is None:
                said, alike = self._from(new), ""
            elif new in self.by_name:
                said, alike = "by its name: no customer tells", ""
            else:
                one: Any = matched.loc[new]
                said = f"{text.share(one['of_old'])} of segment {old} stayed"
                alike = two_places(float(one["jaccard"]))
            was = "new" if old is None else f"segment {old}"
            called = self.names.get(new, f"segment {new}")
            rows.append([called, str(new), html.Cell(was, said), alike])
        head = ["name", "new id", "was", "Jaccard"]
        same = len(matched) + len(self.by_name)
        caption = f"{text.count(same)} of {text.count(len(self.mapping))} segments are"
        caption += " those of before"
        notes = [f"Segment {old} was split: now {listed(new)}." for old, new in self.splits.items()]
        notes += [f"Segments {listed(old)} became {new}." for new, old in self.merges.items()]
        if self.gone:
            notes.append(f"Gone: {listed(self.gone)}.")
        lone = f"{text.count(self.n_both)} customers are in both;"
        lone += (
            f" {text.count(self.n_old_only)} only before, {text.count(self.n_new_only)} only now."
        )
        table = html.table(head, rows, caption=caption, numeric=[1, 3])
        return html.block(table, *(html.note(one) for one in [*notes, lone]))

    def _from(self, new: int) -> str:
        if came := self.merges.get(new):
            return f"from {listed(came)}"
        split = [old for old, parts in self.splits.items() if new in parts]
        return f"from segment {split[0]}" if split else ""


def match_segments(
    old: Any,
    new: Any,
    names: Mapping[int, str] | pd.Series | None = None,
    threshold: float = 0.2,
) -> SegmentMatching:
    r"""Match segments of the same customers, one to one, and tell splits and merges.

    Parameters
    ----------
    old, new : Series or segmenter
        Segment ids indexed by customer, -1 for noise; or fitted segmenters, which bring
        their names. Customers who have one label only are counted and left out.
    names : mapping or Series of int to str, optional
        Names of the old segments; take precedence.
    threshold : float, default 0.2
        Share of an old segment's customers that a new one must have for the old one to be
        split into it, and share of a new segment's that an old one must be for a merge.

    Returns
    -------
    SegmentMatching
        The same whatever the order of customers.

    Raises
    ------
    DataError
        A customer is there twice, or labels are no whole numbers.
    NotEnoughDataError
        No customer has both labels.
    ParameterError
        `threshold` is out of range, or these are not segments of customers.

    Notes
    -----
    With the customers A of an old and B of a new segment, who have both labels, pairs are
    chosen that maximise the sum of the Jaccard similarities

    .. math:: J(A, B) = \frac{|A \cap B|}{|A \cup B|}

    no segment in two pairs (the assignment problem, solved by Crouse's [1]_ algorithm).
    A pair with J < 0.1 is none: the old segment is
    gone and the new one is born. Where one of two segments has none of these customers, as
    an empty one of `RFMSegmenter`, and no other is it, they are one if they have one name.

    A segment is split where two or more new ones each have the `threshold` of its customers
    and mostly consist of them; it is merged where two or more old ones are the `threshold`
    of the new one and mostly went there. "Mostly" is at least half. The larger part of a
    split keeps the identity, as the assignment has it.

    References
    ----------
    .. [1] Crouse, D. F. (2016). On implementing 2D rectangular assignment algorithms. IEEE
       Transactions on Aerospace and Electronic Systems 52(4), 1679-1696.

    Examples
    --------
    >>> old = pd.Series([0, 0, 0, 0, 1, 1], index=list("abcdef"))
    >>> new = pd.Series([1, 1, 2, 2, 0, 0], index=list("abcdef"))
    >>> matching = match_segments(old, new, {0: "Loyal", 1: "Lapsed"})
    >>> matching.mapping, matching.names
    ({0: 1, 1: 0, 2: None}, {0: 'Lapsed', 1: 'Loyal'})
    >>> matching.splits
    {0: [1, 2]}
    """
    least = number(threshold, "threshold", low=0, high=1, open_low=True)
    before, old_names = read_labels(old, "old", names)
    after, new_names = read_labels(new, "new", None)
    shared = before.index.intersection(after.index)
    if not len(shared):
        raise NotEnoughDataError(
            "no customer is in both segmentations",
            got=f"{len(before):,} customers before, {len(after):,} now",
        )
    a, b = before.loc[shared].to_numpy(), after.loc[shared].to_numpy()
    old_ids, new_ids = all_ids(before, old_names), all_ids(after, new_names)
    both = np.zeros((len(old_ids), len(new_ids)), dtype=int)
    inside = (a != NOISE) & (b != NOISE)
    places = (np.searchsorted(old_ids, a[inside]), np.searchsorted(new_ids, b[inside]))
    np.add.at(both, places, 1)
    # Noise counts in the sizes, so that a segment that mostly became noise is not matched.
    of_old = np.array([(a == i).sum() for i in old_ids], dtype=int)
    of_new = np.array([(b == i).sum() for i in new_ids], dtype=int)
    with np.errstate(invalid="ignore"):
        jaccard = np.nan_to_num(both / (of_old[:, None] + of_new - both))
        share_old = np.nan_to_num(both / of_old[:, None])
        share_new = np.nan_to_num(both / of_new)
    pairs = [
        (i, j)
        for i, j in zip(*linear_sum_assignment(jaccard, maximize=True), strict=True)
        if jaccard[i, j] >= _LEAST
    ]
    was: dict[int, Any] = {int(j): i for i, j in pairs}
    named = same_by_name(old_ids, new_ids, of_old, of_new, old_names, new_names, was)
    was |= named
    mapping = {
        int(new_ids[j]): int(old_ids[was[j]]) if j in was else None for j in range(len(new_ids))
    }
    is_part = (share_old >= least) & (share_new >= 0.5)
    is_source = (share_new >= least) & (share_old >= 0.5)
    carried = {n: old_names[o] for n, o in mapping.items() if o is not None and o in old_names}
    return SegmentMatching(
        mapping=mapping,
        ids=lasting_ids(mapping, old_ids),
        names=carried | free_names(new_names, carried, mapping),
        overlaps=overlap_table(both, jaccard, share_old, share_new, old_ids, new_ids, pairs),
        splits=several_parts(old_ids, new_ids, is_part),
        merges=several_parts(new_ids, old_ids, is_source.T),
        gone=[int(i) for i in old_ids if i not in mapping.values()],
        born=[j for j, i in mapping.items() if i is None],
        noise=noise_table(a, b),
        n_both=len(shared),
        n_old_only=len(before) - len(shared),
        n_new_only=len(after) - len(shared),
        by_name=tuple(int(new_ids[j]) for j in sorted(named)),
    )
