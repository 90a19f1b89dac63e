"""A prediction for many customers together with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core import html
from segml._core.errors import DataError
from segml._core.text import count, decimal, share

from ._interval import Scale, interval
from ._unique import Codes, Floats

_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Prediction:
    r"""Expected values by customer, with how they move with the parameters.

    The intervals are of the expected value: they hold what is not known about
    the parameters, and not the chance in what one customer will do.  The errors
    of customers are correlated, as all rest on the same estimates; means and
    sums over groups take that into account:

    .. math:: \mathrm{Var}\Big(\sum_i \hat y_i\Big) \approx
        \Big(\sum_i J_i\Big) \Sigma \Big(\sum_i J_i\Big)^T

    Parameters
    ----------
    values : Series of length n
        By customer.
    jacobian : ndarray of shape (n, k)
        Derivatives of the values by the logarithms of the parameters.
    covariance : ndarray of shape (k, k)
        Covariance of those logarithms.
    name : str
        What is predicted; the column in :meth:`to_frame`.
    scale : {"positive", "probability"}
        Whether intervals are built on the logarithm or the log odds.

    Examples
    --------
    >>> values = pd.Series([2.0, 6.0], index=pd.Index(["a", "b"], name="customer_id"))
    >>> prediction = Prediction(values, values.to_numpy()[:, None], np.array([[0.01]]), "clv",
    ...                         "positive")
    >>> prediction.to_frame().round(2)
                 clv  std_error   low  high
    customer_id
    a            2.0        0.2  1.64  2.43
    b            6.0        0.6  4.93  7.30
    >>> prediction.sum_by(pd.Series("all", index=values.index, name="segment")).round(2)
             value  std_error   low  high  n
    segment
    all        8.0        0.8  6.58  9.73  2
    """

    values: pd.Series
    jacobian: Floats
    covariance: Floats
    name: str
    scale: Scale

    def to_frame(self, level: float = _LEVEL) -> pd.DataFrame:
        """Return the values with standard errors and intervals.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        DataFrame
            By customer; columns `name`, std_error, low, high.

        Raises
        ------
        ParameterError
            When `level` is out of range.
        """
        value = self.values.to_numpy(dtype=float)
        error = self._error(self.jacobian)
        low, high = interval(value, error, self.scale, level)
        return pd.DataFrame(
            {self.name: value, "std_error": error, "low": low, "high": high},
            index=self.values.index,
        )

    def mean_by(self, groups: pd.Series, level: float = _LEVEL) -> pd.DataFrame:
        """Return the mean of each group of customers with its interval.

        Parameters
        ----------
        groups : Series
            Group by customer id: all customers of the prediction, and no others.
        level : float
            Confidence level.

        Returns
        -------
        DataFrame
            By group; columns value, std_error, low, high, n.

        Raises
        ------
        DataError
            When the customers are not the same.
        ParameterError
            When `level` is out of range.
        """
        return self._by(groups, level, mean=True)

    def sum_by(self, groups: pd.Series, level: float = _LEVEL) -> pd.DataFrame:
        """Return the sum of each group of customers with its interval.

        Parameters, columns and errors are those of :meth:`mean_by`.
        """
        return self._by(groups, level, mean=False)

    def _by(self, groups: pd.Series, level: float, *, mean: bool) -> pd.DataFrame:
        codes, labels = pd.factorize(self._aligned(groups), sort=True)
        n = np.bincount(codes, minlength=len(labels))
        over = n if mean else np.ones(len(labels))
        value = _sums(self.values.to_numpy(dtype=float), codes, len(labels)) / over
        jacobian = np.column_stack(
            [_sums(column, codes, len(labels)) / over for column in self.jacobian.T]
        )
        error = self._error(jacobian)
        scale = self.scale if mean else "positive"
        low, high = interval(value, error, scale, level)
        return pd.DataFrame(
            {"value": value, "std_error": error, "low": low, "high": high, "n": n},
            index=pd.Index(labels, name=groups.name or "group"),
        )

    def _error(self, jacobian: Floats) -> Floats:
        variance = np.einsum("ij,ij->i", jacobian @ self.covariance, jacobian)
        return np.sqrt(np.maximum(variance, 0))

    def _aligned(self, groups: pd.Series) -> pd.Series:
        """Return the groups in the order of the values."""
        index = self.values.index
        if not isinstance(groups, pd.Series):
            raise DataError(
                "the groups are not a Series",
                where="groups",
                got=type(groups).__name__,
                expected="a pandas Series indexed by customer_id",
            )
        for which, ids in (("prediction", index), ("groups", groups.index)):
            if not ids.is_unique:
                raise DataError(
                    f"customers occur more than once in the {which}",
                    where=which,
                    got=f"{count(ids.duplicated().sum())} repeated ids",
                    expected="one row per customer",
                )
        known = groups.dropna()
        unknown = int((index.get_indexer(groups.index) < 0).sum())
        missing = int((known.index.get_indexer(index) < 0).sum())
        if unknown or missing:
            raise DataError(
                "the groups are not of the customers of the prediction",
                where="groups",
                got=f"{count(missing)} customers without a group and {count(unknown)} unknown ids",
                expected="one group for each customer of the prediction",
            )
        return known.reindex(index)

    def _repr_html_(self) -> str:
        everyone = pd.Series("all", index=range(len(self.values)))
        whole = Prediction(
            self.values.set_axis(everyone.index), self.jacobian, self.covariance, "", self.scale
        )
        mean, total = whole.mean_by(everyone).iloc[0], whole.sum_by(everyone).iloc[0]
        name = self.name.replace("_", " ")
        items = [("customers", count(len(self.values)), "")]
        for what, row in (("mean", mean), ("total", total)):
            ends = f"{share(_LEVEL)} interval {decimal(row['low'])} to {decimal(row['high'])}"
            items.append((f"{what} {name}", decimal(row["value"]), ends))
        low, middle, high = self.values.quantile([0.1, 0.5, 0.9])
        tenths = f"80% of customers lie between {decimal(low)} and {decimal(high)}"
        items.append((f"median {name}", decimal(middle), tenths))
        return html.block(
            html.facts(items),
            html.note(
                "Intervals are of the expected value: they hold the uncertainty of the estimated"
                " parameters, not the chance in what one customer does."
            ),
        )


def _sums(values: Floats, codes: Codes, n: int) -> Floats:
    return np.bincount(codes, weights=values, minlength=n).astype(float)
