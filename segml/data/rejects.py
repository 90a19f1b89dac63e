"""The rows of a source that are not used, with the reason."""

from __future__ import annotations

from segml.engine import Table
from segml.engine.compose import columns_of, stacked

from .arrange import Arranged
from .opening import Opened


def rejected_rows(judged: Table, arranged: Arranged, opened: Opened) -> Table:
    """Return ``source_row``, ``reason`` and the columns of each row that is not used.

    Parameters
    ----------
    judged : Table
        Rows of the canonical table with ``_reason``.
    arranged : Arranged
        What a preset left out, and which rows of the source a row was made of.
    opened : Opened
        Lines that do not fit.
    """
    if arranged.members is not None:
        rows = judged.engine.sql(
            "SELECT m._source_row AS source_row, j._reason AS reason, {columns}"
            " FROM {members} AS m JOIN {judged} AS j ON m._first_row = j._source_row"
            " WHERE j._reason IS NOT NULL ORDER BY m._source_row",
            columns=columns_of(arranged.members, without=_hidden(arranged.members), of="m"),
            members=arranged.members,
            judged=judged,
        )
    else:
        rows = judged.engine.sql(
            "SELECT _source_row AS source_row, _reason AS reason, {columns}"
            " FROM {judged} WHERE _reason IS NOT NULL ORDER BY _source_row",
            columns=columns_of(judged, without=_hidden(judged)),
            judged=judged,
        )
    return stacked([part for part in (rows, arranged.refused, opened.lines) if part is not None])


def _hidden(table: Table) -> list[str]:
    own = ("_source_row", "_reason", "_first_row", "_user", "_at", "_visit")
    return [name for name in table.columns if name in own or name.startswith("_value_")]
