import subprocess
import sys
import threading
import time

import pytest

from segml._core.errors import RunError
from segml.reporting.locks import locked

pytest.importorskip("fcntl")

HOLD = """
import sys, time
from pathlib import Path
from segml.reporting.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path):
    inside, most = [0], [0]

    def work():
        with locked(tmp_path):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_killed_process_is_free(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(RunError, match="another run holds the lock"),
            locked(tmp_path, wait=0.1),
        ):
            pass
        process.kill()
        process.wait()
        with locked(tmp_path, wait=0):
            pass


def test_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path, wait=0):
        pass


def test_file_system_without_locks(tmp_path, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError("not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    entered = False
    with locked(tmp_path, wait=0), locked(tmp_path, wait=0):
        entered = True
    assert entered
