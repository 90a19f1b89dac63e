"""Run one stage: take it from an earlier run, or execute it, as often as is allowed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segml._core.errors import RunError
from segml._core.files import sha256

from .execute import NotebookError, execute, plain
from .kernels import Kernels
from .locks import locked
from .manifest import now
from .record import Record
from .reuse import Earlier, copy_stage, find_stage
from .stages import Stage
from .watch import Watch
from .work_folder import RUN_DIR, WorkFolder


@dataclass(frozen=True)
class Limits:
    """How long and how often.

    Parameters
    ----------
    deadline : float, optional
        End of the run's time on the monotonic clock.
    notebook_timeout : float, optional
        Seconds for one attempt of one notebook.
    retry : int
        How often a notebook that failed is started again.
    """

    deadline: float | None = None
    notebook_timeout: float | None = None
    retry: int = 0

    def of_notebook(self) -> tuple[float | None, str]:
        """Return the end of the time of a notebook that starts now, and whose time it is."""
        if self.notebook_timeout is not None:
            end = time.monotonic() + self.notebook_timeout
            if self.deadline is None or end < self.deadline:
                return end, f"the notebook ran out of time, {self.notebook_timeout:g} s"
        return self.deadline, "the run ran out of time"

    @property
    def over(self) -> bool:
        """Whether the run's time has come to an end."""
        return self.deadline is not None and time.monotonic() >= self.deadline


class StageRunner:
    """Runs the stages of one run, each in a folder of its own.

    Parameters
    ----------
    record : Record
        What is known of the run.
    stages : sequence of Stage
        All of them, in order.
    notebooks : sequence of Path
        Their notebooks.
    params : dict
        The parameters that notebooks get.
    kernels : Kernels
        What starts their kernels.
    limits : Limits
        How long and how often.
    unchanged : callable
        Whether the data are still what they were at the start.
    """

    def __init__(
        self,
        record: Record,
        stages: Sequence[Stage],
        notebooks: Sequence[Path],
        params: Mapping[str, Any],
        kernels: Kernels,
        limits: Limits,
        unchanged: Callable[[], bool],
    ) -> None:
        self.record = record
        self.stages = stages
        self.notebooks = notebooks
        self.params = params
        self.kernels = kernels
        self.limits = limits
        self.unchanged = unchanged
        self.stopped: str | None = None
        self._watches: dict[int, Watch] = {}
        self._lock = threading.Lock()

    def take(self, i: int, key: str | None, earlier: Sequence[Earlier]) -> bool:
        """Take a stage from an earlier run; say whether there was one."""
        if key is None:
            return False
        start = time.perf_counter()
        # The lock of the report: nobody removes that run meanwhile.
        with contextlib.suppress(RunError, OSError), locked(self.record.folder.parent):
            found = find_stage(key, earlier)
            if found is None:
                return False
            run, notebook = found
            copy_stage(run, notebook, self.record.folder)
            self.record.add_artefacts(list(notebook.artefacts))
            self.record.change(
                i,
                status="reused",
                seconds=round(time.perf_counter() - start, 3),
                cells=notebook.cells,
                peak_memory_mb=notebook.peak_memory_mb,
                key=key,
                reused_from=notebook.reused_from or run.folder.name,
                artefacts=notebook.artefacts,
                alerts=notebook.alerts,
            )
            return True
        return False

    def run(self, i: int, key: str | None) -> None:
        """Execute a stage.

        Raises
        ------
        NotebookError
            It failed, the last time that it was started.
        """
        for attempt in range(1, self.limits.retry + 2):
            try:
                self._attempt(i, key, attempt)
                return
            except NotebookError:
                last = attempt > self.limits.retry or self.limits.over
                if last or self.stopped is not None:
                    raise

    def stop(self, why: str) -> None:
        """End every notebook that is under way."""
        self.stopped = why
        with self._lock:
            for watch in self._watches.values():
                watch.stop()

    def _attempt(self, i: int, key: str | None, attempt: int) -> None:
        name = self.stages[i].name
        before = self.record.notebook(i).seconds or 0.0
        start = time.perf_counter()
        self.record.change(
            i, status="running", started_at=now(), attempts=attempt, cells=(), error=None
        )
        changes: dict[str, Any] = {"status": "failed"}
        deadline, words = self.limits.of_notebook()
        watch = Watch(self.kernels, deadline, words)
        watch.changed = lambda: self.record.cells(i, watch.cells, watch.peak_mb)
        with self._lock:
            self._watches[i] = watch
        try:
            with WorkFolder(self.record.folder, name, self._inputs(i)) as work:
                watch.folder = str(work.notebook.parent)
                parameters = {"params": self.params, "run_dir": RUN_DIR}
                execute(self.notebooks[i], work.notebook, parameters, watch)
                changes |= {"alerts": work.alerts(), "artefacts": self._hand_over(i, work)}
                changes |= {"status": "completed", "key": key if self.unchanged() else None}
        except NotebookError as error:
            changes["status"], message = error.status, error.message
            if self.stopped is not None:
                changes["status"], message = "failed", self.stopped
            changes["error"] = {"type": error.kind, "message": message, "cell": error.cell}
            raise
        except Exception as error:
            message = plain(str(error))
            changes["error"] = {"type": type(error).__name__, "message": message, "cell": None}
            raise
        finally:
            with self._lock:
                del self._watches[i]
            changes |= {"cells": tuple(watch.cells), "peak_memory_mb": watch.peak_mb}
            changes["seconds"] = round(before + time.perf_counter() - start, 3)
            self.record.change(i, **changes)

    def _inputs(self, i: int) -> list[str]:
        """Return the artefacts of the stages that a stage needs, and of those that they need."""
        places = {stage.name: place for place, stage in enumerate(self.stages)}
        needed: set[int] = set()
        ahead = [i]
        while ahead:
            new = {places[name] for name in self.stages[ahead.pop()].needs} - needed
            needed |= new
            ahead += new
        names = (name for place in sorted(needed) for name in self.record.notebook(place).artefacts)
        return list(dict.fromkeys(names))

    def _hand_over(self, i: int, work: WorkFolder) -> tuple[str, ...]:
        """Move what a notebook made to the run folder; return the names.

        Where another stage made a file of that name, that of the earlier notebook stays,
        whichever was done first: results do not depend on how many run at once.
        """
        with self._lock:
            handed = []
            for name in work.made():
                there = self.record.folder / "artefacts" / name
                if there.exists():
                    same = sha256(there) == sha256(work.path / "artefacts" / name)
                    makers = [
                        place
                        for place, notebook in enumerate(self.record.manifest.notebooks)
                        if name in notebook.artefacts
                    ]
                    if not same and min(makers, default=-1) < i:
                        continue
                work.hand_over(name)
                handed.append(name)
            self.record.add_artefacts(handed)
            return tuple(handed)
