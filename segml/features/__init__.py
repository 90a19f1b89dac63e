"""One row per customer: the RFM table of the lifetime models, and features of segmentation."""

from .build import build_features
from .feature import Feature, Source
from .preprocess import make_preprocessor
from .registry import FEATURES, SOURCES, register_feature, register_source
from .rfm import rfm_summary
from .rfm_compressed import rfm_counts
from .rfm_cutoffs import rfm_summaries
from .table import FeatureTable

__all__ = [
    "FEATURES",
    "SOURCES",
    "Feature",
    "FeatureTable",
    "Source",
    "build_features",
    "make_preprocessor",
    "register_feature",
    "register_source",
    "rfm_counts",
    "rfm_summaries",
    "rfm_summary",
]
