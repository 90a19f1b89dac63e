"""A folder in which one notebook runs: it sees what it needs, and what it makes is known.

It stands beside the run folders and is laid out like one: the notebook is given ``..`` as its
run folder, which means the same here and, later, for whoever opens the executed notebook.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segml._core.errors import RunError

PREFIX = ".work."
RUN_DIR = ".."
ALERTS = "alerts.json"


class WorkFolder:
    """The folder of one notebook of a run.

    Parameters
    ----------
    run : Path
        The run folder.
    name : str
        The notebook, without ``.ipynb``.
    inputs : iterable of str
        Artefacts of the run that it may read.
    """

    def __init__(self, run: Path, name: str, inputs: Iterable[str]) -> None:
        self.run = run
        self.path = run.parent / f"{PREFIX}{run.name}.{name}"
        shutil.rmtree(self.path, ignore_errors=True)
        self.notebook = self.path / "notebooks" / f"{name}.ipynb"
        self.notebook.parent.mkdir(parents=True)
        (self.path / "artefacts").mkdir()
        self._given = {}
        for given in inputs:
            file = self.path / "artefacts" / given
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(run / "artefacts" / given, file)
            except OSError:  # a file system without links
                shutil.copy2(run / "artefacts" / given, file)
            self._given[given] = _state(file)

    def made(self) -> list[str]:
        """Return the names of the artefacts that the notebook made.

        Raises
        ------
        RunError
            It wrote into an artefact of another notebook.
        """
        names = []
        root = self.path / "artefacts"
        for file in sorted(root.rglob("*")):
            name = file.relative_to(root).as_posix()
            if not file.is_file() or name == ALERTS:
                continue
            given = self._given.get(name)
            if given is None or given[0] != _state(file)[0]:
                names.append(name)
            elif given != _state(file):
                raise RunError(
                    "a notebook changed an artefact of another",
                    where=name,
                    hint="write a file of its own, or write aside and rename",
                )
        return names

    def alerts(self) -> tuple[dict[str, Any], ...]:
        """Return the thresholds crossed that the notebook wrote to ``alerts.json``.

        Raises
        ------
        RunError
            They are not a list of alerts.
        """
        file = self.path / "artefacts" / ALERTS
        if not file.exists():
            return ()
        try:
            return tuple(_alert(alert) for alert in json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"cannot read the alerts that a notebook wrote: {error}",
                where=f"artefacts/{ALERTS}",
                expected="a list of objects with key, value, limit and words",
            ) from error

    def hand_over(self, name: str) -> None:
        """Move an artefact that the notebook made to the run folder."""
        target = self.run / "artefacts" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.path / "artefacts" / name).replace(target)

    def __enter__(self) -> WorkFolder:
        return self

    def __exit__(self, *_: object) -> None:
        """Move the notebook, as far as it came, to the run folder; remove what is left."""
        with contextlib.suppress(OSError):
            self.notebook.replace(self.run / "notebooks" / self.notebook.name)
        shutil.rmtree(self.path, ignore_errors=True)


def _state(file: Path) -> tuple[int, int, int]:
    """Return what tells a file from another, and a file from itself after a change."""
    known = file.stat()
    return known.st_ino, known.st_size, known.st_mtime_ns


def _alert(said: dict[str, Any]) -> dict[str, Any]:
    value, limit = (None if said[key] is None else float(said[key]) for key in ("value", "limit"))
    if not all(math.isfinite(number) for number in (value, limit) if number is not None):
        raise ValueError("a number that is not finite")
    return {"key": str(said["key"]), "value": value, "limit": limit, "words": str(said["words"])}


def close_left_behind(report: Path, run_id: str) -> None:
    """Keep the notebooks that a killed run was at; remove the rest of its work folders."""
    for folder in report.glob(f"{PREFIX}{run_id}.*"):
        for notebook in (folder / "notebooks").glob("*.ipynb"):
            target = report / run_id / "notebooks" / notebook.name
            if target.parent.is_dir() and not target.exists():
                notebook.replace(target)
        shutil.rmtree(folder, ignore_errors=True)
