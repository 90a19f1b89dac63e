"""Why a KPI changed, as a waterfall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from segml._core import text
from segml.evaluation.decomposition import Decomposition

from .card import Description, describe
from .migration import two_lines
from .style import GREY, INK, money_axis, new_axes, segment_color, share_axis

_LONGEST = 34  # characters of a line


@dataclass(frozen=True)
class _Step:
    label: str
    value: float
    low: float
    high: float
    color: str
    is_level: bool = False


def plot_mix_change(decomposition: Decomposition, ax: Axes | None = None) -> Axes:
    """Draw how mix and within-segment parts lead from the old value of a KPI to the new.

    Parameters
    ----------
    decomposition : Decomposition
        From `segml.evaluation.decomposition.decompose`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        From the top: the value before, each segment's share in the mix, what changed within
        each segment, new segments and those that are gone, and the value now.
    """
    steps = _steps(decomposition)
    ax = new_axes(ax, width=7.4, height=1.3 + 0.31 * len(steps))
    at, ends = 0.0, []
    for row, step in enumerate(steps):
        start = 0.0 if step.is_level else at
        at = start + step.value
        ax.barh(row, step.value, left=start, height=0.66, color=step.color, alpha=0.9, zorder=2)
        if not pd.isna(step.low) and not step.is_level:
            ax.plot(
                [start + step.low, start + step.high], [row, row], color="#ffffff", lw=3, zorder=3
            )
            ax.plot(
                [start + step.low, start + step.high], [row, row], color="#111111", lw=1.2, zorder=4
            )
        if row + 1 < len(steps):
            ax.plot([at, at], [row - 0.33, row + 1.33], color=GREY, linewidth=0.8, zorder=1)
        shown = [start, at] + [start + x for x in (step.low, step.high) if not pd.isna(x)]
        ends.append((min(shown), max(shown)))
    _limits(ax, steps, ends)
    for row, (step, (_, high)) in enumerate(zip(steps, ends, strict=True)):
        said = decomposition.format(step.value) if step.is_level else None
        ax.annotate(
            said or decomposition.signed(step.value),
            (high, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    ax.set_yticks(
        range(len(steps)), [two_lines(step.label, _LONGEST) for step in steps], fontsize=8.5
    )
    ax.set_ylim(len(steps) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    starts_at_0 = ax.get_xlim()[0] == 0
    ax.set_xlabel(decomposition.kpi + ("" if starts_at_0 else " (axis does not start at 0)"))
    if decomposition.unit == "money":
        ax.xaxis.set_major_formatter(money_axis(decomposition.currency))
    elif decomposition.unit == "share":
        ax.xaxis.set_major_formatter(share_axis)
    return describe(ax, _described(decomposition))


def _steps(found: Decomposition) -> list[_Step]:
    none = float("nan")
    steps = [_Step("before", found.old_value, none, none, GREY, True)]
    if "size" in found.parts.index and found.parts.loc["size", "value"]:
        size: Any = found.parts.loc["size"]
        steps.append(_Step(str(size["label"]), size["value"], size["low"], size["high"], GREY))
    rows: list[Any] = list(found.table.reset_index().to_dict("records"))
    for part, word in (("mix", "mix"), ("within", "within")):
        for row in rows:
            if pd.isna(row["old_value"]) or pd.isna(row["new_value"]):
                continue
            color = segment_color(int(row["segment"]))
            ends = row[f"{part}_low"], row[f"{part}_high"]
            steps.append(_Step(f"{word}: {row['name']}", row[part], *ends, color))
    for part, word in (("entry", "new"), ("exit", "gone")):
        for row in rows:
            if row[part]:
                color = segment_color(int(row["segment"]))
                label = f"{word}: {row['name']}"
                steps.append(_Step(label, row[part], none, none, color))
    steps.append(_Step("now", found.new_value, none, none, GREY, True))
    return steps


def _limits(ax: Axes, steps: list[_Step], ends: list[tuple[float, float]]) -> None:
    """Leave the start of the axis out where the changes would not be seen beside it."""
    inner = [end for step, end in zip(steps, ends, strict=True) if not step.is_level]
    low, high = min(min(e) for e in ends), max(max(e) for e in ends)
    lowest = min([low_ for low_, _ in inner], default=0.0)
    spread = max([high_ for _, high_ in inner], default=high) - lowest
    if inner and lowest > 0 and spread < 0.5 * high:
        levels = [step.value for step in steps if step.is_level]
        low = min(lowest, *levels) - 0.35 * max(spread, 1e-9 * high)
        low = max(low, 0.0)
    else:
        low = min(low, 0.0)
    room = (high - low) or 1.0
    ax.set_xlim(low if low >= 0 else low - 0.12 * room, high + 0.16 * room)


def _described(found: Decomposition) -> Description:
    table = found.table[["name", "old_share", "new_share", "old_value", "new_value"]].assign(
        mix=found.table["mix"],
        within=found.table["within"],
        **{"new or gone": found.table["entry"] + found.table["exit"], "sum": found.table["total"]},
    )
    table = table.rename(
        columns={
            "name": "segment",
            "old_share": "share before",
            "new_share": "share now",
            "old_value": "before",
            "new_value": "now",
        }
    )
    parts = "; ".join(
        f"{row['label']} {found.signed(row['value'])}"
        for row in found.parts.to_dict("records")
        if row["value"]
    )
    return Description(
        found.verdict[:1].upper() + found.verdict[1:],
        f"Waterfall of {found.kpi} from {found.format(found.old_value)} to "
        f"{found.format(found.new_value)} over {len(found.table)} segments. {parts}.",
        table,
        dict.fromkeys(["share before", "share now"], text.share)
        | dict.fromkeys(["before", "now"], found.format)
        | dict.fromkeys(["mix", "within", "new or gone", "sum"], found.signed),
        "Mix: a segment's share of customers (of a ratio, of its denominator) changed. Within: "
        "its own value did. The parts add up to the change; lines are "
        f"{text.share(found.level)} intervals.",
    )
