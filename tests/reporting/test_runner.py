from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from segml._core.errors import ParameterError, RunError
from segml._core.files import sha256
from segml.reporting import run, runner, stage_run
from segml.reporting.manifest import read_manifest
from segml.reporting.params import ReportParams
from segml.reporting.params_file import load_params
from segml.reporting.runner import run_report

from .conftest import notebook, params


def no_kernel(*args, **kwargs):
    raise AssertionError("a kernel was started")


def test_run_folder_holds_notebooks_artefacts_manifest_and_page(finished):
    folder = finished.good.folder
    assert folder.parent == finished.root / "reports" / "good"
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", folder.name)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "artefacts/seen.json",
        "manifest.json",
        "notebooks/first.ipynb",
        "notebooks/second.ipynb",
        "report.html",
    }
    assert (finished.root / "reports" / "index.html").is_file()


def test_notebooks_get_all_parameters_and_run_in_the_run_folder(finished):
    seen = json.loads((finished.good.folder / "artefacts" / "seen.json").read_text())
    # They run beside the run folders; ".." means the run folder there and where they end up.
    assert Path(seen["cwd"]).parts[-2:] == (f".work.{finished.good.run_id}.first", "notebooks")
    assert not Path(seen["cwd"]).exists()
    executed = (finished.good.folder / "notebooks" / "first.ipynb").read_text()
    assert 'run_dir = \\"..\\"' in executed
    given = load_params(finished.root / "params" / "good.yml")
    assert ReportParams.model_validate(seen["params"]) == given
    assert given.data.source == str(finished.root / "params" / "orders.csv")


def test_manifest_of_a_completed_run(finished):
    run = read_manifest(finished.good.folder)
    assert run == finished.good.manifest
    assert (run.status, run.reason, run.pid, run.seed) == ("completed", None, os.getpid(), 1)
    assert [(n.name, n.status, n.error) for n in run.notebooks] == [
        ("first", "completed", None),
        ("second", "completed", None),
    ]
    assert all(n.seconds > 0 for n in run.notebooks)
    assert [n.attempts for n in run.notebooks] == [1, 1]
    cells = [(cell["cell"], cell["status"]) for cell in run.notebooks[0].cells]
    assert cells == [(1, "completed"), (3, "completed")]  # the second is text
    assert all(20 < n.peak_memory_mb < 4000 for n in run.notebooks)
    assert run.notebooks[0].artefacts == ("seen.json",)
    assert run.seconds >= sum(n.seconds for n in run.notebooks)
    orders = finished.root / "params" / "orders.csv"
    assert run.data == {
        "source": "orders.csv",
        "files": [{"path": "orders.csv", "bytes": orders.stat().st_size, "sha256": sha256(orders)}],
    }
    artefact = finished.good.folder / "artefacts" / "seen.json"
    assert run.artefacts == (
        {
            "path": "artefacts/seen.json",
            "bytes": artefact.stat().st_size,
            "sha256": sha256(artefact),
        },
    )
    assert run.params["clv"]["horizon"] == 52.0
    assert run.versions["papermill"]
    text = (finished.good.folder / "manifest.json").read_text()
    assert str(finished.root) not in text


def test_progress_is_told_before_and_after_each_notebook(finished):
    assert finished.progress == [
        (1, 2, "first", "running"),
        (1, 2, "first", "completed"),
        (2, 2, "second", "running"),
        (2, 2, "second", "completed"),
    ]


def test_result_shows_itself(finished):
    html = finished.good._repr_html_()
    assert "A &lt;title&gt; &amp; more" in html
    assert "completed, 2 notebooks" in html


def test_failed_run_keeps_what_there_is(finished):
    error = finished.error
    assert isinstance(error, RunError)
    folder = error.run_folder
    run = read_manifest(folder)
    assert run.status == "failed"
    assert run.reason == "KeyError: 'no such key'"
    assert [n.status for n in run.notebooks] == ["completed", "failed", "not run"]
    assert run.notebooks[1].error == {"type": "KeyError", "message": "'no such key'", "cell": 4}
    cells = {cell["cell"]: cell["status"] for cell in run.notebooks[1].cells}
    assert cells == {1: "completed", 3: "completed", 4: "failed", 5: "not run"}
    partial = nbformat.read(folder / "notebooks" / "bad.ipynb", as_version=4)
    assert any("before" in str(cell.get("outputs")) for cell in partial.cells)
    assert not (folder / "notebooks" / "first.ipynb").exists()
    assert "bad, cell 4 of 5" in str(error)
    assert "failure.txt" in str(error)


