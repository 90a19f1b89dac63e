"""Take what has not changed from an earlier run of the same report, whole and checked."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segml._core.errors import DataError
from segml._core.files import sha256, whole_file

from .manifest import Manifest, NotebookRun, read_manifest

LOOK_BACK = 50  # runs; what has not been needed for longer is computed again


@dataclass(frozen=True)
class Earlier:
    """An earlier run and its folder."""

    folder: Path
    manifest: Manifest


def earlier_runs(report: Path, *, but: Path | None = None) -> list[Earlier]:
    """Return the runs in a report's folder that have ended, the latest first.

    A folder without a manifest that can be read is not a run.
    """
    found = []
    for folder in run_folders(report):
        if folder == but:
            continue
        try:
            manifest = read_manifest(folder)
        except DataError:
            continue
        if manifest.status != "running":
            found.append(Earlier(folder, manifest))
    return sorted(found, key=lambda run: (run.manifest.started_at, run.folder.name), reverse=True)


def run_folders(report: Path) -> Iterator[Path]:
    """Yield what may be a run folder: a folder that is neither hidden nor a link."""
    if report.is_dir():
        for folder in sorted(report.iterdir()):
            if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith("."):
                yield folder


def find_stage(key: str | None, runs: Iterable[Earlier]) -> tuple[Earlier, NotebookRun] | None:
    """Return the latest run that did what `key` stands for and still has it unchanged."""
    if key is None:
        return None
    for run in list(runs)[:LOOK_BACK]:
        for notebook in run.manifest.notebooks:
            if notebook.key == key and notebook.done and _whole(run, notebook):
                return run, notebook
    return None


def _whole(run: Earlier, notebook: NotebookRun) -> bool:
    """Whether everything that a notebook made is there as it was."""
    known = {file["path"]: file["sha256"] for file in run.manifest.artefacts}
    paths = [f"artefacts/{name}" for name in notebook.artefacts]
    try:
        same = all(sha256(run.folder / path) == known[path] for path in paths)
    except (OSError, KeyError):
        return False
    return same and (run.folder / "notebooks" / f"{notebook.name}.ipynb").is_file()


def copy_stage(run: Earlier, notebook: NotebookRun, folder: Path) -> None:
    """Copy the executed notebook and the artefacts of a stage into another run's folder.

    Copies, not links: who changes a file in one run must not change another.
    """
    names = [f"artefacts/{name}" for name in notebook.artefacts]
    for name in [*names, f"notebooks/{notebook.name}.ipynb"]:
        with whole_file(folder / name) as aside:
            shutil.copyfile(run.folder / name, aside)
