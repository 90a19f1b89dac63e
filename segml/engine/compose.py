"""Parts of SQL texts that follow from the columns of tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .sql import Fragment, quote
from .table import Table


def columns_of(
    table: Table,
    *,
    without: Collection[str] = (),
    replace: Mapping[str, str] | None = None,
    of: str = "",
) -> Fragment:
    """Return a list of a table's columns for SELECT, in order.

    Parameters
    ----------
    table : Table
        The table.
    without : collection of str
        Columns to leave out.
    replace : mapping of str to str
        Column to the SQL that stands in its place, under its name.
    of : str
        The alias that the columns are qualified with.

    Examples
    --------
    >>> from segml.engine import connect
    >>> table = connect().sql("SELECT 1 AS a, 2 AS b, 3 AS c")
    >>> print(columns_of(table, without=["b"], replace={"c": "c + 1"}, of="t"))
    t."a", c + 1 AS "c"
    """
    replace = replace or {}
    prefix = f"{of}." if of else ""
    return Fragment(
        ", ".join(
            f"{replace[name]} AS {quote(name)}" if name in replace else prefix + quote(name)
            for name in table.columns
            if name not in without
        )
    )


def stacked(tables: list[Table]) -> Table:
    """Put tables below each other, columns by name; a column that one lacks is missing there.

    Examples
    --------
    >>> from segml.engine import connect
    >>> engine = connect()
    >>> both = stacked([engine.sql("SELECT 1 AS a"), engine.sql("SELECT 'x' AS b, 2 AS A")])
    >>> both.to_arrow().to_pylist()
    [{'a': 1, 'b': None}, {'a': 2, 'b': 'x'}]
    """
    names: dict[str, str] = {}
    for table in tables:
        for name in table.columns:
            names.setdefault(name.casefold(), name)
    parts, values = [], dict[str, Any]()
    for i, table in enumerate(tables):
        own = {name.casefold(): name for name in table.columns}
        chosen = [
            f"{quote(own[key]) if key in own else 'NULL'} AS {quote(name)}"
            for key, name in names.items()
        ]
        parts.append(f"SELECT {{columns{i}}} FROM {{table{i}}}")
        values |= {f"columns{i}": Fragment(", ".join(chosen)), f"table{i}": table}
    return tables[0].engine.sql(" UNION ALL ".join(parts), **values)
