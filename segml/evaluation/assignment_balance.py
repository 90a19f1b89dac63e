"""How alike groups were before a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from segml._core import html, text
from segml._core.errors import DataError
from segml.clustering._comparisons import holm
from segml.clustering._input import as_frame

from .sample_ratio import ALARM, p_text

LARGE = 0.1


@dataclass(frozen=True)
class Balance:
    """Differences of groups from the control before a test.

    Parameters
    ----------
    table : DataFrame
        By ``group`` and ``feature``: ``n`` customers of whom it is known, ``mean``,
        ``mean_control`` and ``standardised``, the difference in standard deviations.
    tests : DataFrame
        By group: ``chi_square``, ``freedom``, ``p_value`` of all features together and
        ``p_adjusted`` by Holm over the groups.
    left_out : tuple of str
        Features that are no numbers.
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    left_out: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Whether the groups were alike, in a sentence."""
        sizes = self.table["standardised"].abs()
        known = self.table[sizes.notna()]
        p = self.tests["p_adjusted"].min()
        if known.empty:
            return "Nothing is known from before that could differ between the groups."
        most = known.iloc[int(known["standardised"].abs().to_numpy().argmax())]
        worst = (
            f"the largest difference is {abs(most['standardised']):.2f} standard deviations "
            f"({most['feature']}, {most['group']})"
        )
        if p < ALARM:
            return f"The groups were not alike before the test, p = {p_text(p)}: {worst}."
        if abs(most["standardised"]) > LARGE:
            return f"The groups were alike but for chance (p = {p_text(p)}), yet {worst}: adjust."
        return f"The groups were alike before the test (p = {p_text(p)}): {worst}."

    def table_html(self) -> str:
        """Return the table as HTML, without the style."""
        rows: list[list[str | html.Cell]] = [
            [
                str(row["feature"]),
                str(row["group"]),
                text.decimal(row["mean_control"]),
                text.decimal(row["mean"]),
                html.Cell(
                    text.MISSING if np.isnan(row["standardised"]) else f"{row['standardised']:+.3f}"
                ),
            ]
            for row in self.table.to_dict("records")
        ]
        head = ["feature", "group", "control's mean", "mean", "difference in SD"]
        caption = "Groups before the test"
        parts = html.table(head, rows, caption=caption, numeric=[2, 3, 4])
        if self.left_out:
            parts += html.note(f"No numbers, and not compared: {', '.join(self.left_out)}.")
        return parts

    def _repr_html_(self) -> str:
        return html.block(html.note(self.verdict), self.table_html())


def balance(assigned: pd.DataFrame, features: Any, control: str) -> Balance:
    r"""Compare groups with the control in what is known from before a test.

    Parameters
    ----------
    assigned : DataFrame
        By customer_id: ``segment`` and ``group``.
    features : DataFrame or FeatureTable
        One row per customer; customers who are not assigned do not count.
    control : str
        Name of the control.

    Raises
    ------
    DataError
        Customers of the assignment have no row, a customer has two, or no feature is a number.

    Notes
    -----
    Standardised differences are :math:`(m_1 - m_0) / \sqrt{(s_1^2 + s_0^2) / 2}` (Austin 2009,
    Statistics in Medicine 28, 3083-3107), large above 0.1. The test of all features together
    is that of the sums of a group, less those expected, with the covariance that they have
    over all draws of the groups within segments (Hansen and Bowers 2008, Statistical Science
    23(2), 219-236, section 4); missing values count as the mean of the segment.

    Examples
    --------
    >>> assigned = pd.DataFrame({"segment": 0, "group": ["a", "b"] * 2}, index=list("wxyz"))
    >>> before = pd.DataFrame({"orders": [1.0, 1.0, 3.0, 3.0]}, index=list("wxyz"))
    >>> balance(assigned, before, "a").table["standardised"].tolist()
    [0.0]
    """
    frame = as_frame(features)
    frame = frame.set_axis(frame.index.astype(str))
    if frame.index.has_duplicates:
        raise DataError(
            "a customer is there twice",
            where="features",
            got=f"{int(frame.index.duplicated().sum()):,} rows of customers that came before",
        )
    if lacking := int((~assigned.index.isin(frame.index)).sum()):
        raise DataError(
            "assigned customers have no features",
            where="features",
            got=f"{lacking:,} of {len(assigned):,} customers",
        )
    numeric = [
        name
        for name, kind in frame.dtypes.items()
        if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)
    ]
    if not numeric:
        raise DataError("no feature is a number", where="features", got=", ".join(frame.columns))
    values = frame.loc[assigned.index, numeric].to_numpy(dtype=float, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    segment = np.unique(assigned["segment"].to_numpy(), return_inverse=True)[1]
    group = assigned["group"].astype(str).to_numpy()
    others = [one for one in sorted(set(group)) if one != control]
    rows, tests = [], []
    for one in others:
        inside, outside = values[group == one], values[group == control]
        for j, name in enumerate(numeric):
            rows.append(
                {"group": one, "feature": str(name)} | _compare(inside[:, j], outside[:, j])
            )
        both = (group == one) | (group == control)
        tests.append(_omnibus(values[both], segment[both], group[both] == one))
    table = pd.DataFrame(
        rows, columns=["group", "feature", "n", "mean", "mean_control", "standardised"]
    )
    found = pd.DataFrame(
        tests, columns=["chi_square", "freedom", "p_value"], index=pd.Index(others, name="group")
    )
    found["p_adjusted"] = holm(found["p_value"].to_numpy(dtype=float))
    left_out = tuple(str(name) for name in frame.columns if name not in numeric)
    return Balance(table, found, left_out)


def _compare(inside: np.ndarray, outside: np.ndarray) -> dict[str, float]:
    inside, outside = inside[~np.isnan(inside)], outside[~np.isnan(outside)]
    found = {"n": len(inside), "mean": np.nan, "mean_control": np.nan, "standardised": np.nan}
    if len(inside) > 1 and len(outside) > 1:
        found["mean"], found["mean_control"] = float(inside.mean()), float(outside.mean())
        spread = float(np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2))
        if spread > 0:
            found["standardised"] = (found["mean"] - found["mean_control"]) / spread
    return found


def _omnibus(
    values: np.ndarray, segment: np.ndarray, treated: np.ndarray
) -> tuple[float, int, float]:
    """Return chi-square, degrees of freedom and p-value of all features together."""
    size = np.bincount(segment)
    share = np.bincount(segment, treated) / np.maximum(size, 1)
    around = np.empty_like(values)
    for j, column in enumerate(values.T):
        known = ~np.isnan(column)
        counts = np.bincount(segment, known)
        means = np.bincount(segment, np.where(known, column, 0)) / np.maximum(counts, 1)
        around[:, j] = np.where(known, column - means[segment], 0)
    scale = np.abs(around).max(axis=0)
    around = around / np.where(scale > 0, scale, 1)
    excess = around.T @ (treated - share[segment])
    # Variance of an indicator over draws of a fixed number of n customers, with n / (n - 1).
    weight = share * (1 - share) * size / np.maximum(size - 1, 1)
    covariance = (around * weight[segment][:, None]).T @ around
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if not rank:
        return np.nan, 0, np.nan
    statistic = float(excess @ np.linalg.pinv(covariance, hermitian=True) @ excess)
    return statistic, rank, float(chi2.sf(statistic, rank))
