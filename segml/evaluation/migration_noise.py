"""How many customers change segment only because segments were found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError, SegmlError
from segml.clustering._draws import draw_customers
from segml.clustering._refit import Customers, fitted, refit, repeated
from segml.clustering.matching import match_segments

_MIDDLE = (0.025, 0.975)
_OUT = -2  # not drawn; -1 is noise


@dataclass(frozen=True, eq=False)
class RefitNoise:
    """The share of customers whose segment differs between two refits, though none moved.

    Parameters
    ----------
    moved : float
        Its mean over pairs of refits.
    low, high : float
        The middle 95% of the pairs.
    table : DataFrame
        By segment id: ``name``, and ``moved``, ``low`` and ``high`` of the customers of
        the segment; missing where it was never found again.
    draws : ndarray, shape (n_pairs,)
        The shares themselves.
    failed : tuple of str
        Why other refits have no segments, one reason each.
    n_customers : int
        Customers of a refit.
    """

    moved: float
    low: float
    high: float
    table: pd.DataFrame
    draws: np.ndarray
    failed: tuple[str, ...]
    n_customers: int

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [str(row["name"]), html.Cell(text.share(row["moved"]), _span(row["low"], row["high"]))]
            for row in self.table.to_dict("records")
        ]
        rows.append(
            ["all customers", html.Cell(text.share(self.moved), _span(self.low, self.high))]
        )
        caption = "Customers who change segment between two refits of the same customers, over "
        caption += f"{text.count(len(self.draws))} pairs of resamples"
        table = html.table(["segment", "change segment"], rows, caption=caption, numeric=[1])
        failed = f"{text.count(len(self.failed))} further pairs gave no segments: "
        said = [html.note(failed + self.failed[0].splitlines()[0])] if self.failed else []
        return html.block(table, *said)


def refit_noise(
    segmenter: Any,
    X: Any,
    n_pairs: int = 25,
    scheme: Literal["bootstrap", "subsample"] | None = None,
    random_state: int = 0,
) -> RefitNoise:
    """Find segments in pairs of resamples, and see who is in another segment.

    Parameters
    ----------
    segmenter : segmenter
        Such as `KMeansSegmenter`; a copy is fitted where it is not.
    X : DataFrame, FeatureTable, Polars or Arrow table, or array, (n_customers, n_features)
        The features that it was fitted on, or is to be fitted on.
    n_pairs : int, default 25
        How many pairs.
    scheme : {"bootstrap", "subsample"}, optional
        As in `segml.clustering.stability`: subsamples of half for segments by density.
    random_state : int, default 0
        Seed of what is drawn and of the refits.

    Returns
    -------
    RefitNoise
        The same whatever the order of rows.

    Raises
    ------
    NotEnoughDataError
        There is no segment, or no pair of refits has any.
    ParameterError
        A parameter is out of range, or this is no segmenter.
    DataError
        As the segmenter.

    Notes
    -----
    Two segmentations are each found in a resample of all customers, drawn independently,
    matched, and compared in the customers whom both drew. Resampling twice stands for
    two samples from one population (Hennig 2007, Computational Statistics & Data Analysis 52,
    258-271, compares a resample with the segments themselves): that is how far apart
    segmentations of two times are when nothing changed but who happened to be there. Where
    most customers are the same at both times it is more than need be, so that movement is
    told rather too seldom than too often.

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"orders": np.r_[rng.normal(3, 1, 60), rng.normal(30, 3, 40)]})
    >>> refit_noise(KMeansSegmenter(n_segments=2), frame).moved
    0.0
    >>> bool(refit_noise(KMeansSegmenter(n_segments=4), frame).moved > 0.1)
    True
    """
    count = int(number(n_pairs, "n_pairs", low=2, whole=True))
    seed = int(number(random_state, "random_state", low=0, whole=True))
    if scheme is not None:
        one_of(scheme, ["bootstrap", "subsample"], "scheme")
    own = fitted(segmenter, X)
    names = own.segments_["name"]
    if not len(names):
        raise NotEnoughDataError("there is no segment to be found again", got="noise")
    customers = Customers.of(own, X)
    labels = own._labels(customers.points)
    by_density = "min_samples" in own.get_params(deep=False)
    scheme = scheme or ("subsample" if by_density else "bootstrap")
    n = len(customers)
    drawn = list(draw_customers(n, 2 * count, scheme, n, seed))
    shares, by_segment, failed = [], [], []
    with repeated():
        for pair in zip(drawn[::2], drawn[1::2], strict=True):
            try:
                one, other = (_found(own, customers, *draw) for draw in pair)
            except (SegmlError, ValueError) as problem:  # fewer distinct customers than segments
                failed.append(str(problem))
                continue
            shared = (one != _OUT) & (other != _OUT)
            if not shared.any():
                failed.append("the two resamples share no customer")
                continue
            share, of_each = _moved(labels[shared], one[shared], other[shared], names.index)
            shares.append(share)
            by_segment.append(of_each)
    if not shares:
        raise NotEnoughDataError(
            "no segments could be found in any pair of resamples",
            got=f"{n:,} customers",
            hint="look for fewer segments: " + failed[0].splitlines()[0],
        )
    each = pd.DataFrame(by_segment, columns=names.index)
    low, high = np.quantile(shares, _MIDDLE)
    return RefitNoise(
        moved=float(np.mean(shares)),
        low=float(low),
        high=float(high),
        table=pd.DataFrame(
            {
                "name": names,
                "moved": each.mean(),
                "low": each.quantile(_MIDDLE[0]),
                "high": each.quantile(_MIDDLE[1]),
            }
        ),
        draws=np.array(shares),
        failed=tuple(failed),
        n_customers=len(drawn[0][0]),
    )


def _found(segmenter: Any, customers: Customers, drawn: np.ndarray, start: int) -> np.ndarray:
    """Return the label of each customer in a refit; `_OUT` for those who were not drawn."""
    found = refit(segmenter, customers, drawn, start)
    places, first = np.unique(drawn, return_index=True)
    labels = np.full(len(customers), _OUT)
    labels[places] = found[first]
    return labels


def _moved(
    labels: np.ndarray, one: np.ndarray, other: np.ndarray, ids: pd.Index
) -> tuple[float, list[float]]:
    """Return the share of customers in another segment, of all and by segment."""
    first, second = pd.Series(one), pd.Series(other)
    moved = (match_segments(first, second).rename(second) != first).to_numpy()
    called = match_segments(pd.Series(labels), first).rename(first).to_numpy()
    return float(moved.mean()), [
        float(moved[called == i].mean()) if (called == i).any() else np.nan for i in ids
    ]


def _span(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{text.share(low)} to {text.share(high)}"
