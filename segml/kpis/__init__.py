"""What segments are worth: key performance indicators per segment, with intervals."""

from .registry import KPI, KPIS
from .table import KpiTable, kpi_table

__all__ = ["KPI", "KPIS", "KpiTable", "kpi_table"]
