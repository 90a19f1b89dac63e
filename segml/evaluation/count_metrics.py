"""How far forecasts of amounts and of chances are from what happened.

Each metric comes with its influence values, what each customer adds to it, so that its
uncertainty, and that of a difference between two models, is a variance over customers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from scipy.stats import norm, rankdata

from segml._core.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    r"""A metric, and what each customer adds to it.

    Parameters
    ----------
    value : float
        The metric; missing where it cannot be computed.
    influence : ndarray, shape (n_customers,)
        Influence values :math:`\psi_i` with the mean 0: to first order the metric of other
        customers is the value plus the mean of their influence values (Hampel [1]_).
        Missing where the value is.
    reason : str
        Why it is missing.

    References
    ----------
    .. [1] Hampel, F. R. (1974). The influence curve and its role in robust estimation.
       Journal of the American Statistical Association 69, 383-393.
    """

    value: float
    influence: Floats
    reason: str = ""

    @property
    def std_error(self) -> float:
        """Standard error over customers; missing for one customer."""
        n = len(self.influence)
        return (
            math.sqrt(float(np.square(self.influence).sum()) / (n * (n - 1))) if n > 1 else np.nan
        )

    @classmethod
    def missing(cls, n: int, reason: str) -> Estimate:
        """Return what stands for a metric that cannot be computed for n customers."""
        return cls(np.nan, np.full(n, np.nan), reason)

    @classmethod
    def mean(cls, losses: Floats) -> Estimate:
        """Return the mean of what is lost on each customer."""
        value = float(losses.mean())
        return cls(value, losses - value)

    @classmethod
    def ratio(cls, above: Estimate, below: Estimate) -> Estimate:
        """Return one estimate over another that is not 0."""
        value = above.value / below.value
        return cls(value, (above.influence - value * below.influence) / below.value)


def checked(actual: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    """Return what happened and what was forecast as two arrays of one length.

    Raises
    ------
    DataError
        They are of different lengths, empty, or hold a number that is missing or infinite.
    """
    y, f = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    if y.shape != f.shape or y.ndim != 1 or not len(y):
        raise DataError(
            "forecasts do not fit what happened",
            where="forecast",
            got=f"shapes {y.shape} and {f.shape}",
            expected="one number a customer each, of at least one customer",
        )
    for name, values in (("actual", y), ("forecast", f)):
        if bad := int((~np.isfinite(values)).sum()):
            raise DataError(
                f"{name} holds numbers that are missing or infinite",
                where=name,
                got=f"{bad:,} of {len(values):,}",
                expected="finite numbers",
            )
    return y, f


def mae(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the mean absolute error per customer.

    It is least for a forecast of the median, which is 0 where most customers buy nothing.

    Examples
    --------
    >>> mae([0, 2, 4], [1, 2, 2]).value
    1.0
    """
    y, f = checked(actual, forecast)
    return Estimate.mean(np.abs(y - f))


