"""What all segmenters share: input, scale, order of rows and of ids, guards and names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from threadpoolctl import threadpool_limits

from segml._core.check import number

from ._input import as_frame, features_of, like_input
from ._points import Points
from .contrasts import segment_contrasts
from .naming import check_own_names, name_segments


class Segmenter(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, Points):
    """Base of segmenters.

    A segmenter says how segments are found in points (`_find`), which one a point is in
    (`_label`) and how far it belongs to each (`_soft`). Points are the customers on the
    preprocessed scale, embedded where there is an embedding, and in the order of their
    values, so that neither the order nor the container of the rows changes anything.

    Notes
    -----
    One thread is used in a fit, because sums in another order differ in their last
    digits, and ties then fall otherwise.
    """

    names: Mapping[int, str] | None = None
    min_segment_size: int = 1
    max_segments: int | None = None
    _ids: np.ndarray  # of the segments as they were found

    @abstractmethod
    def _find(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        """Find segments: return the label of each point, -1 for noise, and how many there are."""

    @abstractmethod
    def _label(self, points: np.ndarray) -> np.ndarray:
        """Return the segment that each point is in as it was found, -1 for none."""

    @abstractmethod
    def _soft(self, points: np.ndarray) -> np.ndarray:
        """Return memberships, shape (n_points, segments found)."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find segments.

        Parameters
        ----------
        X : DataFrame, FeatureTable, Polars or Arrow table, or array, (n_customers, n_features)
            Features; a DataFrame is indexed by customer, a Polars or Arrow table has a
            column ``customer_id``. Categories and missing values need a preprocessor that
            takes them.
        y : None
            Ignored.

        Returns
        -------
        Segmenter
            Itself, fitted.

        Raises
        ------
        DataError
            Infinite values; without a preprocessor for them, missing values or text.
        NotEnoughDataError
            Fewer distinct customers than segments.
        ParameterError
            A parameter is out of range, or a name is given to no segment or to two.
        """
        self._check_parameters()
        given, X = X, self._validate(as_frame(X), reset=True)
        with threadpool_limits(limits=1):
            order, scaled = self._fit_scale(X)
            points = self._fit_embedding(scaled)
            labels, count = self._settle(points, *self._find(points))
        by_row = np.empty_like(labels)
        by_row[order] = labels
        self.labels_ = like_input(by_row, X)
        self._n_features_out = count
        # Noise is some of the customers to whom segments are compared, but is not one of them.
        noise = int((labels < 0).any())
        groups = np.where(labels < 0, count, labels)
        sizes = np.bincount(groups, minlength=count + noise)
        means = np.nan_to_num(_means(scaled, groups, count + noise))
        self.segments_ = self._describe(given, scaled, means, sizes, noise)
        return self

    def predict(self, X: Any) -> Any:
        """Say which segment customers are in.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        Series or ndarray, shape (n_customers,)
            Segment ids; for the customers of the fit they are `labels_`.
        """
        X, points = self._points(X)
        return like_input(self._labels(points), X)

    def predict_membership(self, X: Any) -> pd.DataFrame:
        """Say how far each customer belongs to each segment.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        DataFrame, shape (n_customers, n_segments)
            Memberships by segment id, from 0 to 1; what is lacking to 1 in a row is noise.
        """
        X, points = self._points(X)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(self._memberships(points), index, self.segments_.index)

    def transform(self, X: Any) -> Any:
        """Return memberships as features.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_segments)
            As `predict_membership`; a DataFrame after ``set_output(transform="pandas")``.
        """
        return self._memberships(self._points(X)[1])

    # What a segmenter may do its own way.

    def _check_parameters(self) -> None:
        """Refuse parameters that are out of range."""
        number(self.min_segment_size, "min_segment_size", low=0, whole=True)
        if self.max_segments is not None:
            number(self.max_segments, "max_segments", low=1, whole=True)

    def _dissolve(
        self, points: np.ndarray, labels: np.ndarray, means: np.ndarray, smallest: int
    ) -> tuple[np.ndarray, int]:
        """Give the points of the smallest segment to the one of the nearest mean."""
        others = np.delete(np.arange(len(means)), smallest)
        distances = ((means[others] - means[smallest]) ** 2).sum(axis=1)
        ids = np.where(np.arange(len(means)) > smallest, -1, 0) + np.arange(len(means))
        ids[smallest] = ids[others[distances.argmin()]]
        self._ids = np.append(ids, -1)[self._ids]
        return np.append(ids, -1)[labels], len(others)

    def _arrange(self, rank: np.ndarray) -> None:
        """Give segments other ids: that which was ``rank[i]`` becomes i."""
        self._ids = np.append(np.argsort(rank), -1)[self._ids]

    def _called(self, segment: int) -> str:
        """Return what a segment that is dissolved is called in the reason."""
        return "a segment"

    def _own_words(self, contrasts: pd.DataFrame, words: pd.DataFrame) -> list[str]:
        """Return the segments' names."""
        return name_segments(contrasts, check_own_names(self.names, len(contrasts)), words)

    # The same for all.

    def _settle(self, points: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, int]:
        """Dissolve segments against the guards and number the others, the largest first."""
        self._ids = np.arange(count)
        dissolved = []
        while True:
            sizes = np.bincount(labels[labels >= 0], minlength=count)
            means = _means(points, labels, count)
            rank = np.lexsort((*means.T[::-1], -sizes))
            if not (reason := self._objection(sizes)):
                break
            smallest = int(rank[-1])
            reason = f"{self._called(smallest)} {reason}"
            dissolved.append({"size": int(sizes[smallest]), "reason": reason})
            labels, count = self._dissolve(points, labels, means, smallest)
        self.dissolved_ = pd.DataFrame(dissolved, columns=["size", "reason"])
        self._arrange(rank)
        return self._labels(points), count

    def _objection(self, sizes: np.ndarray) -> str:
        """Return what the guards have against the smallest segment; one is always kept."""
        if len(sizes) < 2:
            return ""
        if sizes.min() < self.min_segment_size:
            return f"of {sizes.min()} is smaller than min_segment_size={self.min_segment_size}"
        if self.max_segments is not None and len(sizes) > self.max_segments:
            return f"of {sizes.min()} is the smallest and beyond max_segments={self.max_segments}"
        return ""

    def _describe(
        self, given: Any, scaled: np.ndarray, means: np.ndarray, sizes: np.ndarray, noise: int = 0
    ) -> pd.DataFrame:
        """Return name, size and share of each segment; the last `noise` of them have none."""
        count = len(sizes) - noise
        columns = self._columns(scaled.shape[1])
        known = features_of(given, [feature for feature, _ in columns])
        contrasts, words = segment_contrasts(means, sizes, scaled, columns, known)
        names = self._own_words(contrasts.iloc[:count], words.iloc[:count])
        return pd.DataFrame(
            {"name": names, "size": sizes[:count], "share": sizes[:count] / sizes.sum()},
            index=pd.Index(range(count), name="segment"),
        )

    def _labels(self, points: np.ndarray) -> np.ndarray:
        return np.append(self._ids, -1)[self._label(points)]

    def _memberships(self, points: np.ndarray) -> np.ndarray:
        found = self._soft(points)
        merged = np.zeros((len(points), self._ids.max(initial=-1) + 1))
        for j, segment in enumerate(self._ids):
            merged[:, segment] += found[:, j]
        return merged


def _means(points: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return the mean of each segment, NaN where it is empty."""
    inside = labels >= 0
    sizes = np.bincount(labels[inside], minlength=count)
    sums = np.empty((count, points.shape[1]))
    for j, column in enumerate(points.T):
        sums[:, j] = np.bincount(labels[inside], weights=column[inside], minlength=count)
    with np.errstate(invalid="ignore"):
        return sums / sizes[:, None]
