"""Customers counted by the segment that they came from and the one that they went to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from segml._core.errors import DataError
from segml.kpis.intervals import wilson

ENTRY, EXIT = "new customers", "gone customers"


def both_sides(
    old: pd.Series,
    new: pd.Series,
    old_value: pd.Series | None,
    new_value: pd.Series | None,
) -> pd.DataFrame:
    """Return a row per customer of either side: ``old``, ``new`` and their values.

    Raises
    ------
    DataError
        A customer has no value, or one that is no finite number.
    """
    frame = pd.DataFrame({"old": old, "new": new}).astype("Int64")
    for name, value, side in (("old_value", old_value, old), ("new_value", new_value, new)):
        if value is not None:
            frame[name] = _valued(value, side, name).reindex(frame.index).fillna(0.0)
    return frame.sort_index()


def _valued(value: pd.Series, side: pd.Series, where: str) -> pd.Series:
    if value.index.has_duplicates:
        raise DataError(
            "a customer is there twice",
            where=where,
            got=f"{int(value.index.duplicated().sum()):,} rows of customers that came before",
        )
    found = pd.to_numeric(value, errors="coerce").reindex(side.index).astype(float)
    if wrong := int((~np.isfinite(found)).sum()):
        raise DataError(
            "some customers have no value",
            where=where,
            got=f"{wrong:,} of {len(side):,} customers",
            expected="a finite number for each customer with a segment",
        )
    return found


def transitions(frame: pd.DataFrame, names: Mapping[int, str], level: float) -> pd.DataFrame:
    """Return a row per pair of segments, as `Migration` documents them."""
    ids: list[int | None] = [*names, None]
    count = len(ids)
    place = {i: k for k, i in enumerate(names)}
    codes = [frame[side].map(place).fillna(count - 1).astype(int) for side in ("old", "new")]
    cell = (codes[0] * count + codes[1]).to_numpy()
    counts = np.bincount(cell, minlength=count**2).reshape(count, count)
    rows = []
    values = [name for name in ("old_value", "new_value") if name in frame]
    sums = {name: np.bincount(cell, weights=frame[name], minlength=count**2) for name in values}
    for i, old in enumerate(ids):
        of_row = int(counts[i].sum())
        reached = [j for j in range(count) if i < count - 1 or j < count - 1]
        for j in reached:
            new, customers = ids[j], int(counts[i, j])
            # Goodman's are Wilson's at a level that holds for the whole row.
            ends = (np.nan, np.nan)
            if of_row:
                ends = wilson(customers, of_row, 1 - (1 - level) / len(reached))
            rows.append(
                {
                    "old": old,
                    "new": new,
                    "old_name": ENTRY if old is None else names[old],
                    "new_name": EXIT if new is None else names[new],
                    "customers": customers,
                    "share": customers / of_row if of_row else np.nan,
                    "low": ends[0],
                    "high": ends[1],
                }
                | {name: sums[name][i * count + j] for name in values}
            )
    return pd.DataFrame(rows).astype({"old": "Int64", "new": "Int64"})


def flows(table: pd.DataFrame, names: Mapping[int, str], level: float) -> pd.DataFrame:
    """Return a row per segment, as `Migration` documents them."""
    rows = []
    is_stay = (table["old"] == table["new"]).fillna(False).to_numpy(dtype=bool)
    for i, name in names.items():
        left = (table["old"] == i).fillna(False).to_numpy(dtype=bool)
        came = (table["new"] == i).fillna(False).to_numpy(dtype=bool)
        gone, entered = table["new"].isna().to_numpy(), table["old"].isna().to_numpy()
        parts = {
            "stayed": left & is_stay,
            "moved_out": left & ~is_stay & ~gone,
            "gone": left & gone,
            "moved_in": came & ~is_stay & ~entered,
            "entered": came & entered,
        }
        row: dict[str, object] = {"segment": i, "name": name}
        n = {part: int(table["customers"][here].sum()) for part, here in parts.items()}
        row |= {"old_size": n["stayed"] + n["moved_out"] + n["gone"], **n}
        row["new_size"] = n["stayed"] + n["moved_in"] + n["entered"]
        both = n["stayed"] + n["moved_out"]
        row["stay_share"] = n["stayed"] / both if both else np.nan
        row["low"], row["high"] = wilson(n["stayed"], both, level) if both else (np.nan, np.nan)
        if "old_value" in table:
            before, after = table["old_value"], table["new_value"]
            row |= {
                "old_value": before[left].sum(),
                "value_gone": -before[parts["gone"]].sum(),
                "value_moved_out": -before[parts["moved_out"]].sum(),
                "value_of_stayers": (after - before)[parts["stayed"]].sum(),
                "value_moved_in": after[parts["moved_in"]].sum(),
                "value_entered": after[parts["entered"]].sum(),
                "new_value": after[came].sum(),
            }
        rows.append(row)
    return pd.DataFrame(rows).set_index("segment")
