"""Customers as points: checked, on the preprocessed scale, embedded where that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)
from threadpoolctl import threadpool_limits

from segml.features.preprocess import row_order

from ._input import (
    as_dense,
    as_frame,
    check_complete,
    check_numbers,
    distinct_rows,
    like_frame,
    value_order,
)
from .contrasts import scaled_columns


class Points(BaseEstimator):
    """The part of a segmenter that makes points of customers."""

    preprocessor: Any = None
    embedding: Any = None

    def _points(self, X: Any) -> tuple[Any, np.ndarray]:
        """Return checked customers, and them on the scale and in the space of the segments."""
        check_is_fitted(self)
        X = self._validate(as_frame(X), reset=False)
        return X, self._embed(self._scale(X))

    def _new_preprocessor(self) -> Any:
        return StandardScaler() if self.preprocessor is None else clone(self.preprocessor)

    def _is_raw(self, X: Any) -> bool:
        """Return whether the preprocessor takes the table as it came."""
        return self.preprocessor is not None and isinstance(X, pd.DataFrame)

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

    def _fit_scale(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Fit the preprocessor; return the order of customers by value, and them scaled in it."""
        self.preprocessor_ = self._new_preprocessor()
        if self._is_raw(X):
            self.preprocessor_.fit(X.iloc[row_order(X)])
            scaled = self._scale(X)
            order = value_order(scaled)
            return order, scaled[order]
        values = np.asarray(X)
        order = value_order(values)
        rows = like_frame(values[order], X, order)
        return order, self._scale(rows, fit=True)

    def _scale(self, X: Any, fit: bool = False) -> np.ndarray:
        if fit:
            self.preprocessor_.fit(X)
        scaled = as_dense(self.preprocessor_.transform(X))
        if self._is_raw(X):
            check_complete(scaled, [name for _, name in self._columns(scaled.shape[1])])
        return scaled

    def _columns(self, count: int) -> list[tuple[str, str]]:
        return scaled_columns(self.preprocessor_, getattr(self, "feature_names_in_", None), count)

    def _fit_embedding(self, scaled: np.ndarray) -> np.ndarray:
        if self.embedding is None:
            return scaled
        self.embedding_ = clone(self.embedding).fit(scaled, None)  # FrozenEstimator takes two
        return self._embed(scaled)

    def _embed(self, scaled: np.ndarray) -> np.ndarray:
        """Embed distinct rows in the order of their values: products differ by place in a batch."""
        if self.embedding is None:
            return scaled
        first, place = distinct_rows(scaled)
        with threadpool_limits(limits=1):
            return as_dense(self.embedding_.transform(scaled[first]))[place]
