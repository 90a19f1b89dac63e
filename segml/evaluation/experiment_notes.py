"""What the reader of a test should know beside its lifts."""

from __future__ import annotations

import pandas as pd

from segml.kpis.table import ALL

from .experiment_arms import Arms
from .experiment_compare import WINSORISED
from .sample_ratio import SampleRatio

_FEWEST_SHRUNKEN = 3


def notes_of(
    lifts: pd.DataFrame,
    sensitivity: pd.DataFrame,
    arms: Arms,
    ratio: SampleRatio | None,
    alpha: float,
) -> list[str]:
    """Return sentences on what was not checked, left out, gained, or hangs on few customers."""
    notes = list(arms.notes)
    if ratio is None:
        notes.append(
            "The planned shares are not known, so the sizes of the groups are not checked."
        )
    if arms.cuped is not None:
        gone = arms.frame["segment"].map(arms.cuped["reduction"]).mean()
        notes.append(
            f"CUPED takes {gone:.0%} of the variance away: as good as "
            f"{1 / (1 - min(gone, 0.999)) - 1:.0%} more customers."
        )
    parts = lifts[lifts["segment"] != ALL]
    left_out = parts[parts["mean"].isna()]
    if len(left_out):
        notes.append(
            f"Not among all customers, for want of customers in a group: {_names(left_out)}."
        )
    if 1 < parts["segment"].nunique() < _FEWEST_SHRUNKEN:
        notes.append(
            "Two segments do not tell how much effects differ, so their differences are not drawn "
            "towards each other."
        )
    fragile = _fragile(lifts, sensitivity, alpha)
    if len(fragile):
        notes.append(
            f"It hangs on a few large amounts whether a difference is shown: {_names(fragile)}."
        )
    return notes


def _fragile(lifts: pd.DataFrame, sensitivity: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return lifts that are shown by all amounts or by winsorised ones, and not by both."""
    capped = sensitivity[sensitivity["method"] == WINSORISED]
    both = lifts.merge(capped, on=["segment", "variant"], suffixes=("", "_capped"))
    shown = both["p_value"] < alpha
    turned = both["difference"] * both["difference_capped"] < 0
    return both[(shown != (both["p_value_capped"] < alpha)) | (shown & turned)]


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(str(name) for name in rows["name"]))
