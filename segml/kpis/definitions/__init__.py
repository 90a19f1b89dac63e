"""The KPIs that come with segml, one file per subject; to add one, add an entry."""

from . import acquisition, messages, purchases, retention, site, surveys, value

_FILES = (value, purchases, retention, acquisition, site, messages, surveys)
KPIS = tuple(kpi for file in _FILES for kpi in file.KPIS)
MEASURES = {name: measure for file in _FILES for name, measure in file.MEASURES.items()}
SOURCES = tuple(source for file in _FILES for source in getattr(file, "SOURCES", ()))

__all__ = ["KPIS", "MEASURES", "SOURCES"]
