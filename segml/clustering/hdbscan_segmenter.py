"""Segments where customers are dense, and none where they are sparse."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from segml._core.check import number, one_of
from segml._core.errors import SegmlWarning

from ._cost import check_cost, hdbscan_cost
from ._density import DensityTree
from ._segmenter import Segmenter

_INSTEAD = (
    "KMeansSegmenter, or embedding=PCA(n_components=5), or fit to a sample of customers and "
    "predict the others"
)


class HDBSCANSegmenter(Segmenter):
    """Segments by density: dense groups of any shape, with the customers between as noise.

    How many there are follows from the data. The same customers get the same labels
    however their rows are ordered, stored or contained. Segment 0 is the largest.

    Parameters
    ----------
    min_segment_size : int, default 25
        Customers that make a segment: smaller groups are noise or part of a larger one.
    preprocessor : transformer, optional
        Brings the features to one scale, such as `segml.features.make_preprocessor`
        gives; they are standardised when there is none. A copy is fitted.
    names : mapping of int to str, optional
        Own names for segments, by id; the others are named by what sets them apart.
    min_samples : int, default 10
        Neighbours that make a place dense, the customer included. With more of them,
        more customers are noise and fewer segments are found.
    noise : {"keep", "nearest"}, default "keep"
        Whether customers outside of all segments have the label -1, or that of the
        nearest customer of the fit who is in one.
    embedding : transformer, optional
        Fitted to the preprocessed features, in whose space segments are found, such as
        `UmapEmbedding` or scikit-learn's PCA; a copy is fitted. Density means little in
        more than some ten columns.
    max_segments : int, optional
        While there are more, the smallest is given to the one of the nearest mean.

    Attributes
    ----------
    labels_ : Series or ndarray, shape (n_customers,)
        Segment ids, indexed by customer where the features were; -1 is noise.
    segments_ : DataFrame
        One row per segment, by id: ``name``, ``size``, ``share`` of customers. Noise has
        no row, so that shares may sum to less than 1.
    dissolved_ : DataFrame
        Segments that were beyond `max_segments`: ``size`` and ``reason``.
    preprocessor_, embedding_ : transformer
        The fitted copies.
    density_tree_ : DensityTree
        What prediction needs, with the preprocessed customers of the fit among it.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    HDBSCAN* (the package hdbscan, excess of mass) keeps of the hierarchy of groups at
    all densities those that persist longest. It never returns one single segment: where
    nothing parts customers, all are noise, ``segments_`` is empty, and a `SegmlWarning`
    says what to try.

    Customers who are alike in everything are in one segment. The customers of the fit
    keep their labels in `predict`; another one joins the customer of the fit that is
    nearest by mutual reachability, at its own density. Whether others are predicted with
    it changes nothing.

    References
    ----------
    Campello, R. J. G. B., Moulavi, D., Zimek, A. and Sander, J. (2015). Hierarchical
    density estimates for data clustering, visualization, and outlier detection. ACM
    Transactions on Knowledge Discovery from Data 10 (1), 5.

    McInnes, L., Healy, J. and Astels, S. (2017). hdbscan: hierarchical density based
    clustering. Journal of Open Source Software 2 (11), 205.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> spread = np.linspace(0, 0.1, 30)
    >>> orders = [*(1 + spread), *(9 + spread[:28]), 30]
    >>> frame = pd.DataFrame({"orders": orders, "aov": [*spread, *spread[:28], 5]})
    >>> segmenter = HDBSCANSegmenter(min_segment_size=20).fit(frame)
    >>> segmenter.segments_["size"].tolist(), int(segmenter.labels_.iloc[-1])
    ([30, 28], -1)
    """

    def __init__(
        self,
        min_segment_size: int = 25,
        preprocessor: Any = None,
        names: Mapping[int, str] | None = None,
        min_samples: int = 10,
        noise: Literal["keep", "nearest"] = "keep",
        embedding: Any = None,
        max_segments: int | None = None,
    ) -> None:
        self.min_segment_size = min_segment_size
        self.preprocessor = preprocessor
        self.names = names
        self.min_samples = min_samples
        self.noise = noise
        self.embedding = embedding
        self.max_segments = max_segments

    def predict_membership(self, X: Any) -> pd.DataFrame:
        """Say how far each customer belongs to each segment.

        Parameters
        ----------
        X : as for `fit`
            The same features.

        Returns
        -------
        DataFrame, shape (n_customers, n_segments)
            Memberships by segment id. What is lacking to 1 in a row is noise. The largest
            is mostly, but need not be, that of the predicted segment: labels follow the
            hierarchy, memberships also the distance.

        Notes
        -----
        As ``hdbscan.all_points_membership_vectors``, for the customers of the fit and for
        others alike: the share of segment j is in proportion to

            exp(exp(-λ_max / λ_j)) / d_j

        with d_j the distance to the densest customers of the segment, λ_j the density at
        which the customer's group joins it, and λ_max the largest density of that group.
        Shares sum to the density at which the customer joins the first segment, divided
        by the largest density of that segment.
        """
        return super().predict_membership(X)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        number(self.min_segment_size, "min_segment_size", low=2, whole=True)
        number(self.min_samples, "min_samples", low=1, whole=True)
        one_of(self.noise, ["keep", "nearest"], "noise")

    def _find(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        n, columns = points.shape
        check_cost(hdbscan_cost(n, columns), "HDBSCAN", n, columns, _INSTEAD)
        self.density_tree_ = None
        # Two segments need that many, and hdbscan fails on less than two customers.
        if n >= 2 * self.min_segment_size and (points != points[0]).any():
            self.density_tree_ = self._density_tree(points)
        if self.density_tree_ is None:
            warnings.warn(
                SegmlWarning(
                    "no segment was found: all customers are noise",
                    got=f"{n:,} customers, min_segment_size={self.min_segment_size}, "
                    f"min_samples={self.min_samples}",
                    expected="two dense groups at least",
                    hint="a smaller min_segment_size or min_samples, fewer features, an "
                    "embedding, or KMeansSegmenter, which needs no gaps between segments",
                ),
                stacklevel=3,
            )
            return np.full(n, -1), 0
        return self._label(points), len(self.density_tree_.selected)

    def _density_tree(self, points: np.ndarray) -> DensityTree | None:
        from hdbscan import HDBSCAN  # takes a second to import

        # Its own default of four jobs is slower, and it corrupts memory in another layout.
        fitted = HDBSCAN(
            min_cluster_size=int(self.min_segment_size),
            min_samples=int(self.min_samples),
            core_dist_n_jobs=1,
        )
        points = np.ascontiguousarray(points)
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            fitted.fit(points)
            if fitted.labels_.max() < 0:
                return None
            tree = DensityTree.of(fitted, points, int(self.min_samples))
            return tree if len(tree.selected) else None

    def _label(self, points: np.ndarray) -> np.ndarray:
        if self.density_tree_ is None:
            return np.full(len(points), -1)
        labels = self.density_tree_.label(points)
        if self.noise == "nearest" and (outside := labels < 0).any():
            labels = labels.copy()
            labels[outside] = self.density_tree_.nearest_label(points[outside])
        return labels

    def _soft(self, points: np.ndarray) -> np.ndarray:
        if self.density_tree_ is None:
            return np.empty((len(points), 0))
        return self.density_tree_.soft(points)

    def _own_words(self, contrasts: pd.DataFrame, words: pd.DataFrame) -> list[str]:
        # Where all are noise, own names wait for segments; it is not the names that are wrong.
        return super()._own_words(contrasts, words) if len(contrasts) else []
