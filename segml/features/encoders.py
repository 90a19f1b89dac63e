"""From what a table holds to numbers: amounts, places on a circle, ranks and levels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from segml._core.check import number
from segml._core.errors import DataError, NotEnoughDataError, SegmlWarning

OTHER = "other"


def as_numbers(X: Any, fill: float = np.nan) -> np.ndarray:
    """Return columns as numbers in double precision.

    Parameters
    ----------
    X : DataFrame or array, shape (n_customers, n_columns)
        Numbers, in whatever type; text that spells numbers counts as such.
    fill : float, optional
        Stands for missing values, which stay NaN when it is not given.

    Raises
    ------
    DataError
        Text, dates or infinite values, with their column.

    Examples
    --------
    >>> as_numbers(pd.DataFrame({"refunds": [2, None]}), fill=0).tolist()
    [[2.0], [0.0]]
    """
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    numbers = np.empty(frame.shape)
    for j, (name, column) in enumerate(frame.items()):
        values = _numbers(column, str(name))
        if infinite := int(np.isinf(values).sum()):
            raise DataError(
                "a feature holds infinite values",
                where=f"column {name}",
                got=f"{infinite:,} of {len(values):,} values",
                expected="finite numbers, or nothing where none is known",
            )
        numbers[:, j] = np.where(np.isnan(values), fill, values)
    return numbers


def _numbers(column: pd.Series, name: str) -> np.ndarray:
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf":
        return column.to_numpy(dtype=float, na_value=np.nan)
    if kind == "O":
        found = pd.to_numeric(column.astype(object), errors="coerce")
        wrong = column[(found.isna() & column.notna()).to_numpy()]
        if wrong.empty:
            return found.to_numpy(dtype=float, na_value=np.nan)
    else:
        wrong = column
    raise DataError(
        "a feature is not numbers",
        where=f"column {name}",
        got=f"{column.dtype}, such as {min(map(str, wrong))!r}, in {len(wrong):,} rows",
        expected="numbers",
    )


def on_circle(X: Any, period: float) -> np.ndarray:
    """Return sine and cosine of values that come round again, so that 23 h is near 0 h.

    Parameters
    ----------
    X : DataFrame or array, shape (n_customers, n_columns)
        Numbers; missing values stay NaN.
    period : float
        After how much they come round, such as 24 for hours.

    Returns
    -------
    ndarray, shape (n_customers, 2 n_columns)
        All sines, then all cosines.

    Examples
    --------
    >>> on_circle([[0], [6], [12]], 24).round(6).tolist()
    [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]]
    """
    angles = as_numbers(X) * (2 * np.pi / period)
    return np.hstack([np.sin(angles), np.cos(angles)])


def circle_names(transformer: Any, names: Sequence[str]) -> np.ndarray:
    """Return the names of what `on_circle` gives."""
    return np.array([f"{name} ({part})" for part in ("sin", "cos") for name in names], object)


def as_ranks(X: Any, levels: Sequence[str]) -> np.ndarray:
    """Return levels as ranks from 0, the first, to 1, the last.

    Parameters
    ----------
    X : DataFrame or array, shape (n_customers, n_columns)
        Levels.
    levels : sequence of str
        From the lowest to the highest.

    Returns
    -------
    ndarray, shape (n_customers, n_columns)
        Missing values and unknown levels are NaN.

    Warns
    -----
    SegmlWarning
        Names the unknown levels.

    Examples
    --------
    >>> as_ranks([["low"], ["high"], [None], ["middle"]], ["low", "middle", "high"]).tolist()
    [[0.0], [1.0], [nan], [0.5]]
    """
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X, dtype=object))
    ranks = np.empty(frame.shape)
    places = {level: j / max(len(levels) - 1, 1) for j, level in enumerate(levels)}
    for j, (name, column) in enumerate(frame.items()):
        codes, found = _levels(column.to_numpy(dtype=object))
        if unknown := sorted(set(found) - set(levels)):
            warnings.warn(
                SegmlWarning(
                    "unknown levels are taken as missing",
                    where=f"column {name}",
                    got=", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else ""),
                    expected="one of " + ", ".join(levels),
                ),
                stacklevel=2,
            )
        ranks[:, j] = np.array([*(places.get(level, np.nan) for level in found), np.nan])[codes]
    return ranks


def _levels(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the place of each value in a list of distinct texts, -1 where it is missing."""
    codes, distinct = pd.factorize(values)
    found, places = np.unique([level_text(value) for value in distinct], return_inverse=True)
    return np.append(places, -1).astype(int)[codes], found.tolist()


