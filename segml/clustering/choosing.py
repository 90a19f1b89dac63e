"""How many segments there are: the evidence for each number, and which to take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from segml._core import html, text
from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError, ParameterError

from ._input import as_frame
from ._refit import Customers, fitted, quiet
from ._separation import explained_share, separation
from .resampling import resampled, two_places

_FROM_SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
_APART = 0.6  # chosen on seeds 0 to 6 of benchmarks/bench_selection.py
_TRUSTED, _VALID = 0.6, 0.75
_MAX_CUSTOMERS = 2000


@dataclass(frozen=True, eq=False)
class Selection:
    """The evidence for each number of segments.

    Parameters
    ----------
    table : DataFrame
        A row per candidate: ``k`` (or ``min_segment_size``), the candidate; ``n_segments``
        that it gives; ``stability``, the mean Jaccard similarity of the least stable
        segment; ``ari``, the adjusted Rand index over resamples; ``silhouette``,
        ``calinski_harabasz``, ``davies_bouldin``; ``border_density``, customers at the
        border of the two segments that are least apart for each one at the sparser centre;
        ``smallest_share`` of customers; ``noise_share``; ``explained``, the share of the
        variance of later revenue that segments explain out of sample, missing without a
        holdout; ``recommended``, true for one. What has no value is missing.
    recommended : int
        The candidate to take.
    reason : str
        Why, in words.
    evidence : str
        "apart" where the segments have gaps between them and come back; "stable" where
        they only come back: a division of one cloud; "weak" where not even that.
    failed : dict of int to str
        Candidates without segments, and why.
    """

    table: pd.DataFrame
    recommended: int
    reason: str
    evidence: str
    failed: dict[int, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        by = str(self.table.columns[0])
        columns = {
            by: text.count,
            "n_segments": text.count,
            "stability": two_places,
            "ari": two_places,
            "silhouette": two_places,
            "border_density": two_places,
            "smallest_share": text.share,
            "noise_share": text.share,
            "explained": text.share,
        }
        idle = [
            name
            for name in ("noise_share", "explained")
            if not self.table[name].fillna(0).ne(0).any()
        ] + (["n_segments"] if by == "k" else [])
        shown = [name for name in columns if name not in idle]
        rows: list[list[str | html.Cell]] = []
        for row in self.table.to_dict("records"):
            cells: list[str | html.Cell] = [columns[name](row[name]) for name in shown]
            if row["recommended"]:
                cells[0] = html.Cell(str(cells[0]), "recommended")
            rows.append(cells)
        head = [{"k": "segments", "n_segments": "segments"}.get(n, _words(n)) for n in shown]
        what = "segments are" if by == "k" else f"{_words(by)} is"
        number_ = text.count(self.recommended)
        title = f"{number_} {what} recommended" if by == "k" else f"{what} best {number_}"
        title = title[0].upper() + title[1:]
        parts = [html.table(head, rows, caption=title, numeric=range(len(head)))]
        parts.append(html.note(self.reason[0].upper() + self.reason[1:] + "."))
        return html.block(*parts)


def select_n_segments(
    segmenter: Any,
    X: Any,
    candidates: Iterable[int] | None = None,
    holdout: pd.Series | None = None,
    n_resamples: int = 25,
    random_state: int = 0,
) -> Selection:
    r"""Look at several numbers of segments and recommend one.

    Parameters
    ----------
    segmenter : segmenter
        Such as `KMeansSegmenter`; its other parameters are kept. It is not changed.
    X : DataFrame, FeatureTable, Polars or Arrow table, or array, (n_customers, n_features)
        Features, as for its ``fit``.
    candidates : iterable of int, optional
        Values of ``n_segments``, by default 2 to 12; for segments by density of
        ``min_segment_size``, by default 0.5% to 10% of customers.
    holdout : Series, optional
        Later revenue, indexed by customer, of each of them.
    n_resamples : int, default 25
        Resamples for the stability of each candidate, as in `stability`.
    random_state : int, default 0
        Seed of the resamples.

    Returns
    -------
    Selection
        Table, recommendation and reason; the same whatever the order of rows.

    Raises
    ------
    DataError
        As the segmenter; or a customer has no later revenue.
    NotEnoughDataError
        No candidate gives segments.
    ParameterError
        A parameter is out of range, or the segmenter has no number to choose.

    Notes
    -----
    The most segments are recommended of which all come back (mean Jaccard similarity 0.6
    or more, Hennig [1]_) and are apart (at the border of any two there are less than 0.6 as
    many customers as at the sparser centre): with more, a lump is cut, and cut elsewhere
    in another resample. Where no candidate has gaps, segments divide one cloud, and
    the recommendation is of the most that are valid (0.75, else 0.6), or of these that which
    explains later revenue best. The silhouette and the other indices are shown and do not
    decide: on data sets of known numbers of lumps (``benchmarks/bench_selection.py``) the
    silhouette is often highest for a few groups of lumps.

    Of later revenue y with the mean m of the others of the segment and the mean M of all
    others, ``explained`` is :math:`1 - \sum (y - m)^2 / \sum (y - M)^2`.

    References
    ----------
    .. [1] Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational
       Statistics & Data Analysis 52, 258-271.

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> rng = np.random.default_rng(1)
    >>> places = np.repeat([[0, 0], [9, 0], [0, 9]], 50, axis=0)
    >>> frame = pd.DataFrame(places + rng.normal(size=(150, 2)), columns=["orders", "visits"])
    >>> selection = select_n_segments(KMeansSegmenter(), frame, range(2, 6))
    >>> selection.recommended, selection.evidence
    (3, 'apart')
    """
    count = int(number(n_resamples, "n_resamples", low=2, whole=True))
    seed = int(number(random_state, "random_state", low=0, whole=True))
    parameter = _parameter(segmenter)
    values = _values(candidates, parameter, len(as_frame(X)))
    by = "k" if parameter == "n_segments" else parameter
    first, failed = None, {}
    rows: list[dict[str, Any]] = []
    for value in values:
        own = clone(segmenter).set_params(names=None, **{parameter: value})
        try:
            if first is None:  # scale and embedding are the same for all
                first = fitted(own, X)
                customers = Customers.of(first, X)
                later = _later(holdout, as_frame(X), customers.order)
            labels = quiet(own, customers.points)
            rows.append({by: value} | _evidence(own, customers, labels, later, count, seed))
        except NotEnoughDataError as problem:
            failed[value] = str(problem)
            rows.append({by: value, "n_segments": 0})
    if len(failed) == len(values):
        raise NotEnoughDataError(
            "no candidate gives segments", where=parameter, got=values, hint=failed[values[0]]
        )
    columns = [by, "n_segments", "stability", "ari", "silhouette", "calinski_harabasz"]
    columns += ["davies_bouldin", "border_density", "smallest_share", "noise_share", "explained"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    row, evidence, reason = _recommend(table)
    table["recommended"] = np.arange(len(table)) == row
    return Selection(table, int(table.loc[row, by]), reason, evidence, failed)


def _evidence(
    own: Any, customers: Customers, labels: np.ndarray, later: Any, count: int, seed: int
) -> dict[str, float]:
    n_segments = int(labels.max(initial=-1)) + 1
    names = pd.Series("", pd.RangeIndex(n_segments))
    found = resampled(own, customers, labels, names, count, None, _MAX_CUSTOMERS, seed)
    sizes = np.bincount(labels[labels >= 0], minlength=n_segments)
    return {
        "n_segments": n_segments,
        "stability": float(found.table["jaccard"].min()),
        "ari": found.ari,
        **separation(customers.points, labels, seed),
        "smallest_share": sizes.min() / len(labels),
        "noise_share": found.noise_share,
        "explained": np.nan if later is None else explained_share(labels, later),
    }


def _recommend(table: pd.DataFrame) -> tuple[Any, str, str]:
    """Return the row to take, the kind of the evidence, and the reason."""
    several = table[table["n_segments"] > 1]
    row: Any
    one: Any
    if several.empty:
        row = table["n_segments"].idxmax()
        return row, "weak", "no candidate gives more than one segment"
    apart = several["border_density"] < _APART
    back = several["stability"] >= _TRUSTED
    valid = several["stability"] >= _VALID
    if (apart & back).any():
        row = _most(several[apart & back])
        one = several.loc[row]
        reason = "these are the most segments that are apart and come back in resamples: "
        reason += f"each with Jaccard {two_places(one['stability'])} or more, and at no border "
        reason += f"more than {two_places(one['border_density'])} times the customers of a centre"
        kind = "apart"
    elif back.any():
        pool = several[valid] if valid.any() else several[back]
        kind, by_revenue = "stable", pool["explained"].notna().any()
        row = pool["explained"].idxmax() if by_revenue else _most(pool)
        one = several.loc[row]
        reason = "there are no gaps between segments, so they divide one cloud; of the "
        reason += "divisions that come back in resamples this "
        reason += "explains later revenue best" if by_revenue else "has the most segments"
        reason += f" (Jaccard {two_places(one['stability'])} or more)"
    else:
        kind, row = "weak", several["stability"].fillna(-1).idxmax()
        one = several.loc[row]
        reason = "no candidate gives segments that all come back in resamples; this comes "
        reason += f"nearest (Jaccard of the weakest {two_places(one['stability'])})"
    reason += f"; the smallest has {text.share(one['smallest_share'])} of customers"
    if not np.isnan(one["explained"]):
        reason += f"; {text.share(one['explained'])} of the variance of later revenue is explained"
    best: Any = several["silhouette"].fillna(-1).idxmax()
    highest = several.loc[best]
    if highest["n_segments"] != one["n_segments"]:
        reason += f"; the silhouette alone would say {text.count(highest.iloc[0])}"
    return row, kind, reason


def _most(pool: pd.DataFrame) -> Any:
    """Return the row of the most segments, and of several the most stable one."""
    return pool.sort_values(["n_segments", "stability"], kind="stable").index[-1]


def _parameter(segmenter: Any) -> str:
    params = segmenter.get_params(deep=False) if hasattr(segmenter, "get_params") else {}
    if "n_segments" in params:
        return "n_segments"
    if {"min_segment_size", "min_samples"} <= set(params):
        return "min_segment_size"
    raise ParameterError(
        "this segmenter has no number of segments to choose",
        where="segmenter",
        got=type(segmenter).__name__,
        expected="one with n_segments, such as KMeansSegmenter(), or by density",
    )


def _values(candidates: Iterable[int] | None, parameter: str, n: int) -> list[int]:
    if candidates is None:
        by_share = sorted({max(5, round(share * n)) for share in _FROM_SHARES})
        return list(range(2, 13)) if parameter == "n_segments" else by_share
    values = [int(number(value, "candidates", low=1, whole=True)) for value in candidates]
    if not values or len(set(values)) < len(values):
        raise ParameterError(
            "a candidate is there twice" if values else "there are no candidates",
            where="candidates",
            got=values,
            expected="different whole numbers, such as range(2, 13)",
        )
    return values


def _later(holdout: Any, frame: Any, order: np.ndarray) -> np.ndarray | None:
    """Return later revenue in the order of the customers' values."""
    if holdout is None:
        return None
    if not isinstance(holdout, pd.Series) or not isinstance(frame, pd.DataFrame):
        raise ParameterError(
            "later revenue cannot be matched with customers",
            where="holdout",
            got=type(holdout).__name__,
            expected="a Series indexed by customer, and features indexed so as well",
        )
    twice = holdout.index.has_duplicates or frame.index.has_duplicates
    if twice:
        raise DataError("a customer is there twice", where="holdout")
    later = pd.to_numeric(holdout.reindex(frame.index), errors="coerce").to_numpy(dtype=float)
    if lacking := int((~np.isfinite(later)).sum()):
        raise DataError(
            "customers have no later revenue",
            where="holdout",
            got=f"{lacking:,} of {len(later):,} customers",
            expected="a number for every customer, 0 for those who bought nothing",
            hint="holdout.reindex(features.index, fill_value=0)",
        )
    return later[order]


def _words(name: str) -> str:
    return name.replace("_", " ").replace("ari", "ARI")
