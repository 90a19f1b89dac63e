"""What to do about drift: keep the segments, rename them or find them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text
from segml._core.check import number
from segml._core.errors import ParameterError
from segml.features.words import in_sentence

from .distance import say_psi

_LIST = 3  # more than this are counted, not listed


@dataclass(frozen=True)
class DriftThresholds:
    """From where on drift is an alert; None for never.

    Parameters
    ----------
    psi : float, default 0.25
        Population stability index of a feature.
    mix_psi : float, default 0.25
        The same of the sizes of segments.
    within_psi : float, default 0.25
        The same of a feature within a segment.
    far_share : float, default 0.05
        Share of customers who are far from all segments.

    Raises
    ------
    ParameterError
        A limit is not above 0, or a share is above 1.
    """

    psi: float | None = 0.25
    mix_psi: float | None = 0.25
    within_psi: float | None = 0.25
    far_share: float | None = 0.05

    def __post_init__(self) -> None:
        """Refuse limits that are out of range."""
        for name in ("psi", "mix_psi", "within_psi", "far_share"):
            if (value := getattr(self, name)) is not None:
                number(value, name, low=0, open_low=True)
        if self.far_share is not None and self.far_share >= 1:
            raise ParameterError(
                "far_share is a share", where="far_share", got=self.far_share, expected="below 1"
            )


def judge(
    features: pd.DataFrame,
    mix: pd.DataFrame,
    within: pd.DataFrame,
    far: pd.DataFrame,
    thresholds: DriftThresholds,
    level: float,
) -> tuple[str, tuple[str, ...]]:
    """Return the verdict with its reasons, as `drift` documents it.

    Parameters
    ----------
    features, mix, within, far : DataFrame
        As in `Drift`; all but the first are empty where there are no segments.
    thresholds : DriftThresholds
        Limits.
    level : float
        Coverage of the intervals.
    """
    moved = [in_sentence(x) for x in crossing(features, thresholds.psi)["label"]]
    if mix.empty:
        if moved:
            return "refit", (f"major shift of {_list(moved)}", "segments are not known here")
        return "keep", (_calm(features),)
    changed = crossing(within, thresholds.within_psi)
    refit = _too_far(far, thresholds) + _vanished(mix, level)
    now = mix["n_current"].sum()
    affected = mix.loc[mix.index.isin(changed["segment"])]
    share = affected["n_current"].sum() / now
    reasons = []
    for _, rows in changed.groupby("segment", sort=False):
        labels = [in_sentence(x) for x in rows.sort_values("psi", ascending=False)["label"]]
        reasons.append(f"“{rows['name'].iloc[0]}” changed within: {_list(labels)}")
    if share > 0.5:
        refit.append(f"segments with {text.share(share)} of customers changed within")
    if refit:
        return "refit", (*refit, *reasons)
    if reasons:
        return "rename", (*reasons, "customers are still near the segments")
    if moved:
        said = f"major shift of {_list(moved)}, by the sizes of segments and not within them"
        return "keep", (said,)
    return "keep", (_calm(features),)


def crossing(table: pd.DataFrame, limit: float | None) -> pd.DataFrame:
    """Return rows whose PSI is at the limit or above and beyond chance, the largest first."""
    if limit is None or table.empty:
        return table.iloc[:0]
    found = table[(table["psi"] >= limit) & table["beyond_chance"]]
    return found.sort_values("psi", ascending=False, kind="stable")


def _too_far(far: pd.DataFrame, thresholds: DriftThresholds) -> list[str]:
    if far.empty or thresholds.far_share is None:
        return []
    row = far.iloc[-1]
    if not row["low"] > thresholds.far_share:
        return []
    return [f"{text.share(row['current'])} of customers are far from all segments"]


def _vanished(mix: pd.DataFrame, level: float) -> list[str]:
    """Name segments without customers, where so many should have had some."""
    m = mix["n_current"].sum()
    gone = mix[(mix["n_current"] == 0) & ((1 - mix["reference"]) ** m < (1 - level) / len(mix))]
    return [f"“{name}” has no customer any more" for name in gone["name"]]


def _calm(features: pd.DataFrame) -> str:
    known = features[features["psi"].notna()]
    if known.empty:
        return "no feature has a value"
    top: Any = known.iloc[int(np.argmax(known["psi"]))]
    label = in_sentence(str(top["label"]))
    if not top["beyond_chance"]:
        return f"no shift beyond chance: largest PSI {say_psi(top['psi'])}, of {label}"
    return f"no major shift: largest PSI {say_psi(top['psi'])}, of {label}"


def _list(words: list[str]) -> str:
    more = f" and {len(words) - _LIST} more" if len(words) > _LIST else ""
    return ", ".join(words[:_LIST]) + more
