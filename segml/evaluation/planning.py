"""How many customers, and how long, a test takes to see an effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, skew

from segml._core import html, text
from segml._core.check import number, one_of
from segml._core.errors import DataError, ParameterError
from segml.kpis.table import ALL

from .assignment import HALVES, segment_name
from .experiment_arms import Kind
from .sample_ratio import checked_shares

_KINDS = ("share", "mean", "revenue")
_SKEW_RULE = 355  # Kohavi et al. (2014), rule 7


@dataclass(frozen=True)
class ExperimentPlan:
    """Sizes that a test needs beside those that there are.

    Parameters
    ----------
    table : DataFrame
        By segment and, last, for all customers: ``name``, ``mean``, ``effect`` (the difference
        to be seen), ``customers`` there are, ``needed`` in all groups together, ``days`` until
        they have come (0 where they are there), ``detectable`` (the smallest difference that
        those there are would show), ``feasible`` and ``reason`` where it is not.
    kind : {"share", "mean", "revenue"}
        What is compared.
    power, level : float
        Chance to see the effect; 1 less the chance of a false finding in the test.
    shares : dict of str to float
        Share of each group.
    currency : str
        ISO code for display.
    notes : tuple of str
        What the reader should know.
    """

    table: pd.DataFrame
    kind: str
    power: float
    level: float
    shares: dict[str, float]
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Which segments can be tested, in a sentence or two."""
        segments = self.table[self.table["segment"] != ALL]
        able = segments[segments["feasible"]]
        whole = self.table[self.table["segment"] == ALL].iloc[0]
        if len(able) == len(segments):
            said = "Every segment is large enough for the effect to be seen."
        elif len(able):
            said = (
                f"{len(able)} of {len(segments)} segments are large enough for the effect to be "
                f"seen: {', '.join(str(name) for name in able['name'])}."
            )
        else:
            said = "No segment is large enough for the effect to be seen in it alone."
        together = "can" if whole["feasible"] else "cannot"
        return f"{said} All customers together {together} show it."

    def _value(self, value: float) -> str:
        if self.kind == "share":
            return text.share(value)
        return text.money(value, self.currency) if self.kind == "revenue" else text.decimal(value)

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(row["name"]), f"{text.count(row['customers'])} customers"),
                self._value(row["mean"]),
                _points(self.kind, row["effect"], self._value(row["effect"])),
                text.count(row["needed"]),
                "now" if row["days"] == 0 else text.count(row["days"]),
                _points(self.kind, row["detectable"], self._value(row["detectable"])),
                html.Cell("yes" if row["feasible"] else "no", row["reason"]),
            ]
            for row in self.table.to_dict("records")
        ]
        head = ["segment", "now", "effect", "needed", "days to fill", "detectable", "feasible"]
        caption = f"Customers needed at a power of {text.share(self.power)}"
        parts = [
            html.note(self.verdict),
            html.table(head, rows, caption=caption, numeric=range(1, 6)),
        ]
        return html.block(*parts, *(html.note(note) for note in self.notes))


def _points(kind: str, value: float, said: str) -> str:
    """Say differences of shares in percentage points."""
    if kind != "share" or math.isnan(value):
        return said
    return f"{text.decimal(100 * value, 2)} pp"


