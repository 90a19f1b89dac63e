"""Execute one notebook with papermill and say what stopped it, if anything did."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .watch import Watch

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

# Cells that papermill adds; they are no part of the analyst's notebook.
ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})


class NotebookError(Exception):
    """What stopped a notebook.

    The runner turns it into a RunError.

    Attributes
    ----------
    kind, message, traceback : str
        The error's type, what it says and where it came from, as plain text.
    cell : int or None
        The cell, 1 is the notebook's first; None when it was in none.
    of : int
        How many cells there are.
    status : str
        ``failed``, ``timed out`` or ``killed``.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        traceback: str,
        cell: int | None,
        of: int,
        status: str = "failed",
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.traceback = traceback
        self.cell = cell
        self.of = of
        self.status = status


def execute(source: Path, target: Path, parameters: dict[str, Any], watch: Watch) -> None:
    """Execute the notebook `source` and write it, with its outputs, to `target`.

    Parameters
    ----------
    source, target : Path
        The notebook, and where it goes.
    parameters : dict
        What is injected below the cell tagged ``parameters``.
    watch : Watch
        Where it runs and for how long; afterwards how each cell ended.

    Raises
    ------
    NotebookError
        A cell raised, time was over, or the kernel could not be started or died.
    """
    with _without_parsers():
        import papermill
        from papermill.exceptions import PapermillExecutionError

        from .papermill_engine import NAME
    from .watch import OutOfTimeError

    try:
        papermill.execute_notebook(
            _literal(source),
            _literal(target),
            parameters=parameters,
            engine_name=NAME,
            kernel_name="python3",
            language="python",  # notebooks may be stored without metadata
            progress_bar=False,
            watch=watch,
        )
    except PapermillExecutionError as error:
        text = plain("\n".join(error.traceback))
        raise _stopped(watch, error.ename, plain(error.evalue), text) from error
    except Exception as error:
        kind, message, status = type(error).__name__, plain(str(error)), "failed"
        if isinstance(error, OutOfTimeError) or watch.over:
            kind, message, status = "TimeoutError", watch.words, "timed out"
        elif kind == "DeadKernelError":
            message, status = "the kernel died, most often because memory ran out", "killed"
        raise _stopped(watch, kind, message, f"{kind}: {message}", status) from error


def _stopped(watch: Watch, *what: str) -> NotebookError:
    kind, message, traceback, *status = what
    unread = ("not run", "completed")
    reached = [cell["cell"] for cell in watch.cells if cell["status"] not in unread]
    return NotebookError(kind, message, traceback, max(reached, default=None), watch.of, *status)


@contextmanager
def _without_parsers() -> Iterator[None]:
    """Keep jsonschema from building parsers of addresses, which takes two seconds of CPU time.

    Nothing in a notebook is checked with them. Where something else asks for one in this process
    after all, it is loaded then.
    """
    name = "rfc3987_syntax"
    if name in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    later = ModuleType(name)

    def is_valid_syntax(*args: Any, **kwargs: Any) -> Any:
        import importlib

        return importlib.import_module(name).is_valid_syntax(*args, **kwargs)

    later.is_valid_syntax = is_valid_syntax  # type: ignore[attr-defined]  # a stand-in
    sys.modules[name] = later
    try:
        yield
    finally:
        if sys.modules.get(name) is later:
            del sys.modules[name]


def plain(text: str) -> str:
    r"""Return text without terminal colours and without the path of the home folder.

    Examples
    --------
    >>> plain("\x1b[0;31mValueError\x1b[0m: no orders")
    'ValueError: no orders'
    """
    text = _ANSI.sub("", text)
    home = Path.home()
    return text if home == Path(home.anchor) else text.replace(f"{home}{os.sep}", f"~{os.sep}")


def own_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of an executed notebook but those that papermill added."""
    cells = notebook.get("cells", [])
    return [cell for cell in cells if not ADDED_TAGS.intersection(cell["metadata"].get("tags", []))]


def _literal(path: Path) -> str:
    """Shield braces in a path: papermill fills them in."""
    return os.fspath(path).replace("{", "{{").replace("}", "}}")
