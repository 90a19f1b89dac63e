"""Run a report: check first, execute each notebook, keep what happened, write the page."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segml._core.errors import RunError
from segml._core.files import write_text
from segml._core.html import block, facts, note

from .execute import NotebookError, execute, kernel_environment, plain
from .gallery import build_gallery
from .manifest import Manifest, NotebookRun, list_files, now, public_params
from .page import Failure, write_page
from .params import ReportParams
from .preflight import Job, display, prepare
from .provenance import data_fingerprint, git_state, versions

FAILURE_NAME = "failure.txt"

Progress = Callable[[int, int, NotebookRun], None]


@dataclass(frozen=True)
class RunResult:
    """A completed run.

    Parameters
    ----------
    folder : Path
        The run folder.
    html : Path
        Its page.
    manifest : Manifest
        What ran and how it ended.
    """

    folder: Path
    html: Path
    manifest: Manifest

    @property
    def run_id(self) -> str:
        """The run's name, unique within the report."""
        return self.manifest.run_id

    def _repr_html_(self) -> str:
        run = self.manifest
        notebooks = f"{len(run.notebooks)} notebooks"
        return block(
            facts([(run.title, f"{run.seconds or 0:.0f} s", f"{run.status}, {notebooks}")]),
            note(f"The report is in {display(self.html)}"),
        )


class FailedRunError(RunError):
    """A report run failed.

    Attributes
    ----------
    run_folder : Path
        What there is of the run: the partly executed notebook, ``failure.txt``, the page.
    """

    def __init__(self, what: str, run_folder: Path, **parts: object) -> None:
        super().__init__(what, **parts)
        self.run_folder = run_folder


