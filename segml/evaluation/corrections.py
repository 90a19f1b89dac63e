"""Many comparisons at once: p-values adjusted for their number."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import false_discovery_control

from segml._core.check import one_of
from segml.clustering._comparisons import holm

Correction = Literal["holm", "benjamini-hochberg"]
CORRECTIONS = ("holm", "benjamini-hochberg")


def adjusted(p_values: np.ndarray, correction: Correction) -> np.ndarray:
    """Return adjusted p-values, missing where they are.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
        Of all comparisons that belong together.
    correction : {"holm", "benjamini-hochberg"}
        "holm" bounds the chance of any false finding, whatever the dependence;
        "benjamini-hochberg" the expected share of false ones among the findings, for
        comparisons that are independent or positively dependent.

    Raises
    ------
    ParameterError
        Another correction.

    Notes
    -----
    Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70; Benjamini and Hochberg
    (1995), JRSS B 57(1), 289-300.

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, np.nan, 0.03]), "benjamini-hochberg").round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    one_of(correction, CORRECTIONS, "correction")
    if correction == "holm":
        return holm(p_values)
    found = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        found[known] = false_discovery_control(p_values[known], method="bh")
    return found
