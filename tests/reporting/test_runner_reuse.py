"""What a run takes from earlier runs, and what becomes of those."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from segml.reporting import stage_run
from segml.reporting.execute import NotebookError
from segml.reporting.kernels import Kernels
from segml.reporting.manifest import Manifest, NotebookRun, now, read_manifest
from segml.reporting.runner import FailedRunError, run_report

from .conftest import ORDERS, notebook, params

COUNT = """
from pathlib import Path
import json, os

made = Path(run_dir) / "artefacts" / "{made}.json"
seen = sorted(file.name for file in (Path(run_dir) / "artefacts").iterdir())
made.write_text(json.dumps({{"seen": seen, "n": params["clustering"]["n_segments"]}}))
"""


def execute_here(source, target, parameters, watch):
    """Stand in for papermill: what is tested here is what happens between notebooks."""
    shutil.copy(source, target)
    names = {**parameters, "run_dir": target.parent / parameters["run_dir"]}
    for cell in json.loads(source.read_text())["cells"][1:]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)


SAME = "\nfrom pathlib import Path; (Path(run_dir) / 'artefacts' / 'same').write_text('{}')"


@pytest.fixture
def kernels(monkeypatch):
    monkeypatch.setattr(stage_run, "execute", execute_here)
    with Kernels(warm=False) as cold:
        yield cold


def chain(project: Path, *, needs: dict[str, list[str]] | None = None, **more: str) -> Path:
    """Write notebooks a, b and c, of which each names what it needs, and their parameters."""
    needs = needs or {"a": [], "b": ["a"], "c": ["b"]}
    for name, needed in needs.items():
        path = notebook(
            project / "notebooks" / f"{name}.ipynb",
            f"# {name}",
            more.get(name) or COUNT.format(made=name),
        )
        content = json.loads(path.read_text())
        reads = ["clustering"] if name != "a" else []
        content["metadata"]["segml"] = {"needs": needed, "reads": reads, "reusable": True}
        path.write_text(json.dumps(content))
    return params(project, "chain", f"[{', '.join(needs)}]")


def statuses(run: Manifest) -> dict[str, str]:
    return {notebook.name: notebook.status for notebook in run.notebooks}


def artefacts(folder: Path) -> dict[str, object]:
    return {
        file.stem: json.loads(file.read_text()) for file in sorted((folder / "artefacts").iterdir())
    }


def test_what_has_not_changed_is_taken_from_the_run_before(project, kernels):
    path = chain(project)
    first = run_report(path, kernels=kernels)
    assert artefacts(first.folder) == {
        "a": {"seen": [], "n": 5},
        "b": {"seen": ["a.json"], "n": 5},
        "c": {"seen": ["a.json", "b.json"], "n": 5},
    }
    told = []
    second = run_report(path, progress=lambda *said: told.append(said[2].status))
    assert statuses(second.manifest) == dict.fromkeys("abc", "reused")
    assert told == ["reused"] * 3
    assert {n.reused_from for n in second.manifest.notebooks} == {first.run_id}
    assert second.manifest.artefacts == first.manifest.artefacts
    for name in "abc":
        ours = (second.folder / "notebooks" / f"{name}.ipynb").read_bytes()
        assert ours == (first.folder / "notebooks" / f"{name}.ipynb").read_bytes()
    third = run_report(path)  # of what was taken the one who executed it is named
    assert {n.reused_from for n in third.manifest.notebooks} == {first.run_id}
    fresh = run_report(path, fresh=True, kernels=kernels)
    assert statuses(fresh.manifest) == dict.fromkeys("abc", "completed")
    assert fresh.manifest.artefacts == first.manifest.artefacts


def test_what_depends_on_a_change_is_done_again(project, kernels):
    path = chain(project)
    run_report(path, kernels=kernels)
    chain(project, a=COUNT.format(made="a") + "\n# another word")
    assert set(statuses(run_report(path, kernels=kernels).manifest).values()) == {"completed"}
    chain(project, a=COUNT.format(made="a") + "\n# another word", c=COUNT.format(made="d"))
    changed = run_report(path, kernels=kernels)
    assert statuses(changed.manifest) == {"a": "reused", "b": "reused", "c": "completed"}
    assert set(artefacts(changed.folder)) == {"a", "b", "d"}
    params(project, "chain", "[a, b, c]", "clustering: {n_segments: 6}\n")
    changed = run_report(path, kernels=kernels)
    assert statuses(changed.manifest) == {"a": "reused", "b": "completed", "c": "completed"}
    assert artefacts(changed.folder)["b"]["n"] == 6
    (project / "params" / "orders.csv").write_text(ORDERS.replace(",10\n", ",11\n"))
    assert set(statuses(run_report(path, kernels=kernels).manifest).values()) == {"completed"}


def test_title_changes_nothing(project, kernels):
    path = chain(project)
    run_report(path, kernels=kernels)
    path.write_text(path.read_text().replace("A <title>", "Another title"))
    assert set(statuses(run_report(path).manifest).values()) == {"reused"}


def test_damaged_results_are_not_taken(project, kernels):
    path = chain(project)
    first = run_report(path, kernels=kernels)
    (first.folder / "artefacts" / "b.json").write_text("{}")
    (first.folder / "notebooks" / "c.ipynb").unlink()
    again = run_report(path, kernels=kernels)
    assert statuses(again.manifest) == {"a": "reused", "b": "completed", "c": "completed"}


def test_changing_a_copy_leaves_the_earlier_run_alone(project, kernels):
    path = chain(project)
    first = run_report(path, kernels=kernels)
    second = run_report(path)
    (second.folder / "artefacts" / "a.json").write_text("{}")
    assert artefacts(first.folder)["a"] == {"seen": [], "n": 5}


def test_ones_own_notebook_always_runs_unless_it_says_otherwise(project, kernels):
    path = params(project, "own", "[second]")
    for _ in range(2):
        assert statuses(run_report(path, kernels=kernels).manifest) == {"second": "completed"}


def test_data_that_change_during_a_run_leave_nothing_to_take(project, kernels):
    orders = project / "params" / "orders.csv"
    change = f"\nfrom pathlib import Path; Path({str(orders)!r}).write_text('3,2026-01-01')"
    path = chain(project, a=change)
    assert run_report(path, kernels=kernels).manifest.notebooks[0].key is None


def test_several_notebooks_at_once_make_the_same(project, kernels):
    needs = {"a": [], "b": ["a"], "c": ["a"], "d": ["a"], "e": ["b", "c"]}
    path = chain(project, needs=needs)
    one = run_report(path, kernels=kernels)
    three = run_report(path, kernels=kernels, jobs=3, fresh=True)
    assert three.manifest.artefacts == one.manifest.artefacts
    assert artefacts(three.folder)["d"]["seen"] == ["a.json"]  # what it needs, and no more
    assert artefacts(three.folder)["e"]["seen"] == ["a.json", "b.json", "c.json"]


def test_notebooks_that_do_not_need_each_other_meet(project, kernels, monkeypatch):
    meeting = threading.Barrier(2, timeout=10)

    def meet(source, target, *_):
        shutil.copy(source, target)
        if source.stem in "bc":
            meeting.wait()

    monkeypatch.setattr(stage_run, "execute", meet)
    path = chain(project, needs={"a": [], "b": ["a"], "c": ["a"]})
    run_report(path, kernels=kernels, jobs=2)
    meeting = threading.Barrier(2, timeout=0.2)
    with pytest.raises(FailedRunError, match="Broken"):
        run_report(path, kernels=kernels, jobs=1, fresh=True)


def test_those_under_way_end_when_one_fails(project, kernels, monkeypatch):
    def end(source, target, *_):
        shutil.copy(source, target)
        if source.stem == "b":
            raise NotebookError("E", "no", "", 2, 2)
        time.sleep(0.3)

    monkeypatch.setattr(stage_run, "execute", end)
    path = chain(project, needs={"a": [], "b": [], "c": [], "d": []})
    with pytest.raises(FailedRunError, match="E: no") as caught:
        run_report(path, kernels=kernels, jobs=3)
    run = read_manifest(caught.value.run_folder)
    assert statuses(run) == {"a": "completed", "b": "failed", "c": "completed", "d": "not run"}


def test_of_two_files_of_one_name_that_of_the_earlier_notebook_stays(project, kernels):
    path = chain(
        project,
        needs={"a": [], "b": [], "c": ["a"]},
        a="\nimport time; time.sleep(.3)\n" + SAME.format("a"),
        b=SAME.format("b"),
    )
    for jobs in (1, 2):
        result = run_report(path, kernels=kernels, jobs=jobs, fresh=True)
        assert (result.folder / "artefacts" / "same").read_text() == "a"


def test_notebook_that_changes_the_artefact_of_another_is_refused(project, kernels):
    path = chain(project, b="\n(run_dir / 'artefacts' / 'a.json').write_text(' ')")
    with pytest.raises(FailedRunError, match="changed an artefact of another"):
        run_report(path, kernels=kernels)


KILLED = """
import sys
from segml.reporting.runner import run_report
run_report(sys.argv[1])
"""


@pytest.mark.slow
def test_next_run_takes_what_a_killed_one_had_done(project):
    hang = "\nimport time; open('../artefacts/half', 'w').close()\ntime.sleep(600)"
    path = chain(project, b=hang)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)]) as process:
        try:
            folder = wait_for(project / "reports" / "chain", "b")
        finally:
            process.send_signal(signal.SIGKILL)
    run = read_manifest(folder)
    assert run.status == "killed"
    assert statuses(run) == {"a": "completed", "b": "killed", "c": "not run"}
    assert [cell["status"] for cell in run.notebooks[1].cells] == ["completed", "killed"]
    assert list(folder.parent.glob(".work.*"))
    chain(project, b=hang.replace("600", "0"))
    again = run_report(path)
    assert statuses(again.manifest) == {"a": "reused", "b": "completed", "c": "completed"}
    assert again.manifest.notebooks[0].reused_from == folder.name
    assert not list(folder.parent.glob(".work.*"))
    assert (folder / "notebooks" / "b.ipynb").is_file()  # as far as it came
    assert not (folder / "artefacts" / "half").exists()
    assert "killed" in (project / "reports" / "index.html").read_text()


def wait_for(report: Path, name: str, cells: int = 2) -> Path:
    """Wait until the code cell number `cells` of a notebook runs."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.1)
        for folder in report.glob("2*") if report.exists() else ():
            if not (folder / "manifest.json").exists():
                continue
            run = read_manifest(folder)
            at = next(n for n in run.notebooks if n.name == name)
            if [cell["status"] for cell in at.cells][cells - 1 : cells] == ["running"]:
                return folder
    raise AssertionError("the run never got there")


