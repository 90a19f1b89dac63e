"""An engine of papermill that tells how each cell ended, keeps deadlines and forks its kernels.

papermill's own calls every cell that was not reached completed, and so it does one that ran out
of time or whose kernel died; and it knows a time limit per cell only.
"""

from __future__ import annotations

import time
from typing import Any

from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from papermill.log import logger
from papermill.utils import nb_kernel_name

from segml._core.files import write_text

from .watch import OutOfTimeError, Watch, injected

NAME = "segml"
SAVE_EVERY = 2.0  # seconds between two writings of a notebook under way


class _Manager(NotebookExecutionManager):
    """papermill's record of a notebook under way, written whole and not at every step."""

    def save(self, **kwargs: Any) -> None:
        """Write the notebook, unless that was done a moment ago."""
        if "nb" in kwargs:
            self.nb = kwargs["nb"]
        over = self.end_time is not None
        if over or time.monotonic() - getattr(self, "_saved", 0.0) >= SAVE_EVERY:
            import nbformat

            write_text(self.output_path, nbformat.writes(self.nb))
            self._saved = time.monotonic()

    def autosave_cell(self) -> None:
        """Write long output under way."""
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Close the record; a cell that never ran stays pending."""
        self.end_time = self.now()
        told = self.nb.metadata.papermill
        told["end_time"] = self.end_time.isoformat()
        told["duration"] = (self.end_time - self.start_time).total_seconds()
        self.save()


class _Client(PapermillNotebookClient):
    """papermill's client with honest statuses."""

    watch: Watch

    def papermill_execute_cells(self) -> None:
        """Run the cells in order; say of each how it ended."""
        watch = self.watch
        listed = iter(watch.cells)
        for index, cell in enumerate(self.nb.cells):
            shown = next(listed) if cell.cell_type == "code" and not injected(cell) else None
            if watch.over:
                raise OutOfTimeError
            self.nb_man.cell_start(cell, index)
            watch.start(shown)
            status = "failed"
            try:
                self.execute_cell(cell, index)
                status = "completed"
            except CellExecutionError as error:
                if error.ename == "SystemExit" and error.evalue in ("", "0"):
                    status = "completed"
                else:
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            except CellTimeoutError as error:
                if not watch.over:  # its output did not come
                    raise
                status = "timed out"
                raise OutOfTimeError from error
            except DeadKernelError:
                status = "killed"
                raise
            finally:
                told = cell.metadata.papermill
                told["status"] = self.nb_man.COMPLETED if status == "completed" else "failed"
                if status != "completed":
                    told["exception"] = True
                    self.shutdown_kernel = "immediate"  # it may be busy for ever
                self.nb_man.cell_complete(cell, cell_index=index)
                watch.end(shown, status)


class SegmlEngine(Engine):
    """papermill's engine ``segml``; takes a :class:`Watch` as ``watch``."""

    @classmethod
    def execute_notebook(
        cls, nb: Any, kernel_name: str, output_path: str, watch: Watch, **kwargs: Any
    ) -> Any:
        """Run a notebook and return it with its outputs."""
        manager = _Manager(nb, output_path=output_path, progress_bar=False)
        watch.plan(nb)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, watch=watch)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, watch: Watch, **kwargs: Any
    ) -> None:
        """Run the cells in a kernel of their own."""
        watch.kernel = watch.kernels.manager()
        left = watch.left()
        client = _Client(
            nb_man,
            km=watch.kernel,
            timeout_func=lambda cell: watch.limit(),
            startup_timeout=60 if left is None else min(60, max(1, round(left))),
            extra_arguments=["--log-level=CRITICAL"],  # what a cell raises is in its outputs
            log=logger,
        )
        client.watch = watch
        client.owns_km = True  # the kernel ends with the notebook
        try:
            client.execute(cwd=watch.folder, env=watch.kernels.environment)
        finally:
            ensure_event_loop().close()  # of this thread, which opens one with each notebook

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """Return the kernel's name as it was asked for."""
        found: str = nb_kernel_name(nb, name)
        return found


papermill_engines.register(NAME, SegmlEngine)
