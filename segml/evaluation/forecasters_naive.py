"""Rules of thumb that a model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from segml._core.check import number

from .count_metrics import Floats
from .forecasters import Forecast, Known


@dataclass(frozen=True)
class SameAsLastPeriod:
    """Each customer does in the horizon what they did in the same time before the cut-off."""

    reads_more: ClassVar[bool] = False

    def forecast(self, known: Known) -> Forecast:
        """Return the last period of each customer; churn is for certain, or not at all."""
        churn = (known.last["purchases"] == 0).astype(float)
        return Forecast(known.last[["purchases", "revenue"]].astype(float).assign(churn=churn))


@dataclass(frozen=True)
class OwnMean:
    """Each customer goes on at their own mean rate: repeat purchases over time, x / T.

    Spend per purchase is the customer's own mean, that of all where there is none. The
    chance of no purchase is that of a Poisson process of this rate.
    """

    reads_more: ClassVar[bool] = False

    def forecast(self, known: Known) -> Forecast:
        """Return rate times horizon."""
        purchases = _own_rate(known.rfm) * known.horizon
        values = {
            "purchases": purchases,
            "revenue": purchases * _own_spend(known.rfm),
            "churn": np.exp(-purchases),
        }
        return Forecast(pd.DataFrame(values, known.rfm.index))


@dataclass(frozen=True)
class MeanOfAll:
    """Each customer does what all did on average after an earlier cut-off.

    That is the horizon's length before, so that what followed is known. It ranks nobody.
    """

    reads_more: ClassVar[bool] = False

    def forecast(self, known: Known) -> Forecast:
        """Return the same for all."""
        means = known.learnable().actual.mean()
        return Forecast(
            pd.DataFrame({name: float(v) for name, v in means.items()}, known.rfm.index)
        )


@dataclass(frozen=True)
class Hiatus:
    """Who has not bought for some time has left; the others go on at their own mean rate.

    The rule of managers that Wübben & Wangenheim [1]_ set beside BG/NBD and Pareto/NBD.

    Parameters
    ----------
    after : float, optional
        That time, in the time unit; when not given, the one that told best at an earlier
        cut-off who would buy.

    Notes
    -----
    The chances of no purchase are the shares of those two groups who bought nothing after
    the earlier cut-off.

    References
    ----------
    .. [1] Wübben, M. and Wangenheim, F. v. (2008). Instant customer base analysis: managerial
       heuristics often "get it right". Journal of Marketing 72(3), 82-93.
    """

    reads_more: ClassVar[bool] = False

    after: float | None = None

    def forecast(self, known: Known) -> Forecast:
        """Return 0 for those who have left, and the own mean for the others."""
        earlier = known.learnable()
        silent, left = _silence(earlier.rfm), earlier.actual["churn"].to_numpy()
        after = self._after(silent, left)
        active = _silence(known.rfm) <= after
        purchases = np.where(active, _own_rate(known.rfm) * known.horizon, 0.0)
        before = silent <= after
        everybody = float(left.mean())
        chances = [float(left[who].mean()) if who.any() else everybody for who in (before, ~before)]
        values = {
            "purchases": purchases,
            "revenue": purchases * _own_spend(known.rfm),
            "churn": np.where(active, *chances),
        }
        return Forecast(pd.DataFrame(values, known.rfm.index))

    def _after(self, silent: Floats, left: Floats) -> float:
        if self.after is not None:
            return number(self.after, "after", low=0)
        times, codes = np.unique(silent, return_inverse=True)
        stayed = np.bincount(codes, weights=1 - left)
        gone = np.bincount(codes, weights=left)
        # Wrong are those up to the time who buy nothing, and those beyond it who buy.
        wrong = np.cumsum(gone) + stayed.sum() - np.cumsum(stayed)
        return float(times[wrong.argmin()])


def _own_rate(rfm: pd.DataFrame) -> Floats:
    """Return repeat purchases per unit of time; 0 for those who came on the last day."""
    x, T = rfm["frequency"].to_numpy(dtype=float), rfm["T"].to_numpy(dtype=float)
    return np.divide(x, T, out=np.zeros(len(x)), where=T > 0)


def _own_spend(rfm: pd.DataFrame) -> Floats:
    """Return mean spend per repeat purchase; that of all for those who have none."""
    own = rfm["monetary_value"].to_numpy(dtype=float)
    x = rfm["frequency"].to_numpy(dtype=float)
    known = ~np.isnan(own)
    mean = float(x[known] @ own[known] / x[known].sum()) if known.any() else np.nan
    return np.where(known, own, mean)


def _silence(rfm: pd.DataFrame) -> Floats:
    """Return the time since the last purchase."""
    return (rfm["T"] - rfm["recency"]).to_numpy(dtype=float)
