"""Figures: each takes a result, draws on an Axes and returns it; `show` adds table and text."""

from .card import FigureCard, show
from .data import plot_activity
from .features import plot_features
from .profile import plot_segment_profile
from .segments import plot_segment_shares
from .value import plot_holdout, plot_value_by_segment

__all__ = [
    "FigureCard",
    "plot_activity",
    "plot_features",
    "plot_holdout",
    "plot_segment_profile",
    "plot_segment_shares",
    "plot_value_by_segment",
    "show",
]
