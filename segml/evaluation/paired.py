"""Differences between models on the same customers and dates, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from .count_metrics import Floats


@dataclass(frozen=True, eq=False)
class Losses:
    """A metric of several models at several dates; less is better.

    Parameters
    ----------
    models : tuple of str
        Their names.
    values : ndarray, shape (n_dates, n_models)
        The metric.
    covariance_customers, covariance_within : ndarray, shape (n_models, n_models)
        Covariances of the means over dates: of customers, each at all dates together; and of
        customers at each date by itself.
    covariance_dates : ndarray, shape (n_models, n_models)
        That of dates, missing where there is one.
    """

    models: tuple[str, ...]
    values: Floats
    covariance_customers: Floats
    covariance_within: Floats
    covariance_dates: Floats

    @property
    def means(self) -> Floats:
        """The mean of each model over the dates."""
        return self.values.mean(axis=0)

    @property
    def n_dates(self) -> int:
        """How many dates there are."""
        return len(self.values)


@dataclass(frozen=True)
class Uncertainty:
    """The standard error of a mean over dates, or of a difference of two.

    Parameters
    ----------
    customers : float
        Over customers alone: at these dates, how might other customers have come out.
    both : float
        Over customers and dates; missing where there is one date.
    degrees : float
        Degrees of freedom of `both`; infinite where there is one date.
    """

    customers: float
    both: float
    degrees: float

    def half_width(self, level: float, dates: bool) -> float:
        """Return half the width of an interval, over customers alone or dates as well."""
        if not dates:
            return float(norm.ppf(0.5 + level / 2)) * self.customers
        if np.isnan(self.both):
            return np.nan
        return float(student.ppf(0.5 + level / 2, self.degrees)) * self.both

    def p_value(self, difference: float) -> float:
        """Return the two-sided p-value of a difference, over dates as well where there are some.

        A difference of 0 without an error has the p-value 1.
        """
        dates = not np.isnan(self.both)
        error = self.both if dates else self.customers
        if error == 0:
            return 1.0 if difference == 0 else 0.0
        ratio = abs(difference) / error
        return float(2 * (student.sf(ratio, self.degrees) if dates else norm.sf(ratio)))


def losses(
    models: Sequence[str], values: Floats, influence: Sequence[pd.DataFrame], overlap: int = 0
) -> Losses:
    r"""Put the metric of models at several dates together with its covariances.

    Parameters
    ----------
    models : sequence of str
        Names, columns of `influence`.
    values : ndarray, shape (n_dates, n_models)
        The metric, less is better, in the order of dates.
    influence : sequence of DataFrame
        For each date the influence values by customer and model.
    overlap : int, default 0
        How many of the dates that follow have a horizon that overlaps with that of a date.

    Returns
    -------
    Losses

    Notes
    -----
    The mean over D dates of model m has, of customer c, the influence
    :math:`\sum_d \psi_{cdm} / (D n_d)`. Customers who are there at several dates count once
    for all of them, and all customers of a date share that date: errors are clustered in two
    ways, and by Cameron, Gelbach & Miller [1]_ (equation 2.8) the covariance is

    .. math:: V = V_{customers} + V_{dates} - V_{customers\ within\ dates}

    :math:`V_{dates}` is that of Diebold & Mariano [2]_: where horizons of h neighbouring dates
    overlap, with the autocovariances up to h - 1, and with the correction of Harvey,
    Leybourne & Newbold [3]_ for few dates; with h = 1 it is the variance between dates over
    their number.

    References
    ----------
    .. [1] Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with
       multiway clustering. Journal of Business & Economic Statistics 29(2), 238-249.
    .. [2] Diebold, F. X. and Mariano, R. S. (1995). Comparing predictive accuracy. Journal of
       Business & Economic Statistics 13(3), 253-263.
    .. [3] Harvey, D., Leybourne, S. and Newbold, P. (1997). Testing the equality of prediction
       mean squared errors. International Journal of Forecasting 13, 281-291, equation 9.
    """
    n_dates, n_models = values.shape
    parts = [
        table[list(models)].to_numpy(dtype=float) / (n_dates * len(table)) for table in influence
    ]
    within = np.zeros((n_models, n_models))
    for part in parts:
        n = len(part)
        within += part.T @ part * (n / (n - 1) if n > 1 else np.nan)
    codes, customers = pd.factorize(np.concatenate([table.index for table in influence]))
    stacked, n = np.concatenate(parts), len(customers)
    each = np.stack([np.bincount(codes, weights=column) for column in stacked.T], axis=1)
    over = each.T @ each * (n / (n - 1) if n > 1 else np.nan)
    return Losses(
        tuple(models),
        values,
        np.asarray(over, dtype=np.float64),
        within,
        _of_dates(values, overlap),
    )


def _of_dates(values: Floats, overlap: int) -> Floats:
    """Return the covariance of means over dates."""
    n_dates, n_models = values.shape
    if n_dates < 2:
        return np.full((n_models, n_models), np.nan)
    apart = values - values.mean(axis=0)
    plain: Floats = apart.T @ apart / (n_dates * (n_dates - 1))
    lags = min(overlap, n_dates - 1)
    if not lags:
        return plain
    total = apart.T @ apart
    for lag in range(1, lags + 1):
        cross = apart[lag:].T @ apart[:-lag]
        total = total + cross + cross.T
    h = lags + 1
    factor = (n_dates + 1 - 2 * h + h * (h - 1) / n_dates) / n_dates
    corrected: Floats = total / n_dates**2 / factor if factor > 0 else plain
    # Sums of autocovariances may be negative; then what dates by themselves say stands.
    least = np.linalg.eigvalsh(corrected).min()
    return corrected if least >= -1e-12 * np.trace(np.abs(corrected)) else plain * h


def uncertainty(found: Losses, weights: Floats) -> Uncertainty:
    r"""Return the standard error of a weighted sum of the means, such as a difference.

    Parameters
    ----------
    found : Losses
        From `losses`.
    weights : ndarray, shape (n_models,)
        1 for a mean; 1 and -1 for a difference.

    Notes
    -----
    The variance over both is at least that over customers alone. Its degrees of freedom
    are those of Satterthwaite, F. E. (1946), Biometrics Bulletin 2, 110-114, where only the
    part of the dates, with D - 1, has few:

    .. math:: \nu = (D - 1)\, V^2 / V_{dates}^2
    """
    customers, within, dates = (
        float(weights @ matrix @ weights)
        for matrix in (found.covariance_customers, found.covariance_within, found.covariance_dates)
    )
    customers = max(customers, 0.0)
    if np.isnan(dates):
        return Uncertainty(np.sqrt(customers), np.nan, np.inf)
    both = max(customers + dates - within, customers)
    degrees = (found.n_dates - 1) * (both / dates) ** 2 if dates > 0 else np.inf
    return Uncertainty(np.sqrt(customers), np.sqrt(both), max(degrees, found.n_dates - 1.0))


def covariance(found: Losses) -> Floats:
    """Return the covariance of the means, over customers, and over dates where there are several.

    What dates add is made positive semidefinite, as few of them may seem to take away.
    """
    if found.n_dates < 2:
        return found.covariance_customers
    values, vectors = np.linalg.eigh(found.covariance_dates - found.covariance_within)
    return found.covariance_customers + (vectors * np.maximum(values, 0.0)) @ vectors.T


def at_these_dates(found: Losses) -> Losses:
    """Return the same without what is not known of other dates."""
    unknown = np.full_like(found.covariance_dates, np.nan)
    return replace(found, values=found.means[None, :], covariance_dates=unknown)
