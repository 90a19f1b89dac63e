"""Trials as runs of MLflow, for those who compare their experiments there."""

from __future__ import annotations

import math
import os
import warnings
from typing import Any

from segml._core.errors import NotEnoughDataError
from segml._core.lazy import optional_import

from .backtest_result import Backtest
from .segmentation_trials_result import SegmentationTrials

_KEPT = ("cutoff", "model", "algorithm", "features", "k", "horizon", "key")


def log_to_mlflow(
    results: Backtest | SegmentationTrials,
    experiment: str = "segml",
    tracking_uri: str | None = None,
) -> list[str]:
    """Log each trial as a run of MLflow: what was tried, and the metrics.

    Parameters
    ----------
    results : Backtest or SegmentationTrials
        From `backtest` or `compare_segmentations`.
    experiment : str, default "segml"
        Name of the experiment; made where it is not there.
    tracking_uri : str, optional
        Where MLflow keeps runs, such as ``http://localhost:5000`` or ``file:///data/runs``;
        what MLflow itself is set to when not given. Databases take the whole of MLflow.

    Returns
    -------
    list of str
        Ids of the new runs. A trial from a store that the experiment has already, by its key,
        is not logged again.

    Raises
    ------
    MissingDependencyError
        The extra ``segml[mlflow]`` is not installed.
    NotEnoughDataError
        There are no trials.

    Notes
    -----
    Nothing about single customers is logged, and no model. Metrics are named
    ``target.metric``; those that are missing are not there, with the reason as a tag. MLflow's
    own messages and warnings are kept away, and it is told not to report its use.
    """
    # Read by MLflow as it is imported.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if tracking_uri is not None and tracking_uri.startswith("file:"):
        # A folder that is asked for by name is meant; MLflow has put folders in maintenance.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    rows = _rows(results)
    if not rows:
        raise NotEnoughDataError("there are no trials to log")
    with warnings.catch_warnings(action="ignore"):
        mlflow = optional_import("mlflow", "mlflow")
        client = mlflow.MlflowClient(tracking_uri)
        found = client.get_experiment_by_name(experiment)
        where = found.experiment_id if found else client.create_experiment(experiment)
        return [_log(client, where, row) for row in rows if not _known(client, where, row)]


def _rows(results: Backtest | SegmentationTrials) -> list[dict[str, Any]]:
    """Return parameters, metrics and tags of each trial."""
    table = results.trials if isinstance(results, Backtest) else results.table
    rows = []
    for trial in table.to_dict("records"):
        metrics: dict[str, float] = {"seconds": trial["seconds"]}
        if isinstance(results, Backtest):
            scores = results.scores
            same = (
                (scores["cutoff"] == trial["cutoff"])
                & (scores["horizon"] == trial["horizon"])
                & (scores["model"] == trial["model"])
            )
            for row in scores[same].to_dict("records"):
                metrics[f"{row['target']}.{row['metric']}"] = row["value"]
        else:
            names = ("n_segments", "smallest_share", "noise_share", "stability", "ari", "explained")
            metrics |= {name: trial[name] for name in names}
        params = {name: str(trial[name]) for name in _KEPT if name in trial}
        params["time_unit"] = results.time_unit
        tags = {"status": trial["status"], "key": trial["key"]}
        if trial["reason"]:
            tags["reason"] = trial["reason"]
        finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        rows.append({"params": params, "metrics": finite, "tags": tags})
    return rows


def _known(client: Any, experiment: str, row: dict[str, Any]) -> bool:
    if not (key := row["tags"]["key"]):
        return False
    return bool(client.search_runs([experiment], f"tags.`key` = '{key}'", max_results=1))


def _log(client: Any, experiment: str, row: dict[str, Any]) -> str:
    name = f"{row['params']['model']} as of {row['params']['cutoff']}"
    run = client.create_run(experiment, tags=row["tags"], run_name=name)
    run_id = str(run.info.run_id)
    for param, value in row["params"].items():
        client.log_param(run_id, param, value)
    for metric, value in row["metrics"].items():
        client.log_metric(run_id, metric, value)
    status = "FINISHED" if row["tags"]["status"] == "completed" else "FAILED"
    client.set_terminated(run_id, status)
    return run_id
