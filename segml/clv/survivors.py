"""From the counts of a cohort to a table of contracts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segml._core.errors import DataError

from ._contracts import CHURNED
from ._rfm import AGE


def contracts_from_survivors(survivors: Sequence[float]) -> tuple[pd.DataFrame, pd.Series]:
    """Make the table that :class:`ShiftedBetaGeoModel` is fitted to from counts of a cohort.

    Parameters
    ----------
    survivors : sequence of numbers
        Customers who are left after 0, 1, 2, ... renewal opportunities.

    Returns
    -------
    tuple of DataFrame and Series
        One row per kind of customer with ``T`` and ``churned``, and how many there are
        of each.  Tables of several cohorts are joined with ``pd.concat``.

    Raises
    ------
    DataError
        When there are fewer than two counts, one is not a number of at least 0, the
        first is 0, or one is greater than the one before.

    Examples
    --------
    >>> contracts, weights = contracts_from_survivors([100, 80, 70])
    >>> contracts.assign(weight=weights)
       T  churned  weight
    0  1     True    20.0
    1  2     True    10.0
    2  2    False    70.0
    """
    counts = np.asarray(survivors, dtype=float)
    if counts.ndim != 1 or len(counts) < 2 or not (np.isfinite(counts) & (counts >= 0)).all():
        raise DataError(
            "the survivors are not counts of a cohort",
            where="survivors",
            got=survivors,
            expected="two or more finite numbers of at least 0",
        )
    lost = -np.diff(counts)
    if counts[0] == 0 or (lost < 0).any():
        first = int(np.argmax(lost < 0)) + 1 if counts[0] else 0
        raise DataError(
            "the survivors increase" if counts[0] else "the cohort has no customers",
            where=f"survivors, position {first} (counted from 0)",
            got=survivors,
            expected="counts that start above 0 and never increase",
        )
    n = len(lost)
    weights = pd.Series(np.append(lost, counts[-1]), name="weight")
    table = pd.DataFrame({AGE: [*range(1, n + 1), n], CHURNED: [True] * n + [False]})
    kept = weights > 0
    return table[kept].reset_index(drop=True), weights[kept].reset_index(drop=True)
