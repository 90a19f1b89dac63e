"""Figures: each takes a result, draws on an Axes and returns it; `show` adds table and text."""

from .card import FigureCard, show
from .clv_customer import plot_alive_history
from .clv_grid import plot_history_grid
from .clv_spend import plot_spend_fit, plot_value_distribution
from .clv_tracking import plot_cumulative_tracking, plot_tracking
from .cohorts import plot_cohort_retention
from .concentration import plot_concentration
from .data import plot_activity
from .drift import plot_drift
from .features import plot_features
from .interactive import SegmentExplorer, explore_segments
from .leaderboard import plot_calibration, plot_leaderboard
from .lifts import plot_lifts
from .membership import plot_membership_overlap
from .migration import plot_migration_flow, plot_migration_matrix
from .profile import plot_segment_profile
from .segment_map import plot_segment_map
from .segments import plot_segment_shares
from .selection import plot_selection
from .silhouettes import plot_silhouettes
from .stability_bars import plot_stability
from .validity import plot_validity
from .value import plot_holdout, plot_value_by_segment
from .waterfall import plot_mix_change

__all__ = [
    "FigureCard",
    "SegmentExplorer",
    "explore_segments",
    "plot_activity",
    "plot_alive_history",
    "plot_calibration",
    "plot_cohort_retention",
    "plot_concentration",
    "plot_cumulative_tracking",
    "plot_drift",
    "plot_features",
    "plot_history_grid",
    "plot_holdout",
    "plot_leaderboard",
    "plot_lifts",
    "plot_membership_overlap",
    "plot_migration_flow",
    "plot_migration_matrix",
    "plot_mix_change",
    "plot_segment_map",
    "plot_segment_profile",
    "plot_segment_shares",
    "plot_selection",
    "plot_silhouettes",
    "plot_spend_fit",
    "plot_stability",
    "plot_tracking",
    "plot_validity",
    "plot_value_by_segment",
    "plot_value_distribution",
    "show",
]
