"""The numbers that runs are listed and compared by, read from what a run has stored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from segml._core import text

from .manifest import Manifest

# Key, what it is, and its unit; those that are KPIs have the names of segml.kpis.
METRICS = (
    ("customers", "Customers", "count"),
    ("segments", "Segments", "count"),
    ("revenue", "Revenue", "money"),
    ("aov", "Order value", "money"),
    ("retention_rate", "Retention", "share"),
    ("clv", "Lifetime value per customer", "money"),
    ("p_alive", "Expected to be active", "share"),
)
_NONE = (math.nan, math.nan, math.nan)
_ALL = "all customers"
_WRITTEN = {"count": text.count, "share": text.share}


@dataclass(frozen=True)
class Metric:
    """A number of a run.

    Parameters
    ----------
    key, label, unit : str
        Which; ``unit`` is ``count``, ``money`` or ``share``.
    value : float
        The number; NaN where the run has none.
    low, high : float
        Interval of an estimate; NaN where there is none.
    currency : str
        ISO code of money.
    """

    key: str
    label: str
    unit: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    currency: str = ""

    @property
    def written(self) -> str:
        """The number as people read it; empty where there is none."""
        return "" if math.isnan(self.value) else self.write(self.value)

    def write(self, value: float) -> str:
        """Write a number of this kind with its unit."""
        if self.unit == "money":
            return text.money(value, self.currency)
        return _WRITTEN[self.unit](value)


def run_metrics(folder: Path, run: Manifest) -> list[Metric]:
    """Return the metrics of a run; those that it has not stored, or not readably, are missing.

    Parameters
    ----------
    folder : Path
        The run folder.
    run : Manifest
        Its manifest.

    Returns
    -------
    list of Metric
        One for each of ``METRICS``, in that order.
    """
    found = _of_segments(folder) | _of_kpis(folder)
    currency = str(run.params.get("currency") or "")
    return [
        Metric(key, label, unit, *found.get(key, _NONE), currency if unit == "money" else "")
        for key, label, unit in METRICS
    ]


def _of_segments(folder: Path) -> dict[str, tuple[float, float, float]]:
    try:
        said = json.loads((folder / "artefacts" / "segments.json").read_text(encoding="utf-8"))
        sizes = [int(one["size"]) for one in said["segments"]]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"segments": (float(len(sizes)), math.nan, math.nan)}


def _of_kpis(folder: Path) -> dict[str, tuple[float, float, float]]:
    """Return what the table of KPIs says of all customers, in its last period."""
    columns = ["kpi", "value", "low", "high"]
    try:
        table = pq.read_table(
            folder / "artefacts" / "kpis.parquet",
            columns=columns,
            filters=[("segment", "==", _ALL)],
        )
    except (OSError, ValueError, KeyError):  # none, or of an older form
        return {}
    wanted = {key for key, *_ in METRICS}
    rows: list[dict[str, Any]] = table.to_pylist()
    found = {}
    for row in rows:  # of several periods the last one stays
        if row["kpi"] in wanted:
            value, low, high = (math.nan if row[k] is None else row[k] for k in columns[1:])
            found[row["kpi"]] = (value, low, high)
    return found
