"""The manifest of a run: what ran, on what, with what, and how it ended.

It holds no path outside the run folder and no row of data.
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
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class NotebookRun:
    """How one notebook of a run went.

    Parameters
    ----------
    name : str
        Notebook, without ``.ipynb``.
    status : str
        ``not run``, ``running``, ``completed`` or ``failed``.
    seconds : float, optional
        How long it took.
    error : dict, optional
        ``type``, ``message`` and ``cell`` (1 is the notebook's first; None when unknown).
    """

    name: str
    status: str = "not run"
    seconds: float | None = None
    error: dict[str, Any] | None = None


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
    """Read the manifest of a run folder; keys of later versions are passed over.

    A run that says it is running, but whose process is gone, reads as killed.

    Raises
    ------
    DataError
        When it is missing or is not a manifest.
    """
    path = folder / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["notebooks"] = tuple(_known(NotebookRun, run) for run in values["notebooks"])
        values["artefacts"] = tuple(values["artefacts"])
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
        return replace(manifest, status="killed", reason="the process ended without a word")
    return manifest


def _known(kind: type, values: dict[str, Any]) -> Any:
    names = {item.name for item in fields(kind)}
    return kind(**{key: value for key, value in values.items() if key in names})


def public_params(params: ReportParams) -> dict[str, Any]:
    """Return the parameters with the path of the data cut to its file name.

    Examples
    --------
    >>> params = ReportParams(report="a", title="A", data={"source": "shop/ann/orders.csv"})
    >>> public_params(params)["data"]["source"]
    'orders.csv'
    """
    values = params.as_json()
    values["data"]["source"] = Path(params.data.source).name
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