def level_text(value: Any) -> str:
    """Return a level as text; whole numbers without decimals, truth as yes and no."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        if math.isinf(value):
            raise DataError("a level is infinite", got=float(value), expected="a name or a code")
        if value.is_integer():  # whole numbers become floats beside a missing one
            return str(int(value))
    return str(value)


class LevelEncoder(TransformerMixin, BaseEstimator):
    """One column of 0 and 1 per level, rare levels folded into "other".

    Parameters
    ----------
    min_share : float, default 0.01
        Levels of fewer customers than this share are folded.
    missing : str, default "unknown"
        What missing values are called; they are a level like any other.

    Attributes
    ----------
    levels_ : list of list of str
        Levels with a column of their own, sorted, "other" last where there is one.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    scikit-learn's OneHotEncoder folds too, but beside a level that is itself called
    "other" it has two of the name. A level that the fit has not seen is "other" where
    there is one, and else has 0 in every column: as far from one level as from the next.

    Examples
    --------
    >>> frame = pd.DataFrame({"country": ["FR"] * 5 + ["DE"] * 4 + ["IS", None]})
    >>> encoder = LevelEncoder(min_share=0.2).fit(frame)
    >>> encoder.get_feature_names_out().tolist()
    ['country: DE', 'country: FR', 'country: other']
    >>> encoder.transform(pd.DataFrame({"country": ["DE", "NO"]})).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, min_share: float = 0.01, missing: str = "unknown") -> None:
        self.min_share = min_share
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which levels there are and which are rare.

        Parameters
        ----------
        X : DataFrame or array, shape (n_customers, n_columns)
            Text, codes or booleans.
        y : None
            Ignored.

        Raises
        ------
        NotEnoughDataError
            Every value of a column is missing.

        Warns
        -----
        SegmlWarning
            Every level of a column is rare: what is left tells nobody apart.
        """
        min_share = number(self.min_share, "min_share", low=0, high=1)
        X = validate_data(self, X, reset=True, dtype=None, ensure_all_finite=False)
        names = _check_feature_names_in(self)
        self.levels_ = []
        for values, name in zip(X.T, names, strict=True):
            codes, found = self._codes(values)
            if found == [self.missing] and pd.isna(values).all():
                raise NotEnoughDataError(
                    "every value is missing", where=f"column {name}", hint="leave the feature out"
                )
            counts = np.bincount(codes, minlength=len(found))
            common = [
                level
                for level, count in zip(found, counts, strict=True)
                if count >= min_share * len(codes) and level != OTHER
            ]
            if not common:
                warnings.warn(
                    SegmlWarning(
                        "every level is rare, so that the feature tells nobody apart",
                        where=f"column {name}",
                        got=f"{len(found):,} levels of {len(codes):,} customers",
                        expected=f"levels of at least {min_share:.1%} of customers",
                        hint="group them, or leave the feature out",
                    ),
                    stacklevel=2,
                )
            self.levels_.append(common + [OTHER] * (len(common) < len(found)))
        return self

    def transform(self, X: Any) -> Any:
        """Return a 1 in the column of each customer's level.

        Parameters
        ----------
        X : as for `fit`
            The same columns.

        Returns
        -------
        ndarray or DataFrame, shape (n_customers, n_levels)
            The levels of the first column, then of the second, and so on.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite=False)
        blocks = []
        for values, levels in zip(X.T, self.levels_, strict=True):
            codes, found = self._codes(values)
            places = {level: j for j, level in enumerate(levels)}
            # A level without a place falls beside the last column, which is cut off.
            rest = places.get(OTHER, len(levels))
            columns = np.array([places.get(level, rest) for level in found], dtype=int)
            blocks.append(np.eye(len(levels) + 1)[columns[codes], : len(levels)])
        return np.hstack(blocks)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return "column: level" of each column of the result."""
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return np.array(
            [
                f"{name}: {level}"
                for name, levels in zip(names, self.levels_, strict=True)
                for level in levels
            ],
            object,
        )

    def _codes(self, values: np.ndarray) -> tuple[np.ndarray, list[str]]:
        return _levels(np.where(pd.isna(values), self.missing, values.astype(object)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
