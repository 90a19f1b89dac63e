"""Bring the rows of a source to the rows of a canonical table, as a preset says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segml._core.check import one_of
from segml._core.errors import ParameterError
from segml.engine import Table
from segml.engine.compose import columns_of
from segml.engine.sql import Fragment, literal, quote

from .expressions import OWN, matching, plain, read_as, references, resolved
from .fit import misfit, require_values
from .presets import Preset
from .reshape import visits, with_values
from .tables import TableSchema
from .zones import zoned_value

_ROW, _ROWS, _WHY, NOTE = "_source_row", "_rows", "_refused", "_value_check "


@dataclass(frozen=True)
class Arranged:
    """Rows as the canonical table has them, still untyped, and the rows left out on the way.

    Parameters
    ----------
    table : Table
        With ``_source_row``, and ``_rows`` where several rows of the source are one.
    columns : mapping
        What is left of the caller's mapping.
    date_format : str or None
        How dates are written.
    members : Table or None
        The source's rows with ``_first_row``, the number of the row of `table` they are in.
    refused : Table or None
        ``source_row``, ``reason`` and the columns of rows that the preset leaves out.
    rejected : dict of str to int
        Reason to number of rows.
    notes : dict of str to str
        What a preset checks to the hidden column of `table` that counts it.
    choices : tuple of str
        For the account.
    """

    table: Table
    columns: Mapping[str, str | None] | None
    date_format: str | None = None
    members: Table | None = None
    refused: Table | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()


def arrange(
    rows: Table,
    schema: TableSchema,
    preset: Preset | None,
    columns: Mapping[str, str | None] | None,
    values: Mapping[str, Any] | None,
    date_format: str | None,
    where: str,
) -> Arranged:
    """Apply a preset, and values that all rows have.

    Raises
    ------
    MissingTableError
        The source lacks columns that the preset needs; names the nearest preset.
    ParameterError
        A value is for a column that is not canonical, or is mapped as well.
    """
    for name in values or {}:
        one_of(name, schema.names, "values")
        if name in (columns or {}):
            raise ParameterError(
                "a column is both mapped and given as a value", where=f"values[{name!r}]", got=name
            )
    if preset is None:
        values = {name: zoned_value(value) for name, value in (values or {}).items()}
        return Arranged(with_values(rows, values), columns, date_format)
    return _Arranging(rows, schema, preset, columns or {}, values or {}, where).arranged(
        date_format or preset.date_format or None
    )


class _Arranging:
    """One application of a preset to the numbered rows of a source."""

    def __init__(
        self,
        rows: Table,
        schema: TableSchema,
        preset: Preset,
        columns: Mapping[str, str | None],
        values: Mapping[str, Any],
        where: str,
    ) -> None:
        self.schema, self.preset = schema, preset
        self.present = [name for name in rows.columns if name != _ROW]
        for name, source in columns.items():
            one_of(name, schema.names, "columns")
            if source is not None:
                one_of(source, self.present, f"columns[{name!r}]")
        self.left = {name: source for name, source in columns.items() if source is None}
        given = {**columns, **values}
        missing = [
            item
            for item in preset.missing(self.present, given)
            if not self._derived_only(item, given)
        ]
        if missing:
            raise misfit(preset, missing, self.present, where)
        require_values(preset, values, given)
        self.constants = {
            name: zoned_value(value)
            for name, value in {**preset.values, **values}.items()
            if name not in columns
        }
        self.sources = {name: source for name, source in columns.items() if source is not None}
        self.own = set(self.sources)  # mapped by the caller: read as they are
        for name, names in preset.columns.items():
            if name not in given:
                found = [c for item in names if (c := matching(item, self.present))]
                if found:
                    self.sources[name] = found[0]
        self.choices: list[str] = [f"preset: {preset.name}"]
        for name in [name for name in self.constants if name not in self.present]:
            rows = with_values(rows, {name: self.constants.pop(name)})
            self.sources[name] = name
        self.rows = rows if preset.unpivot is None else self._answers(rows)
        self.expressions: dict[str, str] = {}
        for name, text in preset.derive.items():
            if name not in given and (sql := resolved(text, self._find)) is not None:
                kind = preset.types.get(name, "")
                self.expressions[name] = read_as(kind, sql) if kind else sql

    def _derived_only(self, item: str, given: Mapping[str, Any]) -> bool:
        """Say whether a column is only needed for what the caller gives otherwise."""
        preset = self.preset
        users = [n for n in self.schema.required if item in references(preset.derive.get(n, ""))]
        fixed = [*preset.group_by]
        for key in ("by", "at"):
            fixed += references(str(preset.sessions.get(key, "")))
        return bool(users) and all(name in given for name in users) and item not in fixed

    def _find(self, name: str) -> str | None:
        return name if name in OWN else self.sources.get(name) or matching(name, self.present)

    def arranged(self, date_format: str | None) -> Arranged:
        rows, refused, rejected = self._refuse(self.rows)
        if self.preset.grouped:
            table, members = self._grouped(rows)
        else:
            table, members = self._single(rows), None
        return Arranged(
            table,
            self.left,
            date_format,
            members,
            refused,
            rejected,
            self.notes,
            tuple(self.choices),
        )

    def _conditions(self, rules: Mapping[str, str]) -> dict[str, str]:
        found = {}
        for what, text in rules.items():
            if (sql := resolved(text, self._find)) is None:
                self.choices.append(f"not checked, for lack of a column: {what}")
            else:
                found[what] = f"coalesce({sql}, FALSE)"
        return found

    def _refuse(self, rows: Table) -> tuple[Table, Table | None, dict[str, int]]:
        conditions = self._conditions(self.preset.reject)
        if not conditions:
            return rows, None, {}
        cases = " ".join(f"WHEN {sql} THEN {literal(why)}" for why, sql in conditions.items())
        judged = rows.engine.sql(
            "SELECT *, CASE {cases} END AS _refused FROM {rows}", cases=Fragment(cases), rows=rows
        ).materialise()
        tallies = ", ".join(f"count(*) FILTER (WHERE {_WHY} = {literal(w)})" for w in conditions)
        counts = judged.row("SELECT {tallies} FROM {self}", tallies=Fragment(tallies))
        rejected = {why: n for why, n in zip(conditions, counts, strict=True) if n}
        kept = rows.engine.sql(
            "SELECT {columns} FROM {judged} WHERE _refused IS NULL",
            columns=columns_of(judged, without=[_WHY]),
            judged=judged,
        )
        refused = rows.engine.sql(
            "SELECT _source_row AS source_row, _refused AS reason, {columns}"
            " FROM {judged} WHERE _refused IS NOT NULL",
            columns=columns_of(judged, without=[_ROW, _WHY]),
            judged=judged,
        )
        return kept, refused if rejected else None, rejected

    def _notes(self) -> dict[str, str]:
        """Name a hidden column for each check; only rows that are used are counted."""
        conditions = self._conditions(self.preset.checks)
        self.notes = {what: f"{NOTE}{i}" for i, what in enumerate(conditions)}
        return {self.notes[what]: sql for what, sql in conditions.items()}

    def _answers(self, rows: Table) -> Table:
        """Make a row of each answer of a wide survey; what has no answer is counted later."""
        ignored = {matching(name, self.present) for name in self.preset.unpivot or ()}
        keys = [c for c in dict.fromkeys(self.sources.values()) if c]
        questions = [c for c in self.present if c not in ignored and c not in keys]
        if not questions:
            raise misfit(self.preset, ["a column for each question"], self.present, "source")
        self.choices.append(
            f"each row gives {len(questions)} answers; counted in answers, not in rows"
        )
        chosen = [quote(_ROW), *map(quote, keys)]
        chosen += [f"CAST({quote(c)} AS STRING) AS {quote(c)}" for c in questions]
        wide = rows.engine.sql(
            "SELECT {chosen} FROM {rows}", chosen=Fragment(", ".join(chosen)), rows=rows
        )
        self.present = keys
        return rows.engine.sql(
            "SELECT * FROM {wide} UNPIVOT INCLUDE NULLS (_answer FOR _question IN ({questions}))",
            wide=wide,
            questions=Fragment(", ".join(map(quote, questions))),
        )

    def _read(self, name: str, source: str) -> str:
        kind = self.preset.types.get(name, "") if name not in self.own else ""
        return read_as(kind, quote(source)) if kind else quote(source)

    def _single(self, rows: Table) -> Table:
        selected = {name: self._read(name, c) for name, c in self.sources.items()}
        for name, sql in self.expressions.items():
            selected[name] = sql
            refs = references(sql)
            if name in self.schema.required and refs:
                # A value that cannot be computed from what is there is unreadable, not absent.
                there = " AND ".join(
                    f"nullif(trim(CAST({quote(c)} AS STRING)), '') IS NOT NULL" for c in refs
                )
                unread = f"CASE WHEN {there} THEN 'cannot be computed' END"
                selected[name] = f"coalesce(CAST({sql} AS STRING), {unread})"
        selected |= {name: literal(value) for name, value in self.constants.items()}
        gone = {*self.sources.values(), "_question", "_answer"}
        notes = [f"CAST({sql} AS BIGINT) AS {quote(name)}" for name, sql in self._notes().items()]
        parts = [
            quote(_ROW),
            *(f"{sql} AS {quote(name)}" for name, sql in selected.items()),
            *notes,
        ]
        for name in rows.columns:
            if name not in gone and name != _ROW:
                taken = plain(name) in selected  # as one of a canonical column
                parts.append(
                    f"{quote(name)} AS {quote(name + ' (source)')}" if taken else quote(name)
                )
        return rows.engine.sql(
            "SELECT {parts} FROM {rows}", parts=Fragment(", ".join(parts)), rows=rows
        )

    def _grouped(self, rows: Table) -> tuple[Table, Table]:
        keys = [quote(str(self._find(name))) for name in self.preset.group_by]
        if self.preset.sessions:
            rows = visits(
                rows,
                str(resolved(str(self.preset.sessions["by"]), self._find)),
                str(resolved(str(self.preset.sessions["at"]), self._find)),
                self.preset.sessions["gap_minutes"],
            )
            keys = ["_user", "_visit"]
        by = ", ".join(keys)
        members = rows.engine.sql(
            "SELECT *, min(_source_row) OVER (PARTITION BY {by}) AS _first_row FROM {rows}",
            by=Fragment(by),
            rows=rows,
        )
        order = resolved(self.preset.order_by, self._find) if self.preset.order_by else None
        at = f"(CASE WHEN {order} IS NULL THEN 1 ELSE 0 END, {order}, {_ROW})" if order else _ROW
        parts = [f"min({_ROW}) AS {_ROW}", f"count(*) AS {_ROWS}"]
        for name, source in self.sources.items():
            value = self._read(name, source)
            if self.preset.types.get(name) == "given":
                parts.append(f"CAST(bool_or({value} = 'true') AS STRING) AS {quote(name)}")
                continue
            there = f"nullif(trim(CAST({quote(source)} AS STRING)), '') IS NOT NULL"
            parts.append(f"min_by({value}, {at}) FILTER (WHERE {there}) AS {quote(name)}")
        parts += [f"{sql} AS {quote(name)}" for name, sql in self.expressions.items()]
        parts += [f"{literal(value)} AS {quote(n)}" for n, value in self.constants.items()]
        parts += [
            f"count(*) FILTER (WHERE {sql}) AS {quote(name)}" for name, sql in self._notes().items()
        ]
        table = rows.engine.sql(
            "SELECT {parts} FROM {rows} GROUP BY {by} ORDER BY _source_row",
            parts=Fragment(", ".join(parts)),
            rows=rows,
            by=Fragment(by),
        ).materialise()
        return table, members
