"""Files of one JSON object a line, flattened to text columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .sources import file_list
from .sql import Fragment, literal, quote

if TYPE_CHECKING:
    from .base import Engine
    from .table import Table


def load_json(engine: Engine, path: str) -> tuple[Table, Table]:
    """Read a file of one JSON object a line into text columns; blank lines are no rows.

    Returns
    -------
    rows, malformed : Table
        A column of `rows` is a path of keys joined by dots, such as ``context.page.url``;
        arrays stay JSON text. `malformed` has a row (``line``, ``problem``) for each line
        that is no JSON object, where the first line is 2 as in a CSV file with a header.
    """
    lines = engine.sql(
        "SELECT text, json_valid(text) AND CASE WHEN json_valid(text)"
        " THEN json_type(text) = 'OBJECT' END AS good, row_number() OVER () + 1 AS line"
        " FROM read_csv({files}, auto_detect = false, header = false, delim = {mark},"
        " quote = '', escape = '', columns = {columns}) WHERE trim(coalesce(text, '')) <> ''",
        files=file_list([path]),
        mark="\x01",  # stands in no JSON text, so that a line is one field
        columns=Fragment("{'text': 'VARCHAR'}"),
    ).materialise()
    structure = lines.scalar(
        "SELECT json_group_structure(CAST(text AS JSON)) FROM {self} WHERE good"
    )
    selected = [
        f"json_extract_string(text, {literal(pointer)}) AS {quote(name)}"
        for name, pointer in (leaves(json.loads(structure)) if structure else [])
    ]
    rows = engine.sql(
        "SELECT {selected} FROM {lines} WHERE good ORDER BY line",
        selected=Fragment(", ".join(selected) or "text"),
        lines=lines,
    ).materialise()
    malformed = engine.sql(
        "SELECT CAST(line AS BIGINT) AS line, 'NOT A JSON OBJECT' AS problem"
        " FROM {lines} WHERE NOT good ORDER BY line",
        lines=lines,
    )
    return rows, malformed


def leaves(structure: Any, name: tuple[str, ...] = (), pointer: str = "") -> list[tuple[str, str]]:
    """Return the dotted name and the JSON pointer of each value below a JSON structure.

    Examples
    --------
    >>> leaves({"a": "VARCHAR", "b": {"c": ["BIGINT"]}})
    [('a', '/a'), ('b.c', '/b/c')]
    """
    if not isinstance(structure, dict) or not structure:
        return [(".".join(name), pointer)] if name else []
    return [
        leaf
        for key, below in structure.items()
        for leaf in leaves(
            below, (*name, key), f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        )
    ]
