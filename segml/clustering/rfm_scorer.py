"""Scores from 1 to 5 for recency, frequency and monetary value, in memory."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from segml._core.errors import NotEnoughDataError
from segml.features.encoders import as_numbers

from .score_rules import N_SCORES

#: Columns of the RFM table, and the features that stand for them.
SUMMARY = ("frequency", "recency", "T", "monetary_value")
FEATURES = ("recency_days", "orders", "revenue")


class RFMScorer(TransformerMixin, BaseEstimator):
    """Scores from 1 to 5 for recency, frequency and monetary value, in memory.

    The scores are those of `rfm_scores`, see there.

    Attributes
    ----------
    cuts_ : dict of str to list of float
        As `rfm_cuts` computes them.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Compute the values that part customers into fifths.

        Parameters
        ----------
        X : DataFrame, shape (n_customers, n_columns)
            ``frequency``, ``recency``, ``T`` and ``monetary_value``; or ``recency_days``,
            ``orders`` and ``revenue``.
        y : None
            Ignored.

        Returns
        -------
        RFMScorer
            Itself, fitted.

        Raises
        ------
        DataError
            Text or infinite values.
        NotEnoughDataError
            A column has no value.
        """
        self.cuts_ = {}
        for name, values in _values(X).items():
            known = np.sort(values[~np.isnan(values)])
            if not len(known):
                raise NotEnoughDataError("no customer has a value to be scored by", where=name)
            # The least value that at least this share of customers does not exceed.
            places = [-(-len(known) * s // N_SCORES) - 1 for s in range(1, N_SCORES)]
            self.cuts_[name] = [float(known[place]) for place in places]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Score customers.

        Parameters
        ----------
        X : as for `fit`
            The same columns.

        Returns
        -------
        ndarray, shape (n_customers, 3)
            Scores of recency, frequency and monetary value, 5 the best.
        """
        check_is_fitted(self)
        values = _values(X)
        # A value that is missing exceeds no cut.
        scores = [1 + sum(own > cut for cut in self.cuts_[name]) for name, own in values.items()]
        return np.column_stack(scores).astype(float)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the scores."""
        return np.array(["recency_score", "frequency_score", "monetary_score"], dtype=object)


def _values(X: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what is scored, the higher the better, as the engine computes it."""
    columns = {name: as_numbers(X[[name]])[:, 0] for name in X.columns}
    if "recency_days" in columns:
        recency, frequency, monetary = -columns["recency_days"], "orders", "revenue"
    else:
        recency, frequency = columns["recency"] - columns["T"], "frequency"
        monetary = "monetary_value"
    return {
        "recency": recency,
        "frequency": columns[frequency],
        "monetary_value": columns[monetary],
    }
