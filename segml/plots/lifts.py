"""What a test changed, segment by segment: a forest plot."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from segml._core import text
from segml.evaluation.experiment_result import Experiment, signed_share
from segml.evaluation.sample_ratio import p_text
from segml.kpis.table import ALL

from .card import Description, describe
from .style import GREY, INK, new_axes, segment_color

_WIDEST = 26  # letters of a segment's name in a line


def plot_lifts(experiment: Experiment, ax: Axes | None = None) -> Axes:
    """Draw the difference that each variant made, in each segment and over all customers.

    Parameters
    ----------
    experiment : Experiment
        From `experiment`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        A point per segment and variant with its interval, filled where the difference is
        significant after correction; a small bar where it is likely to be, given
        the other segments.
    """
    rows = experiment.lifts
    many = rows["variant"].nunique() > 1
    ax = new_axes(ax, height=1.5 + 0.46 * len(rows))
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
    colors = _colors(rows)
    labels = []
    for place, row in enumerate(rows.to_dict("records")):
        name = textwrap.fill(str(row["name"]), _WIDEST, max_lines=2, placeholder="…")
        first = place == 0 or row["segment"] != rows["segment"].iloc[place - 1]
        labels.append(name if first else "")
        _draw(ax, place, row, colors[row["segment"]])
        said = _said(experiment, row)
        variant = textwrap.shorten(str(row["variant"]), 18, placeholder="…")
        ax.annotate(
            f"{variant}: {said}" if many else said,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            color=INK,
            annotation_clip=False,
        )
    whole = int((rows["segment"] == ALL).sum())
    if whole < len(rows):
        ax.axhline(whole - 0.5, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(experiment, value)))
    what = experiment.outcome.replace("_", " ")
    beside = f"less {experiment.control}"
    variants = ", ".join(dict.fromkeys(rows["variant"])) if not many else "each variant"
    ax.set_xlabel(f"{what} per customer: {variants} {beside}")
    finding = _finding(experiment)
    shown = _table(rows)
    spans = "; ".join(
        f"{row['name']}, {row['variant']}: {_said(experiment, row)}"
        for row in rows.to_dict("records")
    )
    trusted = "" if experiment.trusted else f" {experiment.verdict}"
    return describe(
        ax,
        Description(
            finding,
            f"Forest plot of {len(rows)} lifts with intervals. {finding}. {spans}.{trusted}",
            shown,
            _formats(experiment),
            f"Lines hold the {text.share(experiment.level)} interval of each difference by itself; "
            "filled points are significant after correction for the number of comparisons. Grey "
            "bars are differences drawn towards those of the other segments, as far as noise "
            f"explains how they differ.{trusted}",
        ),
    )


def _colors(rows: pd.DataFrame) -> dict[Any, str]:
    """Return a colour per segment: by its id, or by its place where ids are names."""
    inside = [segment for segment in dict.fromkeys(rows["segment"]) if segment != ALL]
    numbers = all(segment.lstrip("-").isdigit() for segment in inside)
    places = {s: int(s) if numbers else place for place, s in enumerate(inside)}
    return {s: segment_color(place) for s, place in places.items()} | {ALL: GREY}


def _draw(ax: Axes, place: int, row: dict[Any, Any], color: str) -> None:
    if pd.isna(row["difference"]):
        return
    if not pd.isna(row["low"]):
        ax.plot([row["low"], row["high"]], [place, place], color=color, linewidth=2.2, zorder=2)
    if not pd.isna(row["shrunken"]):
        ax.plot(
            [row["shrunken"]] * 2,
            [place + 0.16, place + 0.38],
            color=GREY,
            linewidth=3,
            solid_capstyle="butt",
            zorder=3,
        )
    whole = row["segment"] == ALL
    ax.plot(
        [row["difference"]],
        [place],
        marker="D" if whole else "o",
        markersize=8,
        markerfacecolor=color if row["significant"] else "white",
        markeredgecolor=color,
        markeredgewidth=1.8,
        linestyle="",
        zorder=4,
    )


def _said(experiment: Experiment, row: dict[Any, Any]) -> str:
    if pd.isna(row["difference"]):
        return f"{text.MISSING}: {row['reason']}"
    said = experiment.format_difference(row["difference"])
    if not pd.isna(row["relative"]):
        said += f" ({signed_share(row['relative'])})"
    return said


def _tick(experiment: Experiment, value: float) -> str:
    if value == 0:
        return "0"
    sign = "+" if value > 0 else "-"
    if experiment.kind == "share":
        return f"{sign}{100 * abs(value):.6g} pp"
    if experiment.kind == "revenue":
        return sign + text.money(abs(value), experiment.currency).removesuffix(".00")
    return f"{sign}{abs(value):.6g}"


def _finding(experiment: Experiment) -> str:
    """Say over how many segments the test shows a difference."""
    rows = experiment.lifts
    if not experiment.trusted:
        return "The groups are not as planned: these differences are not to be trusted"
    parts = rows[rows["segment"] != ALL]
    single = rows["variant"].nunique() == 1
    known = parts[parts["p_value"].notna()]
    better = known[known["significant"] & (known["difference"] > 0)]
    worse = known[known["significant"] & (known["difference"] < 0)]
    whole = rows[rows["segment"] == ALL]
    best = whole.iloc[int(whole["difference"].fillna(-float("inf")).to_numpy().argmax())]
    if pd.isna(best["p_value"]):
        return "Nothing can be said of any difference"
    opening = (
        f"{best['variant']} {'changes' if best['significant'] else 'shows no difference in'} "
        f"{experiment.outcome.replace('_', ' ')}"
    )
    if best["significant"]:
        opening += f" by {experiment.format_difference(best['difference'])} per customer"
    if len(parts) < 2:
        return opening
    unit = "segments" if single else "comparisons"
    told = [f"better in {len(better)} of {len(known)} {unit}"] if len(better) else []
    told += [f"worse in {len(worse)}" + ("" if told else f" of {len(known)} {unit}")] * bool(
        len(worse)
    )
    if not told:
        return f"{opening}; no {unit[:-1]} by itself shows one"
    return f"{opening}; {', '.join(told)}"


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["name", "variant", "n", "n_control", "difference", "low", "high", "relative"]
    columns += ["shrunken", "p_adjusted", "action"]
    return rows[columns].rename(
        columns={"name": "segment", "n": "customers", "n_control": "in control"}
    )


def _formats(experiment: Experiment) -> dict[str, Any]:
    differences = ["difference", "low", "high", "shrunken"]
    return (
        {"customers": text.count, "in control": text.count}
        | dict.fromkeys(differences, experiment.format_difference)
        | {"relative": signed_share, "p_adjusted": p_text}
    )
