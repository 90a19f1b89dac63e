"""What is known of a notebook while it runs: how each cell goes, its memory, its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .kernels import Kernels, kill


class OutOfTimeError(Exception):
    """A notebook has reached the end of its time."""


@dataclass
class Watch:
    """What is known of a notebook while it runs, by cell in the notebook's own order.

    Parameters
    ----------
    kernels : Kernels
        What starts its kernel.
    deadline : float, optional
        End of its time on the monotonic clock.
    words : str
        What is said when that is reached.
    folder : str
        Where the kernel works.
    changed : callable
        Called when a cell starts.
    """

    kernels: Kernels
    deadline: float | None = None
    words: str = "the notebook ran out of time"
    folder: str = "."
    changed: Callable[[], None] = lambda: None
    cells: list[dict[str, Any]] = field(default_factory=list)
    of: int = 0
    peak_mb: float | None = None
    kernel: Any = None
    _began: float = 0.0

    def plan(self, nb: Any) -> None:
        """List the code cells that are the analyst's own, none of them run."""
        own = [cell for cell in nb.cells if not injected(cell)]
        self.of = len(own)
        self.cells = [
            {"cell": i, "status": "not run", "seconds": None}
            for i, cell in enumerate(own, 1)
            if cell.cell_type == "code"
        ]

    def start(self, cell: dict[str, Any] | None) -> None:
        """Note that a cell starts; None stands for one that is not listed."""
        self._began = time.perf_counter()
        if cell is not None:
            cell["status"] = "running"
            self.changed()

    def end(self, cell: dict[str, Any] | None, status: str) -> None:
        """Note how a cell ended and how much memory its kernel has held so far."""
        self.measure()
        if cell is not None:
            cell.update(status=status, seconds=round(time.perf_counter() - self._began, 3))

    def measure(self) -> None:
        """Note the most memory that the kernel has held."""
        provisioner = getattr(self.kernel, "provisioner", None)
        if provisioner is not None and (pid := provisioner.pid):
            self.peak_mb = peak_memory_mb(pid) or self.peak_mb

    def stop(self) -> None:
        """End it now: the cell that runs dies with its kernel, and none is started."""
        self.deadline = time.monotonic()
        process = getattr(getattr(self.kernel, "provisioner", None), "process", None)
        if process is not None:
            kill(process)

    def left(self) -> float | None:
        """Return the seconds that are left, None without a deadline."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def limit(self) -> float | None:
        """Return what a cell may take; nbclient takes 0 for no limit."""
        left = self.left()
        return None if left is None else max(left, 0.001)

    @property
    def over(self) -> bool:
        """Whether its time has come to an end."""
        return self.deadline is not None and time.monotonic() >= self.deadline


def injected(cell: Any) -> bool:
    """Whether papermill put a cell into the notebook."""
    return "injected-parameters" in cell.metadata.get("tags", [])


def peak_memory_mb(pid: int) -> float | None:
    """Return the most memory that a process has held in MiB, None where that is not told.

    Examples
    --------
    >>> import os
    >>> (peak_memory_mb(os.getpid()) or 9) > 5
    True
    """
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
            found = next((line for line in lines if line.startswith("VmHWM:")), None)
    except OSError:
        return None
    return round(int(found.split()[1]) / 1024, 1) if found else None
