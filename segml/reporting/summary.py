"""A run in a few lines: Markdown for a chat, plain text for a mail."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from segml._core.files import write_text

from .headlines import Headline, headlines
from .manifest import Manifest, read_manifest
from .page import PAGE_NAME, executed
from .previous import compare_with_previous
from .run_tables import day_and_time, duration

SUMMARY_NAME = "summary.md"
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


@dataclass(frozen=True)
class Summary:
    """What a message says of a run.

    Parameters
    ----------
    title, status, when, run : str
        Which run and how it ended.
    reason : str
        Why it failed; empty where it did not.
    headlines : tuple of Headline
        Its headline numbers.
    alerts, changes : tuple of str
        Thresholds crossed; what changed since the run before.
    link : str
        Where the report is.
    """

    title: str
    status: str
    when: str
    run: str
    reason: str
    headlines: tuple[Headline, ...]
    alerts: tuple[str, ...]
    changes: tuple[str, ...]
    link: str

    @property
    def subject(self) -> str:
        """One line that says which run, and how it ended."""
        count = len(self.alerts)
        alerts = f", {count} alert{'s' if count > 1 else ''}" if count else ""
        return f"{self.title}: {self.status}{alerts}"

    def markdown(self) -> str:
        """Return the summary as Markdown; names from data are escaped."""
        lines = [f"**{_escaped(self.subject)}**", "", f"{_escaped(self.run)}, {self.when}", ""]
        if self.reason:
            lines += [f"Why: {_escaped(self.reason)}", ""]
        for title, items in (("Alerts", self.alerts), ("Since the run before", self.changes)):
            if items:
                lines += [f"**{title}**", "", *(f"- {_escaped(item)}" for item in items), ""]
        if self.headlines:
            lines += ["**Headline numbers**", ""]
            for one in self.headlines:
                note = f" ({_escaped(one.note)})" if one.note else ""
                lines.append(f"- {_escaped(one.label)}: **{_escaped(one.value)}**{note}")
            lines.append("")
        lines.append(f"[Open the report](<{self.link}>)")
        return "\n".join(lines) + "\n"

    def text(self) -> str:
        """Return the summary as plain text."""
        lines = [self.subject, f"{self.run}, {self.when}", ""]
        if self.reason:
            lines += [f"Why: {self.reason}", ""]
        for title, items in (("Alerts", self.alerts), ("Since the run before", self.changes)):
            if items:
                lines += [title, *(f"- {item}" for item in items), ""]
        if self.headlines:
            lines.append("Headline numbers")
            for one in self.headlines:
                note = f" ({one.note})" if one.note else ""
                lines.append(f"- {one.label}: {one.value}{note}")
            lines.append("")
        return "\n".join(lines)


def summarise(run_folder: str | os.PathLike[str], address: str = "") -> Summary:
    """Return what a message says of a run.

    Parameters
    ----------
    run_folder : path
        The run folder.
    address : str, optional
        Where the reports folder is published, such as ``https://example.org/reports``; without
        it the link is the path of the report below that folder.

    Raises
    ------
    DataError
        The manifest cannot be read.
    """
    folder = Path(run_folder)
    run = read_manifest(folder)
    place = quote(f"{run.report}/{run.run_id}/{PAGE_NAME}")
    took = f", took {duration(run.seconds)}" if run.seconds is not None else ""
    return Summary(
        title=run.title,
        status=run.status,
        when=f"{day_and_time(run.started_at)}{took}",
        run=f"{run.report}/{run.run_id}",
        reason=run.reason or "",
        headlines=tuple(headlines(folder, list(executed(folder, run)))),
        alerts=tuple(alert["words"] for alert in run.alerts),
        changes=_changes(folder, run),
        link=f"{address.rstrip('/')}/{place}" if address else place,
    )


def write_summary(run_folder: str | os.PathLike[str], address: str = "") -> Path:
    """Write ``summary.md`` into a run folder: the run in a few lines, for a chat.

    Parameters
    ----------
    run_folder : path
        The run folder.
    address : str, optional
        Where the reports folder is published, such as ``https://example.org/reports``; without
        it the link is the path of the report below that folder.

    Returns
    -------
    Path
        The file: how the run ended, alerts, what changed since the run before, headline
        numbers, and the link. It holds what the report holds, and so no personal data.

    Raises
    ------
    DataError
        The manifest cannot be read.
    """
    text = summarise(run_folder, address).markdown()
    return write_text(Path(run_folder) / SUMMARY_NAME, text)


def _changes(folder: Path, run: Manifest) -> tuple[str, ...]:
    if run.status != "completed":
        return ()
    found = compare_with_previous(folder, run)
    return () if found is None else (*found.verdict, *found.notes)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
