"""Rolling-origin backtests: what models say at several dates, and what then happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from segml._core.check import number
from segml._core.errors import SegmlError

from .backtest_metrics import METRICS, TARGETS
from .backtest_result import Backtest, Outcome
from .backtest_splits import Split, as_customer_data, make_splits
from .forecasters import Forecast, Known, flaw
from .forecasters_known import chosen
from .trials import TrialStore, code_version, data_fingerprint, trial_key


def backtest(
    data: Any,
    models: Sequence[str] | Mapping[str, Any] | None = None,
    cutoffs: Iterable[Any] | None = None,
    horizons: Sequence[int] = (13,),
    *,
    time_unit: str = "W",
    store: TrialStore | None = None,
    seed: int = 0,
) -> Backtest:
    """Let models forecast what customers do after several dates, and compare with what they did.

    Parameters
    ----------
    data : CustomerData, DataTable of orders, or anything that `read_orders` takes
        The orders; further tables serve the features of machine learning.
    models : sequence of str, or mapping of str to model, optional
        Names of `FORECASTERS`, all but those of the package lifetimes by default; or
        models of purchases and objects with ``forecast(known)`` under names of their own.
    cutoffs : iterable of date or str, optional
        Last known days. When not given, three, of which the last leaves room for the longest
        horizon.
    horizons : sequence of int, default (13,)
        How long to look ahead, in `time_unit`.
    time_unit : {"W", "D"}, default "W"
        Unit of the horizons, and of the models' time.
    store : TrialStore, optional
        Where trials are kept: those that it has already are not done again.
    seed : int, default 0
        Of what draws random numbers.

    Returns
    -------
    Backtest
        A model that fails at a date has no forecast there, with the reason.

    Raises
    ------
    NotEnoughDataError
        A horizon ends after the last order, or nobody had bought by a cut-off.
    ParameterError
        A model, cut-off, horizon or unit is wrong.

    Notes
    -----
    Each split is of one cut-off and one horizon (Tashman [1]_): a model sees the orders up to
    the cut-off and is measured by the days with a purchase, the revenue and the lack of any
    purchase within the horizon, of each customer who had bought by the cut-off. What learns
    from examples takes them from one horizon before, so that they too ended by the cut-off.
    Purchases of a day count as one.

    References
    ----------
    .. [1] Tashman, L. J. (2000). Out-of-sample tests of forecasting accuracy: an analysis and
       review. International Journal of Forecasting 16, 437-450.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> cutoffs = ["1997-06-30", "1997-09-30", "1997-12-30"]
    >>> results = backtest(load_cdnow_sample(), ["BG/NBD", "own mean"], cutoffs, [13, 26])
    >>> results.table("purchases", 26)[["rmse", "mae", "gini"]].round(2)
              rmse   mae  gini
    model
    BG/NBD    1.26  0.61  0.64
    own mean  1.65  0.76  0.64
    """
    start = int(number(seed, "seed", low=0, whole=True))
    forecasters = chosen(models)
    bundle = as_customer_data(data)
    splits = make_splits(bundle, cutoffs, horizons, time_unit, start)
    whole = data_fingerprint(bundle) if store is not None else ""
    trials, scores, outcomes = [], [], []
    for split in splits:
        made: dict[str, pd.DataFrame] = {}
        for name, forecaster in forecasters.items():
            trial, forecast, rows = _trial(name, forecaster, split, store, whole)
            trials.append(trial)
            scores += rows
            if forecast is not None:
                made[name] = forecast.values
        outcomes.append(_outcome(split, made))
    return Backtest(
        pd.DataFrame(scores), pd.DataFrame(trials), tuple(outcomes), tuple(forecasters), time_unit
    )


def _trial(
    name: str, forecaster: Any, split: Split, store: TrialStore | None, whole: str
) -> tuple[dict[str, Any], Forecast | None, list[dict[str, Any]]]:
    """Do one trial, or take it from the store; return its row, forecast and scores."""
    known = split.known
    what = {
        "kind": "forecast",
        "model": name,
        "parameters": " ".join(repr(forecaster).split()),
        "cutoff": known.cutoff.isoformat(),
        "horizon": str(known.horizon),
        "time_unit": known.time_unit,
        "seed": str(known.seed),
    }
    key = ""
    if store is not None:
        # New orders after a horizon do not change what was forecast from the tables before it.
        more = getattr(forecaster, "reads_more", True)
        what["data"] = split.fingerprint[:16] + (whole[:16] if more else "")
        key = trial_key(**what)
        if (found := store.load(key)) is not None:
            shown, forecast = _from_store(key, name, split, *found)
            return shown, forecast, _score(split, name, shown["reason"], forecast)
    begin = time.perf_counter()
    forecast, error, reason = _forecast(forecaster, known)
    seconds = time.perf_counter() - begin
    status = "failed" if forecast is None else "completed"
    rows = _score(split, name, reason, forecast)
    if store is not None:
        record = what | {"code": code_version(), "status": status, "error": error}
        record |= {"reason": reason, "reasons": json.dumps(forecast.reasons if forecast else {})}
        numbers: dict[str, float] = {"seconds": seconds, "customers": len(split.actual)}
        for row in rows:
            numbers[f"{row['target']}.{row['metric']}"] = row["value"]
        store.save(key, record | numbers, forecast.values if forecast else None)
    shown = _shown(key, name, split, status, reason, seconds, stored=False)
    return shown, forecast, rows


def _from_store(
    key: str, name: str, split: Split, record: dict[str, Any], values: pd.DataFrame | None
) -> tuple[dict[str, Any], Forecast | None]:
    seconds, reason = record["seconds"], record["reason"]
    shown = _shown(key, name, split, record["status"], reason, seconds, stored=True)
    if values is None:
        return shown, None
    values.index = split.actual.index
    return shown, Forecast(values, json.loads(record["reasons"]))


def _shown(
    key: str, name: str, split: Split, status: str, reason: str, seconds: float, *, stored: bool
) -> dict[str, Any]:
    return {
        "cutoff": split.known.cutoff,
        "horizon": split.known.horizon,
        "model": name,
        "status": status,
        "reason": reason,
        "customers": len(split.actual),
        "seconds": seconds,
        "stored": stored,
        "key": key,
    }


def _forecast(forecaster: Any, known: Known) -> tuple[Forecast | None, str, str]:
    """Return the forecast, or the kind of error and the reason why there is none."""
    try:
        forecast = forecaster.forecast(known)
    except SegmlError as problem:
        return None, type(problem).__name__, problem.problem.what
    except Exception as problem:  # of a model that others wrote: the sweep goes on
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        said = f": {lines[0]}" if lines else ""
        return None, type(problem).__name__, f"{type(problem).__name__}{said}"
    if not isinstance(forecast, Forecast):
        return None, "ParameterError", f"it returned a {type(forecast).__name__}, not a Forecast"
    kept, reasons = {}, dict(forecast.reasons)
    for target in TARGETS:
        if why := flaw(forecast, target, known.rfm.index):
            reasons[target] = why
        else:
            kept[target] = forecast.values[target].astype(float)
    return Forecast(pd.DataFrame(kept, index=known.rfm.index), reasons), "", ""


def _score(split: Split, name: str, reason: str, forecast: Forecast | None) -> list[dict[str, Any]]:
    """Return a row for each metric of one trial."""
    rows = []
    for target, metrics in METRICS.items():
        made = forecast is not None and target in forecast.values
        for metric in metrics.values():
            row: dict[str, Any] = {
                "target": target,
                "horizon": split.known.horizon,
                "cutoff": split.known.cutoff,
                "model": name,
                "metric": metric.name,
                "made": made,
            }
            if forecast is not None and made:
                y = split.actual[target].to_numpy()
                found = metric.function(y, forecast.values[target].to_numpy())
                row |= {
                    "value": found.value,
                    "std_error": found.std_error,
                    "reason": found.reason,
                }
            else:
                why = reason if forecast is None else forecast.reasons[target]
                row |= {"value": np.nan, "std_error": np.nan, "reason": why}
            rows.append(row)
    return rows


def _outcome(split: Split, made: dict[str, pd.DataFrame]) -> Outcome:
    forecasts = {
        target: pd.DataFrame(
            {name: values[target] for name, values in made.items() if target in values},
            index=split.actual.index,
        )
        for target in TARGETS
    }
    return Outcome(split.known.cutoff, split.known.horizon, split.actual, forecasts)