def old_run(report: Path, stamp: str, status: str = "completed", **changes) -> Path:
    folder = report / f"{stamp}-1a2b3c"
    folder.mkdir(parents=True)
    made = Manifest(
        run_id=folder.name,
        report=report.name,
        title="R",
        params={},
        seed=1,
        status=status,
        pid=os.getpid(),
        started_at=f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T00:00:00.000+00:00",
        notebooks=(NotebookRun("a"),),
    )
    replace(made, **changes).write(folder)
    return folder


def test_old_runs_are_removed_but_never_what_may_be_needed(project, monkeypatch):
    monkeypatch.setattr(
        stage_run, "execute", lambda source, target, *_: shutil.copy(source, target)
    )
    report = project / "reports" / "kept"
    runs = {
        day: old_run(report, f"202601{day:02}T000000Z", status)
        for day, status in enumerate(["completed", "completed", "failed", "failed"], 1)
    }
    running = old_run(report, "20260105T000000Z", "running", started_at=now())
    (report / "notes").mkdir()
    (report / ".trash-half").mkdir()
    monkeypatch.setattr(stage_run, "execute", fail)
    with pytest.raises(FailedRunError):  # a run that fails removes nothing
        run_report(params(project, "kept"), keep=0)
    assert all(folder.exists() for folder in runs.values())
    monkeypatch.setattr(
        stage_run, "execute", lambda source, target, *_: shutil.copy(source, target)
    )
    result = run_report(params(project, "kept"), keep=2)
    left = {folder.name for folder in report.iterdir()}
    failed = next(
        name for name in left if name.startswith("2") and name > "202602" and name != result.run_id
    )
    assert left == {result.run_id, failed, runs[4].name, running.name, "notes"}
    gallery = (project / "reports" / "index.html").read_text()
    assert runs[1].name not in gallery
    run_report(params(project, "kept"), keep=0)
    assert running.exists()


def fail(*_):
    raise OSError("no")


def test_latest_completed_run_stays_when_later_ones_failed(project):
    from segml.reporting.cleanup import keep_latest

    report = project / "reports" / "kept"
    whole = old_run(report, "20260101T000000Z")
    failed = [old_run(report, f"202601{day:02}T000000Z", "failed") for day in (2, 3)]
    assert keep_latest(report, 1, but=report / "none") == [failed[0].name]
    assert keep_latest(report, 0, but=report / "none") == [failed[1].name]
    assert whole.exists()


def test_run_folder_of_an_older_version_is_left_alone(project, kernels):
    from .test_manifest import OLD

    path = chain(project)
    old = project / "reports" / "chain" / "20261121T221500Z-1a2b3c"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text(json.dumps(OLD))
    broken = project / "reports" / "chain" / "20251121T221500Z-1a2b3c"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    result = run_report(path, kernels=kernels, keep=5)
    assert statuses(result.manifest) == dict.fromkeys("abc", "completed")
    assert old.exists()
    assert broken.exists()
    assert old.name in (project / "reports" / "index.html").read_text()
