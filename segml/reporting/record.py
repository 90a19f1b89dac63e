"""What is known of a run under way: written to its manifest at every step, and told on."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from .manifest import Manifest, NotebookRun, list_files, now
from .progress import Progress


class Record:
    """The manifest of a run under way; several notebooks may change it at once.

    Parameters
    ----------
    folder : Path
        The run folder.
    manifest : Manifest
        The manifest at the start.
    progress : Progress, optional
        What is told how far the run is.
    """

    def __init__(self, folder: Path, manifest: Manifest, progress: Progress | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._progress = progress
        self._lock = threading.RLock()

    def save(self, **changes: Any) -> None:
        """Change the manifest and write it."""
        with self._lock:
            self.manifest = replace(self.manifest, **changes)
            self.manifest.write(self.folder)

    def notebook(self, i: int) -> NotebookRun:
        """Return how the notebook at place `i` (0 is the first) is going."""
        return self.manifest.notebooks[i]

    def change(self, i: int, **changes: Any) -> None:
        """Change what is known of a notebook, write it, and tell it."""
        with self._lock:
            self.save(notebooks=self.manifest.with_notebook(i, **changes).notebooks)
            if self._progress is not None:
                self._progress(i + 1, len(self.manifest.notebooks), self.notebook(i))

    def cells(self, i: int, cells: list[dict[str, Any]], peak_mb: float | None) -> None:
        """Note how the cells of a notebook are going."""
        known = tuple(dict(cell) for cell in cells)
        with self._lock:
            changed = self.manifest.with_notebook(i, cells=known, peak_memory_mb=peak_mb)
            self.save(notebooks=changed.notebooks)
            if (tell := getattr(self._progress, "cell", None)) is not None:
                tell(self.notebook(i))

    def add_artefacts(self, names: list[str]) -> None:
        """List artefacts that are new or written anew, with their hashes."""
        with self._lock:
            paths = [self.folder / "artefacts" / name for name in names]
            new = list_files(self.folder, paths)
            known = {file["path"]: file for file in (*self.manifest.artefacts, *new)}
            self.manifest = replace(
                self.manifest, artefacts=tuple(known[path] for path in sorted(known))
            )

    def close(self, status: str, reason: str | None = None) -> None:
        """Note how the run ended; :meth:`save` writes it."""
        with self._lock:
            self.manifest = replace(self.manifest, status=status, finished_at=now(), reason=reason)