def test_failure_text_is_plain_and_says_how_to_run_again(finished):
    text = (finished.error.run_folder / "failure.txt").read_text()
    assert "\x1b" not in text
    assert "again: segml run params/fails.yml" in text
    assert "Traceback (most recent call last)" in text
    assert "KeyError: 'no such key'" in text


@pytest.mark.parametrize(
    ("notebooks", "more", "expected"),
    [
        ("[frist]", "", ["no such notebook", "'frist'", "did you mean: 'first'"]),
        ("[first, untagged]", "", ["no cell tagged 'parameters'", "untagged.ipynb"]),
        ("[broken]", "", ["cannot read the notebook", "broken.ipynb"]),
        ("[first]", "data: {source: order.csv}\n", ["no such data file", "'orders.csv'"]),
        ("[first]", "data: {source: cndow}\n", ["no such data file", "did you mean: 'cdnow'"]),
        ("[first]", "data: {source: .}\n", ["the data file is a folder"]),
        ("[first]", "data: {source: '*.parquet'}\n", ["no such data file", "a glob"]),
        ("[first]", "sed: 1\n", ["sed: unknown key", "did you mean 'seed'?"]),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    project, monkeypatch, notebooks, more, expected
):
    monkeypatch.setattr(stage_run, "execute", no_kernel)
    (project / "notebooks" / "broken.ipynb").write_text('{"cells": [')
    with pytest.raises(ParameterError) as caught:
        run_report(params(project, "wrong", notebooks, more))
    for text in expected:
        assert text in str(caught.value)
    assert not (project / "reports").exists()


def write_nothing(source, target, parameters, watch):
    shutil.copy(source, target)


def test_folders_can_be_chosen_and_data_can_be_a_glob(project, monkeypatch, tmp_path):
    monkeypatch.setattr(stage_run, "execute", write_nothing)
    shutil.move(project / "notebooks", tmp_path / "elsewhere")
    (project / "params" / "orders2.csv").write_text("more\n")
    path = params(project, "glob", more="data: {source: 'orders*.csv'}\n")
    result = run_report(path, notebooks_dir=tmp_path / "elsewhere", reports_dir=tmp_path / "out")
    assert result.folder.parent == tmp_path / "out" / "glob"
    files = result.manifest.data["files"]
    assert [file["path"] for file in files] == ["orders.csv", "orders2.csv"]


def test_parameters_made_in_python_start_at_the_current_folder(project, monkeypatch):
    monkeypatch.setattr(stage_run, "execute", write_nothing)
    monkeypatch.chdir(project)
    made = ReportParams(
        report="made", title="Made", notebooks=["first"], data={"source": "params/orders.csv"}
    )
    result = run_report(made)
    assert result.folder.parent == project / "reports" / "made"
    assert result.manifest.data["source"] == "orders.csv"


def test_runs_of_one_second_get_a_folder_each(project, monkeypatch):
    monkeypatch.setattr(stage_run, "execute", write_nothing)

    class Clock(runner.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 11, 21, 22, 15, tzinfo=tz)

    monkeypatch.setattr(runner, "datetime", Clock)
    path = params(project, "twice")
    names = [run_report(path).folder.name for _ in range(3)]
    assert names[0].startswith("20261121T221500Z-")
    assert names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]


def test_page_that_cannot_be_made_fails_the_run(project, monkeypatch):
    monkeypatch.setattr(stage_run, "execute", write_nothing)

    def broken(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "write_page", broken)
    with pytest.raises(RunError, match="No space left"):
        run_report(params(project, "full"))
    (folder,) = (project / "reports" / "full").iterdir()
    assert read_manifest(folder).status == "failed"


def test_reports_folder_that_cannot_be_made(project):
    (project / "reports").write_text("a file in the way")
    with pytest.raises(RunError, match="cannot make a run folder"):
        run_report(params(project, "blocked"))


def test_dead_kernel_is_a_failed_run(project):
    notebook(project / "notebooks" / "dies.ipynb", "# Dies", "\nimport os; os._exit(1)", "\n1")
    with pytest.raises(RunError, match="the kernel died") as caught:
        run_report(params(project, "dies", "[dies]"))
    run = read_manifest(caught.value.run_folder)
    assert run.notebooks[0].status == "killed"
    assert run.notebooks[0].error["type"] == "DeadKernelError"
    assert run.notebooks[0].error["cell"] == 3
    cells = [cell["status"] for cell in run.notebooks[0].cells]
    assert cells == ["completed", "killed", "not run"]
