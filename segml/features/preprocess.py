"""From features to comparable numbers, by what the registry says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from segml._core.check import nearest, number, one_of
from segml._core.errors import DataError, MissingTableError, NotEnoughDataError, ParameterError

from .encoders import LevelEncoder, as_numbers, as_ranks, circle_names, on_circle
from .feature import Feature, Kind
from .registry import FEATURES
from .scaling import FeatureScaler
from .table import FeatureTable


def signed_log(values: ArrayLike) -> Any:
    """Return sign(x) log(1 + |x|): a logarithm for amounts that may be zero or negative.

    Examples
    --------
    >>> np.round(signed_log(np.array([-1.0, 0.0, 99.0])), 3).tolist()
    [-0.693, 0.0, 4.605]
    """
    return np.sign(values) * np.log1p(np.abs(values))


class FeaturePreprocessor(ColumnTransformer):
    """The ColumnTransformer that `make_preprocessor` builds.

    It is fitted on rows sorted by their values, because sums in another order differ in
    their last digits: how the customers are ordered changes nothing. It takes DataFrames,
    feature tables, Polars and Arrow tables; columns that are no features are ignored.
    """

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit, and put the same customers on the common scale.

        Parameters
        ----------
        X : DataFrame, FeatureTable, Polars or Arrow table
            One row per customer, one column per feature.
        y : None
            Ignored.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_columns)
            As they came in; ``get_feature_names_out()`` says what the columns are.

        Raises
        ------
        DataError
            Text or infinite values where numbers belong, with the column.
        MissingTableError
            A feature has no column.
        NotEnoughDataError
            There are no customers, or every value of a feature is missing.
        """
        frame = self._frame(X)
        if not len(frame):
            raise NotEnoughDataError("there are no customers", got="0 rows of features")
        order = row_order(frame)
        sorted_ = super().fit_transform(frame.iloc[order], y, **params)
        back = np.argsort(order)
        return sorted_.iloc[back] if isinstance(sorted_, pd.DataFrame) else sorted_[back]

    def transform(self, X: Any, **params: Any) -> Any:
        """Put customers on the common scale.

        Parameters
        ----------
        X : as for `fit_transform`
            The same features.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_columns)
            No value is missing.
        """
        return super().transform(self._frame(X), **params)

    def _frame(self, X: Any) -> pd.DataFrame:
        """Return the features' columns, in the order in which they are there."""
        frame = X if isinstance(X, pd.DataFrame) or not hasattr(X, "to_pandas") else X.to_pandas()
        wanted = [name for _, _, names in self.transformers for name in names]
        if not isinstance(frame, pd.DataFrame):
            raise DataError(
                "the features have no names",
                got=type(X).__name__,
                expected="a table with the columns " + ", ".join(wanted),
            )
        if absent := [name for name in wanted if name not in frame.columns]:
            raise MissingTableError(
                "a feature is not in the table",
                where=f"column {absent[0]}",
                got=", ".join(map(str, frame.columns)),
                expected=", ".join(wanted),
                nearest=nearest(absent[0], [str(name) for name in frame.columns]),
            )
        return frame[[name for name in frame.columns if name in wanted]]


def row_order(frame: pd.DataFrame) -> np.ndarray:
    """Return the positions of rows in the order of their values, whatever order they came in."""
    return np.lexsort([_sort_key(column) for _, column in frame.items()][::-1])


