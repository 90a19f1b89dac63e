"""Machine learning on segml's features: gradient boosting as a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from .count_metrics import Floats
from .forecasters import Forecast, Known


@dataclass(frozen=True)
class GradientBoosting:
    """Histogram gradient boosting of what followed an earlier cut-off on features as of then.

    Parameters
    ----------
    max_iter : int, default 100
        Trees.
    learning_rate : float, default 0.05
        Step of each.

    Notes
    -----
    It learns from the customers of the cut-off one horizon earlier, of whom what followed is
    known by now: features as of then, and purchases, revenue and churn up to the cut-off.
    It is then asked with the features as of the cut-off. Purchases and revenue have the
    Poisson loss, which is least for the mean; revenue the squared one where some of it is
    negative. The features are the numbers among segml's that both days have. One thread is
    used, as sums in another order differ.
    """

    max_iter: int = 100
    learning_rate: float = 0.05

    def forecast(self, known: Known) -> Forecast:
        """Learn from the earlier cut-off, and return what is expected of each customer."""
        earlier = known.learnable()
        then, now = known.features(earlier.cutoff), known.features(known.cutoff)
        # scikit-learn finds no bins for a column without two values.
        names = [name for name in then if name in now and then[name].nunique() > 1]
        X, new = (
            table[names].loc[index].to_numpy(dtype=float, na_value=np.nan)
            for table, index in ((then, earlier.rfm.index), (now, known.rfm.index))
        )
        with threadpool_limits(limits=1):
            values = {
                target: self._learnt(target, X, earlier.actual[target].to_numpy(float), new, known)
                for target in ("purchases", "revenue", "churn")
            }
        return Forecast(pd.DataFrame(values, known.rfm.index))

    def _learnt(self, target: str, X: Floats, y: Floats, new: Floats, known: Known) -> Floats:
        if y.min() == y.max():  # nothing to tell apart
            return np.full(len(new), y[0])
        from sklearn.ensemble import (
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )

        shared: dict[str, Any] = {
            "max_iter": self.max_iter,
            "learning_rate": self.learning_rate,
            "early_stopping": False,
            "random_state": known.seed,
        }
        if target == "churn":
            found = HistGradientBoostingClassifier(**shared).fit(X, y).predict_proba(new)
            return np.asarray(found[:, 1])
        loss = "poisson" if y.min() >= 0 else "squared_error"
        return np.asarray(HistGradientBoostingRegressor(loss=loss, **shared).fit(X, y).predict(new))
