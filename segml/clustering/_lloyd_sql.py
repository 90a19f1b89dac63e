"""One pass of Lloyd's algorithm as SQL: how many are nearest to each centre, and their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segml._core.errors import DataError
from segml.engine import Table
from segml.engine.sql import Fragment, literal

from .nearest_sql import nearest_center

_BITS = 61  # of a sum, with one to spare and one for the sign


@dataclass(frozen=True)
class Pass:
    """What one pass over the customers finds.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_segments,)
        Customers nearest to each centre.
    means : ndarray, shape (n_segments, n_columns)
        Their means; the centre itself where there is no customer.
    inertia : float
        Sum of squared distances to the nearest centre.
    """

    sizes: np.ndarray
    means: np.ndarray
    inertia: float


class Scan:
    """Customers on the preprocessed scale, in the engine, to be passed over again and again.

    Values are added as whole numbers of a small unit, as large as 64 bits allow: such a
    sum does not depend on the order of rows or on how they are shared among workers, so
    that both engines give the same to the last digit, in every run.

    Parameters
    ----------
    scaled : Table
        ``customer_id``, ``scaled_0``, ``scaled_1``, ... such as `scaled_table` defines.
    names : sequence of str
        What the columns are called.

    Raises
    ------
    DataError
        A value is missing or infinite.
    """

    def __init__(self, scaled: Table, names: Sequence[str]) -> None:
        self.scaled = scaled
        columns = [f"scaled_{j}" for j in range(len(names))]
        known = [f"count(CASE WHEN isfinite({x}) THEN 1 END)" for x in columns]
        largest = [f"max(CASE WHEN isfinite({x}) THEN abs({x}) END)" for x in columns]
        n, *found = scaled.row(
            "SELECT count(*), {found} FROM {self}", found=Fragment(", ".join(known + largest))
        )
        self.n = int(n)
        counts, self._largest = found[: len(names)], np.array(found[len(names) :], dtype=float)
        lacking = [
            f"{name}: {self.n - count:,}"
            for name, count in zip(names, counts, strict=True)
            if count < self.n
        ]
        if lacking:
            raise DataError(
                "the features hold NaN or infinite values",
                got=", ".join(lacking),
                expected="a number for every customer and feature",
                hint="give a preprocessor, such as make_preprocessor, or leave the feature out",
            )
        self._shifts = [self._shift(value) for value in self._largest]

    def once(self, centers: np.ndarray) -> Pass:
        """Pass over the customers."""
        farthest = ((self._largest + np.abs(centers)) ** 2).sum(axis=1).max()
        unit = self._shift(farthest)
        sums = [_whole(f"scaled_{j}", shift) for j, shift in enumerate(self._shifts)]
        table = self.scaled.engine.sql(
            "SELECT segment, count(*) AS size, {distance} AS distance, {sums} FROM {nearest}"
            " GROUP BY segment",
            distance=Fragment(_whole("squared_distance", unit)),
            sums=Fragment(", ".join(f"{sql} AS sum_{j}" for j, sql in enumerate(sums))),
            nearest=nearest_center(self.scaled, centers),
        )
        sizes, means, total = np.zeros(len(centers), dtype=int), centers.copy(), 0
        for row in table.to_arrow().to_pylist():
            segment, size = row["segment"], row["size"]
            sizes[segment] = size
            total += int(row["distance"])
            means[segment] = [
                math.ldexp(int(row[f"sum_{j}"]) / size, -shift)
                for j, shift in enumerate(self._shifts)
            ]
        return Pass(sizes, means, math.ldexp(total, -unit))

    def _shift(self, largest: float) -> int:
        """Return how often the unit halves so that sums of values up to `largest` just fit."""
        bits = math.frexp(largest)[1]
        return min(_BITS - self.n.bit_length(), 51) - bits


def _whole(value: str, shift: int) -> str:
    factor = literal(math.ldexp(1.0, shift))
    return f"sum(CAST(floor({value} * {factor} + 0.5) AS BIGINT))"
