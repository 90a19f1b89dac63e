"""The parts of a change as functions of sums by segment, and how well these are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import norm

from segml._core.errors import DataError, NotEnoughDataError

SPLIT = ("mix", "within", "numerator", "denominator", "entry", "exit", "total")


@dataclass(frozen=True)
class Side:
    """One time: sums by segment, and what each customer of either time adds to them.

    Parameters
    ----------
    sums : ndarray, shape (3, n_segments)
        Numerator, denominator and customers.
    codes : ndarray of int, shape (n_customers,)
        Places of the customers' segments, -1 of those who are not there.
    added : ndarray, shape (3, n_customers)
        As `sums`, of each customer.
    """

    sums: np.ndarray
    codes: np.ndarray
    added: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, ids: np.ndarray, customers: pd.Index) -> Self:
        """Add up the columns ``numerator`` and ``denominator`` by ``segment``."""
        places = customers.get_indexer(frame.index)
        codes = np.full(len(customers), -1)
        codes[places] = np.searchsorted(ids, frame["segment"].to_numpy())
        added = np.zeros((3, len(customers)))
        added[0, places] = frame["numerator"]
        added[1, places] = frame["denominator"]
        added[2, places] = 1
        inside = codes >= 0
        sums = [np.bincount(codes[inside], one[inside], len(ids)) for one in added]
        return cls(np.array(sums), codes, added)


def split(sums: np.ndarray, there: tuple[np.ndarray, np.ndarray], total: bool) -> np.ndarray:
    """Return the parts of the change of a KPI, as `decompose` documents them.

    Parameters
    ----------
    sums : ndarray, shape (6, n_segments)
        Numerator, denominator and customers before, then after; complex for derivatives.
    there : pair of ndarray of bool, shape (n_segments,)
        Whether a segment has a denominator before and after.
    total : bool
        Whether the KPI is the sum of the numerator.

    Returns
    -------
    ndarray, shape (n_segments + 1, 8)
        Columns as `SPLIT`, then the size, which only the last row, of all, has.
    """
    y0, x0, n0, y1, x1, n1 = sums
    both, entry, exit_ = there[0] & there[1], ~there[0], there[0] & ~there[1]
    if total:  # of each customer, whatever the denominator says
        x0, x1 = n0, n1
    w0, w1 = x0 / x0.sum(), x1 / x1.sum()
    c = (y0.sum() / x0.sum() + y1.sum() / x1.sum()) / 2
    # What a segment contributes holds even where it has a numerator and no denominator.
    all_of_it = (y1 / x1.sum() - c * w1) - (y0 / x0.sum() - c * w0)
    one = np.ones_like(x0)
    x0, x1 = np.where(both, x0, one), np.where(both, x1, one)
    n0, n1 = np.where(both, n0, one), np.where(both, n1, one)
    r0, r1, a0, a1 = y0 / x0, y1 / x1, y0 / n0, y1 / n1
    mean_w = (w0 + w1) / 2
    mix = (w1 - w0) * ((r0 + r1) / 2 - c)
    within = mean_w * (r1 - r0)
    numerator = mean_w * (a1 - a0) * (n0 / x0 + n1 / x1) / 2
    denominator = mean_w * (a0 + a1) / 2 * (n1 / x1 - n0 / x0)
    parts = np.array(
        [
            *(np.where(both, part, 0) for part in (mix, within, numerator, denominator)),
            np.where(entry, all_of_it, 0),
            np.where(exit_, all_of_it, 0),
            all_of_it,
        ]
    ).T
    size = np.zeros((len(parts) + 1, 1), dtype=parts.dtype)
    if total:
        old_n, new_n = sums[2].sum(), sums[5].sum()
        parts = parts * (old_n + new_n) / 2
        size[-1] = c * (new_n - old_n)
    return np.hstack([np.vstack([parts, parts.sum(axis=0)]), size])


def intervals(
    sums: np.ndarray,
    there: tuple[np.ndarray, np.ndarray],
    total: bool,
    sides: list[Side],
    level: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals of `split`: of segments only mix and within have some."""
    found = split(sums, there, total)
    n = len(sides[0].codes)
    if n < 2:
        return np.full_like(found, np.nan), np.full_like(found, np.nan)
    # Complex steps: the parts are made of +, x and /, so that the derivatives are exact.
    slopes = np.zeros((*sums.shape, *found.shape))
    for place in np.ndindex(*sums.shape):
        step = 1e-30 * max(1.0, abs(float(sums[place])))
        moved = sums.astype(complex)
        moved[place] += 1j * step
        slopes[place] = split(moved, there, total).imag / step
    spread = np.full_like(found, np.nan)
    shown = [SPLIT.index("mix"), SPLIT.index("within")]  # the others only of all together
    for place in np.ndindex(*found.shape):
        if place[0] < len(found) - 1 and place[1] not in shown:
            continue
        influence = np.zeros(n)
        for k, side in enumerate(sides):
            slope = np.column_stack([slopes[3 * k : 3 * k + 3, :, *place], np.zeros(3)])
            influence += (slope[:, side.codes] * side.added).sum(axis=0)
        spread[place] = np.sqrt(n / (n - 1) * (influence**2).sum())
    half = norm.ppf(0.5 + level / 2) * spread
    return found - half, found + half


def read_customers(frame: pd.DataFrame, where: str, is_ratio: bool, total: bool) -> pd.DataFrame:
    """Return the columns that count, checked, in the order of customers.

    Raises
    ------
    DataError, NotEnoughDataError
        As `decompose`.
    """
    wanted = ["segment", "numerator"] + ["denominator"] * is_ratio
    if lacking := [name for name in wanted if name not in frame.columns]:
        raise DataError(
            f"the column {lacking[0]} is missing",
            where=where,
            got=", ".join(map(str, frame.columns)),
            expected=", ".join(wanted),
        )
    if total and is_ratio:
        raise DataError("a total has no denominator", where=where, got="a column denominator")
    if not len(frame):
        raise NotEnoughDataError("there is no customer", where=where)
    if frame.index.has_duplicates:
        raise DataError(
            "a customer is there twice",
            where=where,
            got=f"{int(frame.index.duplicated().sum()):,} rows of customers that came before",
        )
    found = frame[wanted].apply(pd.to_numeric, errors="coerce").astype(float)
    for name, column in found.items():
        if wrong := int((~np.isfinite(column)).sum()):
            raise DataError(
                f"{name} is not a number for some customers",
                where=where,
                got=f"{wrong:,} of {len(found):,} customers",
                expected="a finite number for each",
            )
    if (found["segment"] % 1 != 0).any():
        raise DataError("segment ids are whole numbers", where=where)
    if not is_ratio:
        found["denominator"] = 1.0
    if below := int((found["denominator"] < 0).sum()):
        raise DataError(
            "a denominator is negative",
            where=where,
            got=f"{below:,} customers",
            expected="0 or more",
        )
    if found["denominator"].sum() == 0:
        raise NotEnoughDataError("there is nobody to divide by", where=where)
    return found.astype({"segment": int}).sort_index()
