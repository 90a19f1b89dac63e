"""What comes in: canonical tables, reading with an account of every row, cleaning, data sets."""

from segml.engine import connect

from .account import RowAccount
from .bundle import CustomerData, DataTable
from .cleaning import CleaningReport, clean
from .consent import ConsentReport, apply_consent
from .datasets import load_cdnow, load_cdnow_sample, load_donations, load_online_retail
from .erasure import erase
from .erasure_report import ErasureReport
from .faults import inject_faults
from .policy import CleaningPolicy
from .presets import PRESETS, Preset
from .pseudonyms import PseudonymKey, pseudonymise
from .quality import QualityReport, quality_report
from .read import read_orders, read_table
from .simulation import simulate_store
from .simulation_segments import SEGMENTS, TrueSegment
from .simulation_truth import StoreTruth
from .sufficiency import EnoughData
from .suppression import SuppressedTable, suppress_small_groups
from .timeline import activity

__all__ = [
    "PRESETS",
    "SEGMENTS",
    "CleaningPolicy",
    "CleaningReport",
    "ConsentReport",
    "CustomerData",
    "DataTable",
    "EnoughData",
    "ErasureReport",
    "Preset",
    "PseudonymKey",
    "QualityReport",
    "RowAccount",
    "StoreTruth",
    "SuppressedTable",
    "TrueSegment",
    "activity",
    "apply_consent",
    "clean",
    "connect",
    "erase",
    "inject_faults",
    "load_cdnow",
    "load_cdnow_sample",
    "load_donations",
    "load_online_retail",
    "pseudonymise",
    "quality_report",
    "read_orders",
    "read_table",
    "simulate_store",
    "suppress_small_groups",
]
