"""Random numbers that depend on a seed and a purpose, not on the order of calls."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """Return a generator for one purpose; other purposes draw independently of it.

    Parameters
    ----------
    seed : int
        The run's seed.
    *purpose : str
        What the numbers are for, such as ``"bootstrap", "retention"``.

    Examples
    --------
    >>> bool(generator(1, "a").random() == generator(1, "a").random())
    True
    >>> bool(generator(1, "a").random() == generator(1, "b").random())
    False
    """
    words = [zlib.crc32(word.encode()) for word in purpose]
    return np.random.default_rng([seed, *words])
