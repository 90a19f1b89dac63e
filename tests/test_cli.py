from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

import segml
from segml.cli import app
from segml.data import PRESETS
from segml.reporting import runner

from .reporting.conftest import notebook, params, write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = write_project(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def copies(monkeypatch):
    """Have notebooks copied rather than executed."""
    monkeypatch.setattr(runner, "execute", lambda source, target, *_: shutil.copy(source, target))


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_run_prints_only_the_path_of_the_page(project, copies):
    result = invoke("run", "params/good.yml")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    page = Path(result.stdout.strip())
    assert page.is_file()
    assert page.parts[:2] == ("reports", "good")
    lines = result.stderr.splitlines()
    assert [line.split(" ... ")[0] for line in lines] == ["[1/2] first", "[2/2] second"]
    assert all(line.endswith(" s") for line in lines)


def test_folders_can_be_chosen(project, copies):
    (project / "notebooks").rename(project / "books")
    result = invoke("run", "params/good.yml", "--notebooks", "books", "--reports", "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("out/good/")


def test_failed_run_ends_with_1(project, monkeypatch):
    def fail(*_):
        raise runner.NotebookError("KeyError", "'x'", "trace", 2, 3)

    monkeypatch.setattr(runner, "execute", fail)
    result = invoke("run", "params/good.yml", "--reports", "out")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "[1/2] first ... failed after 0.0 s" in result.stderr
    assert "the report good failed: KeyError: 'x'" in result.stderr
    assert "run folder: out/good/" in result.stderr
    assert "Traceback" not in result.stderr
    (folder,) = (project / "out" / "good").iterdir()
    assert "again: segml run params/good.yml --reports out" in (folder / "failure.txt").read_text()


@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("absent", "no such parameter file"),
        ("unknown", "sed: unknown key"),
        ("no_notebook", "no such notebook"),
        ("no_data", "no such data file"),
        ("untagged", "no cell tagged 'parameters'"),
    ],
)
def test_bad_input_ends_with_2_and_starts_nothing(project, monkeypatch, command, file, expected):
    monkeypatch.setattr(runner, "execute", lambda *_: pytest.fail("a kernel was started"))
    params(project, "unknown", more="sed: 1\n")
    params(project, "no_notebook", "[nothing]")
    params(project, "no_data", more="data: {source: nothing.csv}\n")
    params(project, "untagged", "[untagged]")
    result = invoke(command, f"params/{file}.yml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("segml: ")
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert not (project / "reports").exists()


def test_validate(project):
    result = invoke("validate", "params/good.yml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "params/good.yml is valid\n"
    assert not (project / "reports").exists()


def test_reports_that_cannot_be_written_end_with_1(project):
    (project / "reports").write_text("in the way")
    result = invoke("run", "params/good.yml")
    assert result.exit_code == 1
    assert "cannot make a run folder" in result.stderr


def test_presets_are_listed_and_shown():
    listed = invoke("presets")
    assert listed.exit_code == 0
    assert listed.stdout.count("\n") == len(PRESETS)
    assert "shopify_orders       orders       Shopify orders export" in listed.stdout
    shown = invoke("presets", "mailchimp")
    assert shown.exit_code == 0
    assert "mailchimp: messages" in shown.stdout
    assert "sent_at (when the campaign was sent)" in shown.stdout
    assert "  opened" in shown.stdout


def test_an_unknown_preset_ends_with_2():
    result = invoke("presets", "shopfy_orders")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean: 'shopify_orders'?" in result.stderr


def test_a_preset_of_ones_own_is_shown(tmp_path):
    (tmp_path / "till.yml").write_text("kind: costs\ncolumns: {date: Tag, cost: Kosten}\n")
    result = invoke("presets", tmp_path / "till.yml")
    assert result.exit_code == 0
    assert "needs the columns: Tag, Kosten" in result.stdout


def test_version_is_quick():
    code = (
        "import sys; from segml.cli import app; app(['--version'], standalone_mode=False); "
        "heavy = {'pandas', 'numpy', 'papermill', 'duckdb', 'jinja2', 'matplotlib'}; "
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"segml {segml.__version__}\n"), done.stderr


def test_ctrl_c_ends_the_run_and_its_kernel(project):
    notebook(project / "notebooks" / "slow.ipynb", "# Slow", "\nimport time; time.sleep(600)")
    params(project, "slow", "[slow, first]")
    command = [sys.executable, "-m", "segml", "run", "params/slow.yml"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        kernel = _wait_for_kernel_at_work(project, run)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert out == ""
    assert "[1/2] slow ... failed after" in err
    assert err.endswith("segml: interrupted\n")
    (manifest,) = project.glob("reports/slow/*/manifest.json")
    written = json.loads(manifest.read_text())
    assert (written["status"], written["reason"]) == ("failed", "interrupted")
    assert [n["status"] for n in written["notebooks"]] == ["failed", "not run"]
    _, alive = psutil.wait_procs([kernel], timeout=10)
    assert not alive


def _wait_for_kernel_at_work(project, run):
    for _ in range(600):
        assert run.poll() is None, run.stderr.read()
        for path in project.glob("reports/slow/*/notebooks/slow.ipynb"):
            if '"status": "running"' in path.read_text() and "time.sleep" in path.read_text():
                kernels = psutil.Process(run.pid).children()
                if kernels and _cell_under_way(path):
                    return kernels[0]
        time.sleep(0.05)
    raise AssertionError("the kernel never started")


def _cell_under_way(path):
    try:
        cells = json.loads(path.read_text())["cells"]
    except ValueError:
        return False
    return cells[-1]["metadata"]["papermill"]["status"] == "running"


def test_python_m_segml():
    command = [sys.executable, "-m", "segml", "--version"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, f"segml {segml.__version__}\n"), done.stderr