def _sort_key(column: pd.Series) -> np.ndarray:
    """Return numbers in the order of the values, the same in whatever type these are."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, distinct = pd.factorize(column.to_numpy(dtype=object))
    numbers = pd.to_numeric(pd.Series(distinct), errors="coerce")
    if numbers.notna().all():
        return np.append(numbers.to_numpy(dtype=float), np.nan)[codes]
    places = np.unique([str(value) for value in distinct], return_inverse=True)[1]
    return np.append(places, -1)[codes]


def make_preprocessor(
    features: FeatureTable | Sequence[str | Feature],
    *,
    scaling: Literal["standard", "robust"] = "standard",
    weights: Mapping[str, float] | None = None,
    min_level_share: float = 0.01,
) -> FeaturePreprocessor:
    """Build the transformer that puts features on a common scale.

    Parameters
    ----------
    features : FeatureTable, or sequence of str or Feature
        The features; names are looked up in `FEATURES`, which has those of the default
        windows only. A table brings its own.
    scaling : {"standard", "robust"}, default "standard"
        Whether numbers are centred and scaled by mean and standard deviation, or by
        median and interquartile range, which a few extreme customers do not move.
    weights : mapping of kind to float, optional
        How much features of a kind count beside those of the others, which count 1;
        those of weight 0 are left out.
    min_level_share : float, default 0.01
        Levels of fewer customers than this share become "other"; fewer missing values
        than this are filled without a column that says so.

    Returns
    -------
    FeaturePreprocessor
        A scikit-learn ColumnTransformer, unfitted, with one step per feature.

    Raises
    ------
    ParameterError
        An unknown feature or kind, with the nearest spelling; a negative weight; no
        feature at all.

    Notes
    -----
    What becomes of a feature, by its registered scale:

    - "none": x, and "log": sign(x) log(1 + |x|); under its own name.
    - "ordinal": the rank of the level, from 0 to 1; under its own name. A level that is
      not registered is missing, with a warning.
    - "cyclic": sin(2πx/c) and cos(2πx/c) with the cycle c; "order_hour (sin)" and
      "order_hour (cos)".
    - "one-hot": 0 or 1 for each level; "country: FR", "country: other". Missing values
      are a level, "unknown" or "not applicable".

    A missing number that means zero is 0. Any other is put in the middle, and a column
    "income is missing" says so (see `FeatureScaler`). A constant becomes 0.

    Every feature then counts alike, in however many columns it is: with x the columns of
    a feature, v their total variance (the trace of their covariance, in the customers of
    the fit) and w the weight of its kind, the squared distance of customers a and b is

        d²(a, b) = sum over features of w |x(a) - x(b)|² / v

    so that the mean of each term over all pairs is 2w: the variables are commensurable
    in the sense of van de Velden et al. (2024), for squared distances. For a feature
    with level shares p, v = 1 - sum p². Robust scaling takes v from the middle half of
    the values, so that one with long tails counts for more than 1. Levels form clumps of
    their own, for which reason Hennig and Liao (2013) give nominal variables less:
    `weights` does so for a kind.

    References
    ----------
    Hennig, C. and Liao, T. F. (2013). How to find an appropriate clustering for
    mixed-type variables with application to socio-economic stratification. Journal of
    the Royal Statistical Society C 62 (3), 309-369.

    van de Velden, M., Iodice D'Enza, A., Markos, A. and Cavicchia, C. (2024). Unbiased
    mixed variables distance. arXiv:2411.00429.

    Examples
    --------
    >>> frame = pd.DataFrame({"orders": [1, 2, 9], "tenure_days": [10, 20, 30]})
    >>> make_preprocessor(["orders", "tenure_days"]).fit_transform(frame).round(2).tolist()
    [[-0.98, -1.22], [-0.39, 0.0], [1.37, 1.22]]

    >>> people = pd.DataFrame({"age": [30, 40, None], "gender": ["f", "m", "f"]})
    >>> made = make_preprocessor(["age", "gender"], weights={"demographic": 0.5}).fit(people)
    >>> made.get_feature_names_out().tolist()
    ['age', 'age is missing', 'gender: f', 'gender: m']
    """
    one_of(scaling, ["standard", "robust"], "scaling")
    least = number(min_level_share, "min_level_share", low=0, high=0.5)
    weights = {
        one_of(kind, get_args(Kind), "weights"): number(weight, f"weights[{kind!r}]", low=0)
        for kind, weight in (weights or {}).items()
    }
    steps = []
    for feature in _chosen(features):
        if weight := weights.get(feature.kind, 1.0):
            scaler = FeatureScaler(scaling, weight, least, feature.name)
            parts = [*_encode(feature, least), ("scale", scaler)]
            steps.append((feature.name, Pipeline(parts), [feature.name]))
    if not steps:
        raise ParameterError(
            "there is no feature to scale",
            where="weights" if weights else "features",
            got=weights or features,
            expected="at least one feature, with a weight above 0",
        )
    return FeaturePreprocessor(steps, verbose_feature_names_out=False)


def _chosen(features: FeatureTable | Sequence[str | Feature]) -> list[Feature]:
    if isinstance(features, FeatureTable):
        return list(features.features)
    if isinstance(features, str):
        raise ParameterError(
            "features is not a list of features",
            where="features",
            got=features,
            expected="a list such as ['orders', 'aov'], or a FeatureTable",
        )
    chosen = [
        item if isinstance(item, Feature) else FEATURES[one_of(item, FEATURES, "features")]
        for item in features
    ]
    return list({feature.name: feature for feature in chosen}.values())


def _encode(feature: Feature, min_level_share: float) -> list[tuple[str, Any]]:
    """Return the steps from what the table holds to numbers, by the registered scale."""
    if feature.scale == "one-hot":
        missing = feature.missing if feature.missing == "not applicable" else "unknown"
        return [("levels", LevelEncoder(min_level_share, missing))]
    if feature.scale == "ordinal":
        return [("ranks", _step(as_ranks, levels=feature.levels))]
    if feature.scale == "cyclic":
        return [("circle", _step(on_circle, circle_names, period=feature.cycle))]
    fill = {"fill": 0.0} if feature.missing == "zero" else {}
    numbers = [("numbers", _step(as_numbers, **fill))]
    return [*numbers, ("log", _step(signed_log))] if feature.scale == "log" else numbers


def _step(function: Any, names: Any = "one-to-one", **arguments: Any) -> FunctionTransformer:
    return FunctionTransformer(function, kw_args=arguments or None, feature_names_out=names)