def rmse(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the root of the mean squared error per customer; least for the mean.

    Examples
    --------
    >>> rmse([0, 2, 4], [1, 2, 2]).value.__round__(3)
    1.291
    """
    y, f = checked(actual, forecast)
    square = Estimate.mean((y - f) ** 2)
    value = math.sqrt(square.value)
    if value == 0:
        return square
    return Estimate(value, square.influence / (2 * value))


def bias(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the relative error of the total: forecast / actual - 1.

    Examples
    --------
    >>> bias([0, 2, 4], [1, 2, 2]).value.__round__(3)
    -0.167
    """
    y, f = checked(actual, forecast)
    if y.sum() == 0:
        return Estimate.missing(len(y), "nothing was bought")
    found = Estimate.ratio(Estimate.mean(f), Estimate.mean(y))
    return Estimate(found.value - 1, found.influence)


def poisson_deviance(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    r"""Return the mean Poisson deviance of counts.

    .. math:: \frac{2}{n} \sum_i \left( y_i \ln \frac{y_i}{f_i} - y_i + f_i \right)

    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, second edition, section
    2.3. Least for the mean. Missing where 0 was forecast for somebody who bought, which
    would be infinitely wrong.

    Examples
    --------
    >>> poisson_deviance([0, 2, 4], [1, 2, 2]).value.__round__(3)
    1.182
    >>> poisson_deviance([0, 2], [0, 0]).reason
    '0 was forecast for 1 customer who bought'
    """
    y, f = checked(actual, forecast)
    if (y < 0).any() or (f < 0).any():
        return Estimate.missing(len(y), "there are negative numbers")
    if n := int(((f == 0) & (y > 0)).sum()):
        return Estimate.missing(
            len(y), f"0 was forecast for {n:,} customer{'s' * (n > 1)} who bought"
        )
    safe = np.where(f > 0, f, 1.0)
    return Estimate.mean(2 * (xlogy(y, np.where(y > 0, y, 1.0) / safe) - y + f))


def brier(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the Brier score of chances: the mean squared distance from what happened.

    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly
    Weather Review 78, 1-3; half of his score for two outcomes, as is usual.

    Examples
    --------
    >>> brier([0, 1], [0.25, 0.5]).value
    0.15625
    """
    y, f = _chances(actual, forecast)
    return Estimate.mean((y - f) ** 2)


def log_loss(actual: ArrayLike, forecast: ArrayLike) -> Estimate:
    """Return the mean negative log-likelihood of what happened, in nats.

    Missing where something happened of which the chance was said to be 0.

    Examples
    --------
    >>> log_loss([0, 1], [0.25, 0.5]).value.__round__(3)
    0.49
    >>> log_loss([0, 1], [1.0, 0.5]).reason
    'of 1 customer the opposite was held for certain'
    """
    y, f = _chances(actual, forecast)
    chance = np.where(y == 1, f, 1 - f)
    if n := int((chance == 0).sum()):
        who = f"{n:,} customer{'s' * (n > 1)}"
        return Estimate.missing(len(y), f"of {who} the opposite was held for certain")
    return Estimate.mean(-np.log(chance))


def _chances(actual: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    y, f = checked(actual, forecast)
    if not np.isin(y, (0, 1)).all() or (f < 0).any() or (f > 1).any():
        raise DataError(
            "these are not chances of what happened",
            where="forecast",
            got=f"forecasts from {f.min():g} to {f.max():g}",
            expected="forecasts from 0 to 1, and 0 or 1 for what happened",
        )
    return y, f


def calibration(
    actual: ArrayLike,
    forecast: ArrayLike,
    customers: ArrayLike | None = None,
    n_groups: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare means of forecasts and of what happened, by tenths of customers.

    Parameters
    ----------
    actual, forecast : array, shape (n,)
        What happened and what was forecast.
    customers : array, shape (n,), optional
        Who it was, where a customer is there at several dates; each row is a customer of
        its own otherwise.
    n_groups : int, default 10
        Groups of about equal size by the forecast. Equal forecasts are in one group, so that
        there may be fewer groups.
    level : float, default 0.95
        Of the interval of the actual mean, which takes the rows of a customer together.

    Returns
    -------
    DataFrame
        By ``group`` (1 has the lowest forecasts): ``customers`` (rows), mean ``forecast``,
        mean ``actual`` and its interval ``low`` to ``high``, missing for one customer.

    Examples
    --------
    >>> calibration([0, 0, 1, 3], [0.1, 0.3, 1, 2], n_groups=2)[["forecast", "actual"]]
           forecast  actual
    group
    1           0.2     0.0
    2           1.5     2.0
    """
    y, f = checked(actual, forecast)
    who = np.arange(len(y)) if customers is None else pd.factorize(np.asarray(customers))[0]
    places = np.ceil(n_groups * (rankdata(f) - 0.5) / len(f)).astype(int)
    z, rows = norm.ppf(0.5 + level / 2), []
    for group in np.unique(places):
        inside = places == group
        mean = float(y[inside].mean())
        _, codes = np.unique(who[inside], return_inverse=True)
        sums, n = np.bincount(codes, weights=y[inside] - mean), int(codes.max()) + 1
        half = z * math.sqrt(n / (n - 1) * float(sums @ sums)) / inside.sum() if n > 1 else np.nan
        rows.append(
            {
                "group": int(group),
                "customers": int(inside.sum()),
                "forecast": float(f[inside].mean()),
                "actual": mean,
                "low": mean - half,
                "high": mean + half,
            }
        )
    return pd.DataFrame(rows).set_index("group")
