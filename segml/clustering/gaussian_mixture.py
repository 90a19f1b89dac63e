"""Segments that overlap: a mixture of normal distributions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError, SegmlWarning

from ._input import check_distinct
from ._segmenter import Segmenter

_FLOOR = 1e-3
_MAX_ITER = 500
_BLOCK = 8_192  # rows whose columns stay in the cache


class GaussianMixtureSegmenter(Segmenter):
    """Segments by a mixture of normal distributions, with posterior memberships.

    Segments may differ in spread and direction and may overlap. The same customers get
    the same labels however their rows are ordered, stored or contained. Segment 0 is
    the largest.

    Parameters
    ----------
    n_segments : int, default 5
        How many segments.
    preprocessor : transformer, optional
        Brings the features to one scale, such as `segml.features.make_preprocessor`
        gives; they are standardised when there is none. A copy is fitted.
    names : mapping of int to str, optional
        Own names for segments, by id; the others are named by what sets them apart.
    covariance_type : {"full", "tied", "diag", "spherical"}, default "full"
        Whether each segment has a covariance of its own, all share one, columns are
        independent within a segment, or also have one variance.
    n_init : int, default 5
        Starts, of which the likeliest is kept.
    random_state : int, default 0
        Seed of the starts.
    embedding : transformer, optional
        Fitted to the preprocessed features, in whose space segments are found; see
        `KMeansSegmenter`.
    min_segment_size : int, default 1
        Customers that a segment needs. One of fewer is merged into the segment of the
        nearest mean, and memberships are added.

    Attributes
    ----------
    labels_ : Series or ndarray, shape (n_customers,)
        Ids of the segments of the largest membership, indexed by customer where the
        features were.
    segments_ : DataFrame
        One row per segment, by id: ``name``, ``size``, ``share`` of customers.
    dissolved_ : DataFrame
        Segments that were too small: ``size`` and ``reason``, in the order in which they
        were merged. There is always one segment left.
    weights_ : ndarray, shape (n_components,)
        Shares in the mixture. Components are the segments, in their order; a segment into
        which others were merged has several.
    means_ : ndarray, shape (n_components, n_columns)
        On the preprocessed scale, or in the space of the embedding.
    covariances_ : ndarray, shape (n_components, n_columns, n_columns)
        Of each component, whatever the type.
    bic_ : float
        Bayesian information criterion on the rows of the fit; lower is better.
    converged_ : bool
        Whether the likelihood had stopped growing.
    preprocessor_, embedding_ : transformer
        The fitted copies.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Expectation-maximisation by scikit-learn's GaussianMixture, from k-means starts. The
    likelihood has no bound where a component shrinks to one value, such as customers of
    one order; 0.001 is therefore added to variances, of 1 for a standardised column.

    References
    ----------
    Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 9.2.

    Hennig, C. (2010). Methods for merging Gaussian mixture components. Advances in Data
    Analysis and Classification 4, 3-34.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 20, 21]}, index=list("abcde"))
    >>> segmenter = GaussianMixtureSegmenter(n_segments=2).fit(frame)
    >>> segmenter.labels_.to_dict()
    {'a': 0, 'b': 0, 'c': 0, 'd': 1, 'e': 1}
    >>> segmenter.predict_membership(frame).round(3).loc["e"].tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        n_segments: int = 5,
        preprocessor: Any = None,
        names: Mapping[int, str] | None = None,
        covariance_type: Literal["full", "tied", "diag", "spherical"] = "full",
        n_init: int = 5,
        random_state: int = 0,
        embedding: Any = None,
        min_segment_size: int = 1,
    ) -> None:
        self.n_segments = n_segments
        self.preprocessor = preprocessor
        self.names = names
        self.covariance_type = covariance_type
        self.n_init = n_init
        self.random_state = random_state
        self.embedding = embedding
        self.min_segment_size = min_segment_size

    def _check_parameters(self) -> None:
        super()._check_parameters()
        number(self.n_segments, "n_segments", low=1, whole=True)
        number(self.n_init, "n_init", low=1, whole=True)
        one_of(self.covariance_type, ["full", "tied", "diag", "spherical"], "covariance_type")

    def _find(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        n_segments = int(self.n_segments)
        check_distinct(points, n_segments)
        self._check_size(points, n_segments)
        mixture = GaussianMixture(
            n_segments,
            covariance_type=self.covariance_type,
            reg_covar=_FLOOR,
            max_iter=_MAX_ITER,
            n_init=int(self.n_init),
            random_state=self.random_state,
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                mixture.fit(points)
        except ValueError as error:
            raise NotEnoughDataError(
                "a segment has shrunk to fewer dimensions than there are columns",
                where=f"covariance_type={self.covariance_type!r}",
                got=f"n_segments={n_segments}, n_samples={len(points)}",
                hint="fewer segments, covariance_type='diag', or features that do not follow"
                " from each other, on one scale",
            ) from error
        self.converged_ = bool(mixture.converged_)
        if not self.converged_:
            warnings.warn(
                SegmlWarning(
                    "the mixture has not settled",
                    where=f"n_segments={n_segments}",
                    got=f"{_MAX_ITER} iterations",
                    hint="fewer segments or a simpler covariance_type",
                ),
                stacklevel=2,
            )
        self.weights_, self.means_ = mixture.weights_, mixture.means_
        self.bic_ = float(mixture.bic(points))
        self.covariances_ = self._by_segment(mixture.covariances_)
        self._cholesky = self._by_segment(mixture.precisions_cholesky_)
        return self._label(points), n_segments

    def _by_segment(self, matrices: np.ndarray) -> np.ndarray:
        """Return one matrix per segment, whatever the type says instead."""
        n_segments, n_columns = self.means_.shape
        if self.covariance_type == "full":
            return matrices
        if self.covariance_type == "tied":
            return np.tile(matrices, (n_segments, 1, 1))
        return np.reshape(matrices, (n_segments, -1, 1)) * np.eye(n_columns)

    def _check_size(self, points: np.ndarray, n_segments: int) -> None:
        """Refuse fewer numbers than parameters.

        Raises
        ------
        NotEnoughDataError
            Says how many of each.
        """
        n, p = points.shape
        full = p * (p + 1) // 2
        spreads = {"full": n_segments * full, "tied": full, "diag": n_segments * p}
        parameters = n_segments * (p + 1) - 1 + spreads.get(self.covariance_type, n_segments)
        if parameters > n * p:
            raise NotEnoughDataError(
                "the mixture has more parameters than the customers have numbers",
                where=f"n_segments={n_segments}, covariance_type={self.covariance_type!r}",
                got=f"{parameters} parameters for n_samples={n} of {p} columns",
                hint="fewer segments, or covariance_type='diag' or 'spherical'",
            )

    def _dissolve(
        self, points: np.ndarray, labels: np.ndarray, means: np.ndarray, smallest: int
    ) -> tuple[np.ndarray, int]:
        # Of the components, not of the customers: a segment may have none.
        weights = np.maximum(self.weights_, np.finfo(float).tiny)
        means = np.array(
            [
                np.average(self.means_[self._ids == i], axis=0, weights=weights[self._ids == i])
                for i in range(len(means))
            ]
        )
        count = super()._dissolve(points, labels, means, smallest)[1]
        return self._labels(points), count

    def _arrange(self, rank: np.ndarray) -> None:
        super()._arrange(rank)
        order = np.argsort(self._ids, kind="stable")
        self._ids = self._ids[order]
        self.weights_, self.means_ = self.weights_[order], self.means_[order]
        self.covariances_, self._cholesky = self.covariances_[order], self._cholesky[order]

    def _labels(self, points: np.ndarray) -> np.ndarray:
        # Of segments, not of components: two together may be likelier than a third.
        return self._memberships(points).argmax(axis=1)

    def _label(self, points: np.ndarray) -> np.ndarray:
        return self._soft(points).argmax(axis=1)

    def _soft(self, points: np.ndarray) -> np.ndarray:
        density = self._log_densities(points)
        weight = np.exp(density - density.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)

    def _log_densities(self, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of weight times density; what all segments share is left out.

        Term by term, not by the faster product of matrices: that depends on how rows are
        batched, and a customer's label would with it.
        """
        found = np.empty((len(points), len(self.means_)))
        with np.errstate(divide="ignore"):  # a component may have no weight
            constants = np.log(self.weights_) + [
                np.log(factor.diagonal()).sum() for factor in self._cholesky
            ]
        for start in range(0, len(points), _BLOCK):
            columns = np.ascontiguousarray(points[start : start + _BLOCK].T)
            for i, factor in enumerate(self._cholesky):
                centred = columns - self.means_[i][:, None]
                squares = np.zeros(columns.shape[1])
                for weights in factor.T:
                    scaled = sum(weights[j] * centred[j] for j in np.flatnonzero(weights))
                    squares += scaled * scaled
                found[start : start + _BLOCK, i] = constants[i] - squares / 2
        return found
