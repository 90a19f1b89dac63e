"""Execute one notebook with papermill and say what failed in it, if anything did."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

# Cells that papermill adds; they are no part of the analyst's notebook.
ADDED_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})


class NotebookError(Exception):
    """What stopped a notebook: the error's type, message, traceback and cell.

    The runner turns it into a RunError.
    """

    def __init__(self, kind: str, message: str, traceback: str, cell: int | None, of: int) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.traceback = traceback
        self.cell = cell
        self.of = of


def execute(source: Path, target: Path, parameters: dict[str, Any], folder: Path) -> None:
    """Execute the notebook `source` in `folder` and write it, with its outputs, to `target`.

    Raises
    ------
    NotebookError
        A cell raised, or the kernel could not be started or died.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            _literal(source),
            _literal(target),
            parameters=parameters,
            kernel_name="python3",
            language="python",  # notebooks may be stored without metadata
            cwd=os.fspath(folder),
            progress_bar=False,
            log_output=False,
            extra_arguments=["--log-level=CRITICAL"],  # what a cell raises is in its outputs
            config=_kernel_config(),
        )
    except PapermillExecutionError as error:
        cell, of = _failed_cell(target)
        raise NotebookError(
            error.ename,
            plain(error.evalue),
            plain("\n".join(error.traceback)),
            cell,
            of,
        ) from error
    except Exception as error:
        cell, of = _failed_cell(target)
        kind, message = type(error).__name__, plain(str(error))
        if kind == "DeadKernelError":
            message = "the kernel died, most often because memory ran out"
        raise NotebookError(kind, message, f"{kind}: {message}", cell, of) from error


def _kernel_config() -> Any:
    """Encrypt what goes to the kernel and back, customers' data, where Jupyter can."""
    import zmq
    from jupyter_client.manager import KernelManager
    from traitlets.config import Config

    if zmq.has("curve") and hasattr(KernelManager, "transport_encryption"):
        return Config({"KernelManager": {"transport_encryption": "auto"}})
    return Config()


@contextmanager
def kernel_environment() -> Iterator[None]:
    """Give kernels a fixed hash seed and an empty IPython profile: a run depends on neither."""
    with tempfile.TemporaryDirectory(prefix="segml-", ignore_cleanup_errors=True) as profile:
        ours = {
            "PYTHONHASHSEED": "0",
            "IPYTHONDIR": profile,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


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


def _failed_cell(target: Path) -> tuple[int | None, int]:
    """Return which cell of a partly executed notebook failed, from 1, and how many it has."""
    try:
        cells = own_cells(json.loads(target.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None, 0
    raised = [i for i, cell in enumerate(cells, 1) if _raised(cell)]
    started = [i for i, cell in enumerate(cells, 1) if _started(cell)]
    return max(raised or started, default=None), len(cells)


def _raised(cell: dict[str, Any]) -> bool:
    return any(output["output_type"] == "error" for output in cell.get("outputs", []))


def _started(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("papermill", {}).get("start_time"))
