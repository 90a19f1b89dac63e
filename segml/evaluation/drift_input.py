"""Two sides that can be compared: the same features, and segments with the same ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering._input import as_frame
from segml.clustering._labels import NOISE, aligned, labels_of
from segml.features.preprocess import row_order


def two_frames(reference: Any, current: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both sides as tables with the same columns, customers in the order of their values.

    Raises
    ------
    DataError, NotEnoughDataError, ParameterError
        As `drift`.
    """
    frames = [as_frame(side) for side in (reference, current)]
    for frame, where in zip(frames, ("reference", "current"), strict=True):
        if not isinstance(frame, pd.DataFrame):
            raise ParameterError(
                "this is no table of features",
                where=where,
                got=type(frame).__name__,
                expected="a DataFrame, FeatureTable, Polars or Arrow table",
            )
        if frame.empty:
            raise NotEnoughDataError(
                "there is nothing to compare",
                where=where,
                got=f"{len(frame):,} customers, {len(frame.columns):,} features",
            )
        for index, what in ((frame.index, "customer"), (frame.columns, "column")):
            if index.has_duplicates:
                raise DataError(
                    f"a {what} is there twice",
                    where=where,
                    got=f"{int(index.duplicated().sum()):,} repeated",
                )
    columns = [list(frame.columns) for frame in frames]
    only = [[str(x) for x in one if x not in set(other)] for one, other in (columns, columns[::-1])]
    if only[0] or only[1]:
        raise DataError(
            "the features are not the same",
            got=f"only in the reference: {', '.join(only[0]) or 'none'}; "
            f"only now: {', '.join(only[1]) or 'none'}",
            expected="the same columns",
        )
    frames[1] = frames[1][columns[0]]
    # Sums in another order differ in their last digits.
    return frames[0].iloc[row_order(frames[0])], frames[1].iloc[row_order(frames[1])]


def two_labels(
    frames: tuple[pd.DataFrame, pd.DataFrame],
    segments: Any,
    current_segments: pd.Series | None,
    names: Mapping[int, str] | pd.Series | None,
) -> tuple[tuple[np.ndarray, np.ndarray], dict[int, str]]:
    """Return the segments of both sides' customers, and the names of all segments by id.

    Raises
    ------
    DataError, ParameterError
        As `drift`.
    """
    if hasattr(segments, "predict") and hasattr(segments, "segments_"):
        found = [segments.predict(own_features(segments, frame)) for frame in frames]
        named = {int(i): str(x) for i, x in segments.segments_["name"].items()}
        named |= dict(names) if names is not None else {}
    else:
        before, named = labels_of(segments, names)
        if current_segments is None:
            raise ParameterError(
                "the current customers have no segments",
                where="current_segments",
                got=None,
                expected="a Series of segment ids, or a fitted segmenter for both",
            )
        found = [before, current_segments]
    if current_segments is not None:
        found[1] = current_segments
    labels = [
        aligned(side, frame.index).to_numpy() for side, frame in zip(found, frames, strict=True)
    ]
    ids = sorted({*labels[0], *labels[1], *(i for i in named if i != NOISE)})
    called = [str(named.get(i, "noise" if i == NOISE else f"segment {i}")) for i in ids]
    return (labels[0], labels[1]), dict(zip([int(i) for i in ids], called, strict=True))


def own_features(segmenter: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the features that a segmenter was fitted on.

    Raises
    ------
    DataError
        Some are not there.
    """
    wanted = list(getattr(segmenter, "feature_names_in_", frame.columns))
    if lacking := [str(name) for name in wanted if name not in frame.columns]:
        raise DataError(
            "features that the segments are made from are not there",
            where="reference",
            got=", ".join(map(str, frame.columns)),
            expected=", ".join(lacking),
        )
    return frame[wanted]
