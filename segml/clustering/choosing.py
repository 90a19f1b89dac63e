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
from segml._core.errors import NotEnoughDataError

from ._candidates import candidate_values, chosen_parameter, later_revenue
from ._input import as_frame
from ._recommendation import recommend, share_interval
from ._refit import Customers, fitted, quiet
from ._separation import explained_interval, separation
from .resampling import resampled, two_places

_MAX_CUSTOMERS = 2000
_EXPLAINED = ("explained", "explained_low", "explained_high")


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
        variance of later revenue that segments explain out of sample, with its 95% interval
        ``explained_low`` to ``explained_high``, missing without a holdout; ``recommended``,
        true for one. What has no value is missing.
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

    def said(self) -> str:
        """Return the recommendation in words, without the reason."""
        n = int(self.table.loc[self.table["recommended"], "n_segments"].iloc[0])
        said = f"{text.count(n)} segment{'s' * (n != 1)}"
        if self.table.columns[0] != "k":
            said += f", found with min_segment_size {text.count(self.recommended)},"
        return f"{said} {'is' if n == 1 else 'are'} recommended"

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
            if "explained" in shown:
                cells[-1] = html.Cell(str(cells[-1]), share_interval(row))
            if row["recommended"]:
                cells[0] = html.Cell(str(cells[0]), "recommended")
            rows.append(cells)
        called = {"k": "segments", "n_segments": "segments", by: "segments" if by == "k" else by}
        head = [called.get(name, _words(name)) for name in shown]
        parts = [html.table(head, rows, caption=self.said(), numeric=range(len(head)))]
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
    Its interval takes the customers for a sample and the segments as given (delta method for
    the ratio of the two sums): candidates whose intervals overlap widely explain about
    the same.

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
    parameter = chosen_parameter(segmenter)
    values = candidate_values(candidates, parameter, len(as_frame(X)))
    by = "k" if parameter == "n_segments" else parameter
    first, failed = None, {}
    rows: list[dict[str, Any]] = []
    for value in values:
        own = clone(segmenter).set_params(names=None, **{parameter: value})
        try:
            if first is None:  # scale and embedding are the same for all
                first = fitted(own, X)
                customers = Customers.of(first, X)
                later = later_revenue(holdout, as_frame(X), customers.order)
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
    columns += ["davies_bouldin", "border_density", "smallest_share", "noise_share", *_EXPLAINED]
    table = pd.DataFrame(rows).reindex(columns=columns)
    row, evidence, reason = recommend(table)
    table["recommended"] = np.arange(len(table)) == row
    return Selection(table, int(table.loc[row, by]), reason, evidence, failed)


def _evidence(
    own: Any, customers: Customers, labels: np.ndarray, later: Any, count: int, seed: int
) -> dict[str, float]:
    n_segments = int(labels.max(initial=-1)) + 1
    names = pd.Series("", pd.RangeIndex(n_segments))
    found = resampled(own, customers, labels, names, count, None, _MAX_CUSTOMERS, seed)
    sizes = np.bincount(labels[labels >= 0], minlength=n_segments)
    explained = (np.nan,) * 3 if later is None else explained_interval(labels, later)
    return {
        "n_segments": n_segments,
        "stability": float(found.table["jaccard"].min()),
        "ari": found.ari,
        **separation(customers.points, labels, seed),
        "smallest_share": sizes.min() / len(labels),
        "noise_share": found.noise_share,
    } | dict(zip(_EXPLAINED, explained, strict=True))


def _words(name: str) -> str:
    return name.replace("_", " ").replace("ari", "ARI")
