"""One row per customer: the RFM table of the lifetime models, and features of segmentation."""

from .build import FeatureTable, build_features
from .preprocess import make_preprocessor
from .registry import FEATURES, Feature
from .rfm import rfm_summary

__all__ = [
    "FEATURES",
    "Feature",
    "FeatureTable",
    "build_features",
    "make_preprocessor",
    "rfm_summary",
]
