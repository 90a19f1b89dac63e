"""Models and segmentations beside each other, over past dates."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from segml.evaluation import (
    Backtest,
    Leaderboard,
    SegmentationTrials,
    TrialStore,
    backtest,
    compare_segmentations,
    leaderboard,
    log_to_mlflow,
)

from .campaign_results import CampaignResults

TRIALS = "trials"
TARGETS = ("purchases", "revenue", "churn")


class ComparisonResults(CampaignResults):
    """Comparisons, on top of the campaigns."""

    @cached_property
    def trials(self) -> TrialStore | None:
        """Where trials of all runs are kept; None without a run folder."""
        folder = self.artefacts.folder
        return None if folder is None else TrialStore(folder.parents[2] / TRIALS)

    @cached_property
    def backtest(self) -> Backtest:
        """Forecasts of several models from several dates."""
        asked = self.params.comparison
        found = backtest(
            self.data,
            asked.models,
            asked.cutoffs or None,
            asked.horizons,
            time_unit="W",
            store=self.trials,
            seed=self.params.seed,
        )
        self.artefacts.keep_frame("backtest.parquet", found.scores)
        if asked.mlflow is not None:
            log_to_mlflow(found, self.params.report, asked.mlflow)
        return found

    def leaderboard(self, target: str, metric: str | None = None) -> Leaderboard:
        """Return the models in the order of a metric of purchases, revenue or churn."""
        return leaderboard(self.backtest, target, metric, seed=self.params.seed)

    @cached_property
    def leaderboards(self) -> pd.DataFrame:
        """The leaderboards of purchases, revenue and churn, one below the other."""
        boards = {target: self.leaderboard(target) for target in TARGETS}
        found = pd.concat(
            [
                board.table.reset_index().assign(target=target, metric=board.metric.name)
                for target, board in boards.items()
            ],
            ignore_index=True,
        )
        self.artefacts.keep_frame("leaderboards.parquet", found)
        return found

    @cached_property
    def segmentations(self) -> SegmentationTrials | None:
        """Segmentations by what they are worth later; None where not asked for."""
        asked = self.params.comparison
        if not asked.n_segments:
            return None
        found = compare_segmentations(
            self.data,
            feature_sets=asked.feature_sets or None,
            n_segments=asked.n_segments,
            cutoffs=asked.cutoffs or None,
            horizon=asked.horizons[0],
            time_unit="W",
            store=self.trials,
            seed=self.params.seed,
        )
        self.artefacts.keep_frame("segmentation_trials.parquet", found.table)
        return found
