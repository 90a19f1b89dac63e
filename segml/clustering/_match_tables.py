"""What is read and told when segments are matched: labels, ids that last, parts and overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segml._core.errors import DataError

from ._labels import NOISE, labels_of


def read_labels(segments: Any, where: str, names: Any) -> tuple[pd.Series, dict[int, str]]:
    """Return labels as whole numbers, and names by id.

    Raises
    ------
    DataError
        A customer is there twice, or labels are no whole numbers.
    """
    labels, known = labels_of(segments, names)
    if labels.index.has_duplicates:
        raise DataError(
            "a customer is there twice",
            where=where,
            got=f"{int(labels.index.duplicated().sum()):,} rows of customers that came before",
        )
    numbers = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(numbers) & (numbers == np.floor(numbers)) & (numbers >= NOISE))
    if wrong.any():
        raise DataError(
            "labels are not segment ids",
            where=where,
            got=f"{int(wrong.sum()):,} rows, the first {labels.iloc[int(wrong.argmax())]!r}",
            expected="whole numbers from 0 on, -1 for noise",
        )
    return pd.Series(numbers.astype(int), labels.index), known


def all_ids(labels: pd.Series, names: Mapping[int, str]) -> np.ndarray:
    """Return all ids; a segmenter's names tell of segments that have no customer."""
    return np.array(
        sorted({*labels[labels != NOISE], *(i for i in names if i != NOISE)}), dtype=int
    )


def same_by_name(
    old_ids: np.ndarray,
    new_ids: np.ndarray,
    of_old: np.ndarray,
    of_new: np.ndarray,
    old_names: Mapping[int, str],
    new_names: Mapping[int, str],
    was: Mapping[int, Any],
) -> dict[int, int]:
    """Return by place of new segments those old ones that only their name tells of.

    Parameters
    ----------
    old_ids, new_ids : ndarray of int
        All segments.
    of_old, of_new : ndarray of int
        Their customers with both labels.
    old_names, new_names : mapping of int to str
        Where they have one.
    was : mapping of int to int
        Places of the segments that customers match, old by new.
    """
    places = {
        old_names[i]: place
        for place, i in enumerate(old_ids)
        if place not in was.values() and i in old_names
    }
    found = {}
    for j, new in enumerate(new_ids):
        place = places.get(new_names.get(new, ""))
        if j not in was and place is not None and (of_old[place] == 0 or of_new[j] == 0):
            found[j] = places.pop(new_names[new])
    return found


def lasting_ids(mapping: Mapping[int, int | None], old_ids: np.ndarray) -> dict[int, int]:
    """Return by new id one that lasts: the old one, or the next that none has."""
    following = int(old_ids.max(initial=-1)) + 1
    ids = {}
    for new, old in mapping.items():
        ids[new] = following if old is None else old
        following += old is None
    return ids


def free_names(
    names: Mapping[int, str], carried: Mapping[int, str], mapping: Mapping[int, Any]
) -> dict[int, str]:
    """Return own names of segments that carry none, where these are not taken."""
    taken = set(carried.values())
    return {n: x for n, x in names.items() if n in mapping and n not in carried and x not in taken}


def several_parts(ids: np.ndarray, others: np.ndarray, which: np.ndarray) -> dict[int, list[int]]:
    """Return by id the others that go with it, where they are several."""
    return {
        int(one): others[row].tolist() for one, row in zip(ids, which, strict=True) if row.sum() > 1
    }


def overlap_table(
    both: np.ndarray,
    jaccard: np.ndarray,
    share_old: np.ndarray,
    share_new: np.ndarray,
    old_ids: np.ndarray,
    new_ids: np.ndarray,
    pairs: list[tuple[Any, Any]],
) -> pd.DataFrame:
    """Return a row per pair of segments with customers in common."""
    at, found = np.nonzero(both), set(pairs)
    return pd.DataFrame(
        {
            "old": old_ids[at[0]],
            "new": new_ids[at[1]],
            "customers": both[at],
            "of_old": share_old[at],
            "of_new": share_new[at],
            "jaccard": jaccard[at],
            "matched": np.array([pair in found for pair in zip(*at, strict=True)], dtype=bool),
        }
    )


def noise_table(a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    """Return customers in a segment or in none, before and now."""
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, ((a == NOISE).astype(int), (b == NOISE).astype(int)), 1)
    index = pd.Index(["segment", "noise"], name="before")
    return pd.DataFrame(counts, index, pd.Index(["segment", "noise"], name="now"))