def run_report(
    params: str | os.PathLike[str] | ReportParams,
    *,
    notebooks_dir: str | os.PathLike[str] | None = None,
    reports_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Execute a report's notebooks and write its page.

    Parameters
    ----------
    params : path or ReportParams
        A parameter file, or parameters made in Python.
    notebooks_dir, reports_dir : path, optional
        By default ``notebooks`` and ``reports`` beside the folder of the parameter file
        (in the current folder for parameters made in Python).
    progress : callable, optional
        Called with (position from 1, number of notebooks, :class:`NotebookRun`) before and
        after each notebook.

    Returns
    -------
    RunResult
        The run folder, the page and the manifest.

    Raises
    ------
    ParameterError
        Before anything is written or started: parameters, notebooks or the data file are wrong.
    RunError
        A notebook failed (:class:`FailedRunError`, with `run_folder`), or nothing can be written.
    """
    job = prepare(params, notebooks_dir=notebooks_dir, reports_dir=reports_dir)
    folder = _make_run_folder(job)
    manifest = Manifest(
        run_id=folder.name,
        report=job.params.report,
        title=job.params.title,
        params=public_params(job.params),
        seed=job.params.seed,
        status="running",
        pid=os.getpid(),
        started_at=now(),
        versions=versions(),
        git=git_state(job.home),
        notebooks=tuple(NotebookRun(name) for name in job.params.notebooks),
    )
    return _Run(job, folder, manifest, progress).go()


def _make_run_folder(job: Job) -> Path:
    """Make a folder that no other run has: UTC time, parameters, and a number if need be."""
    text = json.dumps(public_params(job.params), sort_keys=True)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    report = job.reports_dir / job.params.report
    try:
        report.mkdir(parents=True, exist_ok=True)
        for i in itertools.count(1):
            folder = report / (stamp if i == 1 else f"{stamp}-{i}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            (folder / "notebooks").mkdir()
            (folder / "artefacts").mkdir()
            return folder
    except OSError as error:
        raise RunError(
            f"cannot make a run folder: {error.strerror}", where=display(report)
        ) from error
    raise AssertionError("unreachable")


class _Run:
    """One run under way: what it knows so far goes to the manifest at every step."""

    def __init__(
        self, job: Job, folder: Path, manifest: Manifest, progress: Progress | None
    ) -> None:
        self.job = job
        self.folder = folder
        self.manifest = manifest
        self.progress = progress
        self.at: int | None = None

    def go(self) -> RunResult:
        """Run to the end, or keep what there is and raise."""
        try:
            self._save()
            self._save(data=data_fingerprint(self.job.params))
            with kernel_environment():
                for i in range(len(self.job.notebooks)):
                    self._execute(i)
            self._close("completed")
            html = write_page(self.folder, self.manifest)
            self._save()  # last: a run that says completed has its page
        except BaseException as error:
            failure = self._failure(error)
            self._fail(failure)
            if not isinstance(error, Exception):  # Ctrl-C goes on
                raise
            raise FailedRunError(
                f"the report {self.manifest.report} failed: {failure.what}",
                self.folder,
                where=failure.place or None,
                hint=f"read {display(self.folder / FAILURE_NAME)}",
            ) from error
        self._list()
        return RunResult(self.folder, html, self.manifest)

    def _save(self, **changes: Any) -> None:
        self.manifest = replace(self.manifest, **changes)
        self.manifest.write(self.folder)

    def _notebook(self, i: int, **changes: Any) -> None:
        self.manifest = self.manifest.with_notebook(i, **changes)
        self._save()
        if self.progress is not None:
            self.progress(i + 1, len(self.manifest.notebooks), self.manifest.notebooks[i])

    def _execute(self, i: int) -> None:
        source = self.job.notebooks[i]
        parameters = {"params": self.job.params.as_json(), "run_dir": os.fspath(self.folder)}
        self.at = i
        self._notebook(i, status="running")
        start = time.perf_counter()
        error: dict[str, Any] | None = None
        try:
            execute(source, self.folder / "notebooks" / source.name, parameters, self.folder)
        except NotebookError as failed:
            error = {"type": failed.kind, "message": failed.message, "cell": failed.cell}
            raise
        except BaseException as stopped:
            error = {"type": type(stopped).__name__, "message": "interrupted", "cell": None}
            raise
        finally:
            seconds = round(time.perf_counter() - start, 3)
            status = "completed" if error is None else "failed"
            self._notebook(i, status=status, seconds=seconds, error=error)
        self.at = None

    def _failure(self, error: BaseException) -> Failure:
        name = self.manifest.notebooks[self.at].name if self.at is not None else ""
        if isinstance(error, NotebookError):
            return Failure(
                what=str(error),
                notebook=name,
                cell=error.cell,
                of=error.of,
                traceback=error.traceback,
                command=self.job.command,
            )
        interrupted = isinstance(error, KeyboardInterrupt)
        what = "interrupted" if interrupted else f"{type(error).__name__}: {error}"
        lines = "" if interrupted else "".join(traceback.format_exception(error))
        return Failure(
            what=plain(what), notebook=name, traceback=plain(lines), command=self.job.command
        )

    def _fail(self, failure: Failure) -> None:
        """Keep what there is, each part on its own: the disk or the page may be what failed."""
        with contextlib.suppress(OSError):
            self._close("failed", failure.what.splitlines()[0])
        with contextlib.suppress(OSError):
            self._save()
        with contextlib.suppress(OSError):
            write_text(self.folder / FAILURE_NAME, failure.text(self.manifest))
        with contextlib.suppress(Exception):
            write_page(self.folder, self.manifest, failure)
        self._list()

    def _close(self, status: str, reason: str | None = None) -> None:
        produced = [file for file in (self.folder / "artefacts").rglob("*") if file.is_file()]
        self.manifest = replace(
            self.manifest, status=status, finished_at=now(), reason=reason, artefacts=()
        )
        artefacts = list_files(self.folder, produced)
        self.manifest = replace(self.manifest, artefacts=artefacts)

    def _list(self) -> None:
        with contextlib.suppress(OSError):  # the run stands, listed or not
            build_gallery(self.job.reports_dir)
