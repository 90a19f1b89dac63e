"""What a comparison of segmentations found, and how much of later revenue they explain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from segml._core import html, text
from segml._core.check import one_of
from segml.clustering._separation import means_of_others
from segml.clustering.resampling import verdict

from .backtest_metrics import Metric
from .backtest_result import DAYS, say_length
from .count_metrics import Estimate
from .leaderboard_contest import Contest

NUMBERS = ("n_segments", "smallest_share", "noise_share", "stability", "ari")


def explained(later: Any, labels: Any) -> Estimate:
    r"""Return the share of the variance of later values that segments explain out of sample.

    Parameters
    ----------
    later : array, shape (n_customers,)
        Such as later revenue.
    labels : array of int, shape (n_customers,)
        Segment ids; noise is a group as well.

    Returns
    -------
    Estimate
        :math:`1 - \sum (y - m)^2 / \sum (y - M)^2` with the means m of the others of the
        segment and M of all others; missing where all did the same.

    Examples
    --------
    >>> explained(np.array([1.0, 1, 1, 5, 5, 5]), np.array([0, 0, 0, 1, 1, 1])).value
    1.0
    """
    y = np.asarray(later, dtype=float)
    if len(y) < 2 or y.min() == y.max():
        return Estimate.missing(len(y), "all customers did the same")
    left = Estimate.mean((y - means_of_others(np.asarray(labels), y)) ** 2)
    whole = Estimate.mean((y - means_of_others(np.zeros(len(y), dtype=int), y)) ** 2)
    found = Estimate.ratio(left, whole)
    return Estimate(1 - found.value, -found.influence)


#: How segmentations are ranked.
EXPLAINED = Metric(
    "explained",
    "variance of later revenue explained",
    explained,
    "high",
    "share",
    -np.inf,
    1.0,
)


@dataclass(frozen=True, eq=False)
class SegmentationTrials:
    """Segmentations beside each other.

    Parameters
    ----------
    table : DataFrame
        A row per ``cutoff`` and ``model`` (algorithm, features and k in words), with
        ``algorithm``, ``features``, ``k`` (missing where the algorithm has none),
        ``n_segments``, ``smallest_share`` and ``noise_share`` of customers; ``stability``, the
        mean Jaccard similarity of the least stable segment over resamples, and what that
        means, ``verdict``; ``ari``; ``explained``, the share of the variance of later revenue
        that segments explain out of sample; ``seconds`` of a fit; ``status`` and ``reason``;
        ``stored`` and ``key``.
    labels : dict of date to DataFrame
        Segment ids by customer, a column per model.
    later : dict of date to Series
        Revenue of each customer in the horizon.
    horizon : int
        In the time unit.
    time_unit : {"D", "W"}
        Of the horizon.
    """

    table: pd.DataFrame
    labels: Mapping[dt.date, pd.DataFrame] = field(repr=False)
    later: Mapping[dt.date, pd.Series] = field(repr=False)
    horizon: int
    time_unit: str = "W"

    @property
    def models(self) -> tuple[str, ...]:
        """All that was tried, in words."""
        return tuple(dict.fromkeys(self.table["model"]))

    def contest(
        self, target: str | None = None, metric: str | None = None, horizon: int | None = None
    ) -> Contest:
        """Return the share explained of all segmentations, for a leaderboard.

        Raises
        ------
        ParameterError
            Another target, metric or horizon is asked for.
        """
        one_of(target or "revenue", ["revenue"], "target")
        one_of(metric or EXPLAINED.name, [EXPLAINED.name], "metric")
        one_of(self.horizon if horizon is None else horizon, [self.horizon], "horizon")
        reasons = self.table.set_index(["cutoff", "model"])["reason"]
        estimates: dict[dt.date, dict[str, Estimate]] = {}
        for day, later in self.later.items():
            made, y = self.labels[day], later.to_numpy()
            estimates[day] = {
                model: explained(y, made[model].to_numpy())
                if model in made
                else Estimate.missing(len(y), str(reasons[day, model]))
                for model in self.models
            }
        customers = {day: later.index for day, later in self.later.items()}
        about = f"revenue in the {say_length(self.horizon, self.time_unit)} after a cut-off"
        days = self.horizon * DAYS[self.time_unit]
        return Contest(EXPLAINED, about, self.models, estimates, customers, days)

    def means(self) -> pd.DataFrame:
        """Return means over the cut-offs by model; missing where a date has no value."""
        names = [*NUMBERS, "explained", "seconds"]
        grouped = self.table.groupby("model", sort=False)[names]
        return grouped.agg(_mean)

    def _repr_html_(self) -> str:
        means = self.means().sort_values("explained", ascending=False, kind="stable")
        rows: list[list[str | html.Cell]] = []
        for model, row in means.iterrows():
            if np.isnan(row["n_segments"]):
                continue
            rows.append(
                [
                    str(model),
                    text.plain(row["n_segments"]),
                    text.share(row["smallest_share"]),
                    html.Cell(text.decimal(row["stability"], 2), verdict(row["stability"])),
                    text.share(row["explained"]),
                    text.decimal(row["seconds"], 2),
                ]
            )
        days = ", ".join(str(day) for day in self.later)
        span = say_length(self.horizon, self.time_unit)
        heads = ["algorithm · features · k", "segments", "smallest", "stability"]
        heads += ["later revenue explained", "seconds"]
        caption = f"Segmentations as of {days}, and revenue in the {span} after"
        parts = [html.table(heads, rows, caption=caption, numeric=range(1, 6))]
        failed = self.table[self.table["status"] == "failed"]
        for reason, part in failed.groupby("reason", sort=False):
            parts.append(html.note(f"{'; '.join(dict.fromkeys(part['model']))}: {reason}."))
        parts.append(
            html.note(
                "Stability is the mean Jaccard similarity of the least stable segment when "
                "customers are resampled. What is explained is measured out of sample: each "
                "customer is predicted by the mean of the others of the segment."
            )
        )
        return html.block(*parts)


def _mean(values: pd.Series) -> float:
    return float(values.mean(skipna=False))
