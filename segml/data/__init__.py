"""What comes in: canonical tables, reading with an account of every row, cleaning, data sets."""

from segml.engine import connect

from .account import RowAccount
from .bundle import CustomerData, DataTable
from .cleaning import CleaningReport, clean
from .datasets import load_cdnow, load_cdnow_sample, load_donations
from .policy import CleaningPolicy
from .quality import QualityReport, quality_report
from .read import read_orders, read_table
from .sufficiency import EnoughData
from .timeline import activity

__all__ = [
    "CleaningPolicy",
    "CleaningReport",
    "CustomerData",
    "DataTable",
    "EnoughData",
    "QualityReport",
    "RowAccount",
    "activity",
    "clean",
    "connect",
    "load_cdnow",
    "load_cdnow_sample",
    "load_donations",
    "quality_report",
    "read_orders",
    "read_table",
]
