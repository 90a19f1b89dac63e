"""Figures: each takes a result, draws on an Axes and returns it; `show` adds table and text."""

from .card import FigureCard, show
from .clv_customer import plot_alive_history
from .clv_grid import plot_history_grid
from .clv_spend import plot_spend_fit, plot_value_distribution
from .clv_tracking import plot_cumulative_tracking, plot_tracking
from .data import plot_activity
from .features import plot_features
from .interactive import SegmentExplorer, explore_segments
from .membership import plot_membership_overlap
from .profile import plot_segment_profile
from .segment_map import plot_segment_map
from .segments import plot_segment_shares
from .selection import plot_selection
from .silhouettes import plot_silhouettes
from .stability_bars import plot_stability
from .value import plot_holdout, plot_value_by_segment

__all__ = [
    "FigureCard",
    "SegmentExplorer",
    "explore_segments",
    "plot_activity",
    "plot_alive_history",
    "plot_cumulative_tracking",
    "plot_features",
    "plot_history_grid",
    "plot_holdout",
    "plot_membership_overlap",
    "plot_segment_map",
    "plot_segment_profile",
    "plot_segment_shares",
    "plot_selection",
    "plot_silhouettes",
    "plot_spend_fit",
    "plot_stability",
    "plot_tracking",
    "plot_value_by_segment",
    "plot_value_distribution",
    "show",
]