def experiment_baseline(
    outcomes: pd.DataFrame, outcome: str, *, pre: str | None = None
) -> pd.DataFrame:
    """Return what a plan needs to know, from outcomes of an earlier time.

    Parameters
    ----------
    outcomes : DataFrame
        One row per customer: ``segment``, the outcome, and what came before it.
    outcome : str
        Column of the outcome.
    pre : str, optional
        Column for CUPED.

    Returns
    -------
    DataFrame
        By segment: ``customers``, ``mean``, ``sd``, ``skewness`` and, with `pre`,
        ``correlation``; missing where one does not vary.

    Raises
    ------
    ParameterError
        There is no such column.

    Examples
    --------
    >>> outcomes = pd.DataFrame({"segment": [0, 0, 1, 1], "revenue": [0.0, 4.0, 1.0, 3.0]})
    >>> experiment_baseline(outcomes, "revenue")["mean"].tolist()
    [2.0, 2.0]
    """
    for name in ("segment", outcome, *([pre] if pre is not None else [])):
        one_of(name, list(outcomes.columns), "outcomes")
    rows = {}
    for segment, one in outcomes.groupby("segment", observed=True):
        y = one[outcome].to_numpy(dtype=float)
        varies = len(y) > 1 and bool(np.ptp(y))
        rows[segment] = {
            "customers": len(y),
            "mean": float(y.mean()),
            "sd": float(y.std(ddof=1)) if len(y) > 1 else np.nan,
            "skewness": float(skew(y)) if varies else np.nan,
        }
        if pre is not None:
            x = one[pre].to_numpy(dtype=float)
            known = ~np.isnan(x)
            able = varies and known.sum() > 2 and np.ptp(x[known]) and np.ptp(y[known])
            rows[segment]["correlation"] = (
                float(np.corrcoef(x[known], y[known])[0, 1]) if able else np.nan
            )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


def plan_experiment(
    baseline: pd.DataFrame,
    effect: float,
    *,
    kind: Kind,
    relative: bool = True,
    power: float = 0.8,
    level: float = 0.95,
    shares: Mapping[str, float] = HALVES,
    control: str = "control",
    max_days: int = 90,
    names: Mapping[int, str] | pd.Series | None = None,
    currency: str = "",
) -> ExperimentPlan:
    r"""Tell how many customers each segment needs for an effect to be seen in it.

    Parameters
    ----------
    baseline : DataFrame
        By segment: ``mean`` of the outcome without treatment (for shares the share), ``sd``
        (not for shares), ``customers`` there are; and, where known, ``per_day`` (customers
        who come newly), ``correlation`` of the outcome with what came before (for CUPED) and
        ``skewness``. See `experiment_baseline`.
    effect : float
        The smallest effect worth finding: a share of the mean if `relative`, else a difference.
    kind : {"share", "mean", "revenue"}
        What is compared. Revenue per customer is taken to grow in proportion, so that its
        standard deviation grows as its mean does.
    relative : bool, default True
        What `effect` is.
    power : float, default 0.8
        Chance to see the effect where it is there.
    level : float, default 0.95
        1 less the chance of any false finding.
    shares : mapping of str to float
        Share of each group, as for `assign`.
    control : str, default "control"
        The group that the others are compared with.
    max_days : int, default 90
        How long customers may be waited for.
    names : mapping or Series of int to str, optional
        Names of segments.
    currency : str, optional
        ISO code for display.

    Returns
    -------
    ExperimentPlan
        Of each segment, and of all customers together.

    Raises
    ------
    ParameterError
        A number is out of range, such as an effect of 0; the control has no share.
    DataError
        A column is missing, or a value in it cannot be.

    Notes
    -----
    With r customers of the variant to one of the control, the control needs

    .. math:: n_0 = (z_{1-\alpha/2} + z_{power})^2 \, (\sigma_0^2 + \sigma_1^2 / r) / \delta^2

    (Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, 3rd ed.,
    chapter 4); for shares the variance under no effect is that of the common share (their
    eq. 4.19, without the correction for continuity). CUPED takes the factor 1 - ρ². α is
    divided by the number of comparisons, segments times variants, of which the one that fares
    worst counts: Holm's correction asks for no more. For all customers it is divided by the
    variants only, and the variances are those within segments.

    Revenue needs 355 times the squared skewness in each group for its mean to be close to
    normal (Kohavi et al. 2014, Seven rules of thumb for web site experimenters, KDD, rule 7); a
    note tells where there are fewer.

    Examples
    --------
    >>> baseline = pd.DataFrame({"mean": [0.1], "customers": [40_000]}, index=[0])
    >>> plan = plan_experiment(baseline, 0.1, kind="share")
    >>> plan.table[["needed", "feasible"]].to_numpy().tolist()
    [[29502.0, True], [29502.0, True]]
    """
    one_of(kind, _KINDS, "kind")
    planned = checked_shares(shares)
    one_of(control, planned, "control")
    if len(planned) < 2:
        raise ParameterError("there is no group to compare", where="shares", got=shares)
    size = number(effect, "effect")
    if size == 0:
        raise ParameterError("no test can see an effect of 0", where="effect", got=effect)
    beta = number(power, "power", low=0.01, high=0.9999)
    alpha = 1 - number(level, "level", low=0.5, high=0.9999)
    longest = int(number(max_days, "max_days", low=0, whole=True))
    known = _checked(baseline, kind)
    pairs = [(planned[control], share) for group, share in planned.items() if group != control]
    labels = dict(names) if names is not None else {}
    n_comparisons = len(known) * len(pairs)
    strata = known.index.to_list()
    weights = (known["customers"] / known["customers"].sum()).to_numpy()
    rows = []
    for segment in [*strata, ALL]:
        inside = known if segment == ALL else known.loc[[segment]]
        share = weights if segment == ALL else np.ones(1)
        a = alpha / (len(pairs) if segment == ALL else n_comparisons)
        need = _Need(inside, share, kind, size, relative, a, beta)
        there = float(inside["customers"].sum())
        coming = float(inside["per_day"].sum())
        rows.append(
            {
                "segment": str(segment),
                "name": ALL if segment == ALL else segment_name(segment, labels),
                "mean": need.mean,
                "effect": need.effect,
                "customers": int(there),
            }
            | need.row(pairs, there, coming, longest)
        )
    return ExperimentPlan(
        pd.DataFrame(rows),
        kind,
        beta,
        1 - alpha,
        planned,
        currency,
        _notes(known, kind, planned, n_comparisons, labels),
    )


