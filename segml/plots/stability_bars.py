"""Whether segments come back in resamples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml.clustering.resampling import Stability

from .card import Description, describe
from .style import GREY, INK, new_axes, segment_color

# Hennig (2007), Comput. Stat. Data Anal. 52, section 3 and the documentation of fpc::clusterboot.
BANDS = (
    (0.0, 0.6, "not trusted"),
    (0.6, 0.75, "doubtful"),
    (0.75, 0.85, "valid"),
    (0.85, 1.0, "highly stable"),
)
_VALID = 0.75
_WIDTH = 4.6  # inches: what is wider is scrolled on a phone
_BAR = 0.44  # of the room of a segment
_LONGEST = 44


def plot_stability(stability: Stability, ax: Axes | None = None) -> Axes:
    """Draw how alike segments are when they are found again in resampled customers.

    Parameters
    ----------
    stability : Stability
        From `stability`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A bar of the mean Jaccard similarity per segment with its interval, on bands of
        what such a similarity means.
    """
    table: pd.DataFrame = stability.table
    # As wide as a phone: names stand above their bars.
    ax = new_axes(ax, width=_WIDTH, height=1.5 + 0.62 * len(table))
    for k, (low, high, word) in enumerate(BANDS):
        ax.axvspan(low, high, color=GREY, alpha=(0.3, 0.2, 0.1, 0.0)[k], linewidth=0, zorder=0)
        if k:
            ax.axvline(low, color=GREY, linewidth=0.8, zorder=1)
        ax.annotate(
            word.replace(" ", "\n", 1) if k else word,
            ((low + high) / 2, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=INK,
        )
    i: Any  # a segment id; pandas types it as any label
    for row, (i, one) in enumerate(table.iterrows()):
        value, low, high = (float(one[name]) for name in ("jaccard", "low", "high"))
        name = str(one["name"])
        ax.annotate(
            name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…",
            (0, row - _BAR / 2),
            xytext=(2, 1.5),
            textcoords="offset points",
            va="bottom",
            fontsize=9.5,
            color=INK,
        )
        if pd.isna(value):
            _say(ax, 0.0, row, _lacking(one))
            continue
        ax.barh(row, value, height=_BAR, color=segment_color(int(i)), alpha=0.9, zorder=2)
        if not pd.isna(low) and not pd.isna(high):
            ax.plot([low, high], [row, row], color="#ffffff", linewidth=3, zorder=3)
            ax.plot([low, high], [row, row], color="#111111", linewidth=1.4, zorder=4)
        _say(ax, max(value, high if not pd.isna(high) else value), row, text.decimal(value, 2))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(table) - 0.6, -0.85)
    ax.set_xlim(0, 1.12)
    ax.set_xticks(
        [0, 0.2, 0.4, 0.6, 0.75, 0.85, 1],
        ["0", "0.2", "0.4", "0.6", "0.75", "0.85", "1"],
        fontsize=8.5,
    )
    ax.set_xlabel("mean Jaccard similarity to the segment found again")
    finding = _finding(table)
    ari = float(stability.ari)
    shown = table[["name", "size", "jaccard", "low", "high", "verdict"]].rename(
        columns={"name": "segment", "size": "customers"}
    )
    said = "; ".join(
        f"{one['name']}: {_lacking(one)}"
        if pd.isna(one["jaccard"])
        else f"{one['name']}: {text.decimal(one['jaccard'], 2)}, {one['verdict']}"
        for one in table.to_dict("records")
    )
    agreement = (
        f" Overall agreement of the segmentations: adjusted Rand index {text.decimal(ari, 2)}."
        if not pd.isna(ari)
        else ""
    )
    return describe(
        ax,
        Description(
            finding,
            f"Bars of the stability of {len(table)} segments. {finding}. {said}.{agreement}",
            shown,
            {"customers": text.count}
            | dict.fromkeys(["jaccard", "low", "high"], lambda v: text.decimal(v, 2)),
            "A segment is compared with the most similar one in each resample: customers in "
            "both, of those in either. The thin lines hold the middle 95% of the "
            f"resamples; bands after Hennig (2007).{agreement}",
        ),
        room=32,
    )


def _say(ax: Axes, at: float, row: int, said: str) -> None:
    ax.annotate(
        said,
        (at, row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=INK,
    )


def _lacking(one: Mapping[Any, Any] | pd.Series) -> str:
    """Say why a segment has no similarity."""
    return "never drawn" if one["size"] else "no customers"


def _finding(table: pd.DataFrame) -> str:
    """Say how many segments are valid, and which is the weakest."""
    known = table[table["jaccard"].notna()]
    if known.empty:
        return f"The stability of {len(table)} segments is not known"
    valid = int((known["jaccard"] >= _VALID).sum())
    weakest = known.iloc[int(known["jaccard"].argmin())]
    worth = text.decimal(weakest["jaccard"], 2)
    empty = int((table["size"] == 0).sum())
    unseen = len(table) - len(known) - empty
    rest = f"; {empty} ha{'s' if empty == 1 else 've'} no customers" if empty else ""
    rest += f"; {unseen} could not be looked at" if unseen else ""
    if valid == len(known):
        opening = "The segment comes" if valid == 1 else f"All {valid} segments come"
        if rest:
            opening = f"{valid} of {len(table)} segments come"
        last = f" (“{weakest['name']}” least, Jaccard {worth})" if valid > 1 else f": {worth}"
        return f"{opening} back in resamples{last}{rest}"
    word = "is not to be trusted" if weakest["jaccard"] < BANDS[0][1] else "is doubtful"
    return (
        f"{valid} of {len(table)} segments come back in resamples; “{weakest['name']}” {word} "
        f"(Jaccard {worth}){rest}"
    )
