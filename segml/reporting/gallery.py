"""The gallery: all runs of all reports on one page, newest first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from segml._core.errors import DataError
from segml._core.files import write_text

from .manifest import FILE_NAME, read_manifest
from .page import PAGE_NAME, template

GALLERY_NAME = "index.html"


@dataclass(frozen=True)
class Entry:
    """One run as the gallery lists it."""

    report: str
    run_id: str
    title: str
    status: str
    when: str
    duration: str
    reason: str
    page: str
    manifest: str


def build_gallery(reports_dir: str | os.PathLike[str]) -> Path:
    """Write ``index.html`` with every run below a reports folder.

    Parameters
    ----------
    reports_dir : path
        The folder that holds a folder a report, each with its run folders.

    Returns
    -------
    Path
        The page.

    Notes
    -----
    Reports are in the order of their latest run.  A run whose manifest is missing or broken is
    listed as unreadable; one whose process is gone without a word as killed.

    Examples
    --------
    >>> import tempfile
    >>> build_gallery(tempfile.mkdtemp()).name
    'index.html'
    """
    reports = Path(reports_dir)
    entries = sorted(_entries(reports), key=lambda entry: (entry.when, entry.run_id), reverse=True)
    latest = {entry.report: i for i, entry in reversed(list(enumerate(entries)))}
    entries.sort(key=lambda entry: latest[entry.report])
    groups = []
    for report, runs in groupby(entries, key=lambda entry: entry.report):
        listed = list(runs)
        title = next((run.title for run in listed if run.title), report)
        groups.append({"report": report, "title": title, "runs": listed})
    html = template("gallery.html").render(groups=groups, total=len(entries))
    return write_text(reports / GALLERY_NAME, html)


def _entries(reports: Path) -> list[Entry]:
    return [
        _entry(folder)
        for report in reports.iterdir()
        if report.is_dir() and not report.name.startswith(".")
        for folder in report.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    ]


def _entry(folder: Path) -> Entry:
    def link(name: str) -> str:
        there = (folder / name).is_file()
        return quote(f"{folder.parent.name}/{folder.name}/{name}") if there else ""

    title, status, when, duration, reason = "", "unreadable", _when(folder.name), "", ""
    try:
        run = read_manifest(folder)
    except DataError as error:
        reason = error.problem.what
    else:
        title, status, when = run.title, run.status, run.started_at[:19].replace("T", " ")
        reason = run.reason or ""
        duration = _duration(run.seconds)
    return Entry(
        report=folder.parent.name,
        run_id=folder.name,
        title=title,
        status=status,
        when=when,
        duration=duration,
        reason=reason,
        page=link(PAGE_NAME),
        manifest=link(FILE_NAME),
    )


def _when(run_id: str) -> str:
    """Return the time in a run's name, for runs that cannot tell it themselves."""
    stamp = run_id[:15]
    if len(stamp) < 15 or stamp[8] != "T" or not (stamp[:8] + stamp[9:]).isdigit():
        return ""
    day, clock = stamp[:8], stamp[9:]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


def _duration(seconds: float | None) -> str:
    """Return a time span.

    Examples
    --------
    >>> _duration(9.94), _duration(75.2), _duration(3725), _duration(None)
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