class _Need:
    """What one segment, or all, need."""

    def __init__(
        self,
        inside: pd.DataFrame,
        weights: np.ndarray,
        kind: str,
        effect: float,
        relative: bool,
        alpha: float,
        power: float,
    ) -> None:
        self.kind, self.relative = kind, relative
        self.means, self.weights = inside["mean"].to_numpy(), weights
        self.deviations = inside["sd"].to_numpy() if kind != "share" else np.zeros(len(inside))
        self.left = 1 - inside["correlation"].fillna(0).to_numpy() ** 2
        self.mean = float(weights @ self.means)
        self.effect = effect * abs(self.mean) if relative else effect
        self.z_alpha, self.z_power = float(norm.isf(alpha / 2)), float(norm.ppf(power))

    def control_size(self, difference: float, ratio: float) -> float:
        """Return how many customers the control needs, missing where nothing tells."""
        effects = difference * np.ones(len(self.means))
        if self.relative:  # the same part of each mean
            effects = difference * self.means / self.mean if self.mean else effects * np.nan
        treated = self.means + effects
        w, left = self.weights, self.left
        if self.kind == "share":
            if (treated <= 0).any() or (treated >= 1).any():
                return np.nan
            common = (self.means + ratio * treated) / (1 + ratio)
            null = w @ (left * common * (1 - common)) * (1 + 1 / ratio)
            other = w @ (left * (self.means * (1 - self.means) + treated * (1 - treated) / ratio))
            total = self.z_alpha * math.sqrt(null) + self.z_power * math.sqrt(other)
            return float((total / difference) ** 2)
        grown = treated / self.means if self.kind == "revenue" else np.ones(len(w))
        variance = w @ (left * self.deviations**2 * (1 + grown**2 / ratio))
        return float((self.z_alpha + self.z_power) ** 2 * variance / difference**2)

    def total(self, pairs: list[tuple[float, float]], difference: float) -> float:
        """Return how many customers all groups need together."""
        sizes = [self.control_size(difference, share / base) / base for base, share in pairs]
        return max(sizes) if not any(math.isnan(size) for size in sizes) else math.nan

    def row(
        self, pairs: list[tuple[float, float]], there: float, coming: float, longest: int
    ) -> dict[str, Any]:
        """Return what the table tells of it."""
        total = self.total(pairs, self.effect) if self.effect else math.nan
        needed = math.ceil(total - 1e-9) if not math.isnan(total) else math.nan
        days, reason = math.nan, ""
        if math.isnan(needed):
            reason = (
                "the share or mean cannot change by so much"
                if self.effect
                else ("a mean of 0 has no relative effect")
            )
        elif needed <= there:
            days = 0.0
        elif coming > 0:
            days = float(math.ceil((needed - there) / coming))
            reason = f"takes {days:,.0f} days" if days > longest else ""
        else:
            reason = f"{needed - there:,.0f} customers too few"
        return {
            "needed": float(needed),
            "days": days,
            "detectable": self._detectable(pairs, there),
            "feasible": not math.isnan(needed) and not reason,
            "reason": reason,
        }

    def _detectable(self, pairs: list[tuple[float, float]], there: float) -> float:
        """Return the smallest difference, of the effect's sign, that needs those there are."""
        sign = math.copysign(1.0, self.effect or 1.0)
        low, high = 0.0, max(abs(self.effect), abs(self.mean), 1e-9)
        for _ in range(60):  # up, to where fewer are needed
            if not self.total(pairs, sign * high) > there:
                break
            high *= 2
        if there <= 0 or not self.total(pairs, sign * high) <= there:
            if self.kind != "share" or there <= 0:
                return math.nan
            high = (1 - self.mean if sign > 0 else self.mean) * (1 - 1e-9)
            if not self.total(pairs, sign * high) <= there:
                return math.nan
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if self.total(pairs, sign * middle) > there else (low, middle)
            )
        return sign * high


