"""The account of one step of cleaning, and the rows that it leaves out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from segml.engine import Table
from segml.engine.sql import Fragment, quote

from .account import RowAccount
from .bundle import DataTable


def tally(
    table: DataTable,
    judged: Table,
    found: Mapping[str, str],
    changed: Mapping[str, str],
    stale: Collection[str],
) -> RowAccount:
    """Continue a table's account with its judged rows.

    Parameters
    ----------
    table : DataTable
        Before this step.
    judged : Table
        Its rows with ``_reason``, NULL for rows that are used.
    found : mapping of str to str
        Note to the SQL of the rows, among those used, that it is true of.
    changed : mapping of str to str
        Likewise, of what this step has changed: counted on from earlier steps.
    stale : collection of str
        Earlier notes that are no longer true, or counted anew.

    Returns
    -------
    RowAccount
        In rows of the source.
    """
    rows = "sum(_rows)" if "_rows" in judged.columns else "count(*)"
    notes = {**found, **changed}
    counts = [f"coalesce({rows} FILTER (WHERE {condition}), 0)" for condition in notes.values()]
    counted = judged.engine.sql(
        "SELECT _reason AS reason, {counts} FROM {judged} GROUP BY _reason ORDER BY _reason",
        counts=Fragment(", ".join(f"CAST({count} AS BIGINT)" for count in [rows, *counts])),
        judged=judged,
    ).to_arrow()
    by_reason = {row[0]: row[1:] for row in zip(*counted.to_pydict().values(), strict=True)}
    used, *noted = by_reason.pop(None, (0,) * (1 + len(notes)))
    earlier = {what: n for what, n in table.account.noted.items() if what not in stale}
    now = {
        what: n + (earlier.get(what, 0) if what in changed else 0)
        for what, n in zip(notes, noted, strict=True)
        if n
    }
    step = RowAccount(
        table.name,
        used + sum(row[0] for row in by_reason.values()),
        used,
        {reason: row[0] for reason, row in by_reason.items()},
        now,
    )
    return replace(table.account, noted=earlier).then(step)


def left_out(before: Table, judged: Table, columns: list[str]) -> Table:
    """Put the rows that this step leaves out below those left out before, as text.

    Parameters
    ----------
    before : Table
        ``source_row``, ``reason`` and the columns of the source, raw.
    judged : Table
        Typed rows with ``_source_row`` and ``_reason``.
    columns : list of str
        Which of their columns to show.
    """
    shown = {_beside_reason(column): column for column in columns}
    there = {name.casefold(): name for name in before.columns[2:]}
    mine = {name.casefold(): column for name, column in shown.items()}
    names = [*before.columns[2:], *(name for name in shown if name.casefold() not in there)]
    above = [_text(there.get(name.casefold()), name) for name in names]
    below = [_text(mine.get(name.casefold()), name) for name in names]
    return judged.engine.sql(
        "SELECT {above} FROM {before} UNION ALL SELECT {below} FROM {judged}"
        " WHERE _reason IS NOT NULL",
        above=Fragment(", ".join(["source_row", "CAST(reason AS STRING) AS reason", *above])),
        below=Fragment(", ".join(["_source_row AS source_row", "_reason AS reason", *below])),
        before=before,
        judged=judged,
    )


def _beside_reason(column: str) -> str:
    """Name a column among the rows left out, where two names are taken."""
    return f"{column}_1" if column.casefold() in ("source_row", "reason") else column


def _text(column: str | None, name: str) -> str:
    return f"CAST({'NULL' if column is None else quote(column)} AS STRING) AS {quote(name)}"
