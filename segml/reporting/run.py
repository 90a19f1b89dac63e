"""One run under way, from its first stage to its page."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segml._core.errors import DataError, ParameterError, RunError, SegmlError
from segml._core.files import write_json, write_text

from .cleanup import keep_latest, tidy
from .data_files import display
from .execute import NotebookError, plain
from .gallery import build_gallery
from .kernels import Kernels
from .locks import locked
from .page import Failure, write_page
from .preflight import Job
from .previous import write_comparison
from .provenance import data_fingerprint, data_states, reading_known
from .record import Record
from .reuse import Earlier, earlier_runs
from .stage_run import Limits, StageRunner
from .stages import code_hash, imports, plan, stage_key
from .work_folder import ALERTS

FAILURE_NAME = "failure.txt"


@dataclass(frozen=True)
class Options:
    """How a report is run; :func:`~segml.reporting.run_report` describes each."""

    jobs: int = 1
    timeout: float | None = None
    notebook_timeout: float | None = None
    retry: int = 0
    keep: int | None = None
    fresh: bool = False
    kernels: Kernels | None = None


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


class Run:
    """A run: its stages, its record, and what becomes of it in the end.

    Parameters
    ----------
    job : Job
        What is run.
    record : Record
        What is known of it.
    options : Options
        How it is run.
    """

    def __init__(self, job: Job, record: Record, options: Options) -> None:
        self.job = job
        self.record = record
        self.options = options
        self.report = record.folder.parent
        self.stages = plan(job.notebooks)
        self.keys: list[str | None] = []
        self.limits = Limits(
            None if options.timeout is None else time.monotonic() + options.timeout,
            options.notebook_timeout,
            options.retry,
        )
        self.failed_at: int | None = None

    def go(self) -> Path:
        """Run to the end and return the page, or keep what there is and raise."""
        try:
            with _terminable():
                self.record.save()
                states = data_states(self.job.params)
                self.record.save(data=data_fingerprint(self.job.params))
                earlier = self._earlier()
                self.keys = self._keys(earlier)
                self._run_stages(earlier, states)
                self._collect_alerts()
                self.record.close("completed")
                with contextlib.suppress(SegmlError, OSError):  # the run stands without it
                    write_comparison(self.record.folder, self.record.manifest)
                html = write_page(self.record.folder, self.record.manifest)
                self.record.save()  # last: a run that says completed has its page
        except BaseException as error:
            self._fail(error)
            raise
        self._list()
        return html

    def _earlier(self) -> list[Earlier]:
        """Put the report's folder in order and return its earlier runs."""
        with contextlib.suppress(RunError, OSError), locked(self.report):
            tidy(self.report)
        return earlier_runs(self.report, but=self.record.folder)

    def _keys(self, earlier: list[Earlier]) -> list[str | None]:
        known = self.record.manifest
        reading = reading_known(self.job.params)
        completed = (run for run in earlier if run.manifest.status == "completed")
        latest = next((run.folder.name for run in completed), None)
        keys: dict[str, str | None] = {}
        surroundings = {
            "data": known.data,
            "reading": reading,
            "versions": known.versions,
            "code": code_hash(),
        }
        for stage, notebook in zip(self.stages, self.job.notebooks, strict=True):
            needed = [keys[name] for name in stage.needs]
            if reading is None or not stage.reusable or None in needed:
                keys[stage.name] = None
                continue
            around = {**surroundings, "earlier": latest} if stage.earlier else surroundings
            sure = [key for key in needed if key is not None]
            keys[stage.name] = stage_key(stage, notebook, known.params, sure, around)
        return list(keys.values())

    def _run_stages(self, earlier: list[Earlier], states: list[Any]) -> None:
        with ExitStack() as stack:
            kernels = self.options.kernels
            if kernels is None:
                kernels = stack.enter_context(Kernels(imports(self.job.notebooks)))
            runner = StageRunner(
                self.record,
                self.stages,
                self.job.notebooks,
                self.job.params.as_json(),
                kernels,
                self.limits,
                lambda: _states_or_none(self.job) == states,
            )
            pool = stack.enter_context(ThreadPoolExecutor(self.options.jobs, "segml-notebook"))
            try:
                self._schedule(runner, pool, [] if self.options.fresh else earlier)
            except (KeyboardInterrupt, SystemExit) as stopped:
                runner.stop(_words_for(stopped))
                raise

    def _schedule(
        self, runner: StageRunner, pool: ThreadPoolExecutor, earlier: list[Earlier]
    ) -> None:
        """Start each stage when what it needs is there; stop starting when one has failed."""
        waiting = list(range(len(self.stages)))
        running: dict[Future[None], int] = {}
        while waiting or running:
            done = {run.name for run in self.record.manifest.notebooks if run.done}
            ready = (i for i in waiting if done.issuperset(self.stages[i].needs))
            i = next(ready, None) if len(running) < self.options.jobs else None
            if i is not None:
                waiting.remove(i)
                if runner.take(i, self.keys[i], earlier):
                    continue  # others may be ready now
                if self.limits.over:
                    raise RunError(f"the run ran out of time, {self.options.timeout:g} s")
                runner.kernels.start()
                running[pool.submit(runner.run, i, self.keys[i])] = i
                continue
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(ended, key=running.__getitem__):
                i = running.pop(future)
                if future.exception() is not None:
                    self.failed_at = i
                    wait(running)  # what they do is not lost
                    future.result()

    def _collect_alerts(self) -> None:
        found: list[dict[str, Any]] = []
        for notebook in self.record.manifest.notebooks:
            found += [alert for alert in notebook.alerts if alert not in found]
        if found:
            write_json(self.record.folder / "artefacts" / ALERTS, found)
            self.record.add_artefacts([ALERTS])
        self.record.save(alerts=tuple(found))

    def _fail(self, error: BaseException) -> None:
        """Keep what there is, each part on its own: the disk or the page may be what failed."""
        failure = self._failure(error)
        record = self.record
        record.close("failed", failure.what.splitlines()[0])
        with contextlib.suppress(OSError):
            record.save()
        with contextlib.suppress(OSError):
            write_text(record.folder / FAILURE_NAME, failure.text(record.manifest))
        with contextlib.suppress(Exception):
            write_page(record.folder, record.manifest, failure)
        self._list()
        if isinstance(error, Exception):  # Ctrl-C goes on
            raise FailedRunError(
                f"the report {record.manifest.report} failed: {failure.what}",
                record.folder,
                where=failure.place or None,
                hint=f"read {display(record.folder / FAILURE_NAME)}",
            ) from error

    def _failure(self, error: BaseException) -> Failure:
        failed = (run.name for run in self.record.manifest.notebooks if run.status == "failed")
        at = self.failed_at
        name = next(failed, "") if at is None else self.stages[at].name
        if isinstance(error, NotebookError):
            return Failure(
                what=str(error),
                notebook=name,
                cell=error.cell,
                of=error.of,
                traceback=error.traceback,
                command=self.job.command,
            )
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit))
        if stopped:
            what = _words_for(error)
        elif isinstance(error, (RunError, DataError, ParameterError)):
            what = str(error)
        else:
            what = f"{type(error).__name__}: {error}"
        lines = "" if stopped else "".join(traceback.format_exception(error))
        return Failure(
            what=plain(what), notebook=name, traceback=plain(lines), command=self.job.command
        )

    def _list(self) -> None:
        """Remove old runs, if asked and if this one is whole; list all in the gallery."""
        completed = self.record.manifest.status == "completed"
        if self.options.keep is not None and completed:
            with contextlib.suppress(RunError, OSError), locked(self.report):
                keep_latest(self.report, self.options.keep, but=self.record.folder)
        # The run stands, listed or not.
        with contextlib.suppress(RunError, OSError), locked(self.job.reports_dir):
            build_gallery(self.job.reports_dir)


def _states_or_none(job: Job) -> list[Any] | None:
    try:
        return data_states(job.params)
    except (OSError, DataError, ParameterError):
        return None


def _words_for(stopped: BaseException) -> str:
    return "interrupted" if isinstance(stopped, KeyboardInterrupt) else "terminated"


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a scheduler's SIGTERM end the run in order, as Ctrl-C does; exit code 143."""

    def stop(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