def _checked(baseline: pd.DataFrame, kind: str) -> pd.DataFrame:
    wanted = ["mean", "customers", *([] if kind == "share" else ["sd"])]
    if not isinstance(baseline, pd.DataFrame) or baseline.empty:
        raise DataError("there are no segments to plan for", where="baseline", got=baseline)
    if lacking := [name for name in wanted if name not in baseline.columns]:
        raise DataError(
            "the baseline lacks a column",
            where="baseline",
            got=", ".join(str(name) for name in baseline.columns),
            expected=" and ".join(lacking),
        )
    if baseline.index.has_duplicates:
        raise DataError("a segment is there twice", where="baseline")
    known = baseline.reindex(
        columns=["mean", "sd", "customers", "per_day", "correlation", "skewness"]
    )
    known = known.astype(float)
    bounds = {
        "mean": (0.0, 1.0)
        if kind == "share"
        else (0.0 if kind == "revenue" else -math.inf, math.inf),
        "sd": (0.0, math.inf),
        "customers": (0.0, math.inf),
        "per_day": (0.0, math.inf),
        "correlation": (-0.9999, 0.9999),
    }
    for name, (low, high) in bounds.items():
        values = known[name]
        wrong = (values < low) | (values > high) | np.isinf(values)
        if name in wanted:
            wrong |= values.isna()
        if wrong.any():
            raise DataError(
                f"the {name} of a segment cannot be",
                where=f"baseline.{name}, segment {known.index[wrong.to_numpy()][0]}",
                got=float(values[wrong].iloc[0]),
                expected=f"a number from {low:g} to {high:g}",
            )
    known["per_day"] = known["per_day"].fillna(0)
    if not known["customers"].sum():
        raise DataError("no segment has a customer", where="baseline.customers", got=0)
    return known


def _notes(
    known: pd.DataFrame,
    kind: str,
    shares: dict[str, float],
    n_comparisons: int,
    names: Mapping[Any, str],
) -> tuple[str, ...]:
    notes = []
    if n_comparisons > 1:
        notes.append(
            f"Sizes allow for {n_comparisons} comparisons at once; for all customers together "
            f"for {len(shares) - 1}."
        )
    gain = known["correlation"].dropna() ** 2
    if len(gain):
        low, high = text.share(gain.min()), text.share(gain.max())
        saved = low if low == high else f"{low} to {high}"
        notes.append(f"CUPED, which these sizes count on, saves {saved} of the customers.")
    if kind == "revenue":
        wanted = _SKEW_RULE * known["skewness"] ** 2 / min(shares.values())
        few = [
            segment_name(i, names) for i in known.index[(wanted > known["customers"]).to_numpy()]
        ]
        if few:
            notes.append(
                "Revenue is so skewed that the power is less sure with the customers there are in: "
                + ", ".join(few)
                + "."
            )
    return tuple(notes)
