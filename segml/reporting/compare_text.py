"""The comparison of two runs for a terminal and for a log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd

from segml._core import text

from .compare_words import SAME, change_words, value_words
from .run_tables import day_and_time

if TYPE_CHECKING:
    from .compare import RunComparison


def as_text(found: RunComparison, width: int) -> str:
    """Return the comparison as plain text."""
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(file=buffer, width=width, no_color=True, force_terminal=False, emoji=False)
    console.print(renderable(found))
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip() + "\n"


def renderable(found: RunComparison) -> Any:
    """Return the comparison as rich prints it."""
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = []
    for name, side in (("A", found.a), ("B", found.b)):
        when = day_and_time(side.run.started_at)
        parts.append(Text(f"{name}  {side.name}  {side.run.status}  {when}", style="bold"))
    parts.append(Text())
    parts += [Text(f"- {line}") for line in found.verdict]
    parts += [Text(f"! {line}", style="yellow") for line in found.notes]
    for title, frame in (("Parameters", found.params), ("Data", found.data)):
        if len(frame):
            rows = [[str(cell) or "–" for cell in row] for row in frame.itertuples(index=False)]
            parts.append(_table(title, ["", "A", "B"], rows, right=()))
    if len(found.metrics):
        parts.append(_metrics(found))
    if found.migration is not None:
        parts.append(_segments(found))
        parts.append(_moves(found))
    if len(found.kpis):
        parts.append(_kpis(found))
    return Group(*parts)


def _metrics(found: RunComparison) -> Any:
    rows = [
        [
            row["label"],
            *(value_words(row, side, row[f"{side}_currency"]) for side in "ab"),
            change_words(row) or text.MISSING,
        ]
        for row in found.metrics.to_dict("records")
    ]
    return _table("Metrics", ["", "A", "B", "change"], rows, right=(1, 2, 3))


def _segments(found: RunComparison) -> Any:
    rows = [
        [
            row["a_name"] or "(new)",
            "" if pd.isna(row["a_size"]) else text.count(row["a_size"]),
            row["b_name"] or "(gone)",
            "" if pd.isna(row["b_size"]) else text.count(row["b_size"]),
            "" if pd.isna(row["jaccard"]) else text.share(row["jaccard"]),
        ]
        for row in found.segments.to_dict("records")
    ]
    head = ["segment of A", "customers", "segment of B", "customers", "in common"]
    return _table("Segments", head, rows, right=(1, 3, 4))


def _moves(found: RunComparison) -> Any:
    assert found.migration is not None
    counts = found.migration.counts()
    rows = [
        [str(name), *("" if pd.isna(n) or n == 0 else text.count(n) for n in counts.loc[name])]
        for name in counts.index
    ]
    head = ["from \\ to", *(str(name) for name in counts.columns)]
    return _table("Customers, from A to B", head, rows, right=range(1, len(head)))


def _kpis(found: RunComparison) -> Any:
    """Return the KPI values that moved further than their intervals reach, or all customers'."""
    moved = found.kpis[found.kpis["apart"]]
    rows = [
        [
            row["label"],
            str(row["name"]),
            value_words(row, "a", found.a.currency),
            value_words(row, "b", found.b.currency),
            change_words(row),
        ]
        for row in moved.to_dict("records")
        if change_words(row) != SAME
    ]
    title = "KPIs that moved further than their intervals reach"
    return _table(
        title,
        ["KPI", "segment", "A", "B", "change"],
        rows or [["none", *[""] * 4]],
        right=(2, 3, 4),
    )


def _table(title: str, head: list[str], rows: list[list[str]], right: Any) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # Text, not markup: names of segments may hold brackets.
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for i, name in enumerate(head):
        table.add_column(Text(name), justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
