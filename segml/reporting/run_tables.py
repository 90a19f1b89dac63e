"""What a run says of itself, as rows of text: parameters, data, notebooks, versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segml._core.text import MONTHS, count

from .manifest import Manifest, NotebookRun

NOT_SET = "not set"


@dataclass(frozen=True)
class RunTable:
    """A table of text.

    Parameters
    ----------
    caption : str
        What it shows.
    head : tuple of str
        Heads of its columns; empty for pairs of a name and a value.
    rows : sequence of tuple of str
        Its cells.
    """

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def run_tables(run: Manifest) -> list[RunTable]:
    """Return what the foot of a page lists of a run."""
    tables = [RunTable("Parameters", (), list(flat(run.params)))]
    if rows := data_rows(run):
        tables.append(RunTable("Data", (), rows))
    head = ("Notebook", "Status", "Time", "Peak memory")
    tables.append(RunTable("Notebooks", head, [_notebook_row(one) for one in run.notebooks]))
    tables.append(RunTable("Versions", (), version_rows(run)))
    return tables


def data_rows(run: Manifest) -> list[tuple[str, str]]:
    """Return the data files of a run with their size and hash."""
    files = run.data.get("files", [])
    return [(f["path"], f"{count(f['bytes'])} bytes, SHA-256 {f['sha256']}") for f in files]


def version_rows(run: Manifest) -> list[tuple[str, str]]:
    """Return the versions that made the numbers of a run."""
    rows = [(name, version or "not installed") for name, version in run.versions.items()]
    if run.git:
        state = ", with changes" if run.git["dirty"] else ""
        rows.append(("git revision", f"{run.git['revision']}{state}"))
    return rows


def flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested parameters as key paths and text.

    Examples
    --------
    >>> list(flat({"a": {"b": [1, 2]}, "c": None}))
    [('a.b', '1, 2'), ('c', 'not set')]
    """
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value:
            yield f"{prefix}{name}", ", ".join(str(item) for item in value)
        else:
            yield f"{prefix}{name}", NOT_SET if value in (None, "", {}, []) else str(value)


def day_and_time(iso: str) -> str:
    """Return a UTC time as people write it.

    Examples
    --------
    >>> day_and_time("2026-11-21T22:15:00.000+00:00")
    '21 November 2026, 22:15 UTC'
    """
    when = datetime.fromisoformat(iso)
    return f"{when.day} {MONTHS[when.month - 1]} {when:%Y, %H:%M} UTC"


def duration(seconds: float | None) -> str:
    """Return a time span; empty where it is not known.

    Examples
    --------
    >>> duration(9.94), duration(75.2), duration(3725), duration(None)
    ('9.9 s', '1 min 15 s', '1 h 2 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _notebook_row(run: NotebookRun) -> tuple[str, str, str, str]:
    status = f"reused from run {run.reused_from}" if run.status == "reused" else run.status
    memory = "" if run.peak_memory_mb is None else f"{count(run.peak_memory_mb)} MiB"
    return run.name, status, duration(run.seconds), memory
