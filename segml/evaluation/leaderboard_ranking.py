"""Which model is best, and which differences are real."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import number
from segml._core.errors import ParameterError
from segml.clustering._comparisons import holm

from .backtest_metrics import Metric
from .leaderboard_contest import Contest, Results, comparable, losses_of, overlap, reason_of
from .paired import Losses, at_these_dates, uncertainty
from .paired_set import confidence_set


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """Models by one metric, the best first, with what is known of their differences.

    Parameters
    ----------
    table : DataFrame
        By ``model``: ``rank``; ``value`` of the metric, the mean over dates, with its interval
        ``low`` to ``high``; ``difference`` to the best in the same customers and dates, with
        its interval ``difference_low`` to ``difference_high``; ``p_value`` of that
        difference, adjusted by Holm; ``p_best``, the p-value in the model confidence set;
        ``p_best_here``, the same for these dates alone; and the ``verdict``: "best", "tie",
        "worse at these dates" or "worse". Models that cannot be ranked are last, with the
        reason as verdict.
    metric : Metric
        What they are ranked by.
    about : str
        Of what, in words.
    cutoffs : tuple of date
        The dates that are compared.
    level : float
        Of intervals; models with p-values above what is lacking to 1 tie.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    metric: Metric
    about: str
    cutoffs: tuple[dt.date, ...]
    level: float = 0.95
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The first model."""
        return str(self.table.index[0])

    @property
    def ties(self) -> list[str]:
        """The models that may be as good as the first one."""
        return [str(model) for model in self.table.index[self.table["verdict"] == "tie"]]

    @property
    def verdict(self) -> str:
        """What is known, in one sentence."""
        ranked = self.table[self.table["rank"].notna()]
        verdicts = ranked["verdict"].value_counts()
        worse, here = (int(verdicts.get(word, 0)) for word in ("worse", "worse at these dates"))
        said = f"{self.best} is best by {self.metric.label}"
        if len(ranked) == 1:
            return f"{self.best} alone could be measured by {self.metric.label}"
        parts = []
        if ties := len(self.ties):
            names = ", ".join(self.ties) if ties <= 3 else text.count(ties) + " models"
            parts.append(f"{names} may be as good")
        if worse:
            parts.append(f"{_models(worse)} worse beyond chance")
        if here:
            days = "this date" if len(self.cutoffs) == 1 else "these dates"
            parts.append(f"{_models(here)} worse at {days}, which may not hold at others")
        return said + ": " + "; ".join(parts)

    def _repr_html_(self) -> str:
        span = text.share(self.level)
        rows: list[list[str | html.Cell]] = []
        for model, row in self.table.iterrows():
            if pd.isna(row["rank"]):
                rows.append([str(model), "", text.MISSING, "", html.Cell(str(row["verdict"]))])
                continue
            value = html.Cell(self.metric.format(row["value"]), self._span(row["low"], row["high"]))
            apart: str | html.Cell = ""
            if model != self.best:
                apart = html.Cell(
                    self._signed(row["difference"]),
                    self._span(row["difference_low"], row["difference_high"], signed=True),
                )
            rows.append(
                [html.Cell(str(model)), text.count(row["rank"]), value, apart, row["verdict"]]
            )
        heads = ["model", "rank", self.metric.label, "difference to the best", "verdict"]
        caption = f"{self.about[0].upper()}{self.about[1:]}: {self.verdict}"
        when = ", ".join(str(day) for day in self.cutoffs)
        notes = (f"{span} intervals. Cut-off dates: {when}.", *self.notes)
        table = html.table(heads, rows, caption=caption, numeric=(1, 2, 3))
        return html.block(table, *(html.note(said) for said in notes))

    def _span(self, low: float, high: float, signed: bool = False) -> str:
        say = self._signed if signed else self.metric.format
        return "" if pd.isna(low) else f"{say(low)} to {say(high)}"

    def _signed(self, value: float) -> str:
        return ("+" if value > 0 else "") + self.metric.format(value)


def leaderboard(
    results: Results,
    target: str | None = None,
    metric: str | None = None,
    horizon: int | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Leaderboard:
    """Rank models by a metric, and say which differences are real.

    Parameters
    ----------
    results : Backtest or SegmentationTrials
        From `backtest` or `compare_segmentations`.
    target : {"purchases", "revenue", "churn"}, optional
        Of a backtest: what was forecast, purchases when not given.
    metric : str, optional
        Of the metrics of the target; when not given the root mean squared error, for churn
        the Brier score.
    horizon : int, optional
        Of a backtest: the shortest one when not given.
    level : float, default 0.95
        Of intervals and of the confidence set.
    seed : int, default 0
        Of what the confidence set draws.

    Returns
    -------
    Leaderboard

    Raises
    ------
    NotEnoughDataError
        No model could be measured.
    ParameterError
        There is no such target, metric or horizon.

    Notes
    -----
    Models are compared on the same customers and dates: those dates at which all have a
    value that have one at any. Errors are over customers, who may be there at several dates,
    and over dates (`segml.evaluation.paired.losses`). A model is "worse" where the model
    confidence set (`segml.evaluation.paired_set.confidence_set`) leaves it out; "worse at
    these dates" where it does so only when other dates are not thought of: what one date
    cannot tell, and few dates tell badly. Differences to the best carry p-values of paired
    tests, adjusted by Holm; they take the best as given, which the confidence set does not.

    Examples
    --------
    >>> from segml.data import load_cdnow_sample
    >>> from segml.evaluation.backtest_run import backtest
    >>> cutoffs = ["1997-06-30", "1997-09-30", "1997-12-30"]
    >>> results = backtest(load_cdnow_sample(), ["BG/NBD", "own mean", "mean of all"], cutoffs)
    >>> leaderboard(results, "churn").table["verdict"].to_dict()
    {'BG/NBD': 'best', 'own mean': 'worse at these dates', 'mean of all': 'worse at these dates'}
    """
    share = number(level, "level", low=0.5, high=0.999)
    if not hasattr(results, "contest"):
        raise ParameterError(
            "these results cannot be ranked",
            where="results",
            got=type(results).__name__,
            expected="what backtest or compare_segmentations gives",
        )
    contest = results.contest(target, metric, horizon)
    days, models, notes = comparable(contest)
    found = losses_of(contest, days, models)
    table = _table(contest, found, models, share, seed)
    order = np.lexsort((np.arange(len(models)), found.means))
    table = table.iloc[order]
    table.insert(
        0, "rank", table["value"].rank(method="min", ascending=contest.metric.better != "high")
    )
    left_out = [model for model in contest.models if model not in models]
    table = table.reindex([*table.index, *left_out]).rename_axis("model")
    for model in left_out:
        table.loc[model, "verdict"] = reason_of(contest, model)
    if len(days) == 1:
        notes.append("One date says nothing about how the order changes from date to date.")
    elif len(days) < 5:
        notes.append(
            f"{text.count(len(days))} dates tell little about how the order changes from date to "
            "date; intervals are as wide as that makes them."
        )
    if overlap(days, contest.days):
        notes.append("Horizons overlap: the dates are not independent of each other.")
    return Leaderboard(table, contest.metric, contest.about, tuple(days), share, tuple(notes))


def _table(
    contest: Contest, found: Losses, models: list[str], level: float, seed: int
) -> pd.DataFrame:
    best = int(found.means.argmin())
    sign = -1.0 if contest.metric.better == "high" else 1.0
    dates = found.n_dates > 1
    one = np.eye(len(models))
    rows = []
    for i in range(len(models)):
        value, own = sign * found.means[i], uncertainty(found, one[i])
        apart, paired = found.means[i] - found.means[best], uncertainty(found, one[i] - one[best])
        half, wide = own.half_width(level, dates), paired.half_width(level, dates)
        rows.append(
            {
                "value": value,
                "low": np.maximum(value - half, contest.metric.least),
                "high": np.minimum(value + half, contest.metric.most),
                "difference": sign * apart + 0.0,  # not -0
                "difference_low": sign * apart - wide,
                "difference_high": sign * apart + wide,
                "p_value": paired.p_value(float(apart)),
            }
        )
    table = pd.DataFrame(rows, index=models)
    others = np.arange(len(models)) != best
    adjusted = table["p_value"].to_numpy(copy=True)
    adjusted[others], adjusted[best] = holm(adjusted[others]), np.nan
    table["p_value"] = adjusted
    table["p_best_here"] = confidence_set(at_these_dates(found), seed)
    table["p_best"] = confidence_set(found, seed) if dates else np.nan
    table["verdict"] = _verdicts(table, best, 1 - level)
    return table[[*table.columns[:7], "p_best", "p_best_here", "verdict"]]


def _verdicts(table: pd.DataFrame, best: int, least: float) -> list[str]:
    found = np.where(table["p_best_here"] <= least, "worse at these dates", "tie").astype(object)
    found[(table["p_best"] <= least).to_numpy()] = "worse"
    found[best] = "best"
    return [str(word) for word in found]


def _models(count: int) -> str:
    return f"{text.count(count)} model{'s are' if count > 1 else ' is'}"
