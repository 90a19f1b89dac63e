"""One feature, in however many columns, on the scale that all features share."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from scipy.stats import norm
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from segml._core.check import number, one_of
from segml._core.errors import NotEnoughDataError

_IQR = 2 * norm.ppf(0.75)  # between the quartiles of a standard normal


class FeatureScaler(TransformerMixin, BaseEstimator):
    """Scale the columns of one feature together, to a total variance of 1.

    Parameters
    ----------
    scaling : {"standard", "robust"}, default "standard"
        How a feature of one column is centred and scaled: by mean and standard
        deviation, or by median and interquartile range. Several columns are always
        centred at their means and scaled by their total variance.
    weight : float, default 1
        Total variance of the result.
    min_missing_share : float, default 0
        Missing values of at least this share of customers get a column of their own.
    name : str, optional
        Of the feature, for the name of that column.

    Attributes
    ----------
    center_ : ndarray, shape (n_columns,)
        Means, or the median.
    scale_ : float
        What all columns are divided by.
    fill_ : ndarray, shape (n_columns,)
        What missing values are after that: the median of a single column, and the
        mean of several.
    missing_share_ : float
        Share of customers whose value is missing.
    has_indicator_ : bool
        Whether they have a column of their own.
    factor_ : float
        What all columns are multiplied with in the end.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    A customer who lacks one column of the feature lacks the feature. Known values get a
    total variance of 1, so that the squared distance of two customers is 2 on average.
    The missing ones are put in the middle, 1 from a known one, and the column that
    says so is 0 or 1, which makes it 2 again (plus the squared distance of median and
    mean): not knowing is as far from a known value as two of those are from each other,
    however rare it is. Then everything is divided by the root of the total variance v,

        v = (1 - q) + q (1 - q) + q (1 - q) |fill|²

    where a share q is missing; the second term is that of the column of missing values,
    where there is one. With robust scaling, 1 stands for the variance of known values
    as far as their middle half shows it. Where the quartiles are equal, it is the
    standard deviation that is used. A constant becomes 0.

    Examples
    --------
    >>> scaled = FeatureScaler(name="age").fit_transform([[20.0], [40.0], [np.nan], [60.0]])
    >>> scaled.round(2).tolist()
    [[-1.26, -0.26], [0.0, -0.26], [0.0, 0.77], [1.26, -0.26]]
    >>> round(float(scaled.var(axis=0).sum()), 6)
    1.0
    """

    def __init__(
        self,
        scaling: Literal["standard", "robust"] = "standard",
        weight: float = 1.0,
        min_missing_share: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.scaling = scaling
        self.weight = weight
        self.min_missing_share = min_missing_share
        self.name = name

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn centre and scale.

        Parameters
        ----------
        X : DataFrame or array, shape (n_customers, n_columns)
            Numbers, NaN where they are missing.
        y : None
            Ignored.

        Raises
        ------
        NotEnoughDataError
            Every value is missing.
        """
        robust = one_of(self.scaling, ["standard", "robust"], "scaling") == "robust"
        weight = number(self.weight, "weight", low=0)
        least = number(self.min_missing_share, "min_missing_share", low=0, high=1)
        X = self._validate(X, reset=True)
        missing = np.isnan(X).any(axis=1)
        known = X[~missing] if missing.any() else X
        if not len(known):
            raise NotEnoughDataError(
                "every value is missing",
                where=f"column {self._name()}",
                expected="a value at least",
                hint="leave the feature out",
            )
        share = self.missing_share_ = float(missing.mean())
        variance = self._center(known, robust)
        self.has_indicator_ = share > 0 and least <= share
        self.factor_ = np.sqrt(weight)
        if share:
            between = share * (1 - share)
            total = (1 - share) * variance + between * (self.fill_**2).sum()
            total += between * self.has_indicator_
            self.factor_ /= np.sqrt(total) if total else 1.0
        return self

    def transform(self, X: Any) -> Any:
        """Put customers on the common scale.

        Parameters
        ----------
        X : as for `fit`
            The same columns.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_columns) or (n_customers, n_columns + 1)
            No value is missing; the last column says which were, where the fit had some.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        missing = np.isnan(X).any(axis=1)
        scaled = (X - self.center_) / self.scale_
        scaled[missing] = self.fill_
        if self.has_indicator_:
            scaled = np.column_stack([scaled, missing - self.missing_share_])
        return scaled * self.factor_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the columns' names, and "... is missing" where there is such a column."""
        check_is_fitted(self)
        names = list(_check_feature_names_in(self, input_features))
        return np.array(names + [f"{self._name(names)} is missing"] * self.has_indicator_, object)

    def _center(self, known: np.ndarray, robust: bool) -> float:
        """Set centre, scale and fill; return the variance that known values have then."""
        self.fill_ = np.zeros(known.shape[1])
        single = known.shape[1] == 1
        if robust and single:
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
            if high > low:
                self.center_ = np.array([middle])
                self.scale_ = float((high - low) / _IQR)
                return 1.0
        scaler = StandardScaler().fit(known)
        constant = np.ptp(known, axis=0) == 0
        self.center_ = np.where(constant, known[0], scaler.mean_)
        total = float(scaler.var_[~constant].sum())
        self.scale_ = float(scaler.scale_[0]) if single else float(np.sqrt(total)) or 1.0
        if single:
            self.fill_ = (np.median(known, axis=0) - self.center_) / self.scale_
        return total / self.scale_**2

    def _name(self, names: Any = None) -> str:
        return self.name or ", ".join(_check_feature_names_in(self, names))

    def _validate(self, X: Any, reset: bool) -> np.ndarray:
        return validate_data(
            self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan", order="C"
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
