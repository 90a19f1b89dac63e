"""Whether segments are real: they come back when the customers are drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError, SegmlError

from ._draws import Scheme, draw_customers
from ._labels import NOISE
from ._refit import Customers, fitted, refit, repeated

#: From which mean Jaccard similarity on a segment is called so, the best first.
VERDICTS = {0.85: "highly stable", 0.75: "valid", 0.6: "doubtful", 0.0: "not trusted"}
_MIDDLE = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Stability:
    """How alike segments are when they are found again in resampled customers.

    Parameters
    ----------
    table : DataFrame
        By segment id: ``name``, ``size``; ``jaccard``, the mean similarity to the most
        similar segment of each resample, with the middle 95% of the resamples from ``low``
        to ``high``; ``dissolved``, the share of resamples where it is 0.5 or less; and
        ``verdict``, "not trusted" under 0.6, "doubtful" under 0.75, "valid" under 0.85,
        "highly stable" from there on, "unknown" where it has no customer.
    ari : float
        Mean adjusted Rand index between the segments and those of the resamples, over
        the customers who are in a segment both times; missing where there are none.
    ari_low, ari_high : float
        The middle 95% of the resamples.
    noise_share : float
        Share of customers without a segment.
    noise_jaccard : float
        Mean similarity of these to those of the resamples; missing where there are none.
    draws : DataFrame
        The similarities themselves, resamples by segment ids; missing where no customer of
        the segment was drawn.
    failed : tuple of str
        Why the other resamples have no segments, one reason each.
    scheme : str
        "bootstrap" or "subsample".
    n_drawn : int
        Customers of a resample.
    """

    table: pd.DataFrame
    ari: float
    ari_low: float
    ari_high: float
    noise_share: float
    noise_jaccard: float
    draws: pd.DataFrame
    failed: tuple[str, ...]
    scheme: str
    n_drawn: int

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(row["name"]), f"{text.count(row['size'])} customers"),
                html.Cell(two_places(row["jaccard"]), _span(row["low"], row["high"])),
                text.share(row["dissolved"]),
                str(row["verdict"]) if row["size"] else "no customers",
            ]
            for row in self.table.to_dict("records")
        ]
        kind = "bootstrap samples" if self.scheme == "bootstrap" else "subsamples"
        caption = f"Segments found again in {text.count(len(self.draws))} {kind}"
        caption += f" of {text.count(self.n_drawn)} customers"
        head = ["segment", "Jaccard", "dissolved", "verdict"]
        said = f"Adjusted Rand index of all together {two_places(self.ari)}"
        said += f" ({_span(self.ari_low, self.ari_high)})."
        if self.noise_share:
            said += f" {text.share(self.noise_share)} of customers are in no segment;"
            said += f" these come back with Jaccard {two_places(self.noise_jaccard)}."
        if self.failed:
            reason = self.failed[0].splitlines()[0]
            said += f" {text.count(len(self.failed))} further resamples gave none: {reason}."
        return html.block(html.table(head, rows, caption=caption, numeric=[1, 2]), html.note(said))


def stability(
    segmenter: Any,
    X: Any,
    n_resamples: int = 100,
    scheme: Scheme | None = None,
    max_customers: int = 2000,
    random_state: int = 0,
) -> Stability:
    r"""Find segments again in resampled customers, and say which of them come back.

    Parameters
    ----------
    segmenter : segmenter
        Such as `KMeansSegmenter`; a copy is fitted where it is not.
    X : DataFrame, FeatureTable, Polars or Arrow table, or array, (n_customers, n_features)
        The features that it was fitted on, or is to be fitted on.
    n_resamples : int, default 100
        How often.
    scheme : {"bootstrap", "subsample"}, optional
        Whether as many customers are drawn as there are, with replacement, or half of them
        without. When not given, the bootstrap; but subsamples for segments by density
        (those with ``min_samples``), as copies of a customer would be a dense place.
    max_customers : int, default 2000
        No more are drawn in a resample (m out of n).
    random_state : int, default 0
        Seed of what is drawn and of the refits.

    Returns
    -------
    Stability
        The same whatever the order of rows.

    Raises
    ------
    NotEnoughDataError
        There is no segment, or none could be found in any resample.
    ParameterError
        A parameter is out of range, or this is no segmenter.
    DataError
        As the segmenter.

    Notes
    -----
    For the segment C and a resample with the segments D, of the customers who were drawn,

    .. math:: \gamma(C) = \max_D \frac{|C \cap D|}{|C \cup D|}

    each counted once (Hennig [1]_). Its mean over the resamples is the stability of the
    segment; what it means is as in the documentation of his ``fpc::clusterboot``, and 0.5 or
    less in a resample dissolves a segment there. Stability is needed for a segment to be
    real, but not enough: half of a long lump may come back, and with too few segments each
    may be stable.

    The customers are put on the scale, and embedded, once. The refits have three starts.
    A resample of many customers has fewer than there are, which makes segments look rather
    less stable than they are, small ones most: give `max_customers` for these. Segments
    without a preprocessor of their own, by scores, are fitted anew as a whole. Parameters
    that count customers (``min_segment_size``, ``min_samples``) shrink as the customers do.

    References
    ----------
    .. [1] Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational
       Statistics & Data Analysis 52, 258-271.

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"orders": np.r_[rng.normal(3, 1, 60), rng.normal(30, 3, 40)]})
    >>> stability(KMeansSegmenter(n_segments=2), frame).table["verdict"].tolist()
    ['highly stable', 'highly stable']
    >>> stability(KMeansSegmenter(n_segments=4), frame).table["verdict"].tolist()
    ['highly stable', 'valid', 'doubtful', 'highly stable']
    """
    count = int(number(n_resamples, "n_resamples", low=2, whole=True))
    most = int(number(max_customers, "max_customers", low=2, whole=True))
    seed = int(number(random_state, "random_state", low=0, whole=True))
    if scheme is not None:
        one_of(scheme, ["bootstrap", "subsample"], "scheme")
    own = fitted(segmenter, X)
    customers = Customers.of(own, X)
    labels = own._labels(customers.points)
    return resampled(own, customers, labels, own.segments_["name"], count, scheme, most, seed)


def resampled(
    segmenter: Any,
    customers: Customers,
    labels: np.ndarray,
    names: pd.Series,
    n_resamples: int,
    scheme: Scheme | None,
    max_customers: int,
    seed: int,
) -> Stability:
    """Compute the stability of labels of customers who are in the order of their values."""
    if not len(names):
        raise NotEnoughDataError("there is no segment whose stability could be told", got="noise")
    scheme = scheme or ("subsample" if "min_samples" in segmenter.get_params() else "bootstrap")
    similar, noise, rand, failed = [], [], [], []
    drawn = np.empty(0, dtype=int)
    with repeated():
        for drawn, start in draw_customers(
            len(customers), n_resamples, scheme, max_customers, seed
        ):
            try:
                found = refit(segmenter, customers, drawn, start)
            except (SegmlError, ValueError) as problem:  # fewer distinct customers than segments
                failed.append(str(problem))
                continue
            places, first = np.unique(drawn, return_index=True)
            old, new = labels[places], found[first]
            jaccard = best_jaccard(old, new, len(names))
            similar.append(jaccard[:-1])
            noise.append(jaccard[-1])
            both = (old != NOISE) & (new != NOISE)
            rand.append(adjusted_rand_score(old[both], new[both]) if both.sum() > 1 else np.nan)
    if not similar:
        raise NotEnoughDataError(
            "no segments could be found in any resample",
            got=f"{len(customers):,} customers, {len(drawn):,} in a resample",
            hint="look for fewer segments: " + failed[0].splitlines()[0],
        )
    draws = pd.DataFrame(np.array(similar), columns=names.index)
    mean = draws.mean()
    sizes = np.bincount(labels[labels >= 0], minlength=len(names))
    table = pd.DataFrame(
        {
            "name": names,
            "size": sizes,
            "jaccard": mean,
            "low": draws.quantile(_MIDDLE[0]),
            "high": draws.quantile(_MIDDLE[1]),
            "dissolved": (draws <= 0.5).sum() / draws.notna().sum(),
            "verdict": [verdict(value) for value in mean],
        }
    )
    known = np.array(rand)[~np.isnan(rand)]
    low, high = np.quantile(known, _MIDDLE) if len(known) else (np.nan, np.nan)
    return Stability(
        table=table,
        ari=float(known.mean()) if len(known) else np.nan,
        ari_low=float(low),
        ari_high=float(high),
        noise_share=float((labels == NOISE).mean()),
        noise_jaccard=float(pd.Series(noise).mean()),
        draws=draws,
        failed=tuple(failed),
        scheme=scheme,
        n_drawn=len(drawn),
    )


def best_jaccard(old: np.ndarray, new: np.ndarray, count: int) -> np.ndarray:
    """Return how alike each segment is to the most similar new one, and noise to noise.

    Parameters
    ----------
    old, new : ndarray of int, shape (n_customers,)
        Labels, -1 for noise.
    count : int
        How many segments the old ones are.

    Returns
    -------
    ndarray, shape (count + 1,)
        Noise last; NaN where an old segment has no customer, for noise where neither has.

    Examples
    --------
    >>> best_jaccard(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0]), 2).round(2).tolist()
    [0.67, 0.5, nan]
    """
    width = int(new.max(initial=0)) + 2
    both = np.bincount((old + 1) * width + new + 1, minlength=(count + 1) * width)
    both = both.reshape(count + 1, width)
    of_old, of_new = both.sum(axis=1), both.sum(axis=0)
    with np.errstate(invalid="ignore"):
        alike = both / (of_old[:, None] + of_new - both)
    of_segments = np.nan_to_num(alike[1:, 1:]).max(axis=1)
    return np.append(np.where(of_old[1:] > 0, of_segments, np.nan), alike[0, 0])


def verdict(jaccard: float) -> str:
    """Say what a mean Jaccard similarity means.

    Examples
    --------
    >>> [verdict(value) for value in (0.9, 0.75, 0.6, 0.59, np.nan)]
    ['highly stable', 'valid', 'doubtful', 'not trusted', 'unknown']
    """
    if np.isnan(jaccard):
        return "unknown"
    return next(word for least, word in VERDICTS.items() if jaccard >= least)


def _span(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{two_places(low)} to {two_places(high)}"


def two_places(value: float) -> str:
    """Format an index that is at most 1; three significant digits would be false ones."""
    return text.MISSING if np.isnan(value) else f"{value:.2f}"
