"""What a backtest found: forecasts of several models at several dates, beside what happened."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pandas as pd

from segml._core import html, text
from segml._core.check import one_of

from .backtest_metrics import METRICS, TARGETS, find_metric
from .count_metrics import Estimate, calibration
from .leaderboard_contest import Contest

_UNITS = {"D": "day", "W": "week"}
#: Days of each unit of time.
DAYS = {"D": 1, "W": 7}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What happened after one cut-off, and what was forecast.

    Parameters
    ----------
    cutoff : date
        Last known day.
    horizon : int
        In the time unit of the backtest.
    actual : DataFrame
        By customer: ``purchases``, ``revenue``, ``churn``.
    forecasts : dict of str to DataFrame
        By target: a column for each model that forecast it, by customer.
    """

    cutoff: dt.date
    horizon: int
    actual: pd.DataFrame
    forecasts: dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts of several models at several dates, beside what happened.

    Parameters
    ----------
    scores : DataFrame
        A row per ``target``, ``horizon``, ``cutoff``, ``model`` and ``metric``: ``value``,
        ``std_error`` over customers, and the ``reason`` where the value is missing.
    trials : DataFrame
        A row per ``cutoff``, ``horizon`` and ``model``: ``status`` ("completed" or
        "failed"), ``reason``, ``customers``, ``seconds`` of fit and forecast, whether it was
        ``stored`` by an earlier run, and its ``key`` in the store.
    outcomes : tuple of Outcome
        The forecasts themselves, by customer.
    models : tuple of str
        Their names, in the order in which they were given.
    time_unit : {"D", "W"}
        Of horizons.
    """

    scores: pd.DataFrame
    trials: pd.DataFrame
    outcomes: tuple[Outcome, ...] = field(repr=False)
    models: tuple[str, ...]
    time_unit: str = "W"

    @property
    def horizons(self) -> list[int]:
        """The horizons, ascending."""
        return sorted({outcome.horizon for outcome in self.outcomes})

    def say_horizon(self, horizon: int) -> str:
        """Return a horizon in words, such as "26 weeks"."""
        return say_length(horizon, self.time_unit)

    def calibration(self, model: str, target: str, horizon: int | None = None) -> pd.DataFrame:
        """Return means of forecasts and of what happened by tenths, all dates together.

        Parameters
        ----------
        model : str
            Its name.
        target : {"purchases", "revenue", "churn"}
            What was forecast.
        horizon : int, optional
            The shortest one when not given.

        Returns
        -------
        DataFrame
            As `segml.evaluation.count_metrics.calibration`; empty where the model made no
            such forecast.
        """
        one_of(target, TARGETS, "target")
        one_of(model, self.models, "model")
        length = self._horizon(horizon)
        found = [
            (outcome.actual[target], outcome.forecasts[target][model])
            for outcome in self.outcomes
            if outcome.horizon == length and model in outcome.forecasts[target]
        ]
        if not found:
            columns = ["customers", "forecast", "actual", "low", "high"]
            return pd.DataFrame(columns=columns, index=pd.RangeIndex(0, name="group"))
        y = pd.concat([actual for actual, _ in found])
        f = pd.concat([forecast for _, forecast in found])
        return calibration(y, f, y.index)

    def contest(
        self, target: str | None = None, metric: str | None = None, horizon: int | None = None
    ) -> Contest:
        """Return one metric of all models with what each customer adds to it.

        Parameters
        ----------
        target, metric, horizon
            As for `segml.evaluation.leaderboard`.

        Raises
        ------
        ParameterError
            There is no such target, metric or horizon.
        """
        target = target or next(iter(TARGETS))
        found = find_metric(target, metric)
        length = self._horizon(horizon)
        rows = self.scores[
            (self.scores["target"] == target)
            & (self.scores["horizon"] == length)
            & (self.scores["metric"] == found.name)
        ]
        reasons = rows.set_index(["cutoff", "model"])["reason"]
        estimates: dict[dt.date, dict[str, Estimate]] = {}
        customers: dict[dt.date, pd.Index] = {}
        for outcome in self.outcomes:
            if outcome.horizon != length:
                continue
            day, y = outcome.cutoff, outcome.actual[target].to_numpy()
            made = outcome.forecasts[target]
            customers[day] = outcome.actual.index
            estimates[day] = {
                model: found.function(y, made[model].to_numpy())
                if model in made
                else Estimate.missing(len(y), str(reasons[day, model]))
                for model in self.models
            }
        days = length * DAYS[self.time_unit]
        about = f"{TARGETS[target].replace('the horizon', self.say_horizon(length))}"
        return Contest(found, about, self.models, estimates, customers, days)

    def _horizon(self, horizon: int | None) -> int:
        return self.horizons[0] if horizon is None else one_of(horizon, self.horizons, "horizon")

    def table(self, target: str = "purchases", horizon: int | None = None) -> pd.DataFrame:
        """Return the metrics of each model, means over the cut-offs at which it has them.

        Parameters
        ----------
        target, horizon
            As for `calibration`.

        Returns
        -------
        DataFrame
            By model, a column per metric, with ``cutoffs``: how many forecasts there are.
        """
        metrics = METRICS[one_of(target, TARGETS, "target")]
        length = self._horizon(horizon)
        rows = self.scores[(self.scores["target"] == target) & (self.scores["horizon"] == length)]
        # A metric that is missing at one date is missing: other dates may be easier.
        made = rows.pivot_table(
            index="model", columns="metric", values="value", aggfunc=_mean, dropna=False
        )
        made = made.reindex(index=list(self.models), columns=list(metrics))
        made.columns.name = None
        first = rows[rows["metric"] == next(iter(metrics))]
        made["cutoffs"] = first.groupby("model")["made"].sum().reindex(made.index).astype(int)
        return made

    def _repr_html_(self) -> str:
        done = self.trials[self.trials["status"] == "completed"]
        cutoffs = sorted({outcome.cutoff for outcome in self.outcomes})
        span = f"{cutoffs[0]} to {cutoffs[-1]}" if len(cutoffs) > 1 else str(cutoffs[0])
        sizes = [len(outcome.actual) for outcome in self.outcomes]
        said = " and ".join(self.say_horizon(length) for length in self.horizons)
        customers = text.count(min(sizes))
        if max(sizes) > min(sizes):
            customers += f" to {text.count(max(sizes))}"
        parts = [
            html.facts(
                [
                    ("models", text.count(len(self.models)), ""),
                    ("cut-off dates", text.count(len(cutoffs)), span),
                    ("horizons", text.count(len(self.horizons)), said),
                    ("customers", customers, "known at a cut-off"),
                ]
            )
        ]
        for target, words in TARGETS.items():
            for length in self.horizons:
                parts.append(self._html_table(target, words, length, len(cutoffs)))
        failed = self.trials[self.trials["status"] == "failed"]
        for (model, reason), rows in failed.groupby(["model", "reason"], sort=False):
            when = ", ".join(str(day) for day in sorted(set(rows["cutoff"])))
            parts.append(html.note(f"{model} has no forecast as of {when}: {reason}."))
        parts.append(self._html_missing())
        seconds = text.decimal(float(done["seconds"].sum()))
        parts.append(html.note(f"Fits and forecasts took {seconds} seconds."))
        return html.block(*parts)

    def _html_missing(self) -> str:
        """Return why metrics of forecasts that were made are missing."""
        lacking = self.scores[self.scores["made"] & (self.scores["reason"] != "")]
        if lacking.empty:
            return ""
        columns = ["model", "target", "metric", "horizon", "cutoff", "reason"]
        rows = [[str(value) for value in row] for row in lacking[columns].itertuples(index=False)]
        return html.fold("Why metrics are missing", html.table(columns, rows))

    def _html_table(self, target: str, words: str, horizon: int, n_cutoffs: int) -> str:
        table, metrics = self.table(target, horizon), METRICS[target]
        rows: list[list[str | html.Cell]] = []
        for model, row in table.iterrows():
            n = int(row["cutoffs"])
            detail = "" if n == n_cutoffs else f"at {n} of {n_cutoffs} dates"
            cells: list[str | html.Cell] = [html.Cell(str(model), detail)]
            cells += [metric.format(row[name]) for name, metric in metrics.items()]
            rows.append(cells)
        caption = f"{words[0].upper()}{words[1:]}, {self.say_horizon(horizon)}: means over dates"
        heads = ["model", *(metric.label for metric in metrics.values())]
        return html.table(heads, rows, caption=caption, numeric=range(1, len(heads)))


def say_length(length: int, time_unit: str) -> str:
    """Return a length of time in words.

    Examples
    --------
    >>> say_length(26, "W"), say_length(1, "D")
    ('26 weeks', '1 day')
    """
    return f"{text.count(length)} {_UNITS[time_unit]}{'s' * (length != 1)}"


def _mean(values: pd.Series) -> float:
    return float(values.mean(skipna=False))
