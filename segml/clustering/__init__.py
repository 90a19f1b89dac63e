"""Segments: who belongs together, what each segment is like and what it is called."""

from .kmeans import KMeansSegmenter
from .profile import SegmentProfile, profile_segments
from .score_rules import rfm_cuts, rfm_scores
from .scoring import assign_segments

__all__ = [
    "KMeansSegmenter",
    "SegmentProfile",
    "assign_segments",
    "profile_segments",
    "rfm_cuts",
    "rfm_scores",
]
