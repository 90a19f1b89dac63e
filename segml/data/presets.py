"""Presets: how the exports of shops' systems become canonical tables, one YAML file each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from segml._core.check import nearest, one_of
from segml._core.errors import ParameterError

from .expressions import OWN, TYPES, matching, references
from .preset_files import parse_preset
from .tables import TABLES


@dataclass(frozen=True)
class Preset:
    """How one export layout becomes a canonical table; plain data.

    SQL names source columns in double quotes. Source columns are found without regard to
    case and punctuation; a star in the name stands for anything, as in ``Amount spent (*)``.

    Parameters
    ----------
    name : str
        What it is called.
    kind : str
        The canonical table.
    description, source, note : str
        What it reads; which export it was written from; what to know before using it.
    columns : mapping of str to tuple of str
        Canonical name to source columns; the first one that is there counts.
    derive : mapping of str to str
        Canonical name to a SQL expression over source columns; with `group_by` or
        `sessions` an aggregate over the rows of one group.
    values : mapping of str to text or number
        Canonical name to a value that all rows have.
    asks : mapping of str to str
        Canonical columns that the export lacks and the caller gives as ``values``, with
        what they mean.
    types : mapping of str to str
        Canonical name to how its text is read: see :data:`segml.data.expressions.TYPES`.
    units : mapping of str to str
        Canonical name to its unit, for people.
    date_format : str
        A strptime format; without it dates are told by the data.
    reject, checks : mapping of str to str
        Reason to a SQL condition: rows for which it holds are left out and counted, or
        used and noted.
    group_by : tuple of str
        Source columns; rows that agree in them are one row of the table.
    order_by : str
        SQL by which the rows of a group are ordered; else the order of the source.
    sessions : mapping
        ``by`` and ``at`` (SQL) and ``gap_minutes``: rows are grouped into visits.
    unpivot : tuple of str
        Source columns that are no questions; every other column becomes rows of
        ``"_question"`` and ``"_answer"``.

    Examples
    --------
    >>> PRESETS["shopify_orders"].kind
    'orders'
    >>> mine = Preset("till", "orders", columns={
    ...     "customer_id": ("Card",), "order_id": ("Receipt",), "ordered_at": ("Day",),
    ...     "revenue": ("Sum",)})
    >>> mine.needs
    ['Card', 'Receipt', 'Day', 'Sum']
    """

    name: str
    kind: str
    description: str = ""
    source: str = ""
    note: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derive: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    date_format: str = ""
    reject: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    order_by: str = ""
    sessions: Mapping[str, Any] = field(default_factory=dict)
    unpivot: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        where = f"preset {self.name}"
        schema = TABLES[one_of(self.kind, TABLES, f"{where}, kind")]
        for part in ("columns", "derive", "values", "asks", "types", "units"):
            for canonical in getattr(self, part):
                one_of(canonical, schema.names, f"{where}, {part}")
        for canonical, kind in self.types.items():
            one_of(kind, TYPES, f"{where}, types.{canonical}")
        for part in ("derive", "reject", "checks"):
            for key, text in getattr(self, part).items():
                references(text, f"{where}, {part}.{key}")
        if self.sessions and set(self.sessions) != {"by", "at", "gap_minutes"}:
            raise ParameterError(
                "sessions are by, at and gap_minutes",
                where=f"{where}, sessions",
                got=", ".join(map(str, self.sessions)),
                expected="by, at, gap_minutes",
            )
        twice = [name for name in self.derive if name in self.columns or name in self.values]
        twice += [name for name in self.columns if name in self.values]
        if twice:
            raise ParameterError(
                "a canonical column comes from two places", where=where, got=", ".join(twice)
            )
        given = {*self.columns, *self.derive, *self.values}
        if missing := [
            name for name in schema.required if name not in given and name not in self.asks
        ]:
            raise ParameterError(
                "the preset does not say where a required column comes from",
                where=where,
                got=", ".join(sorted(given)) or "nothing",
                expected=", ".join(missing),
            )

    @property
    def grouped(self) -> bool:
        """Whether several rows of the source become one."""
        return bool(self.group_by or self.sessions)

    @property
    def needs(self) -> list[str]:
        """Source columns without which the preset cannot be used; alternatives joined by "or"."""
        required = TABLES[self.kind].required
        found = [" or ".join(self.columns[name]) for name in required if name in self.columns]
        for text in [self.derive[name] for name in required if name in self.derive]:
            found += references(text)
        found += self.group_by
        for key in ("by", "at"):
            found += references(str(self.sessions.get(key, "")))
        found = [" or ".join(self.columns.get(name, (name,))) for name in found]
        return [name for name in dict.fromkeys(found) if name not in OWN]

    def missing(self, present: list[str], given: Mapping[str, Any] | None = None) -> list[str]:
        """Return which of the columns it needs are not among those `present`.

        Parameters
        ----------
        present : list of str
            Columns of a source.
        given : mapping, optional
            Canonical columns that the caller gives otherwise.
        """
        without = {
            item
            for name in given or {}
            if name in self.columns
            for item in [" or ".join(self.columns[name])]
        }
        return [
            item
            for item in self.needs
            if item not in without and not any(matching(n, present) for n in self._choices(item))
        ]

    def _choices(self, item: str) -> list[str]:
        for names in self.columns.values():
            if " or ".join(names) == item:
                return list(names)
        return [item, *self.columns.get(item, ())]


class _Presets(Mapping[str, Preset]):
    """The presets that segml ships, read when first used."""

    def __getitem__(self, name: str) -> Preset:
        return _shipped()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_shipped())

    def __len__(self) -> int:
        return len(_shipped())

    def __repr__(self) -> str:
        return f"<Presets: {', '.join(self)}>"


PRESETS: Mapping[str, Preset] = _Presets()


@cache
def _shipped() -> dict[str, Preset]:
    folder = files("segml.data") / "layouts"
    found = {file.name: file for file in folder.iterdir() if file.name.endswith(".yml")}
    return {
        (stem := name.removesuffix(".yml")): Preset(
            stem, **parse_preset(found[name].read_text(encoding="utf-8"), name)
        )
        for name in sorted(found)
    }


def load_preset(preset: str | os.PathLike[str] | Preset) -> Preset:
    """Return a preset by name, from the user's own YAML file, or as it is.

    Raises
    ------
    ParameterError
        No such preset or file, or a file that is none.

    Examples
    --------
    >>> load_preset("invoice_lines").kind
    'orders'
    """
    if isinstance(preset, Preset):
        return preset
    if not isinstance(preset, (str, os.PathLike)):
        raise ParameterError(
            "this is no preset",
            where="preset",
            got=type(preset).__name__,
            expected="a name, the path of a YAML file, or a Preset",
        )
    path = Path(preset)
    if path.suffix.lower() not in (".yml", ".yaml"):
        return PRESETS[one_of(str(preset), PRESETS, "preset")]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ParameterError(
            "the preset file cannot be read", where="preset", got=str(preset)
        ) from error
    return Preset(path.stem, **parse_preset(text, str(preset)))


def find_preset(preset: str | os.PathLike[str] | Preset, kind: str) -> Preset:
    """Return a preset of one table.

    Raises
    ------
    ParameterError
        As for :func:`load_preset`, or it is of another table.

    Examples
    --------
    >>> find_preset("invoice_lines", "orders").name
    'invoice_lines'
    """
    found = load_preset(preset)
    if found.kind != kind:
        of_kind = [name for name in PRESETS if PRESETS[name].kind == kind]
        raise ParameterError(
            f"the preset {found.name} reads {found.kind}, not {kind}",
            where="preset",
            got=found.name,
            expected="one of " + ", ".join(of_kind),
            nearest=nearest(found.name, of_kind),
            hint=f"read_table(source, {found.kind!r}, preset={found.name!r})",
        )
    return found
