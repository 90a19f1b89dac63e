"""How many customers, and how long, a test takes to see an effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml._core import text
from segml._core.check import number, one_of
from segml._core.errors import ParameterError
from segml.kpis.table import ALL

from .assignment import HALVES, segment_name
from .experiment_arms import KINDS, Kind
from .planning_baseline import checked_baseline, experiment_baseline
from .planning_result import ExperimentPlan
from .planning_size import Sizes
from .sample_ratio import checked_shares

__all__ = ["ExperimentPlan", "experiment_baseline", "plan_experiment"]

_SKEW_RULE = 355  # Kohavi et al. (2014), rule 7


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
    chapter 4); for shares the variance under no effect is that of the common share, without
    the correction for continuity. CUPED takes the factor 1 - ρ². α is
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
    one_of(kind, KINDS, "kind")
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
    known = checked_baseline(baseline, kind)
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
        need = Sizes(inside, share, kind, size, relative, a, beta)
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
