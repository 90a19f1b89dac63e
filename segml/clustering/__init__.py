"""Segments: who belongs together, what each segment is like and what it is called."""

from .affinity import SegmentAffinity, segment_affinity
from .caution import Caution, Cautions, cautions
from .choosing import Selection, select_n_segments
from .embedding import UmapEmbedding, umap_embedding
from .gaussian_mixture import GaussianMixtureSegmenter
from .hdbscan_segmenter import HDBSCANSegmenter
from .kmeans import KMeansSegmenter
from .large_kmeans import fit_segments
from .matching import SegmentMatching, match_segments
from .overlap import MembershipOverlap, membership_overlap
from .persona import personas
from .persona_card import Persona, Personas
from .profile import SegmentProfile, profile_segments
from .resampling import Stability, stability
from .rfm_grid import RFM_SEGMENTS, RFMRule
from .rfm_segmenter import RFMSegmenter
from .rules import SegmentRules, segment_rules
from .score_rules import rfm_cuts, rfm_scores
from .scoring import assign_segments
from .segment_map import SegmentMap, map_segments
from .silhouettes import Silhouettes, silhouette_values

__all__ = [
    "RFM_SEGMENTS",
    "Caution",
    "Cautions",
    "GaussianMixtureSegmenter",
    "HDBSCANSegmenter",
    "KMeansSegmenter",
    "MembershipOverlap",
    "Persona",
    "Personas",
    "RFMRule",
    "RFMSegmenter",
    "SegmentAffinity",
    "SegmentMap",
    "SegmentMatching",
    "SegmentProfile",
    "SegmentRules",
    "Selection",
    "Silhouettes",
    "Stability",
    "UmapEmbedding",
    "assign_segments",
    "cautions",
    "fit_segments",
    "map_segments",
    "match_segments",
    "membership_overlap",
    "personas",
    "profile_segments",
    "rfm_cuts",
    "rfm_scores",
    "segment_affinity",
    "segment_rules",
    "select_n_segments",
    "silhouette_values",
    "stability",
    "umap_embedding",
]
