"""What segments are worth: key performance indicators per segment and period, with intervals."""

from .cohorts import CohortRetention, cohort_retention
from .compute import kpi_table
from .kpi import KPI, Measure
from .lorenz import Concentration, concentration
from .registry import KPIS, MEASURES, register_kpi
from .table import KpiTable

__all__ = [
    "KPI",
    "KPIS",
    "MEASURES",
    "CohortRetention",
    "Concentration",
    "KpiTable",
    "Measure",
    "cohort_retention",
    "concentration",
    "kpi_table",
    "register_kpi",
]
