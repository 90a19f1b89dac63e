"""Rows that share a key with others: few of many, as a rule."""

from __future__ import annotations

from segml.engine import Table
from segml.engine.compose import columns_of
from segml.engine.sql import Fragment, quote

_FEW = 20  # one in so many


def repeated_keys(rows: Table, key: tuple[str, ...]) -> Table:
    """Return ``_hash`` of each key that stands more than once, and perhaps of some few others.

    Keys are told apart by their hash, which takes less memory than the keys.

    Parameters
    ----------
    rows : Table
        Any.
    key : tuple of str
        Its columns. NULL is a value like others.
    """
    return rows.engine.sql(
        "SELECT {hashed} AS _hash FROM {rows} GROUP BY {hashed} HAVING count(*) > 1",
        hashed=_hash(key),
        rows=rows,
    ).materialise()


def rows_with(rows: Table, key: tuple[str, ...], repeated: Table) -> Table:
    """Return the rows whose key is among those that :func:`repeated_keys` found."""
    return rows.engine.sql(
        "SELECT {columns} FROM {rows} JOIN {repeated} ON {hashed} = _hash",
        columns=columns_of(rows),
        rows=rows,
        repeated=repeated,
        hashed=_hash(key),
    )


def few(part: Table, whole: int) -> bool:
    """Say whether rows are so few of all that a join with them keeps the order of the others."""
    return len(part) * _FEW < whole


def _hash(key: tuple[str, ...]) -> Fragment:
    return Fragment(" * 31 + ".join(f"key_hash({quote(name)})" for name in key))
