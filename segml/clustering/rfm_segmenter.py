"""Segments by rules on the scores of recency, frequency and monetary value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from segml._core.check import nearest
from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError

from ._segmenter import Segmenter
from .naming import check_own_names
from .rfm_grid import RFM_SEGMENTS, rule_middles, segment_of
from .rfm_scorer import FEATURES, SUMMARY, RFMScorer


class RFMSegmenter(Segmenter):
    """Segments by the table `RFM_SEGMENTS`: Champions, Loyal customers and so on.

    Customers are scored from 1 to 5 for how recently, how often and for how much they
    buy, and the scores say the segment. Nothing is searched for: ids are places in the
    table, the same in every fit. Other customers are scored by the same cuts.

    Parameters
    ----------
    names : mapping of int to str, optional
        Own names for segments, by id.
    min_segment_size : int, default 0
        Customers that a segment needs. One of fewer is merged into the segment whose
        scores in the table are nearest; the ids after it move up. With 0, all segments are kept,
        also those without a customer today: new customers may come to them.
    max_segments : int, optional
        How many segments there may be; the smallest of more are merged in the same way.

    Attributes
    ----------
    labels_ : Series, shape (n_customers,)
        Segment ids, indexed by customer.
    segments_ : DataFrame
        One row per segment, by id: ``name``, ``size``, ``share`` of customers.
    dissolved_ : DataFrame
        Segments that were merged: ``size`` and ``reason``, in that order.
    cuts_ : dict of str to list of float
        Values above which the next score begins; `rfm_scores` takes them.
    preprocessor_ : RFMScorer
        Gives the scores.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    rfm_scores : The same scores as SQL in the engine.

    Notes
    -----
    The rules are on the score of recency and on the mean of the scores of frequency and
    monetary value, a half rounded up. Memberships are 0 or 1.

    The RFM table and the features differ in what they count: repeat purchases and their
    mean value there, all orders and their revenue here. The table is taken where both
    are there.

    Examples
    --------
    >>> import pandas as pd
    >>> rfm = pd.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 3, 9],
    ...         "recency": [0, 0, 20, 30, 99],
    ...         "T": [3, 99, 99, 99, 100],
    ...         "monetary_value": [None, None, 10.0, 20.0, 50.0],
    ...     },
    ...     index=list("abcde"),
    ... )
    >>> segmenter = RFMSegmenter().fit(rfm)
    >>> segmenter.segments_["name"][segmenter.labels_].tolist()
    ['Promising', 'Hibernating', 'Hibernating', 'Need attention', 'Champions']
    """

    def __init__(
        self,
        names: Mapping[int, str] | None = None,
        min_segment_size: int = 0,
        max_segments: int | None = None,
    ) -> None:
        self.names = names
        self.min_segment_size = min_segment_size
        self.max_segments = max_segments

    def __sklearn_tags__(self) -> Any:
        """Say that columns are known by their names: an array has none."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags

    @property
    def cuts_(self) -> dict[str, list[float]]:
        """Values above which the next score begins."""
        check_is_fitted(self)
        return dict(self.preprocessor_.cuts_)

    def scores(self, X: Any) -> pd.DataFrame:
        """Score customers from 1 to 5.

        Parameters
        ----------
        X : as for `fit`
            The same columns.

        Returns
        -------
        DataFrame, shape (n_customers, 4)
            ``recency_score``, ``frequency_score``, ``monetary_score`` and ``rfm``, the three
            digits as text, as of `rfm_scores`.
        """
        X, points = self._points(X)
        names = self.preprocessor_.get_feature_names_out()
        scores = pd.DataFrame(points.astype(int), index=X.index, columns=names)
        digits = scores.to_numpy() @ [100, 10, 1]
        return scores.assign(rfm=[str(number) for number in digits])

    def _validate(self, X: Any, reset: bool) -> Any:
        if not isinstance(X, pd.DataFrame):
            raise DataError(
                "the columns have no names",
                got=type(X).__name__,
                expected=f"a table with the columns {', '.join(SUMMARY)}",
            )
        fitted = None if reset else list(self.feature_names_in_)
        wanted = fitted or list(SUMMARY if set(SUMMARY) <= set(X.columns) else FEATURES)
        if absent := [name for name in wanted if name not in X.columns]:
            expected = ", ".join(fitted or SUMMARY)
            raise MissingTableError(
                "a column to score customers by is missing",
                where=f"column {absent[0]}" if fitted else None,
                got=", ".join(map(str, X.columns)),
                expected=expected if fitted else f"{expected}; or {', '.join(FEATURES)}",
                nearest=nearest(absent[0], map(str, X.columns)) if fitted else None,
            )
        if not len(X):
            raise NotEnoughDataError("there are no customers", got="0 rows")
        return super()._validate(X[wanted], reset)

    def _is_raw(self, X: Any) -> bool:
        return True

    def _new_preprocessor(self) -> RFMScorer:
        return RFMScorer()

    def _find(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        self._names, self._middles = list(RFM_SEGMENTS), rule_middles()
        return self._label(points), len(RFM_SEGMENTS)

    def _label(self, points: np.ndarray) -> np.ndarray:
        return segment_of(points)

    def _soft(self, points: np.ndarray) -> np.ndarray:
        return np.eye(len(RFM_SEGMENTS))[self._label(points)]

    def _arrange(self, rank: np.ndarray) -> None:
        """Keep the order of the table."""

    def _dissolve(
        self, points: np.ndarray, labels: np.ndarray, means: np.ndarray, smallest: int
    ) -> tuple[np.ndarray, int]:
        # By the rules, not by the customers: a segment may have none.
        labels, count = super()._dissolve(points, labels, self._middles, smallest)
        del self._names[smallest]
        self._middles = np.delete(self._middles, smallest, axis=0)
        return labels, count

    def _called(self, segment: int) -> str:
        return self._names[segment]

    def _own_words(self, contrasts: pd.DataFrame, words: pd.DataFrame) -> list[str]:
        own = check_own_names(self.names, len(self._names))
        names = [own.get(i, name) for i, name in enumerate(self._names)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ParameterError(
                "two segments have the same name",
                where="names",
                got=twice[0],
                expected="a name of its own for each segment",
            )
        return names
