"""Where a run's numbers come from: the data's fingerprint, the versions, the git revision."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segml import __version__
from segml._core.files import sha256

from .data_files import source_files
from .data_params import BUILT_IN_SOURCES
from .manifest import list_files
from .params import ReportParams

_PACKAGES = (
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "duckdb",
    "pyarrow",
    "matplotlib",
    "papermill",
    "lifetimes",
    "hdbscan",
    "umap-learn",
    "numba",
    "statsmodels",
    "ipykernel",
)

# The built-in data sets are files of the package lifetimes.
_BUILT_IN_FILES = {"cdnow": "CDNOW_master.txt", "cdnow_sample": "CDNOW_sample.txt"}


def versions() -> dict[str, str | None]:
    """Return the versions of Python, segml and the packages that make the numbers.

    Examples
    --------
    >>> list(versions())[:3]
    ['python', 'segml', 'numpy']
    """
    found: dict[str, str | None] = {"python": platform.python_version(), "segml": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def data_fingerprint(params: ReportParams) -> dict[str, Any]:
    """Return what a report reads and the path, bytes and sha256 of each file of it."""
    source = params.data.source
    shown = source if source in BUILT_IN_SOURCES else Path(source).name
    files = data_files(params)
    if not files:  # drawn, not read
        return {"source": shown, "files": []}
    folder = Path(os.path.commonpath([file.parent for file in files]))
    return {"source": shown, "files": list(list_files(folder, files))}


def data_files(params: ReportParams) -> list[Path]:
    """Return the files that a report reads, those of built-in data included."""
    built_in = _BUILT_IN_FILES.get(params.data.source)
    return [_lifetimes_folder() / built_in] if built_in else source_files(params)


def reading_known(params: ReportParams) -> dict[str, Any] | None:
    """Return what decides how data are read beside the parameters: presets of one's own.

    None where what is read cannot be known, as it is remote.
    """
    tables = [params.data, *params.data.tables.values()]
    if any("://" in table.source for table in tables):
        return None
    presets = {table.preset for table in tables if table.preset and Path(table.preset).is_file()}
    return {Path(preset).name: sha256(preset) for preset in sorted(presets)}


def data_states(params: ReportParams) -> list[tuple[str, int, int]]:
    """Return name, size and time of change of each data file: whether they change during a run."""
    files = ((file, file.stat()) for file in data_files(params))
    return sorted((os.fspath(file), state.st_size, state.st_mtime_ns) for file, state in files)


def _lifetimes_folder() -> Path:
    spec = find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the built-in data sets need the package lifetimes")
    return Path(spec.origin).parent / "datasets"


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the revision that `folder` is at and whether files differ from it.

    None where there is no git, no repository or no commit yet.
    """
    try:
        revision = _git(folder, "rev-parse", "HEAD").strip()
        changed = _git(folder, "status", "--porcelain").strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"revision": revision, "dirty": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", os.fspath(folder), *arguments],
        check=True,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=20,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
    ).stdout
