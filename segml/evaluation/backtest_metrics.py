"""The metrics of a backtest: what each is called, of what, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from segml._core import text
from segml._core.check import one_of

from . import count_metrics, ranking_metrics
from .count_metrics import Estimate, Floats

#: What is forecast of each customer, with what it is in words.
TARGETS = {
    "purchases": "days with a purchase in the horizon",
    "revenue": "revenue in the horizon",
    "churn": "no purchase in the horizon",
}


@dataclass(frozen=True)
class Metric:
    """A metric of forecasts.

    Parameters
    ----------
    name, label : str
        In tables, and for readers.
    function : callable
        Of what happened and of the forecast; returns an `Estimate`.
    better : {"low", "high", "zero"}
        Which values are better.
    unit : {"target", "share", "score"}
        "target" is in the unit of what is forecast.
    least, most : float
        Values beyond which there are none.
    """

    name: str
    label: str
    function: Callable[[Floats, Floats], Estimate]
    better: str
    unit: str
    least: float = 0.0
    most: float = math.inf

    def loss(self, estimate: Estimate) -> Estimate:
        """Return the metric such that less is better, to compare models by."""
        if self.better == "high" or (self.better == "zero" and estimate.value < 0):
            return Estimate(-estimate.value, -estimate.influence, estimate.reason)
        return estimate

    def format(self, value: float) -> str:
        """Format a value with its unit."""
        return text.share(value) if self.unit == "share" else text.decimal(value)


_MAE = Metric("mae", "mean absolute error", count_metrics.mae, "low", "target")
_RMSE = Metric("rmse", "root mean squared error", count_metrics.rmse, "low", "target")
_BIAS = Metric("bias", "relative error of the total", count_metrics.bias, "zero", "share")
_GINI = Metric("gini", "normalised Gini", ranking_metrics.gini, "high", "score", -1, 1)
_TOP = Metric(
    "top_capture", "bought by the top tenth", ranking_metrics.top_capture, "high", "share", 0, 1
)
_DEVIANCE = Metric(
    "poisson_deviance", "mean Poisson deviance", count_metrics.poisson_deviance, "low", "score"
)
_BRIER = Metric("brier", "Brier score", count_metrics.brier, "low", "score", 0, 1)
_LOG_LOSS = Metric("log_loss", "log loss", count_metrics.log_loss, "low", "score")
_AUC = Metric("auc", "area under the ROC curve", ranking_metrics.auc, "high", "score", 0, 1)

#: The metrics of each target by name; the first one ranks models when none is chosen.
METRICS: dict[str, dict[str, Metric]] = {
    target: {metric.name: metric for metric in metrics}
    for target, metrics in {
        "purchases": (_RMSE, _MAE, _BIAS, _DEVIANCE, _GINI, _TOP),
        "revenue": (_RMSE, _MAE, _BIAS, _GINI, _TOP),
        "churn": (_BRIER, _LOG_LOSS, _AUC, _BIAS),
    }.items()
}


def find_metric(target: str, name: str | None) -> Metric:
    """Return a metric of a target by name, the first one when no name is given.

    Raises
    ------
    ParameterError
        There is no such target or metric; names the nearest.

    Examples
    --------
    >>> find_metric("churn", None).name, find_metric("purchases", "mae").label
    ('brier', 'mean absolute error')
    """
    metrics = METRICS[one_of(target, METRICS, "target")]
    return metrics[one_of(name, metrics, "metric")] if name else next(iter(metrics.values()))
