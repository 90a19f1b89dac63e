"""Whether groups have the sizes that were planned: if not, a test is not to be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, chisquare

from segml._core import html, text
from segml._core.errors import DataError, ParameterError
from segml.clustering._comparisons import holm
from segml.kpis.table import ALL

ALARM = 0.001  # as is usual: the check runs on every test, and a false alarm is costly
_FEWEST = 5.0


@dataclass(frozen=True)
class SampleRatio:
    """Sizes of groups beside those planned.

    Parameters
    ----------
    table : DataFrame
        By ``segment`` and ``group``: ``customers``, ``expected``, and the ``p_value`` of the
        segment, missing where a group has fewer than 5 expected customers.
    p_value : float
        Of all customers together.
    alarm : bool
        Whether that, or the smallest of the segments' by Holm, is under 0.001.
    """

    table: pd.DataFrame
    p_value: float
    alarm: bool

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if self.alarm:
            return (
                "The groups are not of the planned sizes: something decided who is counted, and "
                "it may have decided the outcome. Do not read the lifts before the cause is known."
            )
        if math.isnan(self.p_value):
            return "Too few customers to say whether the groups are of the planned sizes."
        return f"The groups are of the planned sizes, but for chance (p = {p_text(self.p_value)})."

    def _repr_html_(self) -> str:
        rows = [
            [
                str(row["segment"]),
                str(row["group"]),
                text.count(row["customers"]),
                text.count(row["expected"]),
                p_text(row["p_value"]),
            ]
            for row in self.table.to_dict("records")
        ]
        head = ["segment", "group", "customers", "planned", "p"]
        return html.block(
            html.note(self.verdict),
            html.table(head, rows, caption="Sizes of the groups", numeric=[2, 3, 4]),
        )


def sample_ratio(counts: pd.DataFrame, shares: Mapping[str, float]) -> SampleRatio:
    """Compare the sizes of groups with the shares that were planned.

    Parameters
    ----------
    counts : DataFrame, segments by groups
        Customers who are counted in the test.
    shares : mapping of str to float
        Planned share of each group; they add up to 1.

    Returns
    -------
    SampleRatio
        Of each segment and of all customers.

    Raises
    ------
    ParameterError
        The shares do not add up to 1, or one is not above 0.
    DataError
        A count is negative or not whole, or a group has no planned share.

    Notes
    -----
    Pearson's chi-square of the sizes; an alarm under 0.001 (Fabijan et al. 2019, Diagnosing
    Sample Ratio Mismatch in Online Controlled Experiments, KDD, 2156-2164). Groups that were
    made in exact proportion differ less than chance would have it: the check then sees only
    what was lost, or came in, after the assignment.

    Examples
    --------
    >>> counts = pd.DataFrame({"control": [500, 480], "treatment": [510, 300]}, index=[0, 1])
    >>> sample_ratio(counts, {"control": 0.5, "treatment": 0.5}).alarm
    True
    """
    planned = checked_shares(shares)
    values = counts.to_numpy(dtype=float)
    if not np.isfinite(values).all() or (values < 0).any() or (values % 1 != 0).any():
        raise DataError(
            "a number of customers is negative or not whole",
            where="counts",
            got=", ".join(text.plain(value) for value in values.ravel()[:8]),
            expected="counts of customers",
        )
    if unknown := [str(group) for group in counts.columns if group not in planned]:
        raise DataError(
            "a group was not planned",
            where="counts",
            got=", ".join(unknown),
            expected="one of " + ", ".join(planned),
        )
    whole = counts.reindex(columns=list(planned), fill_value=0)
    whole.loc[ALL] = whole.sum()
    weights = np.array(list(planned.values()))
    p_values, rows = {}, []
    for segment, sizes in whole.iterrows():
        seen = sizes.to_numpy(dtype=float)
        expected = seen.sum() * weights
        enough = len(weights) > 1 and expected.min() >= _FEWEST
        p_values[segment] = float(chisquare(seen, expected).pvalue) if enough else np.nan
        rows += [
            {
                "segment": str(segment),
                "group": group,
                "customers": int(size),
                "expected": float(wanted),
                "p_value": p_values[segment],
            }
            for group, size, wanted in zip(planned, seen, expected, strict=True)
        ]
    overall = p_values.pop(ALL)
    by_segment = holm(np.array(list(p_values.values()), dtype=float))
    smallest = min([overall, *by_segment], key=lambda p: math.inf if math.isnan(p) else p)
    return SampleRatio(pd.DataFrame(rows), overall, bool(smallest < ALARM))


def loss_p_value(assigned: pd.Series, counted: pd.Series) -> float:
    """Return the p-value of equal shares of customers lost, over the groups.

    Parameters
    ----------
    assigned, counted : Series
        Customers of each group as assigned, and of these the ones who are counted.

    Returns
    -------
    float
        Missing where nobody was lost, or everybody.

    Examples
    --------
    >>> assigned = pd.Series({"control": 1000, "treatment": 1000})
    >>> loss_p_value(assigned, pd.Series({"control": 990, "treatment": 900})) < 0.001
    True
    """
    kept = counted.reindex(assigned.index, fill_value=0).to_numpy(dtype=float)
    lost = assigned.to_numpy(dtype=float) - kept
    if lost.sum() == 0 or kept.sum() == 0 or len(kept) < 2:
        return float("nan")
    return float(chi2_contingency(np.vstack([kept, lost]), correction=False).pvalue)


def checked_shares(shares: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of groups.

    Raises
    ------
    ParameterError
        One is not between 0 and 1, or they do not add up to 1.
    """
    try:
        found = {str(group): float(share) for group, share in shares.items()}
    except (TypeError, ValueError, AttributeError):
        found = {}
    valid = all(0 < share <= 1 for share in found.values())
    if not found or not valid or abs(sum(found.values()) - 1) > 1e-9:
        raise ParameterError(
            "the shares of the groups do not add up",
            where="shares",
            got=shares,
            expected="a share above 0 for each group, together 1, such as "
            "{'control': 0.5, 'treatment': 0.5}",
        )
    return found


def p_text(p_value: float) -> str:
    """Format a p-value.

    Examples
    --------
    >>> p_text(0.04213), p_text(0.00004), p_text(float("nan"))
    ('0.042', '<0.001', 'n/a')
    """
    if math.isnan(p_value):
        return text.MISSING
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"
