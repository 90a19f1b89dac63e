import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from segml._core.process import still_runs


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_this_process_runs() -> None:
    assert still_runs(os.getpid(), now())


def test_a_number_taken_over_by_a_later_process_does_not_count() -> None:
    assert not still_runs(os.getpid(), "2001-01-01T00:00:00+00:00")


def test_a_process_that_ended_runs_no_more_even_before_it_is_collected() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert still_runs(child.pid, now())
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the list
    assert not still_runs(child.pid, now())
    child.communicate()
    assert not still_runs(child.pid, now())


@pytest.mark.parametrize(
    ("pid", "started_at"), [(None, "2026-01-01"), ("1", None), (-1, "2026-01-01"), (1, "today")]
)
def test_what_cannot_be_read_runs_no_more(pid: object, started_at: object) -> None:
    assert not still_runs(pid, started_at)
