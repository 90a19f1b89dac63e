"""Run a report: check first, execute each notebook, keep what happened, write the page."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segml._core.check import number
from segml._core.errors import RunError
from segml._core.html import block, facts, note

from .data_files import display
from .kernels import Kernels
from .manifest import Manifest, NotebookRun, now, public_params
from .params import ReportParams
from .preflight import Job, prepare
from .progress import Progress
from .provenance import git_state, versions
from .record import Record
from .run import FAILURE_NAME, FailedRunError, Options, Run

__all__ = ["FAILURE_NAME", "FailedRunError", "Progress", "RunResult", "run_report"]


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

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """Thresholds that were crossed: ``key``, ``value``, ``limit`` and ``words`` each."""
        return list(self.manifest.alerts)

    def _repr_html_(self) -> str:
        run = self.manifest
        reused = sum(notebook.status == "reused" for notebook in run.notebooks)
        notebooks = f"{len(run.notebooks)} notebooks" + (f", {reused} unchanged" if reused else "")
        return block(
            facts([(run.title, f"{run.seconds or 0:.0f} s", f"{run.status}, {notebooks}")]),
            *(note(str(alert["words"])) for alert in run.alerts),
            note(f"The report is in {display(self.html)}"),
        )


def run_report(
    params: str | os.PathLike[str] | ReportParams,
    overrides: Sequence[str] = (),
    *,
    notebooks_dir: str | os.PathLike[str] | None = None,
    reports_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    notebook_timeout: float | None = None,
    retry: int = 0,
    keep: int | None = None,
    fresh: bool = False,
    kernels: Kernels | None = None,
) -> RunResult:
    """Execute a report's notebooks and write its page.

    A notebook of segml whose code, parameters, data, seed and versions are those of an earlier
    run of the report is taken from there, also when that run was killed in the middle.

    Parameters
    ----------
    params : path or ReportParams
        A parameter file, or parameters made in Python.
    overrides : sequence of str
        Parameters that replace those of the file, as ``clustering.n_segments=6``.
    notebooks_dir, reports_dir : path, optional
        By default ``notebooks`` and ``reports`` beside the folder of the parameter file
        (in the current folder for parameters made in Python).
    progress : callable, optional
        Called with (position from 1, number of notebooks, :class:`NotebookRun`) before and
        after each notebook; see :func:`~segml.reporting.progress.progress_for`.
    jobs : int, default 1
        How many notebooks that do not need each other run at once; results are the same.
    timeout, notebook_timeout : float, optional
        Seconds after which the run, or one attempt of one notebook, is ended.
    retry : int, default 0
        How often a notebook that failed is started again, from the beginning.
    keep : int, optional
        When the run has completed, remove the oldest runs of the report but so many, beside
        this one. None keeps all.
    fresh : bool, default False
        Execute every notebook, whatever is there.
    kernels : Kernels, optional
        What starts kernels, shared by several runs; by default made for this one.

    Returns
    -------
    RunResult
        The run folder, the page and the manifest.

    Raises
    ------
    ParameterError
        Before anything is written or started: parameters, notebooks or the data file are wrong.
    DataError
        Before anything is written or started: the data lack a column, or are too few.
    RunError
        A notebook failed (:class:`FailedRunError`, with `run_folder`), or nothing can be written.
    """
    for name, seconds in (("timeout", timeout), ("notebook_timeout", notebook_timeout)):
        if seconds is not None:
            number(seconds, name, low=0, open_low=True)
    if keep is not None:
        number(keep, "keep", low=0, whole=True)
    options = Options(
        jobs=int(number(jobs, "jobs", low=1, whole=True)),
        timeout=timeout,
        notebook_timeout=notebook_timeout,
        retry=int(number(retry, "retry", low=0, whole=True)),
        keep=keep,
        fresh=fresh,
        kernels=kernels,
    )
    job = prepare(params, overrides, notebooks_dir=notebooks_dir, reports_dir=reports_dir)
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
    record = Record(folder, manifest, progress)
    html = Run(job, record, options).go()
    return RunResult(folder, html, record.manifest)


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
