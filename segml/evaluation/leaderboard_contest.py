"""What can be ranked: a metric of several models at several dates, and where it compares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from segml._core.errors import NotEnoughDataError

from .backtest_metrics import Metric
from .count_metrics import Estimate
from .paired import Losses, losses


@dataclass(frozen=True, eq=False)
class Contest:
    """One metric of several models at several dates, to be ranked.

    Parameters
    ----------
    metric : Metric
        What they are ranked by.
    about : str
        Of what, in words, such as "purchases in 13 weeks".
    models : tuple of str
        All that took part.
    estimates : dict of date to dict of str to Estimate
        By cut-off and model; those that are missing have a reason.
    customers : dict of date to Index
        Whose influence values those are.
    days : int
        Length of the horizon.
    """

    metric: Metric
    about: str
    models: tuple[str, ...]
    estimates: Mapping[dt.date, Mapping[str, Estimate]]
    customers: Mapping[dt.date, pd.Index]
    days: int


class Results(Protocol):
    """What can be ranked: results of `backtest` and of `compare_segmentations`."""

    def contest(self, target: str | None, metric: str | None, horizon: int | None) -> Contest:
        """Return one metric of all models."""
        ...


def comparable(contest: Contest) -> tuple[list[dt.date], list[str], list[str]]:
    """Return the dates and models that are compared, and what is to be said of the others."""
    have = {
        model: {
            day
            for day, found in contest.estimates.items()
            if model in found and not np.isnan(found[model].value)
        }
        for model in contest.models
    }
    models = [model for model in contest.models if have[model]]
    if not models:
        raise NotEnoughDataError(
            "no model could be measured",
            where=contest.metric.name,
            hint=reason_of(contest, contest.models[0]),
        )
    while not (days := set.intersection(*(have[model] for model in models))):
        # The one with the fewest dates leaves first; of several, the last one named.
        models.remove(min(reversed(models), key=lambda model: len(have[model])))
    notes, every = [], len(contest.estimates)
    if len(days) < every:
        lacking = [model for model in models if len(have[model]) < every]
        notes.append(
            f"Compared at {len(days)} of {every} dates, as {', '.join(lacking)} "
            f"{'has' if len(lacking) == 1 else 'have'} no value at the others: "
            f"{reason_of(contest, lacking[0])}."
        )
    return sorted(days), models, notes


def reason_of(contest: Contest, model: str) -> str:
    """Say why a model has no value at a date."""
    for found in contest.estimates.values():
        if model in found and found[model].reason:
            return found[model].reason
    return "no value at the dates of the others"


def losses_of(contest: Contest, days: list[dt.date], models: list[str]) -> Losses:
    """Return the metric of models at dates, turned so that less is better."""
    values, influence = [], []
    for day in days:
        lost = {model: contest.metric.loss(contest.estimates[day][model]) for model in models}
        values.append([lost[model].value for model in models])
        columns = {model: one.influence for model, one in lost.items()}
        influence.append(pd.DataFrame(columns, index=contest.customers[day]))
    return losses(models, np.array(values), influence, overlap(days, contest.days))


def overlap(days: list[dt.date], length: int) -> int:
    """Return how many later dates at most lie within the horizon of a date."""
    return max(sum(0 < (later - day).days < length for later in days) for day in days)
