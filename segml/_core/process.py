"""Whether the process that wrote something down still runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psutil


def still_runs(pid: Any, started_at: Any) -> bool:
    """Say whether a process lives that was there when `started_at` was noted.

    Parameters
    ----------
    pid : int
        Its number. A process that was born later only took the number over.
    started_at : str
        ISO 8601, with a zone. What cannot be read, as in a damaged file, runs no more.

    Returns
    -------
    bool

    Examples
    --------
    >>> import os
    >>> still_runs(os.getpid(), "2999-01-01T00:00:00+00:00")
    True
    >>> still_runs(os.getpid(), "1999-01-01T00:00:00+00:00")
    False
    """
    try:
        process = psutil.Process(pid)
        born, gone = process.create_time(), process.status() == psutil.STATUS_ZOMBIE
        return not gone and born <= datetime.fromisoformat(started_at).timestamp() + 1
    except (psutil.Error, ValueError, TypeError):
        return False
