"""Whether segments hold, move and earn their keep: validity, migration, drift, experiments."""

from .assignment import Assignment, assign
from .backtest_result import Backtest
from .backtest_run import backtest
from .decomposition import Decomposition, decompose
from .drift_alerts import Alert, alerts
from .drift_result import Drift, drift
from .drift_verdict import DriftThresholds
from .experiment_outcomes import campaign_outcomes
from .experiment_result import Experiment
from .experiment_run import experiment
from .forecasters_known import FORECASTERS
from .kpi_decomposition import kpi_change
from .leaderboard_ranking import Leaderboard, leaderboard
from .migration_noise import RefitNoise, refit_noise
from .migration_result import Migration, migration
from .planning import plan_experiment
from .planning_baseline import experiment_baseline
from .planning_result import ExperimentPlan
from .segmentation_trials import compare_segmentations
from .segmentation_trials_result import SegmentationTrials
from .trials import TrialStore
from .trials_mlflow import log_to_mlflow
from .validity_check import validity
from .validity_criteria import Thresholds
from .validity_result import Validity

__all__ = [
    "FORECASTERS",
    "Alert",
    "Assignment",
    "Backtest",
    "Decomposition",
    "Drift",
    "DriftThresholds",
    "Experiment",
    "ExperimentPlan",
    "Leaderboard",
    "Migration",
    "RefitNoise",
    "SegmentationTrials",
    "Thresholds",
    "TrialStore",
    "Validity",
    "alerts",
    "assign",
    "backtest",
    "campaign_outcomes",
    "compare_segmentations",
    "decompose",
    "drift",
    "experiment",
    "experiment_baseline",
    "kpi_change",
    "leaderboard",
    "log_to_mlflow",
    "migration",
    "plan_experiment",
    "refit_noise",
    "validity",
]
