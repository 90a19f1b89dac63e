"""Customers drawn again, as a bootstrap or as subsamples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from segml._core.seeds import generator

Scheme = Literal["bootstrap", "subsample"]


def draw_customers(
    n: int, n_resamples: int, scheme: Scheme, most: int, seed: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield places of customers, ascending, and a seed for the refit.

    Parameters
    ----------
    n : int
        Customers there are.
    n_resamples : int
        How often they are drawn.
    scheme : {"bootstrap", "subsample"}
        As many as there are with replacement, or half of them without.
    most : int
        No more are drawn.
    seed : int
        Of all draws; each has a stream of its own.

    Examples
    --------
    >>> [len(drawn) for drawn, _ in draw_customers(10, 2, "subsample", 100, 0)]
    [5, 5]
    """
    for resample in range(n_resamples):
        rng = generator(seed, "stability", scheme, str(resample))
        if scheme == "bootstrap":
            drawn = rng.integers(n, size=min(n, most))
        else:
            drawn = rng.choice(n, min(max(n // 2, 1), most), replace=False)
        yield np.sort(drawn), int(rng.integers(2**31))
