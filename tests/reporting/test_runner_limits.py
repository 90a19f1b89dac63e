"""Runs that end early: out of time, killed, stopped, on a full disk, without their data."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest

from segml._core.errors import ParameterError
from segml.reporting import manifest as manifest_module
from segml.reporting import run, stage_run
from segml.reporting.execute import NotebookError
from segml.reporting.kernels import Kernels
from segml.reporting.manifest import read_manifest
from segml.reporting.runner import FailedRunError, run_report

from .conftest import notebook, params
from .test_runner_reuse import wait_for


@pytest.fixture(scope="module")
def kernels():
    with Kernels() as shared:
        yield shared


@pytest.fixture
def cold():
    with Kernels(warm=False) as kernels:
        yield kernels


def failed_run(path: Path, **options):
    with pytest.raises(FailedRunError) as caught:
        run_report(path, **options)
    return caught.value, read_manifest(caught.value.run_folder)


SLEEP = "\nimport time; time.sleep(600)"


def test_notebook_that_takes_too_long_is_ended(project, kernels):
    notebook(project / "notebooks" / "slow.ipynb", "# Slow", "\nprint('here')", SLEEP, "\n1")
    path = params(project, "slow", "[slow, second]")
    start = time.monotonic()
    error, found = failed_run(path, kernels=kernels, notebook_timeout=2.5)
    assert time.monotonic() - start < 30
    assert [n.status for n in found.notebooks] == ["timed out", "not run"]
    assert [c["status"] for c in found.notebooks[0].cells] == [
        "completed",
        "completed",
        "timed out",
        "not run",
    ]
    assert "the notebook ran out of time, 2.5 s" in str(error)
    assert "slow, cell 4 of 5" in str(error)
    partial = nbformat.read(error.run_folder / "notebooks" / "slow.ipynb", as_version=4)
    told = [cell.metadata.papermill.status for cell in partial.cells if cell.cell_type == "code"]
    assert told == ["completed", "completed", "completed", "failed", "pending"]
    assert "here" in (error.run_folder / "report.html").read_text()
    assert "ran out of time" in (error.run_folder / "failure.txt").read_text()


def test_run_that_takes_too_long_is_ended(project, kernels):
    notebook(project / "notebooks" / "slow.ipynb", "# Slow", SLEEP)
    error, found = failed_run(params(project, "slow", "[slow]"), kernels=kernels, timeout=2.5)
    assert [n.status for n in found.notebooks] == ["timed out"]
    assert "the run ran out of time" in str(error)


def test_notebook_for_which_no_time_is_left_does_not_start(project, cold, monkeypatch):
    def slow(source, target, *_):
        shutil.copy(source, target)
        time.sleep(0.3)

    monkeypatch.setattr(stage_run, "execute", slow)
    error, found = failed_run(
        params(project, "late", "[first, second]"), kernels=cold, timeout=0.25
    )
    assert [n.status for n in found.notebooks] == ["completed", "not run"]
    assert "the run ran out of time, 0.25 s" in str(error)


def test_notebook_that_fails_is_started_again(project, kernels):
    flag = project / "flag"
    once = f"\nfrom pathlib import Path\nflag = Path({str(flag)!r})"
    code = "\nif not flag.exists():\n    flag.touch()\n    raise OSError('database is away')"
    leftover = "\nassert not list(Path('../artefacts').iterdir()); Path('../artefacts/x').touch()"
    notebook(project / "notebooks" / "flaky.ipynb", "# Flaky", once, leftover, code)
    result = run_report(params(project, "flaky", "[flaky]"), kernels=kernels, retry=1)
    (notebook_run,) = result.manifest.notebooks
    assert (notebook_run.status, notebook_run.attempts) == ("completed", 2)
    assert notebook_run.error is None
    assert notebook_run.artefacts == ("x",)


def test_retries_come_to_an_end(project, cold, monkeypatch):
    tried = []

    def fail(source, *_):
        tried.append(source.stem)
        raise NotebookError("E", "no", "", None, 0)

    monkeypatch.setattr(stage_run, "execute", fail)
    _, found = failed_run(params(project, "never"), kernels=cold, retry=2)
    assert tried == ["first"] * 3
    assert found.notebooks[0].attempts == 3


@pytest.mark.parametrize("warm", [True, False])
def test_kernel_killed_by_the_system_is_said_to_be_killed(project, kernels, cold, warm):
    die = "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    notebook(project / "notebooks" / "dies.ipynb", "# Dies", die, "\n1")
    path = params(project, "dies", "[dies, second]")
    error, found = failed_run(path, kernels=kernels if warm else cold)
    assert [n.status for n in found.notebooks] == ["killed", "not run"]
    assert [c["status"] for c in found.notebooks[0].cells] == ["completed", "killed", "not run"]
    assert "the kernel died" in str(error)
    assert (error.run_folder / "notebooks" / "dies.ipynb").exists()
    completed = run_report(params(project, "dies", "[second]"), kernels=kernels if warm else cold)
    assert completed.manifest.status == "completed"  # the next run works


def test_leaving_early_on_purpose_is_no_failure(project, kernels):
    notebook(project / "notebooks" / "early.ipynb", "# Early", "\nimport sys; sys.exit(0)", "\n1/0")
    (found,) = run_report(params(project, "e", "[early]"), kernels=kernels).manifest.notebooks
    assert found.status == "completed"
    assert [c["status"] for c in found.cells] == ["completed", "completed", "not run"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_interruption_ends_the_notebook_and_goes_on(project, kernels, stop):
    notebook(project / "notebooks" / "slow.ipynb", "# Slow", SLEEP)
    number = signal.SIGINT if stop is KeyboardInterrupt else signal.SIGTERM
    path = params(project, "stopped", "[slow, second]")

    def interrupt():
        wait_for(project / "reports" / "stopped", "slow", cells=2)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(stop) as caught:
        run_report(path, kernels=kernels)
    assert signal.getsignal(signal.SIGTERM) is before
    if stop is SystemExit:
        assert caught.value.code == 143
    (folder,) = (project / "reports" / "stopped").iterdir()
    found = read_manifest(folder)
    said = "interrupted" if stop is KeyboardInterrupt else "terminated"
    assert (found.status, found.reason) == ("failed", said)
    assert [n.status for n in found.notebooks] == ["failed", "not run"]
    assert found.notebooks[0].error["message"] == said
    assert said in (folder / "report.html").read_text()


@pytest.mark.slow
def test_kernels_end_with_a_runner_that_is_killed(project):
    pid = project / "pid"
    note = f"\nimport os, pathlib; pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
    notebook(project / "notebooks" / "slow.ipynb", "# Slow", note, SLEEP)
    path = params(project, "orphan", "[slow]")
    code = "import sys; from segml.reporting.runner import run_report; run_report(sys.argv[1])"
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as process:
        try:
            wait_for(project / "reports" / "orphan", "slow", cells=3)
        finally:
            process.kill()
    until = time.monotonic() + 20
    while Path(f"/proc/{pid.read_text()}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid.read_text()}").exists()


def write_copy(source, target, *_):
    shutil.copy(source, target)


def test_data_file_that_vanishes_before_the_run(project, cold, monkeypatch):
    def gone(*_):
        raise ParameterError("there is no such data file", where="data.source")

    monkeypatch.setattr(stage_run, "execute", write_copy)
    path = params(project, "gone")
    orders = project / "params" / "orders.csv"
    prepare = run.Run.__init__

    def vanish(self, *given):
        orders.rename(project / "aside")
        prepare(self, *given)

    monkeypatch.setattr(run.Run, "__init__", vanish)
    error, found = failed_run(path, kernels=cold)
    assert "no such" in str(error).lower()
    assert [n.status for n in found.notebooks] == ["not run"]
    assert (error.run_folder / "report.html").exists()
    monkeypatch.setattr(run.Run, "__init__", prepare)
    (project / "aside").rename(orders)
    assert run_report(path, kernels=cold).manifest.status == "completed"


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("writes", range(1, 9))
def test_disk_that_fills_up_fails_the_run_and_the_next_one_works(
    project, cold, monkeypatch, writes
):
    """The disk is full after so many files; what is written by then is whole."""
    monkeypatch.setattr(stage_run, "execute", write_copy)
    path = params(project, "full", "[first, second]")
    left = [writes]
    real = manifest_module.write_json

    def write_json(*given):
        left[0] -= 1
        return real(*given) if left[0] >= 0 else full()

    with monkeypatch.context() as patch:
        patch.setattr(manifest_module, "write_json", write_json)
        patch.setattr(run, "write_page", full)
        patch.setattr(run, "write_text", full)
        patch.setattr(run, "build_gallery", full)
        with pytest.raises(FailedRunError, match="No space left on device"):
            run_report(path, kernels=cold)
    (folder,) = (f for f in (project / "reports" / "full").iterdir() if f.is_dir())
    json.loads((folder / "manifest.json").read_text())
    assert read_manifest(folder).status != "completed"
    assert run_report(path, kernels=cold).manifest.status == "completed"


ALERT = {"key": "psi.aov", "value": 0.31, "limit": 0.25, "words": "aov has drifted"}


def alerting(project, *found):
    code = f"\nimport json; json.dump({list(found)!r}, open('../artefacts/alerts.json', 'w'))"
    return notebook(project / "notebooks" / "alerts.ipynb", "# Alerts", code)


def test_alerts_of_notebooks_are_told(project, kernels):
    second = {**ALERT, "key": "moved", "value": None}
    alerting(project, ALERT, second).rename(project / "notebooks" / "one.ipynb")
    alerting(project, ALERT).rename(project / "notebooks" / "two.ipynb")
    result = run_report(params(project, "alerts", "[one, two]"), kernels=kernels)
    assert result.alerts == [ALERT, second]
    assert result.manifest.status == "completed"
    artefact = json.loads((result.folder / "artefacts" / "alerts.json").read_text())
    assert artefact == result.alerts
    assert read_manifest(result.folder).notebooks[1].alerts == (ALERT,)
    assert "aov has drifted" in result._repr_html_()


@pytest.mark.parametrize(
    "found", ["oops", {"key": "a"}, {**ALERT, "value": float("inf")}, {**ALERT, "limit": "x"}]
)
def test_alerts_that_are_none_fail_the_run(project, cold, monkeypatch, found):
    def write(source, target, *_):
        shutil.copy(source, target)
        alerts = target.parent.parent / "artefacts" / "alerts.json"
        alerts.write_text(json.dumps([found]))

    monkeypatch.setattr(stage_run, "execute", write)
    error, _ = failed_run(params(project, "alerts"), kernels=cold)
    assert "cannot read the alerts" in str(error)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"jobs": 0}, "jobs is out of range"),
        ({"jobs": 1.5}, "jobs is out of range"),
        ({"timeout": 0}, "timeout is out of range"),
        ({"notebook_timeout": -1}, "notebook_timeout is out of range"),
        ({"retry": -1}, "retry is out of range"),
        ({"keep": -1}, "keep is out of range"),
        ({"keep": True}, "keep is out of range"),
    ],
)
def test_options_are_checked_before_anything_starts(project, options, expected):
    with pytest.raises(ParameterError, match=expected):
        run_report(params(project, "wrong"), **options)
    assert not (project / "reports").exists()
