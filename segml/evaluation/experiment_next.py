"""What to do after a test, segment by segment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from scipy.stats import norm

from segml._core import text
from segml.kpis.table import ALL

KEEP, STOP, MORE, OPEN, CHECK = "keep on", "stop", "more customers", "undecided", "check the groups"
_POWER = 0.8


class Next(NamedTuple):
    """What to do: one of five actions, why, and how many customers more."""

    action: str
    advice: str
    n_more: float = math.nan


def with_advice(
    lifts: pd.DataFrame,
    worthwhile: float | None,
    alpha: float,
    said: Callable[[float], str],
    *,
    trusted: bool,
) -> pd.DataFrame:
    """Return lifts with the columns ``action``, ``advice`` and ``n_more``; see `next_step`.

    Without `worthwhile`, the difference over all customers stands for it, where it is
    significant. `said` makes text of a difference.
    """
    steps = []
    wholes = lifts[lifts["segment"] == ALL].set_index("variant")
    n_segments = len(lifts) - len(wholes)
    for row in lifts.to_dict("records"):
        whole = wholes.loc[row["variant"]]
        wanted = worthwhile
        if wanted is None and whole["significant"] and whole["difference"] > 0:
            wanted = float(whole["difference"])
        words = "" if wanted is None else said(wanted)
        n_compared = len(wholes) if row["segment"] == ALL else n_segments
        steps.append(next_step(row, wanted, alpha / n_compared, words, trusted))
    columns = zip(("action", "advice", "n_more"), zip(*steps, strict=True), strict=True)
    return lifts.assign(**{name: list(values) for name, values in columns})


def next_step(
    row: Mapping[Any, Any], worthwhile: float | None, alpha: float, said: str, trusted: bool
) -> Next:
    """Tell what a lift asks for.

    Parameters
    ----------
    row : mapping
        Of the table of lifts: difference, low, high, significant, variance, n, n_control, reason.
    worthwhile : float or None
        The smallest difference worth having.
    alpha : float
        Chance of a false finding that one comparison may have.
    said : str
        `worthwhile`, for people.
    trusted : bool
        Whether the groups are of the planned sizes.

    Notes
    -----
    The variance of a difference falls as 1 / n: `n_more` customers, in both groups, bring it to
    (worthwhile / (z(1 - α/2) + z(power)))² with a power of 80%.
    """
    if not trusted:
        return Next(CHECK, "Find out why the groups are not as planned, and test again.")
    if math.isnan(row["p_value"]):
        return Next(OPEN, f"Cannot be told: {row['reason']}.")
    if row["significant"]:
        if row["difference"] > 0:
            return Next(KEEP, "It works: keep on.")
        return Next(STOP, "It does harm: stop.")
    if worthwhile is None:
        return Next(OPEN, "No difference is shown; an effect worth having was not named.")
    if row["high"] < worthwhile:
        return Next(STOP, f"An effect of {said} is ruled out: stop.")
    z = float(norm.isf(alpha / 2) + norm.ppf(_POWER))
    size = row["n"] + row["n_control"]
    more = math.ceil(size * (row["variance"] * (z / worthwhile) ** 2 - 1))
    if more <= 0:
        return Next(
            OPEN, f"No difference is shown, though {said} would have been, most likely.", 0.0
        )
    return Next(MORE, f"Needs about {_rounded(more)} customers more to show {said}.", float(more))


def _rounded(value: int) -> str:
    """Write a count to two significant digits, rounded up."""
    unit = 10 ** max(0, len(str(value)) - 2)
    return text.count(-(-value // unit) * unit)
