"""How far customers of one segment belong to others as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core.errors import NotEnoughDataError

from ._labels import NOISE


@dataclass(frozen=True)
class MembershipOverlap:
    """Mean memberships between segments.

    Parameters
    ----------
    matrix : DataFrame, shape (n_segments, n_segments)
        Row i, column j: mean membership in segment j of the customers of segment i;
        missing where a segment has no customers.
    segments : DataFrame
        By segment id: ``name``, ``size``, and ``torn``, the share of its customers who
        belong to it by less than one half.
    n_noise : int
        Customers without a segment, who are in no row.
    """

    matrix: pd.DataFrame
    segments: pd.DataFrame
    n_noise: int


def membership_overlap(segmenter: Any, X: Any) -> MembershipOverlap:
    """Average the memberships of the customers of each segment.

    Parameters
    ----------
    segmenter : segmenter
        Fitted, with ``predict_membership``.
    X : as for its ``fit``, shape (n_customers, n_features)
        The features that it was fitted on; of any customers.

    Returns
    -------
    MembershipOverlap
        Rows sum to 1 where memberships do; less is left to noise.

    Raises
    ------
    NotEnoughDataError
        No customer has a segment.

    Examples
    --------
    >>> from segml.clustering import KMeansSegmenter
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> overlap = membership_overlap(KMeansSegmenter(n_segments=2).fit(frame), frame)
    >>> overlap.matrix.round(3).to_numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    labels = np.asarray(segmenter.predict(X), dtype=int)
    membership = segmenter.predict_membership(X)
    ids = segmenter.segments_.index
    if not (labels != NOISE).any():
        raise NotEnoughDataError(
            "no customer has a segment", where="X", got=f"{len(labels):,} customers of noise"
        )
    values = membership[list(ids)].to_numpy(dtype=float)
    # Sums do not depend on the order of rows: each segment's are added in order of size.
    own = [np.sort(values[labels == i], axis=0) for i in ids]
    matrix = pd.DataFrame(
        [part.mean(axis=0) if len(part) else np.full(len(ids), np.nan) for part in own],
        index=ids.rename("segment"),
        columns=ids.rename("member of"),
    )
    segments = pd.DataFrame(
        {
            "name": segmenter.segments_["name"].astype(str),
            "size": [len(part) for part in own],
            "torn": [
                float((part[:, j] < 0.5).mean()) if len(part) else np.nan
                for j, part in enumerate(own)
            ],
        },
        index=ids.rename("segment"),
    )
    return MembershipOverlap(matrix, segments, int((labels == NOISE).sum()))
