"""What to be careful about before segments are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError

from ._effects import Effects
from ._empty import empty_segments, say_empty
from ._input import as_frame, features_of
from ._labels import NOISE, aligned, labels_of, named_segments

_CLEAR = 0.5  # a medium effect (Cohen 1988): a difference that can be seen
_FEW = 30  # the share of a level is then known to 18 points either way
_PER_FEATURE = 70
_ONE_OF = 3  # with fewer features, to differ in one is no surprise


@dataclass(frozen=True)
class Caution:
    """One thing to be careful about.

    Parameters
    ----------
    kind : {"too little data", "too many segments", "one feature", "overlap"}
        What sort of thing it is.
    segments : tuple of int
        Whom it concerns; empty for all.
    what : str
        What is so.
    why : str
        Why that matters.
    what_to_do : str
        What helps.
    """

    kind: str
    segments: tuple[int, ...]
    what: str
    why: str
    what_to_do: str


@dataclass(frozen=True)
class Cautions:
    """All there is to be careful about; none may well be there.

    Parameters
    ----------
    items : tuple of Caution
        In the order in which they matter.
    """

    items: tuple[Caution, ...] = ()

    def __iter__(self) -> Iterator[Caution]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Caution:
        return self.items[place]

    def __str__(self) -> str:
        return "\n".join(f"{one.what}. {one.why}. {one.what_to_do}." for one in self.items)

    def _repr_html_(self) -> str:
        if not self.items:
            return html.block(html.note("Nothing speaks against using these segments."))
        rows: list[list[str | html.Cell]] = [
            [html.Cell(one.what, one.kind), one.why, one.what_to_do] for one in self.items
        ]
        return html.block(html.table(["be careful", "why it matters", "what to do"], rows))


def cautions(
    segments: Any,
    features: Any,
    names: Mapping[int, str] | pd.Series | None = None,
    membership: pd.DataFrame | None = None,
    min_membership: float = 0.7,
) -> Cautions:
    """Say what speaks against using segments as they are.

    Parameters
    ----------
    segments : Series or segmenter
        Segment id, indexed by customer, or a segmenter fitted to these customers. Noise (-1)
        is left out.
    features : DataFrame, FeatureTable, Polars or Arrow table
        One row per customer: what the segments were made from.
    names : mapping or Series of int to str, optional
        Segment names.
    membership : DataFrame, shape (n_customers, n_segments), optional
        From ``predict_membership``; a segmenter is asked for it when it is not given.
    min_membership : float, default 0.7
        Customers of a segment should belong to it by this much on average.

    Returns
    -------
    Cautions
        As many as there are.

    Raises
    ------
    DataError
        The customers of `segments`, `features` and `membership` are not the same.
    NotEnoughDataError
        All customers are noise, or there are none.
    ParameterError
        `min_membership` is not from 0 to 1.

    Notes
    -----
    - "too little data": a segment without customers, or of fewer than 30, of whom a share is
      known to 18 percentage points either way; fewer than 70 customers for each feature over
      all, which Dolnicar et al. (2014) find that segments need to be found again.
    - "too many segments": two segments whose largest difference in any feature is under
      half a standard deviation, or under 0.5 as Cohen's h, as `profile_segments` measures
      them, each of the two beside the other. Half is a medium effect (Cohen 1988).
    - "one feature": a segment that differs by as much from everyone else in one of three or
      more features, and in no other.
    - "overlap": the mean membership of customers in their own segment is under
      `min_membership`. Of models of groups 0.7 is asked (Nagin 2005, p. 88).

    References
    ----------
    Cohen, J. (1988). Statistical power analysis for the behavioral sciences, 2nd ed.

    Dolnicar, S., Grün, B., Leisch, F. and Schmidt, K. (2014). Required sample sizes for
    data-driven market segmentation analyses in tourism. Journal of Travel Research 53(3),
    296-306.

    Nagin, D. S. (2005). Group-based modeling of development. Harvard University Press.

    Examples
    --------
    >>> frame = pd.DataFrame({"orders": [1, 2] * 100})
    >>> labels = pd.Series([0, 0, 1, 1] * 50)
    >>> [one.what for one in cautions(labels, frame)]
    ['“segment 0” and “segment 1” hardly differ: in orders by 0 standard deviations at most']
    """
    least = number(min_membership, "min_membership", low=0, high=1)
    frame = as_frame(features)
    given, named = labels_of(segments, names)
    given = aligned(given, frame.index)
    if membership is None and hasattr(segments, "predict_membership"):
        membership = segments.predict_membership(features)
    kept = (given != NOISE).to_numpy()
    if not kept.any():
        raise NotEnoughDataError(
            "there are no customers in segments", where="segments", got=f"{len(given):,} of noise"
        )
    ids, codes = np.unique(given.to_numpy()[kept], return_inverse=True)
    table = named_segments(ids, np.bincount(codes), named)
    effects = Effects(frame[kept], features_of(features, frame.columns))
    found = [
        *_nobody(named, ids),
        *_too_few(table, int(kept.sum()), frame.shape[1]),
        *_alike(table, codes, effects),
        *_one_feature(table, codes, effects),
    ]
    if membership is not None:
        found += _overlap(table, given[kept], membership, least)
    return Cautions(tuple(found))


def _nobody(names: Mapping[int, str], ids: np.ndarray) -> Iterator[Caution]:
    """Tell of segments that are there by their names alone."""
    if empty := empty_segments(names, ids):
        segments = tuple(int(i) for i, name in names.items() if str(name) in empty)
        yield Caution(
            "too little data",
            segments,
            say_empty(empty),
            "Nothing can be told of a segment without customers; it is left out of tables and "
            "figures",
            "Keep it where customers may come to it, or merge it with min_segment_size=1",
        )


def _too_few(table: pd.DataFrame, n: int, n_features: int) -> Iterator[Caution]:
    for segment, row in table[table["size"] < _FEW].iterrows():
        count = text.count(row["size"])
        yield Caution(
            "too little data",
            (int(str(segment)),),
            f"“{row['name']}” are {count} customer{'s' * (row['size'] != 1)}",
            "What so few have in common may be chance: a share of them is known to 18 "
            "percentage points either way at best",
            "Join them with the segment that is most like them, or collect more data",
        )
    if n < _PER_FEATURE * n_features:
        yield Caution(
            "too little data",
            (),
            f"There are {text.count(n)} customers for {n_features} feature{'s' * (n_features > 1)}",
            f"With fewer than {_PER_FEATURE} customers for each feature, other customers of the "
            "same kind would give other segments",
            f"Use at most {max(n // _PER_FEATURE, 1)} of the features, or more customers",
        )


def _alike(table: pd.DataFrame, codes: np.ndarray, effects: Effects) -> Iterator[Caution]:
    ids, names = table.index.to_list(), table["name"].to_list()
    for i in range(len(ids)):
        for j in range(i + 1, len(ids)):
            sizes = effects.between(codes == i, (codes == i) | (codes == j))
            best = int(sizes.argmax())
            if sizes[best] < _CLEAR:
                yield Caution(
                    "too many segments",
                    (ids[i], ids[j]),
                    f"“{names[i]}” and “{names[j]}” hardly differ: in {effects.labels[best]} by "
                    f"{text.decimal(sizes[best], 2)} standard deviations at most",
                    "Whoever acts on the two will see the same customers twice, and customers "
                    "will change between them by chance",
                    "Use fewer segments, or features that tell the two apart",
                )


def _one_feature(table: pd.DataFrame, codes: np.ndarray, effects: Effects) -> Iterator[Caution]:
    if len(table) < 2 or len(effects.columns) < _ONE_OF:
        return
    for i, (segment, row) in enumerate(table.iterrows()):
        clear = np.flatnonzero(effects.between(codes == i, np.ones(len(codes), bool)) >= _CLEAR)
        if len(clear) == 1:
            label = effects.labels[int(clear[0])]
            yield Caution(
                "one feature",
                (int(str(segment)),),
                f"“{row['name']}” differ from everyone else in {label} alone",
                "A limit on this one feature finds the same customers, and needs no model; if "
                "it is on a larger scale than the others, it decides alone",
                f"Put a limit on {label} instead, or check how the features are scaled",
            )


def _overlap(
    table: pd.DataFrame, labels: pd.Series, membership: pd.DataFrame, least: float
) -> Iterator[Caution]:
    if not labels.index.isin(membership.index).all() or membership.index.has_duplicates:
        raise DataError(
            "the memberships are not those of the customers of the features",
            where="membership",
            got=f"{len(membership):,} rows",
            expected=f"a row for each of {len(labels):,} customers",
        )
    own = membership.reindex(labels.index)
    for segment, row in table.iterrows():
        mean = {
            int(str(i)): float(x) for i, x in own[(labels == segment).to_numpy()].mean().items()
        }
        segment = int(str(segment))
        if mean.get(segment, 1.0) < least and len(mean) > 1:
            other = max((i for i in mean if i != segment), key=lambda i: mean[i])
            yield Caution(
                "overlap",
                (segment, other),
                f"“{row['name']}” belong to their segment by {text.share(mean[segment])} on "
                f"average, and by {text.share(mean[other])} to "
                f"“{table['name'].get(other, f'segment {other}')}”",
                "Many of them could as well be in another segment, so that who is in it is "
                "partly chance",
                "Use memberships rather than labels, leave out those in between, or use fewer "
                "segments",
            )
