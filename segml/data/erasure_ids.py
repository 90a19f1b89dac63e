"""Find the rows that hold the id of one of some customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .consent import is_customer_id


def distinctive(ids: Iterable[str]) -> list[str]:
    """Return the ids that no text has by chance."""
    return [i for i in ids if len(i) >= (8 if i.isdigit() else 12 if i.isalpha() else 5)]


def hits(rows: pa.Table | pa.RecordBatch, ids: list[str], keys: list[str]) -> tuple[Any, set[str]]:
    """Say which rows hold one of the ids in a column of `keys`, and which ids those are."""
    wanted = pa.array(ids, pa.string())
    hit, seen = pa.array([False] * rows.num_rows, pa.bool_()), set[str]()
    for key in keys:
        values = pc.utf8_trim_whitespace(pc.cast(rows[key], pa.string()))
        values = pc.replace_substring_regex(values, r"^(\d+)\.0$", r"\1")  # ids read as floats
        here = pc.is_in(values, value_set=wanted)
        seen |= set(pc.unique(values.filter(here)).to_pylist())
        hit = pc.or_(hit, here)
    return hit, seen


def text_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that hold text."""
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
    return [f.name for f in schema if any(is_kind(f.type) for is_kind in kinds)]


def rejected(
    rows: pa.Table | pa.RecordBatch, ids: list[str], source_name: str | None = None
) -> tuple[Any, set[str]]:
    """As :func:`hits`, for rows that hold what the source held."""
    names = rows.schema.names
    keys = [name for name in names if is_customer_id(name) or name == source_name]
    others = [name for name in text_columns(rows.schema) if name not in (*keys, "reason")]
    hit, seen = hits(rows, ids, keys)
    also, more = hits(rows, distinctive(ids), others)
    return pc.or_(hit, also), seen | more
