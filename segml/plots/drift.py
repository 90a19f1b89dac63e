"""How far features moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.evaluation.distance import say_psi
from segml.evaluation.drift_features import BANDS
from segml.evaluation.drift_result import Drift
from segml.features.words import in_sentence

from .card import Description, describe
from .style import GREY, INK, PALETTE, new_axes

_ROWS = 25  # more features than this are in the table only
_LONGEST = 34
_COLORS = {"stable": GREY, "moderate": PALETTE[1], "major": PALETTE[4]}


def plot_drift(drift: Drift, ax: Axes | None = None) -> Axes:
    """Draw how far each feature moved from the reference.

    Parameters
    ----------
    drift : Drift
        From `segml.evaluation.drift`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The population stability index of each feature, the furthest first, and of the sizes
        of segments, with its interval, on the bands of what it means. A tick marks what
        sampling alone brings; hollow marks are not beyond chance.

    Raises
    ------
    NotEnoughDataError
        No feature has a value.
    """
    table = _rows(drift)
    if table.empty:
        raise NotEnoughDataError("there is nothing to draw: no feature has a value")
    shown = table.head(_ROWS)
    ax = new_axes(ax, height=1.5 + 0.32 * len(shown))
    top = max(0.3, float(shown[["psi", "high"]].max().max()) * 1.12)
    limits = [*BANDS.values(), np.inf]
    for k in range(len(BANDS)):
        low, high = limits[k], min(limits[k + 1], top)
        ax.axvspan(low, high, color=GREY, alpha=0.12 * k, linewidth=0, zorder=0)
        if k:
            ax.axvline(low, color=GREY, linewidth=0.8, zorder=1)
    for at, side, word in (
        (0.0, "left", "stable"),
        (0.1, "left", "moderate"),
        (0.25, "left", "major"),
    ):
        if top <= 1.2 or word == "major":
            ax.annotate(
                word,
                (at, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, 3),
                textcoords="offset points",
                ha=side,
                va="bottom",
                fontsize=8.5,
                color=INK,
            )
    one: Any  # pandas types what rows hold as anything
    for row, one in enumerate(shown.itertuples()):
        color = _COLORS[str(one.band)]
        ax.plot([one.low, one.high], [row, row], color=INK, linewidth=1.2, zorder=3)
        face = color if one.beyond_chance else "#ffffff"
        ax.plot([one.psi], [row], "o", ms=7.5, mfc=face, mec=color, mew=1.6, zorder=4)
        ax.plot([one.expected] * 2, [row - 0.3, row + 0.3], color=GREY, linewidth=1.6, zorder=2)
        ax.annotate(
            say_psi(one.psi),
            (max(one.psi, one.high), row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    ax.set_yticks(range(len(shown)), [_short(label) for label in shown["label"]])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(0, top)
    ax.set_xlabel("population stability index (PSI)")
    ax.tick_params(axis="y", length=0)
    finding = _finding(drift, table)
    columns = ["label", "psi", "low", "high", "expected", "band", "beyond_chance"]
    behind = table[columns].rename(columns={"label": "feature", "expected": "by sampling"})
    behind["beyond_chance"] = np.where(behind["beyond_chance"], "yes", "no")
    behind = behind.rename(columns={"beyond_chance": "beyond chance"})
    said = "; ".join(
        f"{label}: {say_psi(value)}, {word}"
        for label, value, word in zip(
            *(shown[x][:8] for x in ("label", "psi", "band")), strict=True
        )
    )
    left_out = len(table) - len(shown)
    caption = (
        f"Lines are {text.share(drift.level)} intervals; grey ticks are what sampling alone "
        "brings; hollow marks are not beyond chance. Bands after Siddiqi (2006). "
        f"Verdict: {drift.verdict}; {'; '.join(drift.reasons)}."
    )
    if left_out:
        caption += f" {left_out} features that moved less are in the table only."
    return describe(
        ax,
        Description(
            finding,
            f"Population stability index of {len(table)} rows, the largest first. "
            f"{finding}. {said}.",
            behind,
            dict.fromkeys(["psi", "low", "high", "by sampling"], say_psi),
            caption,
        ),
        room=24,
    )


def _rows(drift: Drift) -> pd.DataFrame:
    """Return features and the sizes of segments, the furthest moved first."""
    columns = ["label", "psi", "psi_low", "psi_high", "expected", "band", "beyond_chance"]
    rows = drift.features.loc[drift.features["psi"].notna(), columns].to_dict("records")
    if not drift.mix_psi.empty and len(drift.mix) > 1:
        rows.append({"label": "Sizes of segments", **drift.mix_psi[columns[1:]].to_dict()})
    table = pd.DataFrame(rows, columns=columns)
    table = table.rename(columns={"psi_low": "low", "psi_high": "high"})
    return table.sort_values("psi", ascending=False, kind="stable", ignore_index=True)


def _finding(drift: Drift, table: pd.DataFrame) -> str:
    of_features = drift.features[drift.features["psi"].notna()]
    moved = of_features[of_features["beyond_chance"]]
    total = len(of_features)
    if moved.empty:
        return f"No feature of {total} moved beyond chance"
    top = moved.sort_values("psi", ascending=False, kind="stable").iloc[0]
    major = int((moved["band"] == "major").sum())
    label = in_sentence(str(top["label"]))
    if major:
        verb = "moved" if total > 1 else "has moved"
        return (
            f"{major} of {total} features {verb} far; {label} furthest (PSI {say_psi(top['psi'])})"
        )
    return f"No feature of {total} moved far; {label} most (PSI {say_psi(top['psi'])})"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
