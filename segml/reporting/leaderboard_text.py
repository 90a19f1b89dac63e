"""Leaderboards of a run as plain lines, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core import text

from .artefacts import Artefacts


def leaderboard_text(folder: Path) -> str:
    """Return the leaderboards of a run folder.

    Parameters
    ----------
    folder : Path
        Of a run with the notebook 08_model_comparison.

    Returns
    -------
    str
        For each of purchases, revenue and churn the models in their order, with the metric,
        its interval and the verdict; empty where the run compared none.
    """
    found = Artefacts(folder).read_frame("leaderboards.parquet")
    if found is None:
        return ""
    width = found["model"].str.len().max()
    lines: list[str] = []
    for (target, metric), board in found.groupby(["target", "metric"], sort=False):
        lines += ["", f"{target}, {metric}"]
        lines += [_line(row, width) for row in board.to_dict("records")]
    return "\n".join(lines).strip("\n")


def _line(row: Mapping[Any, Any], width: int) -> str:
    model = str(row["model"]).ljust(width)
    if pd.isna(row["rank"]):
        return f"   - {model}  {row['verdict']}"
    rank = f"{int(row['rank']):>4}"
    value, low, high = (text.decimal(row[name]) for name in ("value", "low", "high"))
    return f"{rank} {model}  {value} ({low} to {high})  {row['verdict']}"
