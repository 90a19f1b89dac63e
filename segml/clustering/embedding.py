"""A map of customers by UMAP that is the same on every run and takes new customers."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)
from threadpoolctl import threadpool_limits

from segml._core.check import number
from segml._core.errors import NotEnoughDataError
from segml.features.preprocess import row_order

from ._cost import check_cost, umap_cost
from ._input import as_dense, as_frame, check_complete, check_numbers, distinct_rows
from ._placement import place_beside

_INSTEAD = "scikit-learn's PCA, or fit to a sample of customers and transform the others"


class UmapEmbedding(TransformerMixin, BaseEstimator):
    """Coordinates by UMAP: customers who are alike are near each other.

    For a map, or as the ``embedding`` of a segmenter. The same customers get the same
    coordinates however their rows are ordered or stored, and whoever else is transformed
    with them.

    Parameters
    ----------
    n_components : int, default 2
        Coordinates.
    n_neighbors : int, default 15
        Customers, with oneself, to whom each one is kept near: few show detail, many
        show the large groups. No more than there are others are used.
    min_dist : float, default 0.1
        How near customers may be to each other in the embedding, from 0 to 1; 0 packs
        groups densely, as suits HDBSCAN.
    random_state : int, default 0
        Seed of the layout.
    preprocessor : transformer, optional
        Brings the features to one scale; a copy is fitted. Features are taken as they
        are when there is none, as a segmenter hands them over.

    Attributes
    ----------
    embedding_ : DataFrame or ndarray, shape (n_customers, n_components)
        Coordinates of the customers of the fit, indexed by customer where the features
        were; columns ``umap_1``, ``umap_2`` and so on.
    points_, coordinates_ : ndarray
        Preprocessed features of the distinct customers of the fit, and where they are.
    preprocessor_ : transformer or None
        The fitted copy.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Customers who are alike in everything are one point. Neighbours are exact, by
    Euclidean distance. The first fit in a process takes half a minute more, in which umap
    is compiled; `transform` needs no umap.

    The customers of the fit keep their coordinates. Another one is put at the mean of its
    k nearest, with weights exp(-d / σ) and σ such that the weights but the first sum to
    log2(k) (McInnes et al. 2018, algorithm 3). This is where umap's own transform starts.
    Its further steps are left out, as they depend on who is transformed together.

    Distances between groups on the map, their sizes and densities mean little.

    References
    ----------
    McInnes, L., Healy, J. and Melville, J. (2018). UMAP: Uniform Manifold Approximation
    and Projection for dimension reduction. arXiv:1802.03426.

    Examples
    --------
    >>> embedding = UmapEmbedding(min_dist=0.0)
    >>> embedding.get_params()["n_neighbors"]
    15
    """

    def __init__(
        self,
        n_components: int = 2,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        random_state: int = 0,
        preprocessor: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.random_state = random_state
        self.preprocessor = preprocessor

    def fit(self, X: Any, y: Any = None) -> Self:
        """Lay customers out.

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
        UmapEmbedding
            Itself, fitted.

        Raises
        ------
        DataError
            Infinite values; without a preprocessor for them, missing values or text. Or
            so many customers that the fit would not finish.
        NotEnoughDataError
            Fewer than four distinct customers, or than coordinates and two.
        ParameterError
            A parameter is out of range.
        """
        components = int(number(self.n_components, "n_components", low=1, whole=True))
        neighbors = int(number(self.n_neighbors, "n_neighbors", low=2, whole=True))
        number(self.min_dist, "min_dist", low=0, high=1)
        X = self._validate(as_frame(X), reset=True)
        with threadpool_limits(limits=1):
            scaled = self._fit_scale(X)
            first, place = distinct_rows(scaled)
            self.points_ = scaled[first]
            self._check_size(components, neighbors)
            k = min(neighbors, len(first) - 1)
            self.coordinates_ = self._lay_out(components, k)
        self._k = k
        found = self.coordinates_[place]
        self.embedding_ = (
            pd.DataFrame(found, X.index, self.get_feature_names_out())
            if isinstance(X, pd.DataFrame)
            else found
        )
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Lay customers out and return where they are.

        Parameters
        ----------
        X, y : as for `fit`

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_components)
            As `transform`.
        """
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """Return where customers are, or would be.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_components)
            Coordinates; a DataFrame after ``set_output(transform="pandas")``.
        """
        check_is_fitted(self)
        points = self._scale(self._validate(as_frame(X), reset=False))
        return place_beside(self.points_, self.coordinates_, points, self._k)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the coordinates."""
        check_is_fitted(self, "coordinates_")
        count = self.coordinates_.shape[1]
        return np.array([f"umap_{j + 1}" for j in range(count)], dtype=object)

    def _lay_out(self, components: int, k: int) -> np.ndarray:
        points = self.points_
        distances, neighbors = NearestNeighbors(n_neighbors=k - 1).fit(points).kneighbors()
        own = np.arange(len(points))[:, None]
        knn = (np.hstack([own, neighbors]), np.hstack([0.0 * own, distances]))
        # umap warns of a seed with several threads, of neighbours that are given, and more.
        with warnings.catch_warnings(action="ignore"):
            from umap import UMAP  # takes seconds to import

            umap = UMAP(
                n_components=components,
                n_neighbors=k,
                min_dist=self.min_dist,
                random_state=self.random_state,
                n_jobs=1,
                precomputed_knn=knn,
            )
            return np.ascontiguousarray(umap.fit_transform(points), dtype=float)

    def _check_size(self, components: int, neighbors: int) -> None:
        n, columns = self.points_.shape
        least = max(4, components + 2)
        if n < least:
            raise NotEnoughDataError(
                "there are too few distinct customers to lay out",
                where="X",
                got=f"{n} distinct customers, n_components={components}",
                expected=f"at least {least}",
            )
        check_cost(umap_cost(n, columns, neighbors), "UMAP", n, columns, _INSTEAD)

    def _is_raw(self, X: Any) -> bool:
        return self.preprocessor is not None and isinstance(X, pd.DataFrame)

    def _validate(self, X: Any, reset: bool) -> Any:
        """Return complete numbers, or the table that the preprocessor takes as it came."""
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
        return pd.DataFrame(values, X.index, X.columns) if isinstance(X, pd.DataFrame) else values

    def _fit_scale(self, X: Any) -> np.ndarray:
        self.preprocessor_ = None
        if self.preprocessor is not None:
            rows = X.iloc[row_order(X)] if isinstance(X, pd.DataFrame) else X[np.lexsort(X.T[::-1])]
            self.preprocessor_ = clone(self.preprocessor).fit(rows)
        return self._scale(X)

    def _scale(self, X: Any) -> np.ndarray:
        scaled = as_dense(X if self.preprocessor_ is None else self.preprocessor_.transform(X))
        check_complete(scaled, [])
        return scaled


def umap_embedding(
    features: Any,
    preprocessor: Any = None,
    n_components: int = 2,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    random_state: int = 0,
) -> UmapEmbedding:
    """Lay customers out by UMAP.

    Parameters
    ----------
    features : DataFrame, FeatureTable, Polars or Arrow table, or array
        One row per customer, one column per feature, as for segmenters.
    preprocessor : transformer, optional
        Brings the features to one scale, such as `segml.features.make_preprocessor`
        gives; they are standardised when there is none.
    n_components, n_neighbors, min_dist, random_state
        As of `UmapEmbedding`.

    Returns
    -------
    UmapEmbedding
        Fitted: ``embedding_`` has the coordinates by customer, ``transform`` places
        others.

    Raises
    ------
    DataError, NotEnoughDataError, ParameterError
        As `UmapEmbedding.fit`.

    Examples
    --------
    >>> import pandas as pd
    >>> two = pd.DataFrame({"orders": [1, 2]}, index=["a", "b"])
    >>> umap_embedding(two)
    Traceback (most recent call last):
    ...
    segml._core.errors.NotEnoughDataError: there are too few distinct customers to lay out
      where: X
      got: 2 distinct customers, n_components=2
      expected: at least 4
    """
    made = StandardScaler() if preprocessor is None else preprocessor
    return UmapEmbedding(n_components, n_neighbors, min_dist, random_state, made).fit(features)
