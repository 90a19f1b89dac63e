"""What a test found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segml._core import html, text
from segml.kpis.table import ALL

from .experiment_next import KEEP, MORE, STOP
from .sample_ratio import SampleRatio, p_text

_NAMED = 4  # segments that a sentence names; of more it tells the number


@dataclass(frozen=True, eq=False)
class Experiment:
    """Lifts by segment and over all customers, and what follows from them.

    Parameters
    ----------
    lifts : DataFrame
        By segment, all customers first, and variant: ``segment``, ``name``, ``variant``; ``n``,
        ``n_control``; ``mean``, ``mean_control`` (adjusted where CUPED is used);
        ``difference``, ``low``, ``high``; ``relative``, ``relative_low``, ``relative_high``;
        ``p_value``, ``p_adjusted``, ``significant``; ``shrunken``, ``shrunken_low``,
        ``shrunken_high``, the difference drawn towards that of the other segments;
        ``method``, ``reason``; ``action``, ``advice``, ``n_more``.
    sensitivity : DataFrame
        The differences by other methods: ``segment``, ``variant``, ``method``,
        ``difference``, ``low``, ``high``, ``p_value``.
    heterogeneity : DataFrame
        By ``variant`` and ``scale`` ("difference" or "relative"): ``q``, ``p_value``,
        ``p_adjusted`` (Holm, over the variants), ``i_squared``, ``n``.
    sample_ratio : SampleRatio or None
        None where the planned shares are not known.
    cuped : DataFrame or None
        By segment: ``theta`` and ``reduction`` of the variance.
    outcome, kind, control : str
        What was compared, how, and with what.
    level : float
        Coverage of the intervals.
    correction : str
        How p-values are adjusted, over segments and variants.
    currency : str
        ISO code for display.
    trusted : bool
        Whether the groups are as planned.
    verdict : str
        What was found, in plain words.
    notes : tuple of str
        What the reader should know.
    """

    lifts: pd.DataFrame
    sensitivity: pd.DataFrame
    heterogeneity: pd.DataFrame
    sample_ratio: SampleRatio | None
    cuped: pd.DataFrame | None
    outcome: str
    kind: str
    control: str
    level: float
    correction: str
    currency: str
    trusted: bool
    verdict: str
    notes: tuple[str, ...] = ()

    def format(self, value: float) -> str:
        """Format an outcome per customer with its unit."""
        return said_value(value, self.kind, self.currency)

    def format_difference(self, value: float) -> str:
        """Format a difference, with its sign; those of shares in percentage points."""
        return said_difference(value, self.kind, self.currency)

    def _repr_html_(self) -> str:
        many = self.lifts["variant"].nunique() > 1
        head = ["segment", *(["variant"] if many else []), self.control, "variant's"]
        head += ["difference", "relative", "p, adjusted", "what to do"]
        if not many:
            head[2] = str(self.lifts["variant"].iloc[0])
        rows: list[list[str | html.Cell]] = []
        for row in self.lifts.to_dict("records"):
            first = html.Cell(row["name"], f"{text.count(row['n'] + row['n_control'])} customers")
            rows.append(
                [
                    first,
                    *([str(row["variant"])] if many else []),
                    self.format(row["mean_control"]),
                    self.format(row["mean"]),
                    self._cell(row, self.format_difference, ("difference", "low", "high")),
                    self._cell(row, signed_share, ("relative", "relative_low", "relative_high")),
                    p_text(row["p_adjusted"]),
                    html.Cell(row["action"], row["advice"]),
                ]
            )
        start = 2 if many else 1
        how = "Holm" if self.correction == "holm" else "Benjamini and Hochberg"
        caption = (
            f"{self.outcome.replace('_', ' ').capitalize()} per customer beside {self.control}, "
            f"{text.share(self.level)} intervals, p adjusted by {how}"
        )
        parts = [
            html.note(self.verdict),
            html.table(head, rows, caption=caption, numeric=range(start, start + 5)),
        ]
        parts += [html.note(one) for one in self.notes]
        parts += [html.fold(*one) for one in self._more()]
        return html.block(*parts)

    def _cell(self, row: Mapping[Any, Any], say: Any, names: tuple[str, str, str]) -> html.Cell:
        value, low, high = (row[name] for name in names)
        if math.isnan(low):
            return html.Cell(say(value), row["reason"])
        return html.Cell(say(value), f"{say(low)} to {say(high)}")

    def _more(self) -> list[tuple[str, str]]:
        """Return what is folded: title and content."""
        say = self.format_difference
        found = []
        drawn = self.lifts[self.lifts["shrunken"].notna()]
        if len(drawn):
            rows: list[list[str | html.Cell]] = [
                [
                    html.Cell(row["name"], row["variant"]),
                    say(row["difference"]),
                    html.Cell(
                        say(row["shrunken"]),
                        f"{say(row['shrunken_low'])} to {say(row['shrunken_high'])}",
                    ),
                ]
                for row in drawn.to_dict("records")
            ]
            head = ["segment", "difference", "drawn to the others"]
            table = html.table(head, rows, numeric=[1, 2])
            found.append(("Differences, less what is likely to be noise", table))
        if len(self.sensitivity):
            names = dict(zip(self.lifts["segment"], self.lifts["name"], strict=True))
            others: list[list[str | html.Cell]] = [
                [
                    html.Cell(names[row["segment"]], row["variant"]),
                    row["method"],
                    html.Cell(say(row["difference"]), f"{say(row['low'])} to {say(row['high'])}"),
                    p_text(row["p_value"]),
                ]
                for row in self.sensitivity.to_dict("records")
            ]
            caption = (
                ""
                if self.kind != "revenue"
                else (
                    "Winsorised: amounts above the 99th percentile of the segment's buyers, of all "
                    "groups together, count as that"
                )
            )
            head = ["segment", "method", "difference", "p"]
            table = html.table(head, others, caption=caption, numeric=[2, 3])
            found.append(("The same by other methods", table))
        return found


def signed_share(value: float) -> str:
    """Format a relative difference.

    Examples
    --------
    >>> signed_share(0.123), signed_share(-0.05), signed_share(float("nan"))
    ('+12%', '-5.0%', 'n/a')
    """
    return text.MISSING if math.isnan(value) else _sign(value) + text.share(abs(value))


def said_value(value: float, kind: str, currency: str) -> str:
    """Format an outcome per customer."""
    if kind == "share":
        return text.share(value)
    return text.money(value, currency) if kind == "revenue" else text.decimal(value)


def said_difference(value: float, kind: str, currency: str) -> str:
    """Format a difference of outcomes.

    Examples
    --------
    >>> said_difference(0.0123, "share", ""), said_difference(-1.5, "revenue", "EUR")
    ('+1.2 pp', '-€1.50')
    """
    if math.isnan(value):
        return text.MISSING
    if kind == "share":
        size = 100 * abs(value)
        return f"{_sign(value)}{size:.2f} pp" if size < 1 else f"{_sign(value)}{size:.1f} pp"
    size_said = said_value(abs(value), kind, currency)
    return _sign(value) + size_said


def _sign(value: float) -> str:
    return "+" if value > 0 else "-" if value < 0 else ""


def verdict_of(
    lifts: pd.DataFrame,
    heterogeneity: pd.DataFrame,
    trust: str,
    said: Any,
    alpha: float,
) -> str:
    """Say what a test found.

    Parameters
    ----------
    lifts, heterogeneity : DataFrame
        As in `Experiment`.
    trust : str
        Why the groups are not to be trusted; empty where they are.
    said : callable
        From a difference to text.
    alpha : float
        Chance of a false finding.
    """
    if trust:
        return trust
    sentences = []
    for variant, rows in lifts.groupby("variant", sort=False):
        whole = rows[rows["segment"] == ALL].iloc[0]
        sentences.append(f"Over all customers {_whole(str(variant), whole, said)}")
        parts = rows[rows["segment"] != ALL]
        if len(parts) < 2:
            continue
        groups = [
            (parts[parts["action"] == KEEP], "It works in"),
            (
                parts[(parts["action"] == STOP) & parts["significant"]],
                "it does harm in",
            ),
            (parts[parts["action"] == MORE], "more customers are needed in"),
        ]
        told = [f"{say} {_listed(some['name'])}" for some, say in groups if len(some)]
        if told:
            sentences.append(_capital("; ".join(told)) + ".")
        else:
            sentences.append("In no segment by itself is a difference shown.")
        sentences.append(_differ(heterogeneity, str(variant), alpha))
    return " ".join(one for one in sentences if one)


def _whole(variant: str, row: Mapping[Any, Any] | pd.Series, said: Any) -> str:
    if math.isnan(row["p_value"]):
        return f"nothing can be said of {variant}: {row['reason']}."
    span = f"{said(row['low'])} to {said(row['high'])}"
    size = f"{said(row['difference'])} per customer, {span}, p = {p_text(row['p_adjusted'])}"
    size = size.replace("p = <", "p < ")
    if not row["significant"]:
        return f"{variant} shows no difference ({size})."
    return f"{variant} is {'better' if row['difference'] > 0 else 'worse'} ({size})."


def _differ(heterogeneity: pd.DataFrame, variant: str, alpha: float) -> str:
    rows = heterogeneity[heterogeneity["variant"] == variant].set_index("scale")
    absolute, relative = (rows["p_adjusted"].get(scale, math.nan) for scale in rows.index)
    if math.isnan(absolute):
        return ""
    if absolute >= alpha:
        return (
            "The differences between segments are no larger than noise would make them "
            f"(p = {p_text(absolute)})."
        )
    said = f"The effect truly differs between segments (p = {p_text(absolute)})"
    said = said.replace("p = <", "p < ")
    if relative >= alpha:
        return f"{said}, but may be the same in per cent (p = {p_text(relative)})."
    return f"{said}."


def _listed(names: pd.Series) -> str:
    known = [str(name) for name in names]
    if len(known) > _NAMED:
        return f"{len(known)} segments"
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
