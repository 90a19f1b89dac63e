"""Whether segments hold, move and earn their keep: validity, migration, drift, experiments."""

from .assignment import Assignment, assign
from .backtest import backtest
from .backtest_result import Backtest
from .decomposition import Decomposition, decompose
from .drift import Drift, drift
from .drift_alerts import Alert, alerts
from .drift_verdict import DriftThresholds
from .experiment import experiment
from .experiment_outcomes import campaign_outcomes
from .experiment_result import Experiment
from .forecasters_known import FORECASTERS
from .leaderboard import Leaderboard, leaderboard
from .migration import Migration, migration
from .migration_noise import RefitNoise, refit_noise
from .planning import plan_experiment
from .planning_baseline import experiment_baseline
from .planning_result import ExperimentPlan
from .segmentation_trials import compare_segmentations
from .segmentation_trials_result import SegmentationTrials
from .trials import TrialStore
from .trials_mlflow import log_to_mlflow
from .validity import validity
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
    "leaderboard",
    "log_to_mlflow",
    "migration",
    "plan_experiment",
    "refit_noise",
    "validity",
]
