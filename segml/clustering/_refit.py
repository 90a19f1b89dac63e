"""Finding segments again, without what a fit does beside: scaling, naming, describing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from segml._core.errors import ParameterError, SegmlWarning
from segml.features.preprocess import row_order

from ._input import as_frame
from ._segmenter import Segmenter

_STARTS = 3  # of a refit: those of a fit would take several times as long, and change little
_COUNTS = ("min_segment_size", "min_samples")  # parameters that count customers


@dataclass(frozen=True, eq=False)
class Customers:
    """Customers in the order of their values, as a segmenter sees them.

    Parameters
    ----------
    points : ndarray, shape (n_customers, n_columns)
        On the preprocessed scale, in the space of the embedding where there is one.
    rows : DataFrame or None
        The features themselves where the scale is a part of the segments, as scores are.
    order : ndarray, shape (n_customers,)
        Where each was in the order in which they came.
    """

    points: np.ndarray
    rows: Any
    order: np.ndarray

    @classmethod
    def of(cls, segmenter: Segmenter, X: Any) -> Self:
        """Return the customers as a fitted segmenter sees them."""
        frame = as_frame(X)
        _, points = segmenter._points(X)
        if "preprocessor" in segmenter.get_params(deep=False):
            order = np.lexsort(points.T[::-1])
            return cls(points[order], None, order)
        frame = pd.DataFrame(frame)
        order = row_order(frame[list(segmenter.feature_names_in_)])
        return cls(points[order], frame.iloc[order].reset_index(drop=True), order)

    def __len__(self) -> int:
        return len(self.points)


def fitted(segmenter: Any, X: Any) -> Segmenter:
    """Return the segmenter, or a fitted copy where it is not fitted.

    Raises
    ------
    ParameterError
        It is no segmenter.
    """
    if not isinstance(segmenter, Segmenter):
        raise ParameterError(
            "this is not a segmenter",
            where="segmenter",
            got=type(segmenter).__name__,
            expected="a segmenter such as KMeansSegmenter(n_segments=5)",
        )
    return segmenter if hasattr(segmenter, "segments_") else clone(segmenter).fit(X)


def find(segmenter: Segmenter, points: np.ndarray) -> np.ndarray:
    """Return the labels that a segmenter gives to points in the order of their values."""
    labels, _ = segmenter._settle(points, *segmenter._find(points))
    return labels


def refit(segmenter: Segmenter, customers: Customers, drawn: np.ndarray, seed: int) -> np.ndarray:
    """Return the labels of some customers when segments are found among them alone.

    Parameters
    ----------
    segmenter : Segmenter
        Whose parameters count; it is not changed. Those that count customers shrink as
        the customers do.
    customers : Customers
        All of them.
    drawn : ndarray of int, shape (n_drawn,)
        Their places, ascending; some may be drawn more than once.
    seed : int
        Of the starts.
    """
    again = clone(segmenter)
    params = again.get_params(deep=False)
    changed: dict[str, Any] = {"random_state": seed} if "random_state" in params else {}
    if "n_init" in params:
        changed["n_init"] = min(params["n_init"], _STARTS)
    for name in _COUNTS:
        if (value := params.get(name)) and value > 1:
            least = 2 if name == "min_segment_size" else 1
            changed[name] = max(least, round(value * len(drawn) / len(customers)))
    again.set_params(**changed)
    if customers.rows is None:
        return find(again, customers.points[drawn])
    return np.asarray(again.set_params(names=None).fit(customers.rows.iloc[drawn]).labels_)


@contextmanager
def repeated() -> Iterator[None]:
    """Find segments many times: one thread, no warnings, no checks of what was checked before.

    One thread because sums in another order differ. It is entered once for all refits:
    looking up the threads of the process takes as long as a refit.
    """
    with (
        threadpool_limits(limits=1),
        warnings.catch_warnings(action="ignore"),
        config_context(assume_finite=True, skip_parameter_validation=True),
    ):
        yield


def quiet(segmenter: Segmenter, points: np.ndarray) -> np.ndarray:
    """Return labels as `find` does, where finding none is one result of several."""
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmlWarning)
        return find(segmenter, points)
