"""Count where the rows of a source went, for its account."""

from __future__ import annotations

from segml.engine import Table
from segml.engine.sql import Fragment, literal, quote

from .account import RowAccount
from .arrange import Arranged
from .coerce import Coercion
from .opening import Opened
from .tables import TableSchema

REASON, VALUE = "_reason", "_value_"


def value_of(item: Coercion) -> str:
    """Return the column, as SQL, of the values that a coercion read."""
    return quote(VALUE + item.name)


def unreadable(column: str) -> str:
    """Return the reason for rows whose value cannot be read."""
    return f"{column} cannot be read"


def count_rows(
    schema: TableSchema,
    judged: Table,
    coercions: list[Coercion],
    generated: list[str],
    opened: Opened,
    arranged: Arranged,
) -> RowAccount:
    """Return the account of a table's rows.

    Parameters
    ----------
    schema : TableSchema
        The canonical table.
    judged : Table
        Its rows with their values and ``_reason``.
    coercions : list of Coercion
        How the values were read.
    generated : list of str
        Canonical columns that the source lacks and that were numbered.
    opened, arranged
        The source, and its rows as a preset brings them.
    """
    optional = [
        item
        for item in coercions
        if item.name not in schema.required
        # Text read from text is missing where nothing is there: nothing to count.
        and item.filled != f"{item.value} IS NOT NULL"
    ]
    rows = "sum(_rows)" if "_rows" in judged.columns else "count(*)"
    unread = [
        f"count(*) FILTER (WHERE {REASON} IS NULL AND {item.filled} AND {value_of(item)} IS NULL)"
        for item in optional
    ]
    moved = [item for item in coercions if item.converted]
    unread += [
        f"count(*) FILTER (WHERE {REASON} IS NULL AND {value_of(item)} IS NOT NULL"
        f" AND {item.converted})"
        for item in moved
    ]
    reasons = [
        reason
        for item in coercions
        if item.name in schema.required
        for reason in (f"no {item.name}", unreadable(item.name))
    ]
    conditions = ["TRUE", f"{REASON} IS NULL"]
    conditions += [f"{REASON} = {literal(reason)}" for reason in reasons]
    tallies = [
        f"CAST(coalesce({rows} FILTER (WHERE {condition}), 0) AS BIGINT)"
        for condition in conditions
    ]
    counted = judged.row(
        "SELECT {counts} FROM {self}", counts=Fragment(", ".join([*tallies, *unread]))
    )
    total, used = counted[:2]
    rejected = dict(zip(reasons, counted[2 : 2 + len(reasons)], strict=True))
    rejected |= arranged.rejected | opened.malformed
    rest = counted[2 + len(reasons) :]
    noted = {
        f"{item.name} cannot be read, taken as missing": n
        for item, n in zip(optional, rest[: len(optional)], strict=True)
    }
    converted = dict(zip(moved, rest[len(optional) :], strict=True))
    noted |= _checked(judged, arranged)
    choices = [*arranged.choices]
    if "_rows" in judged.columns:
        units = judged.scalar("SELECT count(*) FROM {self} WHERE _reason IS NULL")
        choices.append(f"{used:,} rows of the source are {units:,} rows of {schema.name}")
    for item in coercions:
        choices += [item.choice] if item.choice else []
        if n := converted.get(item, 0):
            times = "1 time with a zone was" if n == 1 else f"{n:,} times with a zone were"
            choices.append(f"{item.name}: {times} converted to {item.time_zone}")
    choices += [f"{name}: the source has none; each row is one order" for name in generated]
    return RowAccount(
        schema.name,
        total + sum(arranged.rejected.values()) + sum(opened.malformed.values()),
        used,
        {reason: n for reason, n in rejected.items() if n},
        {what: n for what, n in noted.items() if n},
        tuple(choices),
    )


def _checked(judged: Table, arranged: Arranged) -> dict[str, int]:
    if not arranged.notes:
        return {}
    sums = ", ".join(f"sum({quote(name)})" for name in arranged.notes.values())
    counts = judged.row("SELECT {sums} FROM {self} WHERE _reason IS NULL", sums=Fragment(sums))
    return {what: int(n) for what, n in zip(arranged.notes, counts, strict=True) if n}
