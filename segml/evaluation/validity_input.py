"""What `validity` is given: the cut-off, labels in one order, customers on a common scale."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import RFMSegmenter
from segml.clustering._input import check_complete, check_numbers, features_of
from segml.clustering._labels import NOISE, aligned, labels_of
from segml.clustering.segment_map import scaled_values
from segml.features import FeatureTable, make_preprocessor
from segml.features.dates import as_day


def cutoff_of(as_of: Any, features: Any) -> dt.date:
    """Return the last day that the segments know."""
    own = features.as_of if isinstance(features, FeatureTable) else None
    if as_of is None:
        if own is None:
            raise ParameterError(
                "it is not known up to which day the segments know the customers",
                where="as_of",
                expected="the day of the features, such as 1998-06-30",
            )
        return own
    day = as_day(as_of, "as_of")
    if own is not None and own != day:
        raise ParameterError(
            "the features are of another day",
            where="as_of",
            got=day.isoformat(),
            expected=own.isoformat(),
        )
    return day


def ordered_labels(segments: Any, names: Any, frame: Any) -> tuple[pd.Series, dict[int, str]]:
    """Return labels in the order of customer ids, and names by segment id."""
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError(
            "the features have no customers",
            where="features",
            got=type(frame).__name__,
            expected="a FeatureTable, or a DataFrame indexed by customer",
        )
    labels, named = labels_of(segments, names)
    if not len(labels):
        raise NotEnoughDataError("there are no customers", where="segments", got="0 rows")
    labels = aligned(labels, frame.index)
    if labels.index.has_duplicates:
        raise DataError(
            "a customer is there twice",
            where="segments",
            got=f"{int(labels.index.duplicated().sum()):,} rows of customers that came before",
        )
    numbers = pd.to_numeric(labels, errors="coerce")
    if numbers.isna().any() or (numbers % 1 != 0).any() or (numbers < NOISE).any():
        raise DataError(
            "segment ids are not whole numbers",
            where="segments",
            got=sorted({str(label) for label in labels})[:5],
            expected="0, 1, 2, ..., and -1 for noise; names go into names=",
        )
    if (numbers == NOISE).all():
        raise NotEnoughDataError(
            "there are no segments: all customers are noise", where="segments", got=len(labels)
        )
    by_id = np.argsort(labels.index.astype(str), kind="stable")
    return numbers.astype(int).iloc[by_id], named


def scaled_points(segments: Any, features: Any, frame: pd.DataFrame) -> np.ndarray:
    """Return customers on the segmenter's scale, or on that of the features' meaning."""
    # Scores of RFM are rules and no scale.
    if hasattr(segments, "preprocessor_") and not isinstance(segments, RFMSegmenter):
        return scaled_values(segments, frame)
    known = features_of(features, frame.columns)
    if len(known) == frame.shape[1]:
        preprocessor = make_preprocessor([known[name] for name in frame.columns])
        return np.asarray(preprocessor.fit_transform(frame), dtype=float)
    check_numbers(frame)
    values = frame.to_numpy(dtype=float)
    check_complete(values, [str(name) for name in frame.columns])
    return np.asarray(StandardScaler().fit_transform(values))
