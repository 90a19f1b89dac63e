"""The manifest of a run: what ran, on what, with what, and how it ended.

It holds no path outside the run folder and no row of data. Its form is published as JSON Schema
in ``manifest.schema.json`` beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segml._core.errors import DataError
from segml._core.files import sha256, write_json
from segml._core.process import still_runs

from .params import ReportParams

FILE_NAME = "manifest.json"
SCHEMA_FILE = Path(__file__).with_name("manifest.schema.json")
SCHEMA_VERSION = 2

GONE = "the process ended without a word"


@dataclass(frozen=True)
class NotebookRun:
    """How one notebook of a run went.

    Parameters
    ----------
    name : str
        Notebook, without ``.ipynb``.
    status : str
        ``not run``, ``running``, ``completed``, ``reused`` (taken from an earlier run),
        ``failed``, ``timed out`` or ``killed``.
    seconds : float, optional
        How long it took, from the start of its kernel; for several attempts, all of them.
    error : dict, optional
        ``type``, ``message`` and ``cell`` (1 is the notebook's first; None when unknown).
    started_at : str, optional
        UTC, ISO 8601.
    attempts : int
        How often it was started.
    cells : tuple of dict
        ``cell`` (its number, 1 is the notebook's first), ``status`` (as above) and ``seconds``
        of each code cell.
    peak_memory_mb : float, optional
        Most memory that its kernel held, in MiB; None where the system does not tell.
    key : str, optional
        Hash of all that its results depend on; None where they are not to be reused.
    reused_from : str, optional
        The run that executed it.
    artefacts : tuple of str
        Names below ``artefacts`` of what it made.
    alerts : tuple of dict
        Thresholds crossed: ``key``, ``value``, ``limit`` and ``words``.
    """

    name: str
    status: str = "not run"
    seconds: float | None = None
    error: dict[str, Any] | None = None
    started_at: str | None = None
    attempts: int = 0
    cells: tuple[dict[str, Any], ...] = ()
    peak_memory_mb: float | None = None
    key: str | None = None
    reused_from: str | None = None
    artefacts: tuple[str, ...] = ()
    alerts: tuple[dict[str, Any], ...] = ()

    @property
    def done(self) -> bool:
        """Whether its results are there."""
        return self.status in ("completed", "reused")

    def killed(self) -> NotebookRun:
        """Return it as it is when its process is gone: what was running was killed."""
        if self.status != "running":
            return self
        cells = tuple(
            {**cell, "status": "killed"} if cell["status"] == "running" else cell
            for cell in self.cells
        )
        return replace(self, status="killed", cells=cells)


@dataclass(frozen=True)
class Manifest:
    """Everything a run says about itself.

    Parameters
    ----------
    run_id, report, title : str
        Which run of which report.
    params : dict
        Every parameter with its default; a path of data only by its file name.
    seed : int
        The seed.
    status : str
        ``running``, ``completed`` or ``failed``; read back, also ``killed``.
    pid : int
        Process that runs it.
    started_at, finished_at : str
        UTC, ISO 8601.
    data : dict
        ``source`` and ``files`` with path, bytes and sha256 each.
    versions : dict
        Python and the packages that make the numbers.
    git : dict, optional
        ``revision`` and ``dirty``; None outside a repository.
    notebooks : tuple of NotebookRun
        In the order they run.
    artefacts : tuple of dict
        ``path`` below the run folder, ``bytes`` and ``sha256``.
    reason : str, optional
        Why it ended early, in one line.
    alerts : tuple of dict
        Thresholds crossed, of all notebooks: ``key``, ``value``, ``limit`` and ``words``.
    """

    run_id: str
    report: str
    title: str
    params: dict[str, Any]
    seed: int
    status: str
    pid: int
    started_at: str
    finished_at: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    notebooks: tuple[NotebookRun, ...] = ()
    artefacts: tuple[dict[str, Any], ...] = ()
    reason: str | None = None
    alerts: tuple[dict[str, Any], ...] = ()
    schema: int = SCHEMA_VERSION

    @property
    def seconds(self) -> float | None:
        """Seconds from start to finish, None while it has not finished."""
        if self.finished_at is None:
            return None
        span = datetime.fromisoformat(self.finished_at) - datetime.fromisoformat(self.started_at)
        return span.total_seconds()

    def with_notebook(self, i: int, **changes: Any) -> Manifest:
        """Return a copy in which notebook number `i` (0 is the first) is changed."""
        runs = list(self.notebooks)
        runs[i] = replace(runs[i], **changes)
        return replace(self, notebooks=tuple(runs))

    def write(self, folder: Path) -> Path:
        """Write ``manifest.json`` into the run folder, whole."""
        values = asdict(self)
        return write_json(folder / FILE_NAME, {"schema": values.pop("schema"), **values})


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder, of this version or an earlier one.

    Keys of later versions are passed over. A run that says it is running, but whose process is
    gone, reads as killed, and so do the notebooks and cells that it was at.

    Raises
    ------
    DataError
        When it is missing or is not a manifest.
    """
    path = folder / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["notebooks"] = tuple(_notebook(run) for run in values["notebooks"])
        for name in ("artefacts", "alerts"):
            values[name] = tuple(values.get(name, ()))
        manifest: Manifest = _known(Manifest, values)
        datetime.fromisoformat(manifest.started_at)
        _ = manifest.seconds
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "cannot read the manifest of a run",
            where=f"{folder.parent.name}/{folder.name}/{FILE_NAME}",
            got=f"{type(error).__name__}",
        ) from error
    if manifest.status == "running" and not still_runs(manifest.pid, manifest.started_at):
        notebooks = tuple(notebook.killed() for notebook in manifest.notebooks)
        return replace(manifest, status="killed", reason=GONE, notebooks=notebooks)
    return manifest


def _notebook(values: dict[str, Any]) -> NotebookRun:
    for name in ("cells", "artefacts", "alerts"):
        values[name] = tuple(values.get(name, ()))
    notebook: NotebookRun = _known(NotebookRun, values)
    return notebook


def _known(kind: type, values: dict[str, Any]) -> Any:
    names = {item.name for item in fields(kind)}
    return kind(**{key: value for key, value in values.items() if key in names})


def public_params(params: ReportParams) -> dict[str, Any]:
    """Return the parameters with the paths of the data cut to their file names.

    Examples
    --------
    >>> params = ReportParams(report="a", title="A", data={"source": "shop/ann/orders.csv"})
    >>> public_params(params)["data"]["source"]
    'orders.csv'
    """
    values = params.as_json()
    data = values["data"]
    for table in (data, *data.get("tables", {}).values()):
        for key in ("source", "preset"):
            table[key] = table[key] and Path(table[key]).name
    return values


def now() -> str:
    """Return the time as UTC ISO 8601, whole milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def list_files(folder: Path, files: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    """Return path relative to `folder`, bytes and sha256 of each file."""
    return tuple(
        {
            "path": file.relative_to(folder).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": sha256(file),
        }
        for file in sorted(files)
    )
