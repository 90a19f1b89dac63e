"""k-means segments whose labels depend on the data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from segml._core.check import number

from ._input import check_distinct
from ._segmenter import Segmenter


class KMeansSegmenter(Segmenter):
    """Segments by k-means on preprocessed features.

    The same customers get the same labels however their rows are ordered, stored or
    contained. Segment 0 is the largest.

    Parameters
    ----------
    n_segments : int, default 5
        How many segments.
    preprocessor : transformer, optional
        Brings the features to one scale, such as `segml.features.make_preprocessor`
        gives; they are standardised when there is none. A copy is fitted.
    names : mapping of int to str, optional
        Own names for segments, by id; the others are named by what sets them apart.
    n_init : int, default 10
        Starts, of which the best is kept.
    random_state : int, default 0
        Seed of the starts.
    embedding : transformer, optional
        Fitted to the preprocessed features, in whose space segments are found, such as
        scikit-learn's PCA; a copy is fitted. One in a ``sklearn.frozen.FrozenEstimator``
        is used as it is.
    min_segment_size : int, default 1
        Customers that a segment needs. While one has fewer, its centre is taken away,
        and the algorithm goes on from the others.

    Attributes
    ----------
    labels_ : Series or ndarray, shape (n_customers,)
        Segment ids, indexed by customer where the features were.
    segments_ : DataFrame
        One row per segment, by id: ``name``, ``size``, ``share`` of customers.
    dissolved_ : DataFrame
        Segments that were too small: ``size`` and ``reason``, in the order in which they
        were dissolved. There is always one segment left.
    cluster_centers_ : ndarray, shape (n_segments, n_columns)
        Centres on the preprocessed scale, or in the space of the embedding.
    inertia_ : float
        Sum of squared distances of customers to their centres, there.
    preprocessor_, embedding_ : transformer
        The fitted copies.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Lloyd's algorithm minimises the sum of squared distances to the centres. Rows are
    sorted by their values before the fit and one thread is used, because sums in
    another order differ in their last digits, and ties then fall otherwise.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful
    seeding. SODA '07, 1027-1035.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> segmenter = KMeansSegmenter(n_segments=2).fit(frame)
    >>> segmenter.labels_.to_dict()
    {'a': 0, 'b': 0, 'c': 0, 'd': 1, 'e': 1}
    >>> segmenter.segments_["name"].tolist()
    ['Few-order', 'Frequent']
    """

    def __init__(
        self,
        n_segments: int = 5,
        preprocessor: Any = None,
        names: Mapping[int, str] | None = None,
        n_init: int = 10,
        random_state: int = 0,
        embedding: Any = None,
        min_segment_size: int = 1,
    ) -> None:
        self.n_segments = n_segments
        self.preprocessor = preprocessor
        self.names = names
        self.n_init = n_init
        self.random_state = random_state
        self.embedding = embedding
        self.min_segment_size = min_segment_size

    def transform(self, X: Any) -> Any:
        """Return distances to the centres, on the preprocessed scale.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_segments)
            Euclidean distances; a DataFrame after ``set_output(transform="pandas")``.
        """
        return np.sqrt(self._squared_distances(self._points(X)[1]))

    def predict_membership(self, X: Any) -> pd.DataFrame:
        """Say how far each customer belongs to each segment.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        DataFrame, shape (n_customers, n_segments)
            Memberships by segment id; each row sums to 1 and the largest is that of
            the predicted segment.

        Notes
        -----
        k-means is the limit of a mixture of equally likely spherical normals; with their
        common variance put at its estimate s² = inertia / (n p), memberships are
        proportional to exp(-d² / (2 s²)) (Bishop 2006, Pattern Recognition and Machine
        Learning, section 9.3.2).
        """
        return super().predict_membership(X)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        number(self.n_segments, "n_segments", low=1, whole=True)
        number(self.n_init, "n_init", low=1, whole=True)

    def _find(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        n_segments = int(self.n_segments)
        check_distinct(points, n_segments)
        return self._lloyd(points, n_segments, int(self.n_init))

    def _lloyd(
        self, points: np.ndarray, n_segments: int, n_init: int, init: Any = "k-means++"
    ) -> tuple[np.ndarray, int]:
        kmeans = KMeans(n_segments, init=init, n_init=n_init, random_state=self.random_state)
        kmeans.fit(points)
        self.cluster_centers_ = kmeans.cluster_centers_
        self.inertia_ = float(kmeans.inertia_)
        self.n_iter_ = int(kmeans.n_iter_)
        return kmeans.labels_, n_segments

    def _dissolve(
        self, points: np.ndarray, labels: np.ndarray, means: np.ndarray, smallest: int
    ) -> tuple[np.ndarray, int]:
        """Take the centre away and go on from the others."""
        centers = np.delete(self.cluster_centers_, smallest, axis=0)
        self._ids = np.arange(len(centers))
        return self._lloyd(points, len(centers), 1, centers)

    def _arrange(self, rank: np.ndarray) -> None:
        self.cluster_centers_ = self.cluster_centers_[rank]

    def _label(self, points: np.ndarray) -> np.ndarray:
        return self._squared_distances(points).argmin(axis=1)

    def _soft(self, points: np.ndarray) -> np.ndarray:
        squared = self._squared_distances(points)
        n = self.segments_["size"].sum()
        variance = max(self.inertia_ / (n * self.cluster_centers_.shape[1]), np.finfo(float).tiny)
        excess = squared - squared.min(axis=1, keepdims=True)
        with np.errstate(over="ignore"):  # where every customer is a centre, s² is next to nothing
            weight = np.exp(-excess / (2 * variance))
        return weight / weight.sum(axis=1, keepdims=True)

    def _squared_distances(self, points: np.ndarray) -> np.ndarray:
        # Differences, not the faster |x|² - 2xc + |c|²: that depends on how rows are batched.
        squared = np.zeros((len(self.cluster_centers_), len(points)))
        for column, centers in zip(points.T.copy(), self.cluster_centers_.T, strict=True):
            for sums, center in zip(squared, centers, strict=True):
                sums += (column - center) ** 2
        return squared.T
