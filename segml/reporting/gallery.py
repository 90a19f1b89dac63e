"""The gallery: all runs of all reports on one page, newest first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from segml._core.errors import DataError
from segml._core.files import write_text

from .manifest import FILE_NAME, read_manifest
from .metrics import METRICS, Metric, run_metrics
from .page import COMPARISON_NAME, PAGE_NAME, render
from .reuse import run_folders
from .run_tables import duration

GALLERY_NAME = "index.html"


@dataclass(frozen=True)
class Entry:
    """One run as the gallery lists it."""

    report: str
    run_id: str
    title: str
    status: str
    when: str
    seconds: float | None
    took: str
    reason: str
    alerts: tuple[str, ...]
    metrics: tuple[Metric, ...]
    page: str
    comparison: str
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
        The page: one table, newest run first, that sorts by every column and can be narrowed
        to a report, a status, days, and a range of a metric.

    Notes
    -----
    A run whose manifest is missing or broken is listed as unreadable; one whose process is gone
    without a word as killed. Metrics that no run has stored have no column.

    Examples
    --------
    >>> import tempfile
    >>> build_gallery(tempfile.mkdtemp()).name
    'index.html'
    """
    reports = Path(reports_dir)
    entries = [_entry(folder) for report in run_folders(reports) for folder in run_folders(report)]
    entries.sort(key=lambda entry: (entry.when, entry.report, entry.run_id), reverse=True)
    titles: dict[str, str] = {}
    for entry in entries:
        titles[entry.report] = titles.get(entry.report) or entry.title
    shown = [
        (key, label)
        for i, (key, label, _) in enumerate(METRICS)
        if any(entry.metrics and entry.metrics[i].written for entry in entries)
    ]
    page = render(
        "gallery.html",
        runs=entries,
        titles={report: title or report for report, title in sorted(titles.items())},
        statuses=sorted({entry.status for entry in entries}),
        metrics=shown,
    )
    return write_text(reports / GALLERY_NAME, page)


def _entry(folder: Path) -> Entry:
    def link(name: str) -> str:
        there = (folder / name).is_file()
        return quote(f"{folder.parent.name}/{folder.name}/{name}") if there else ""

    title, status, when, reason = "", "unreadable", _when(folder.name), ""
    seconds: float | None = None
    alerts: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    try:
        run = read_manifest(folder)
    except DataError as error:
        reason = error.problem.what
    else:
        title, status, when = run.title, run.status, run.started_at[:19].replace("T", " ")
        reason, seconds = run.reason or "", run.seconds
        alerts = tuple(alert["words"] for alert in run.alerts)
        metrics = tuple(run_metrics(folder, run))
    return Entry(
        report=folder.parent.name,
        run_id=folder.name,
        title=title,
        status=status,
        when=when,
        seconds=seconds,
        took=duration(seconds),
        reason=reason,
        alerts=alerts,
        metrics=metrics,
        page=link(PAGE_NAME),
        comparison=link(COMPARISON_NAME),
        manifest=link(FILE_NAME),
    )


def _when(run_id: str) -> str:
    """Return the time in a run's name, for runs that cannot tell it themselves."""
    stamp = run_id[:15]
    if len(stamp) < 15 or stamp[8] != "T" or not (stamp[:8] + stamp[9:]).isdigit():
        return ""
    day, clock = stamp[:8], stamp[9:]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"
