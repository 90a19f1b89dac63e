"""How well a purchase model foretold what customers then did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml._core import html, text
from segml._core.errors import MissingTableError

from ._rfm import read_weights


@dataclass(frozen=True)
class HoldoutCheck:
    """Expected beside actual purchases in the holdout period.

    Parameters
    ----------
    table : DataFrame
        By ``frequency`` in the calibration period, the last row open-ended ("7+"):
        ``customers``, ``actual`` and ``expected`` mean purchases per customer in the
        holdout period, and the 95% interval ``low`` to ``high`` of the actual mean.
    actual, expected : float
        Total purchases of all customers in the holdout period.
    mae : float
        Mean absolute error per customer.
    duration : float
        Length of the holdout period in the table's time unit.
    """

    table: pd.DataFrame
    actual: float
    expected: float
    mae: float
    duration: float

    @property
    def error(self) -> float:
        """Relative error of the total; missing where nothing was bought."""
        return self.expected / self.actual - 1 if self.actual else float("nan")

    def _repr_html_(self) -> str:
        rows: list[list[str | html.Cell]] = [
            [
                str(row["frequency"]),
                text.count(row["customers"]),
                html.Cell(
                    text.decimal(row["actual"]),
                    f"{text.decimal(row['low'])} to {text.decimal(row['high'])}",
                ),
                text.decimal(row["expected"]),
            ]
            for row in self.table.reset_index().to_dict("records")
        ]
        head = ["repeat purchases before", "customers", "actual mean after", "expected mean after"]
        return html.block(html.table(head, rows, numeric=range(4)))


def holdout_check(
    model: Any, rfm: pd.DataFrame, last: int = 7, *, weights: object = None
) -> HoldoutCheck:
    """Compare a model's expected purchases with those of the holdout period.

    Parameters
    ----------
    model : fitted purchase model
        With ``expected_purchases``, fitted on the calibration columns of `rfm`.
    rfm : DataFrame
        From `rfm_summary` with `holdout_end`.
    last : int, default 7
        Customers with at least this calibration frequency are taken together.
    weights : Series or array of shape (n,), optional
        How many customers each row stands for; one by default.

    Returns
    -------
    HoldoutCheck
        Totals, error and the table by calibration frequency.

    Raises
    ------
    MissingTableError
        `rfm` has no holdout columns.
    DataError
        `weights` do not fit `rfm`, or are negative.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). Marketing Science 24(2), Figure 5:
    conditional expectations by calibration-period frequency.

    Examples
    --------
    >>> class OnePurchaseEach:
    ...     def expected_purchases(self, rfm, future_t):
    ...         return pd.Series(1.0, rfm.index)
    >>> rfm = pd.DataFrame({"frequency": [0, 0, 9], "frequency_holdout": [0, 1, 4],
    ...                     "duration_holdout": 39.0})
    >>> check = holdout_check(OnePurchaseEach(), rfm)
    >>> check.expected, check.actual, list(check.table.index)
    (3.0, 5.0, ['0', '7+'])
    """
    needed = ["frequency_holdout", "duration_holdout"]
    if missing := [name for name in needed if name not in rfm.columns]:
        raise MissingTableError(
            f"the RFM table has no column {', '.join(missing)}",
            hint="rfm_summary(orders, as_of, holdout_end=...)",
        )
    duration = float(rfm["duration_holdout"].iloc[0])
    expected = np.asarray(model.expected_purchases(rfm, future_t=duration), dtype=float)
    actual = rfm["frequency_holdout"].to_numpy(dtype=float)
    given = read_weights(weights, rfm.index)
    w = np.ones(len(rfm)) if given is None else given
    bins = np.minimum(rfm["frequency"].to_numpy(dtype=int), last)
    z = norm.ppf(0.975)
    rows = []
    for value in np.unique(bins[w > 0]):
        inside = bins == value
        n, share, bought = float(w[inside].sum()), w[inside] / w[inside].sum(), actual[inside]
        mean = float(share @ bought)
        spread = float(share @ (bought - mean) ** 2)  # of which n / (n - 1) is the variance
        half = z * np.sqrt(spread / (n - 1)) if n > 1 else np.nan
        rows.append(
            {
                "frequency": f"{value}+" if value == last else str(value),
                "customers": int(n) if n.is_integer() else n,
                "actual": mean,
                "low": np.maximum(0.0, mean - half),  # missing where the half width is
                "high": mean + half,
                "expected": float(share @ expected[inside]),
            }
        )
    return HoldoutCheck(
        pd.DataFrame(rows).set_index("frequency"),
        float((w * actual).sum()),
        float((w * expected).sum()),
        float(w @ np.abs(actual - expected) / w.sum()),
        duration,
    )
