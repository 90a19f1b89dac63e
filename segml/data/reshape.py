"""Steps of arranging that need no preset: added values, visits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.compose import columns_of
from segml.engine.sql import Fragment, literal, quote


def with_values(rows: Table, values: Mapping[str, Any] | None) -> Table:
    """Add columns that hold one value each.

    Raises
    ------
    ParameterError
        The rows have such a column.
    """
    if not values:
        return rows
    if taken := [name for name in values if name in rows.columns]:
        raise ParameterError(
            "the source has this column", where=f"values[{taken[0]!r}]", got=values[taken[0]]
        )
    added = ", ".join(f"{literal(value)} AS {quote(name)}" for name, value in values.items())
    return rows.engine.sql("SELECT *, {added} FROM {rows}", added=Fragment(added), rows=rows)


def visits(rows: Table, by: str, at: str, gap_minutes: float) -> Table:
    """Tell the visits of each visitor apart: a gap in time begins a new one.

    Parameters
    ----------
    rows : Table
        With ``_source_row``.
    by, at : str
        SQL of who it is and when.
    gap_minutes : float
        A longer silence ends a visit.

    Returns
    -------
    Table
        With ``_user``, ``_at`` and ``_visit`` from 1.
    """
    timed = rows.engine.sql(
        "SELECT {columns}, {by} AS _user, {at} AS _at FROM {rows}",
        columns=columns_of(rows),
        by=Fragment(by),
        at=Fragment(at),
        rows=rows,
    )
    return rows.engine.sql(
        "WITH gaps AS (SELECT {columns}, coalesce(epoch_us(_at) - epoch_us(lag(_at)"
        " OVER (PARTITION BY _user ORDER BY _at, _source_row)) > {gap} * 60000000, TRUE) AS _begins"
        " FROM {timed})"
        " SELECT {columns}, CAST(sum(CAST(_begins AS INTEGER)) OVER (PARTITION BY _user"
        " ORDER BY _at, _source_row ROWS UNBOUNDED PRECEDING) AS BIGINT) AS _visit FROM gaps",
        columns=columns_of(timed),
        gap=gap_minutes,
        timed=timed,
    )
