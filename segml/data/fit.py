"""Which presets fit a source, and what each expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segml._core.errors import MissingTableError, ParameterError

from .presets import PRESETS, Preset
from .tables import TABLES


def fitting(present: list[str], kind: str | None = None) -> list[str]:
    """Return the names of the presets whose needed columns are all there, most specific first."""
    found = [
        (-len(preset.needs), name)
        for name, preset in PRESETS.items()
        if (kind is None or preset.kind == kind) and not preset.missing(present)
    ]
    return [name for _, name in sorted(found)]


def misfit(preset: Preset, missing: list[str], present: list[str], where: str) -> MissingTableError:
    """Return the error for a source that a preset does not fit; names the nearest preset."""
    shares = {
        name: 1 - len(other.missing(present)) / max(1, len(other.needs))
        for name, other in PRESETS.items()
        if name != preset.name
    }
    # Of presets that fit alike, one of the same table, then one that looks at more columns.
    best = max(
        shares,
        key=lambda name: (
            shares[name],
            PRESETS[name].kind == preset.kind,
            len(PRESETS[name].needs),
            name,
        ),
        default="",
    )
    own = 1 - len(missing) / max(1, len(preset.needs))
    nearer = best if best and shares.get(best, 0) > own else None
    hint = "columns={'canonical name': 'its name in the source'}"
    if nearer:
        hint = f"read_table(source, {PRESETS[nearer].kind!r}, preset={nearer!r}), or {hint}"
    return MissingTableError(
        f"the source does not fit the preset {preset.name}; missing: {', '.join(missing)}",
        where=where,
        got="columns " + ", ".join(present),
        expected=", ".join(preset.needs),
        nearest=nearer,
        hint=hint,
    )


def require_values(preset: Preset, values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Check that the caller gives what the export lacks.

    Raises
    ------
    ParameterError
        Names the columns and what they mean.
    """
    if asked := [name for name in preset.asks if name not in given]:
        raise ParameterError(
            f"the preset {preset.name} needs a value that the export does not have: "
            + ", ".join(f"{name} ({preset.asks[name]})" for name in asked),
            where="values",
            got=", ".join(values) or "nothing",
            expected=", ".join(asked),
            hint=f"values={{{asked[0]!r}: ...}}",
        )


def describe(preset: Preset) -> str:
    """Return what a preset expects, as lines of text.

    Examples
    --------
    >>> print(describe(PRESETS["invoice_lines"]).splitlines()[0])
    invoice_lines: orders
    """
    lines = [f"{preset.name}: {preset.kind}", preset.description, f"written from: {preset.source}"]
    lines += ["", "needs the columns: " + ", ".join(preset.needs)]
    if preset.asks:
        lines.append(
            "needs values={...} for: "
            + ", ".join(f"{name} ({meaning})" for name, meaning in preset.asks.items())
        )
    lines.append("")
    width = max(len(name) for name in TABLES[preset.kind].names)
    for name in TABLES[preset.kind].names:
        if name in preset.columns:
            origin = " or ".join(preset.columns[name])
        elif name in preset.derive:
            origin = " ".join(preset.derive[name].split())
        elif name in preset.values:
            origin = f"always {preset.values[name]}"
        else:
            continue
        kind = f", read as {preset.types[name]}" if name in preset.types else ""
        unit = f" [{preset.units[name]}]" if name in preset.units else ""
        lines.append(f"  {name:<{width}}  {origin}{kind}{unit}")
    if preset.group_by:
        lines.append("one row for the rows that agree in: " + ", ".join(preset.group_by))
    if preset.sessions:
        lines.append(f"one row a visit; {preset.sessions['gap_minutes']} minutes of silence end it")
    if preset.unpivot is not None:
        lines.append("every other column is a question: one row for each answer")
    lines += [f"left out and counted: {reason}" for reason in preset.reject]
    lines += [f"used and noted: {what}" for what in preset.checks]
    if preset.note:
        lines += ["", preset.note.rstrip()]
    return "\n".join(line for line in lines if line is not None)
