"""k-means segments whose labels depend on the data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    clone,
)
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)
from threadpoolctl import threadpool_limits

from segml._core.check import number
from segml.features.preprocess import row_order

from ._input import (
    as_dense,
    as_frame,
    check_complete,
    check_distinct,
    check_numbers,
    features_of,
    like_frame,
    like_input,
)
from .contrasts import scaled_columns, segment_contrasts
from .naming import check_own_names, name_segments


class KMeansSegmenter(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
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

    Attributes
    ----------
    labels_ : Series or ndarray, shape (n_customers,)
        Segment ids, indexed by customer where the features were.
    segments_ : DataFrame
        One row per segment, by id: ``name``, ``size``, ``share`` of customers.
    cluster_centers_ : ndarray, shape (n_segments, n_columns)
        Centres on the preprocessed scale.
    inertia_ : float
        Sum of squared distances of customers to their centres, preprocessed scale.
    preprocessor_ : transformer
        The fitted copy.
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
    ) -> None:
        self.n_segments = n_segments
        self.preprocessor = preprocessor
        self.names = names
        self.n_init = n_init
        self.random_state = random_state

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
        KMeansSegmenter
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
        n_segments = int(number(self.n_segments, "n_segments", low=1, whole=True))
        n_init = int(number(self.n_init, "n_init", low=1, whole=True))
        given, X = X, self._validate(as_frame(X), reset=True)
        with threadpool_limits(limits=1):
            scaled = self._fit_scale(X, n_segments)
            kmeans = KMeans(n_segments, n_init=n_init, random_state=self.random_state).fit(scaled)
        sizes = np.bincount(kmeans.labels_, minlength=n_segments)
        rank = np.lexsort((*kmeans.cluster_centers_.T[::-1], -sizes))
        self.cluster_centers_ = kmeans.cluster_centers_[rank]
        labels = self._nearest(self._scale(X))
        self.labels_ = like_input(labels, X)
        self.inertia_ = float(kmeans.inertia_)
        self.n_iter_ = int(kmeans.n_iter_)
        self._n_features_out = n_segments
        sizes = np.bincount(labels, minlength=n_segments)
        own = check_own_names(self.names, n_segments)
        given_names = getattr(self, "feature_names_in_", None)
        columns = scaled_columns(self.preprocessor_, given_names, scaled.shape[1])
        known = features_of(given, [feature for feature, _ in columns])
        contrasts, words = segment_contrasts(self.cluster_centers_, sizes, scaled, columns, known)
        self.segments_ = pd.DataFrame(
            {
                "name": name_segments(contrasts, own, words),
                "size": sizes,
                "share": sizes / sizes.sum(),
            },
            index=pd.Index(range(n_segments), name="segment"),
        )
        return self

    def predict(self, X: Any) -> Any:
        """Assign customers to the nearest centre.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        Series or ndarray, shape (n_customers,)
            Segment ids; for the customers of the fit they are `labels_`.
        """
        check_is_fitted(self)
        X = self._validate(as_frame(X), reset=False)
        return like_input(self._nearest(self._scale(X)), X)

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
        check_is_fitted(self)
        X = self._validate(as_frame(X), reset=False)
        return np.sqrt(self._squared_distances(self._scale(X)))

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
        check_is_fitted(self)
        X = self._validate(as_frame(X), reset=False)
        squared = self._squared_distances(self._scale(X))
        n = len(self.labels_)
        variance = max(self.inertia_ / (n * self.cluster_centers_.shape[1]), np.finfo(float).tiny)
        excess = squared - squared.min(axis=1, keepdims=True)
        with np.errstate(over="ignore"):  # where every customer is a centre, s² is next to nothing
            weight = np.exp(-excess / (2 * variance))
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(
            weight / weight.sum(axis=1, keepdims=True), index=index, columns=self.segments_.index
        )

    def _validate(self, X: Any, reset: bool) -> Any:
        """Return complete numbers in double precision, as a DataFrame where one came in.

        Of a table for the preprocessor only the names are checked: what categories and
        missing values become is its affair.
        """
        if self._is_raw(X):
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
            return X
        try:
            values = validate_data(
                self, X, reset=reset, dtype=np.float64, ensure_all_finite=False, order="C"
            )
        except ValueError:
            check_numbers(X)
            raise
        check_complete(values, list(getattr(self, "feature_names_in_", ())))
        return like_frame(values, X)

    def _is_raw(self, X: Any) -> bool:
        return self.preprocessor is not None and isinstance(X, pd.DataFrame)

    def _fit_scale(self, X: Any, n_segments: int) -> np.ndarray:
        """Fit the preprocessor; return the scaled customers in the order of their values."""
        self.preprocessor_ = (
            StandardScaler() if self.preprocessor is None else clone(self.preprocessor)
        )
        if self._is_raw(X):
            order = row_order(X)
            scaled = as_dense(self.preprocessor_.fit_transform(X.iloc[order]))
            self._check_scaled(scaled[np.argsort(order)])
            check_distinct(scaled, n_segments)
            return scaled[np.lexsort(scaled.T[::-1])]
        values = np.asarray(X)
        check_distinct(values, n_segments)
        order = np.lexsort(values.T[::-1])
        return as_dense(self.preprocessor_.fit_transform(like_frame(values[order], X, order)))

    def _scale(self, X: Any) -> np.ndarray:
        scaled = as_dense(self.preprocessor_.transform(X))
        if self._is_raw(X):
            self._check_scaled(scaled)
        return scaled

    def _check_scaled(self, scaled: np.ndarray) -> None:
        given = getattr(self, "feature_names_in_", None)
        columns = scaled_columns(self.preprocessor_, given, scaled.shape[1])
        check_complete(scaled, [name for _, name in columns])

    def _squared_distances(self, scaled: np.ndarray) -> np.ndarray:
        # Differences, not the faster |x|² - 2xc + |c|²: that depends on how rows are batched.
        squared = np.empty((len(scaled), len(self.cluster_centers_)))
        for j, center in enumerate(self.cluster_centers_):
            squared[:, j] = ((scaled - center) ** 2).sum(axis=1)
        return squared

    def _nearest(self, scaled: np.ndarray) -> np.ndarray:
        return self._squared_distances(scaled).argmin(axis=1)
