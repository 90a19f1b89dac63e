"""The forecasters that segml knows by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.clv import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
)

from .forecasters import CLVForecaster, Forecaster, as_forecaster
from .forecasters_learned import GradientBoosting
from .forecasters_lifetimes import LifetimesForecaster
from .forecasters_naive import Hiatus, MeanOfAll, OwnMean, SameAsLastPeriod

#: Every forecaster by its name, in the order of tables.
FORECASTERS: dict[str, Any] = {
    "BG/NBD": CLVForecaster(BetaGeoModel()),
    "MBG/NBD": CLVForecaster(ModifiedBetaGeoModel()),
    "Pareto/NBD": CLVForecaster(ParetoNBDModel()),
    "BG/CNBD-k": CLVForecaster(BetaGeoModel(k="auto")),
    "MBG/CNBD-k": CLVForecaster(ModifiedBetaGeoModel(k="auto")),
    "BG/BB": CLVForecaster(BetaGeoBetaBinomModel()),
    "gradient boosting": GradientBoosting(),
    "hiatus rule": Hiatus(),
    "own mean": OwnMean(),
    "same as last period": SameAsLastPeriod(),
    "mean of all": MeanOfAll(),
    "lifetimes BG/NBD": LifetimesForecaster("BetaGeoFitter"),
    "lifetimes MBG/NBD": LifetimesForecaster("ModifiedBetaGeoFitter"),
    "lifetimes Pareto/NBD": LifetimesForecaster("ParetoNBDFitter"),
}

#: What is compared when nothing else is said: all but the peer.
DEFAULT = tuple(name for name in FORECASTERS if not name.startswith("lifetimes"))


def chosen(models: Sequence[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return forecasters by name.

    Parameters
    ----------
    models : sequence of str, or mapping of str to Forecaster or model of purchases, optional
        Names of `FORECASTERS`, or forecasters under names of their own.

    Raises
    ------
    ParameterError
        An unknown name, with the nearest spelling; one that is there twice; or something
        that makes no forecast.

    Examples
    --------
    >>> list(chosen(["BG/NBD", "own mean"]))
    ['BG/NBD', 'own mean']
    """
    if isinstance(models, Mapping):
        found = {str(name): as_forecaster(model) for name, model in models.items()}
    elif isinstance(models, str):
        raise ParameterError(
            "models is not a list", where="models", got=models, expected='such as ["BG/NBD"]'
        )
    else:
        names = list(DEFAULT if models is None else models)
        found = {one_of(name, FORECASTERS, "models"): FORECASTERS[name] for name in names}
        if len(found) < len(names):
            raise ParameterError("a model is there twice", where="models", got=names)
    if not found:
        raise ParameterError("there are no models", where="models", expected="at least one")
    for name, forecaster in found.items():
        if not isinstance(forecaster, Forecaster) or isinstance(forecaster, type):
            raise ParameterError(
                "this makes no forecasts",
                where=f"models, {name}",
                got=type(forecaster).__name__ if not isinstance(forecaster, type) else forecaster,
                expected="a model such as BetaGeoModel(), or an object with forecast(known)",
            )
    return found
