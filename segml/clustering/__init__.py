"""Segments: who belongs together, what each segment is like and what it is called."""

from .kmeans import KMeansSegmenter
from .profile import SegmentProfile, profile_segments

__all__ = ["KMeansSegmenter", "SegmentProfile", "profile_segments"]
