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
import yaml
from typer.testing import CliRunner

import segml
from segml.cli import app
from segml.data import PRESETS
from segml.reporting import stage_run
from segml.reporting.template import parameter_list

from .reporting.conftest import notebook, params, write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = write_project(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def copies(monkeypatch):
    """Have notebooks copied rather than executed."""
    monkeypatch.setattr(
        stage_run, "execute", lambda source, target, *_: shutil.copy(source, target)
    )


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
    said = ["[1/2] first: started", "[1/2] first: completed after", "[2/2] second: started"]
    assert [line[: len(start)] for line, start in zip(lines, said, strict=False)] == said
    assert len(lines) == 4


def test_folders_can_be_chosen(project, copies):
    (project / "notebooks").rename(project / "books")
    result = invoke("run", "params/good.yml", "--notebooks", "books", "--reports", "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("out/good/")


def test_failed_run_ends_with_1(project, monkeypatch):
    def fail(*_):
        raise stage_run.NotebookError("KeyError", "'x'", "trace", 2, 3)

    monkeypatch.setattr(stage_run, "execute", fail)
    result = invoke("run", "params/good.yml", "--reports", "out")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "[1/2] first: failed after 0.0 s, in cell 2" in result.stderr
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
    monkeypatch.setattr(stage_run, "execute", lambda *_: pytest.fail("a kernel was started"))
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
    assert result.stderr.startswith("params/good.yml is valid; 6 rows of orders: expect ")
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
        children = _wait_for_kernel_at_work(project, run)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert out == ""
    assert "[1/2] slow: " in err
    assert err.endswith("segml: interrupted\n")
    (manifest,) = project.glob("reports/slow/*/manifest.json")
    written = json.loads(manifest.read_text())
    assert (written["status"], written["reason"]) == ("failed", "interrupted")
    assert [n["status"] for n in written["notebooks"]] == ["failed", "not run"]
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def _wait_for_kernel_at_work(project, run):
    """Return the warm process and the kernel that it has forked, once the notebook is there."""
    try:
        for _ in range(600):
            assert run.poll() is None, run.stderr.read()
            children = psutil.Process(run.pid).children(recursive=True)
            if len(children) > 1 and list(project.glob("reports/slow/.work.*/notebooks/*.ipynb")):
                time.sleep(2)
                return children
            time.sleep(0.05)
        raise AssertionError("the kernel never started")
    except AssertionError:
        run.kill()
        raise


def test_python_m_segml():
    command = [sys.executable, "-m", "segml", "--version"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, f"segml {segml.__version__}\n"), done.stderr


def test_parameters_can_be_set_for_a_run(project, copies):
    result = invoke("run", "params/good.yml", "--set", "title=Ours", "--as-of", "2026-01-05")
    assert result.exit_code == 0, result.stderr
    written = json.loads((Path(result.stdout.strip()).parent / "manifest.json").read_text())
    assert written["title"] == "Ours"
    assert written["params"]["dates"]["as_of"] == "2026-01-05"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "sed=1"], "--set sed: sed: unknown key"),
        (["--set", "seed"], "expected: key=value"),
        (["--as-of", "tomorrow"], "expected: today, yesterday or YYYY-MM-DD"),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_wrong_options_end_with_2(project, command, options, said):
    result = invoke(command, "params/good.yml", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (project / "reports").exists()


def test_an_alert_ends_with_3(project, monkeypatch):
    def alarmed(source, target, parameters, watch):
        shutil.copy(source, target)
        alert = {"key": "psi.orders", "value": 0.4, "limit": 0.25, "words": "orders drifted"}
        (target.parents[1] / "artefacts" / "alerts.json").write_text(json.dumps([alert]))

    monkeypatch.setattr(stage_run, "execute", alarmed)
    result = invoke("run", "params/good.yml")
    assert result.exit_code == 3, result.stderr
    assert Path(result.stdout.strip()).is_file()
    assert "segml: alert: orders drifted" in result.stderr


def test_params_prints_a_template_and_what_a_file_comes_to(project, tmp_path):
    template = invoke("params")
    assert template.exit_code == 0
    (tmp_path / "template.yml").write_text(template.stdout)
    assert invoke("params", "--template").stdout == template.stdout
    shown = invoke("params", tmp_path / "template.yml", "--set", "seed=7")
    assert yaml.safe_load(shown.stdout)["seed"] == 7
    assert invoke("params", "params/absent.yml").exit_code == 2


def test_init_sets_up_a_folder(project):
    done = invoke("init", "mine", "--data", "params/orders.csv")
    assert (done.exit_code, done.stdout) == (0, "mine/params/my_shop.yml\n")
    assert invoke("validate", "mine/params/my_shop.yml").exit_code == 0
    again = invoke("init", "mine")
    assert again.exit_code == 1
    assert "holds a project already" in again.stderr


def test_a_sweep_runs_each_member(project, copies):
    result = invoke("sweep", "params/good.yml", "--vary", "seed=[1, 2]", "--vary", "title=[A, B]")
    assert result.exit_code == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [said for said, _ in rows] == [
        "seed=1 title=A", "seed=1 title=B", "seed=2 title=A", "seed=2 title=B"
    ]  # fmt: skip
    for said, page in rows:
        written = json.loads((Path(page).parent / "manifest.json").read_text())
        assert f"seed={written['seed']} title={written['title']}" == said


@pytest.mark.parametrize("vary", ["seed=1", "seed=[]", "seed=[-1]", "sed=[1]"])
def test_a_wrong_sweep_ends_with_2(project, vary):
    result = invoke("sweep", "params/good.yml", "--vary", vary)
    assert result.exit_code == 2, result.stdout
    assert not (project / "reports").exists()


def test_help_lists_every_parameter():
    said = invoke("run", "--help").stdout
    for key, _, _ in parameter_list():
        assert key in said


def test_two_runs_are_compared_and_listed(project, copies, tmp_path):
    first = invoke("run", "params/good.yml").stdout.strip()
    second = invoke("run", "params/good.yml", "--set", "seed=2").stdout.strip()
    runs = [str(Path(page).parent) for page in (first, second)]
    told = invoke("compare", *runs, "--html", tmp_path / "both.html")
    assert told.exit_code == 0, told.stderr
    assert "seed" in told.stdout
    assert (tmp_path / "both.html").is_file()
    assert invoke("compare", runs[0], "reports/good/nothing").exit_code != 0
    listed = invoke("gallery")
    assert (listed.exit_code, listed.stdout) == (0, "reports/index.html\n")
    page = (project / "reports" / "index.html").read_text()
    assert all(Path(run).name in page for run in runs)


def test_a_run_writes_a_summary_and_a_mail(project, copies):
    result = invoke("run", "params/good.yml", "--summary", "--mail", "ann@example.com")
    assert result.exit_code == 0, result.stderr
    folder = Path(result.stdout.strip()).parent
    assert "completed" in (folder / "summary.md").read_text()
    assert b"ann@example.com" in next(folder.glob("*.eml")).read_bytes()


def test_a_pdf_that_cannot_be_made_fails_no_run(project, copies, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = invoke("run", "params/good.yml", "--pdf")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).is_file()
    assert "segml: " in result.stderr
