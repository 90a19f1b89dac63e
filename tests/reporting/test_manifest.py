from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from segml._core.errors import DataError
from segml.reporting.manifest import (
    SCHEMA_FILE,
    Manifest,
    NotebookRun,
    list_files,
    now,
    read_manifest,
)
from segml.reporting.params import ReportParams
from segml.reporting.provenance import data_fingerprint, git_state, versions


def manifest(**changes) -> Manifest:
    made = Manifest(
        run_id="20261121T221500Z-1a2b3c",
        report="r",
        title="R",
        params={},
        seed=1,
        status="running",
        pid=os.getpid(),
        started_at=now(),
        notebooks=(NotebookRun("a"), NotebookRun("b")),
    )
    return replace(made, **changes)


def test_what_is_written_is_read_back(tmp_path):
    made = manifest(status="completed", finished_at=now(), artefacts=({"path": "x"},))
    made.write(tmp_path)
    assert read_manifest(tmp_path) == made
    assert json.loads((tmp_path / "manifest.json").read_text())["schema"] == 2


def test_one_notebook_is_changed():
    changed = manifest().with_notebook(1, status="running")
    assert [n.status for n in changed.notebooks] == ["not run", "running"]


def test_unknown_keys_are_passed_over(tmp_path):
    path = manifest().write(tmp_path)
    values = json.loads(path.read_text())
    values["schema"] = 3
    values["later"] = True
    values["notebooks"][0]["later"] = 1
    path.write_text(json.dumps(values))
    assert read_manifest(tmp_path).notebooks[0] == NotebookRun("a")


def test_run_whose_process_lives_is_running(tmp_path):
    manifest().write(tmp_path)
    assert read_manifest(tmp_path).status == "running"


def test_run_whose_process_is_gone_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    manifest(pid=process.pid).write(tmp_path)
    run = read_manifest(tmp_path)
    assert run.status == "killed"
    assert run.reason


def test_notebook_and_cell_that_a_killed_run_was_at_are_killed(tmp_path):
    long_ago = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    cells = [
        {"cell": 1, "status": "completed", "seconds": 0.1},
        {"cell": 2, "status": "running", "seconds": None},
        {"cell": 3, "status": "not run", "seconds": None},
    ]
    at = NotebookRun("b", "running", cells=tuple(cells))
    manifest(
        started_at=long_ago, notebooks=(NotebookRun("a", "completed"), at, NotebookRun("c"))
    ).write(tmp_path)
    notebooks = read_manifest(tmp_path).notebooks
    assert [n.status for n in notebooks] == ["completed", "killed", "not run"]
    assert [c["status"] for c in notebooks[1].cells] == ["completed", "killed", "not run"]


OLD = {  # as the first version of segml wrote it
    "schema": 1,
    "run_id": "20261121T221500Z-1a2b3c",
    "report": "r",
    "title": "R",
    "params": {},
    "seed": 1,
    "status": "completed",
    "pid": 1,
    "started_at": "2026-11-21T22:15:00.000+00:00",
    "finished_at": "2026-11-21T22:16:00.000+00:00",
    "data": {"source": "cdnow", "files": []},
    "versions": {"python": "3.11.7"},
    "git": None,
    "notebooks": [{"name": "a", "status": "completed", "seconds": 8.2, "error": None}],
    "artefacts": [{"path": "artefacts/a.json", "bytes": 2, "sha256": "00"}],
    "reason": None,
}


def test_manifest_of_the_first_version_is_read(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(OLD))
    run = read_manifest(tmp_path)
    assert (run.status, run.schema, run.seconds, run.alerts) == ("completed", 1, 60.0, ())
    assert run.notebooks == (NotebookRun("a", "completed", 8.2),)
    assert run.notebooks[0].key is None  # nothing is taken from it


def check_schema(values):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(values)]


def test_manifests_follow_the_published_schema(finished):
    for folder in (finished.good.folder, finished.error.run_folder):
        assert check_schema(json.loads((folder / "manifest.json").read_text())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"},
        {"schema": 1},
        {"later": 1},
        {"run_id": "../x"},
        {"notebooks": []},
        {"started_at": "yesterday"},
        {"artefacts": [{"path": "/etc/passwd", "bytes": 1, "sha256": "0" * 64}]},
        {"artefacts": [{"path": "a/../../b", "bytes": 1, "sha256": "0" * 64}]},
    ],
)
def test_schema_refuses_what_is_no_manifest(finished, change):
    values = json.loads((finished.good.folder / "manifest.json").read_text())
    assert check_schema(values | change)


def test_schema_knows_every_field_and_no_other(finished):
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert set(schema["properties"]) == {field.name for field in fields(Manifest)}
    notebook = schema["$defs"]["notebook"]
    assert set(notebook["properties"]) == {field.name for field in fields(NotebookRun)}
    assert set(notebook["required"]) == set(notebook["properties"])


def test_process_that_took_over_the_number_does_not_count(tmp_path):
    long_ago = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    manifest(started_at=long_ago).write(tmp_path)
    assert read_manifest(tmp_path).status == "killed"


def test_finished_run_is_never_killed(tmp_path):
    manifest(status="failed", finished_at=now(), pid=2**22 + 1).write(tmp_path)
    assert read_manifest(tmp_path).status == "failed"


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"notebooks": [], "artefacts": []}', "\x00"]
)
def test_broken_manifest_is_a_data_error(tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="cannot read the manifest"):
        read_manifest(tmp_path)


def test_seconds():
    start = "2026-11-21T22:00:00.000+00:00"
    assert manifest(started_at=start).seconds is None
    done = manifest(started_at=start, finished_at="2026-11-21T22:01:30.500+00:00")
    assert done.seconds == 90.5


def test_files_are_listed_in_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    listed = list_files(tmp_path, [tmp_path / "b", tmp_path / "a"])
    assert [item["path"] for item in listed] == ["a", "b"]
    assert listed[0]["bytes"] == 1
    assert len(listed[0]["sha256"]) == 64


@pytest.mark.parametrize("source", ["cdnow", "cdnow_sample"])
def test_built_in_data_has_the_fingerprint_of_the_installed_file(source):
    params = ReportParams(report="a", title="A", data={"source": source})
    found = data_fingerprint(params)
    assert found["source"] == source
    assert found["files"][0]["bytes"] > 100_000


def test_data_that_are_drawn_have_no_files():
    params = ReportParams(report="a", title="A", data={"source": "simulated_store"})
    assert data_fingerprint(params) == {"source": "simulated_store", "files": []}


def test_versions_are_those_installed():
    found = versions()
    assert found["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert None not in found.values()


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_git_revision_and_whether_files_differ(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) is None
    git(tmp_path, "init")
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "a")
    state = git_state(tmp_path)
    assert len(state["revision"]) == 40
    assert state["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == {**state, "dirty": True}


def test_machine_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None
