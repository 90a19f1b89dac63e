"""Drawing choices that depend on the segment, and Arrow columns of what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

DAY = 86_400  # seconds


def choose(rng: np.random.Generator, weights: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Draw one choice for each entry of `row`, by the weights in that row of `weights`.

    Examples
    --------
    >>> weights = np.array([[1, 0, 0], [0, 0, 5]])
    >>> choose(np.random.default_rng(1), weights, np.array([0, 1, 1])).tolist()
    [0, 2, 2]
    """
    weights = np.asarray(weights, dtype=float)
    upto = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    # Nothing lies above the last choice with a weight, whatever the rounding of the sums.
    upto[upto >= upto[:, -1:]] = 1.0
    drawn = rng.random(len(row))
    chosen = np.zeros(len(row), dtype=np.int8)
    for k in range(weights.shape[1] - 1):
        chosen += drawn >= upto[row, k]
    return chosen


def labels(codes: np.ndarray, names: Sequence[str]) -> pa.Array:
    """Return a dictionary-encoded text column; negative codes are missing.

    Examples
    --------
    >>> labels(np.array([1, -1]), ["a", "b"]).to_pylist()
    ['b', None]
    """
    kind = np.int8 if len(names) < 128 else np.int32
    indices = pa.array(codes.astype(kind), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def constant(name: str, size: int) -> pa.Array:
    """Return a text column that says the same in every row."""
    return labels(np.zeros(size, dtype=np.int8), [name])


def moments(days: np.ndarray, start: pd.Timestamp) -> pa.Array:
    """Return timestamps, whole seconds, from days since `start`.

    Examples
    --------
    >>> moments(np.array([1.5]), pd.Timestamp("2024-01-01"))[0].as_py().isoformat()
    '2024-01-02T12:00:00'
    """
    origin = start.to_datetime64().astype("datetime64[s]").astype(np.int64)
    seconds = origin + np.floor(days * DAY).astype(np.int64)
    return pa.array(seconds * 1_000_000, pa.timestamp("us"))


def first_id(size: int) -> int:
    """Return the first of `size` ids that all have the same number of digits."""
    return int(10 ** len(str(size))) + 1


def numbered(size: int) -> pa.Array:
    """Return whole-number ids of equal width, in order.

    Examples
    --------
    >>> numbered(3).to_pylist()
    [11, 12, 13]
    """
    return pa.array(np.arange(size, dtype=np.int64) + first_id(size))


def prefixed(prefix: str, numbers: pa.Array, suffix: str = "") -> pa.Array:
    """Return texts: prefix, number, suffix.

    Examples
    --------
    >>> prefixed("C", numbered(2)).to_pylist()
    ['C11', 'C12']
    """
    return pc.binary_join_element_wise(prefix, pc.cast(numbers, pa.string()), suffix, "")


def taken(values: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return `values` at `rows`; missing where the row is negative."""
    return pc.take(values, pa.array(rows, mask=rows < 0))
