"""How far a run is: lines in a log, or a display in a terminal. Both on stderr."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from .manifest import NotebookRun

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar


class Progress(Protocol):
    """What a runner tells how far it is."""

    def __call__(self, position: int, total: int, notebook: NotebookRun) -> object:
        """Take in that a notebook starts or has ended; `position` is 1 for the first."""


def progress_for(stream: TextIO | None = None) -> LineProgress | BarProgress:
    """Return a display for a terminal, and lines for everything else.

    Parameters
    ----------
    stream : text file, optional
        Where it is shown; stderr by default.

    Examples
    --------
    >>> import io
    >>> type(progress_for(io.StringIO())).__name__
    'LineProgress'
    """
    stream = sys.stderr if stream is None else stream
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


def outcome(notebook: NotebookRun) -> str:
    """Say in a few words how a notebook went.

    Examples
    --------
    >>> outcome(NotebookRun("a", "completed", 2.34))
    'completed after 2.3 s'
    >>> outcome(NotebookRun("a", "reused", 0.01, reused_from="20261121T221500Z-1a2b3c"))
    'unchanged, taken from run 20261121T221500Z-1a2b3c'
    """
    if notebook.status == "reused":
        return f"unchanged, taken from run {notebook.reused_from}"
    after = "" if notebook.seconds is None else f" after {notebook.seconds:.1f} s"
    where = notebook.error and notebook.error.get("cell")
    return f"{notebook.status}{after}" + (f", in cell {where}" if where else "")


class LineProgress:
    """A line when a notebook starts and one when it has ended.

    Parameters
    ----------
    stream : text file
        Where the lines go.

    Examples
    --------
    >>> with LineProgress(sys.stdout) as progress:
    ...     progress(1, 2, NotebookRun("01_data_quality", "running", attempts=1))
    ...     progress(1, 2, NotebookRun("01_data_quality", "completed", 2.34))
    [1/2] 01_data_quality: started
    [1/2] 01_data_quality: completed after 2.3 s
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, position: int, total: int, notebook: NotebookRun) -> None:
        """Write a line."""
        said = outcome(notebook)
        if notebook.status == "running":
            said = "started" if notebook.attempts < 2 else f"started again, {notebook.attempts}"
        print(f"[{position}/{total}] {notebook.name}: {said}", file=self._stream, flush=True)


class BarProgress:
    """A line for each notebook under way, with its cells, and one for each that has ended.

    Parameters
    ----------
    stream : text file
        The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(file=stream, highlight=False)
        self._bar: RichBar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[at]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> BarProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, position: int, total: int, notebook: NotebookRun) -> None:
        """Show that a notebook starts or has ended."""
        label = f"[{position}/{total}] {notebook.name}"
        with self._lock:
            if (task := self._tasks.pop(notebook.name, None)) is not None:
                self._bar.remove_task(task)
            if notebook.status == "running":
                self._tasks[notebook.name] = self._bar.add_task(
                    _plain(label), total=None, at="starting"
                )
                return
            self._console.print(f"{label}: {outcome(notebook)}", markup=False, soft_wrap=True)

    def cell(self, notebook: NotebookRun) -> None:
        """Show at which cell a notebook is."""
        done = sum(cell["status"] not in ("not run", "running") for cell in notebook.cells)
        with self._lock:
            if (task := self._tasks.get(notebook.name)) is not None:
                self._bar.update(
                    task,
                    completed=done,
                    total=len(notebook.cells),
                    at=f"cell {min(done + 1, len(notebook.cells))} of {len(notebook.cells)}",
                )


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
