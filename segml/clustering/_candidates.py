"""What is looked at when the number of segments is chosen: candidates and later revenue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import DataError, ParameterError

_FROM_SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)


def chosen_parameter(segmenter: Any) -> str:
    """Return the parameter that says how many segments there are.

    Raises
    ------
    ParameterError
        There is none.
    """
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


def candidate_values(candidates: Iterable[int] | None, parameter: str, n: int) -> list[int]:
    """Return the candidates, checked; those by default for so many customers where none are given.

    Raises
    ------
    ParameterError
        There is none, one is there twice, or one is no whole number from 1 on.
    """
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


def later_revenue(holdout: Any, frame: Any, order: np.ndarray) -> np.ndarray | None:
    """Return later revenue in the order of the customers' values.

    Raises
    ------
    DataError
        A customer is there twice or has none.
    ParameterError
        It cannot be matched with customers.
    """
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
