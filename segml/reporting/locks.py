"""A lock on a folder, for what two runs of one report must not do at once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segml._core.errors import RunError

from .data_files import display


@contextmanager
def locked(folder: Path, *, wait: float = 60.0) -> Iterator[None]:
    """Hold the lock of a folder; whoever else wants it waits.

    The system frees it when its process ends, however that happens, so nothing is ever left to
    clean up by hand. Where a system or a file system knows no locks, there is none.

    Parameters
    ----------
    folder : Path
        Which folder.
    wait : float
        How long to wait for another, in seconds.

    Raises
    ------
    RunError
        Another run holds it all the time.

    Examples
    --------
    >>> import tempfile
    >>> with locked(Path(tempfile.mkdtemp())):
    ...     pass
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RunError(
                        "another run holds the lock of this folder",
                        where=display(folder),
                        hint="wait for it to end, or stop it",
                    ) from None
                time.sleep(0.05)
            except OSError:
                break
        yield
    finally:
        os.close(handle)  # which frees it
