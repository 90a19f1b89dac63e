"""Rules as SQL, so that customers are assigned where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segml._core.check import nearest
from segml._core.errors import DataError, MissingTableError
from segml.engine import Table
from segml.engine.sql import literal, quote

from ._rule_tree import Box

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


def rules_query(
    boxes: Mapping[int, Sequence[Box]],
    names: Mapping[int, str],
    levels: Mapping[str, bool],
    truths: Sequence[str],
) -> tuple[str, str]:
    """Return the SELECT that assigns customers by rules: what stands before and after the table.

    Parameters
    ----------
    boxes : mapping of int to sequence of Box
        The alternatives of each segment.
    names : mapping of int to str
        Segment names.
    levels : mapping of str to bool
        The features that rules use, and whether they are levels.
    truths : sequence of str
        Levels that are truth values in the table.

    Examples
    --------
    >>> from segml.clustering._conditions import Range
    >>> boxes = {0: [{"aov": Range(high=2, missing=True)}], 1: [{"aov": Range(low=2)}]}
    >>> before, after = rules_query(boxes, {0: "Few", 1: "Many"}, {"aov": False}, [])
    >>> print(before + '"t"' + after)
    SELECT customer_id, segment, CASE segment WHEN 0 THEN 'Few' WHEN 1 THEN 'Many' END AS name
    FROM (
      SELECT customer_id, CAST(CASE
          WHEN ("aov" <= 2 OR "aov" IS NULL) THEN 0
          WHEN "aov" > 2 THEN 1
        END AS BIGINT) AS segment
      FROM (
        SELECT customer_id,
          CASE WHEN NOT isnan(CAST("aov" AS DOUBLE)) THEN CAST("aov" AS DOUBLE) END AS "aov"
        FROM "t"
      ) AS features
    ) AS assigned
    """
    whens = [
        f"      WHEN {' AND '.join(one.sql(name) for name, one in box.items()) or 'TRUE'}"
        f" THEN {literal(segment)}"
        for segment, own in boxes.items()
        for box in own
    ]
    columns = ["customer_id", *(_read(name, is_level, truths) for name, is_level in levels.items())]
    named = " ".join(f"WHEN {literal(i)} THEN {literal(names[i])}" for i in boxes)
    before = [
        f"SELECT customer_id, segment, CASE segment {named} END AS name",
        "FROM (",
        "  SELECT customer_id, CAST(CASE",
        *whens,
        "    END AS BIGINT) AS segment",
        "  FROM (",
        "    SELECT " + ",\n      ".join(columns),
        "    FROM ",
    ]
    return "\n".join(before), "\n  ) AS features\n) AS assigned"


def _read(name: str, is_level: bool, truths: Sequence[str]) -> str:
    column = quote(name)
    if name in truths:
        value = f"CASE WHEN {column} THEN 'yes' WHEN NOT {column} THEN 'no' END"
    elif is_level:
        value = f"CAST({column} AS VARCHAR)"
    else:
        number = f"CAST({column} AS DOUBLE)"
        value = f"CASE WHEN NOT isnan({number}) THEN {number} END"
    return f"{value} AS {column}"


def check_columns(table: Table, levels: Mapping[str, bool]) -> list[str]:
    """Check that rules can be read from a table; return the levels that are truth values.

    Raises
    ------
    DataError
        A level is neither text, a whole number nor a truth value.
    MissingTableError
        A feature has no column.
    """
    for name in ("customer_id", *levels):
        if name not in table.types:
            raise MissingTableError(
                "customers have no id"
                if name == "customer_id"
                else "a feature is not in the table",
                where=f"column {name}",
                got=", ".join(table.columns),
                expected=name,
                nearest=nearest(name, table.columns),
            )
    for name, is_level in levels.items():
        kind = table.types[name]
        if is_level and kind not in ("VARCHAR", "BOOLEAN", *_WHOLE):
            raise DataError(
                "the levels of a feature are of a type that is not read in the engine",
                where=f"column {name}",
                got=kind,
                expected="text, whole numbers or truth values",
            )
    return [
        name for name, is_level in levels.items() if is_level and table.types[name] == "BOOLEAN"
    ]
