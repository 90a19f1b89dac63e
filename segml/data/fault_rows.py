"""Which rows a fault can hit so that it can be found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .simulation_faults import Fault
from .suspicious import busy, usual

_HOLES = 2  # days
_APART = 64  # days: the medians of two holes have no day in common
_SURE = 1.3  # a median of nine days strays


def hit(
    sound: pd.DataFrame, fault: Fault, pool: np.ndarray, size: int, known: set[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Take rows for a fault out of those that no fault has yet.

    Parameters
    ----------
    sound : DataFrame
        The table.
    fault : Fault
        What to plant.
    pool : array of int
        Positions of the rows without a fault, in random order.
    size : int
        How many to take, if there are as many.
    known : set of str or None
        Ids in the table customers, where there is one.

    Returns
    -------
    rows, pool : array of int
        Positions to break, sorted; what is left of the pool.
    """
    if fault.among == "all":
        rows, left = pool[:size], pool[size:]
        if fault.action == "append" and fault.change is not None:
            # A copy without the value to change would be an exact duplicate.
            rows = rows[sound[fault.column].iloc[rows].notna().to_numpy()]
        return np.sort(rows), left
    able = np.zeros(len(sound), dtype=bool)
    if fault.among == "nps":
        able[pool] = (sound["question"].iloc[pool].str.lower() == "nps").to_numpy()
        rows = pool[able[pool]][:size]
        return np.sort(rows), pool[~np.isin(pool, rows)]
    ids = sound[fault.column].iloc[pool]
    able[pool] = _changes(ids, fault)
    if known is not None:
        able[pool] &= ids.isin(known).to_numpy()
        rows = pool[able[pool]][:size]
        return np.sort(rows), pool[~np.isin(pool, rows)]
    # Two sound rows of the same customer outvote the broken one, and stay sound.
    able[pool] &= (ids.map(ids.value_counts()) >= 3).to_numpy() & ~ids.duplicated().to_numpy()
    rows = pool[able[pool]][:size]
    of_them = ids.isin(sound[fault.column].iloc[rows]).to_numpy()
    return np.sort(rows), pool[~of_them]


def _changes(ids: pd.Series, fault: Fault) -> np.ndarray:
    """Say which ids differ once they are broken and read: some have no letters or no middle."""
    if fault.change is None:
        return np.zeros(len(ids), dtype=bool)
    broken = fault.change(ids).astype(str).str.strip()
    return (ids.notna() & (broken != ids.astype(str))).to_numpy()


def holes_in(days: pd.Series, rng: np.random.Generator, left: float) -> np.ndarray:
    """Choose the days to take away.

    Parameters
    ----------
    days : Series
        The day of each order.
    rng : Generator
        Chooses.
    left : float
        Share of the orders that other faults leave.

    Returns
    -------
    array of datetime64
        By day; none where no day has so many orders that a hole is no chance.
    """
    daily = days.value_counts().sort_index().asfreq("D", fill_value=0)
    able = (daily > 0) & (usual(daily)[0] * left >= _SURE * busy(len(daily)))
    able.iloc[[0, -1]] = False
    chosen: list[pd.Timestamp] = []
    for day in rng.permutation(daily.index[able]):
        if all(abs((day - other) / np.timedelta64(1, "D")) >= _APART for other in chosen):
            chosen.append(day)
        if len(chosen) == _HOLES:
            break
    return pd.DatetimeIndex(chosen).sort_values().to_numpy()
