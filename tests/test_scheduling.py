"""The files in docs/scheduling work as they stand there, but for the folder that they name."""

from __future__ import annotations

import configparser
import datetime as dt
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import jinja2
import nbformat
import pytest
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from segml.reporting.project import init_project
from segml.reporting.shell import ALERT, BAD_INPUT, FAILED, INTERRUPTED, OK

from .reporting.conftest import notebook

ROOT = Path(__file__).parents[1]
FILES = ROOT / "docs" / "scheduling"
PAGE = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
HOME = "/srv/shop"  # of a project, in every file
COMMAND = re.compile(r"^(?:\S*/)?segml run params/my_shop\.yml --as-of (\S+|'[^']+')")

ALERTING = """
import json
from pathlib import Path

alert = {"key": "orders", "value": 1.0, "limit": 2.0, "words": "too few orders"}
(Path(run_dir) / "artefacts" / "alerts.json").write_text(json.dumps([alert]))
"""


def text(name: str, home: Path | str = HOME) -> str:
    return (FILES / name).read_text(encoding="utf-8").replace(HOME, str(home))


def set_up(home: Path, notebooks: str = "[quick]") -> Path:
    """Make what the files take for given: a project with data up to today, segml in its .venv."""
    today = dt.datetime.now(dt.UTC).date()
    rows = [f"k{i % 30},{i},{today - dt.timedelta(days=i)},{10 + i % 7}" for i in range(120)]
    home.mkdir(parents=True)
    (home / "orders.csv").write_text("customer_id,order_id,ordered_at,revenue\n" + "\n".join(rows))
    params = init_project(home, {"data.source": "../orders.csv"})
    values = yaml.safe_load(params.read_text(encoding="utf-8"))
    values["notebooks"] = yaml.safe_load(notebooks)
    params.write_text(yaml.safe_dump(values), encoding="utf-8")
    notebook(home / "notebooks" / "quick.ipynb", "# Quick", "\n6 * 7")
    notebook(home / "notebooks" / "alerting.ipynb", "# Alerting", ALERTING)
    (home / ".venv").symlink_to(sys.prefix)
    return home


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return set_up(tmp_path_factory.mktemp("scheduling") / "shop")


def execute(command, cwd, env=None, timeout=120) -> subprocess.CompletedProcess[str]:
    """Run a command with no more than a scheduler gives: no terminal, no input, no environment."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env or {},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        start_new_session=True,
        check=False,
    )


def yesterday() -> str:
    return str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1))


def latest(home: Path) -> dict:
    """Return the manifest of the latest run."""
    files = sorted(home.glob("reports/my_shop/*/manifest.json"))
    return json.loads(files[-1].read_text(encoding="utf-8"))


def _assert_report_of_yesterday(home: Path, day: str) -> None:
    run = latest(home)
    assert (run["status"], run["params"]["dates"]["as_of"]) == ("completed", day)
    assert (home / "reports" / "index.html").is_file()


# cron ------------------------------------------------------------------------------------------


def cron() -> tuple[dict[str, str], list[str], str]:
    """Return the variables, the five fields and the command of the crontab."""
    lines = [x for x in text("crontab").splitlines() if x.strip() and not x.startswith("#")]
    variables = dict(x.split("=", 1) for x in lines[:-1])
    *fields, command = lines[-1].split(None, 5)
    return variables, fields, command


def test_the_cron_line_is_one():
    variables, fields, command = cron()
    assert set(variables) == {"MAILTO"}
    highest = (59, 23, 31, 12, 7)
    for field, most in zip(fields, highest, strict=True):
        assert field == "*" or 0 <= int(field) <= most
    assert "%" not in command  # which cron takes for the end of the line


@pytest.mark.slow
def test_cron_runs_the_report_and_mails_nothing(shop):
    command = cron()[2].replace(HOME, str(shop))
    day = yesterday()
    done = execute(["/bin/sh", "-c", command], "/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (shop / "reports" / "last.out").read_text()
    assert (shop / page.strip()).is_file()
    log = (shop / "reports" / "last.log").read_text()
    assert "[1/1] quick: completed" in log
    assert "\x1b" not in log + page  # no colours, no cursor
    _assert_report_of_yesterday(shop, day)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebooks", "mailed"),
    [
        ("[nothing]", "segml: there is no such notebook"),
        ("[alerting]", "segml: alert: too few orders"),
    ],
)
def test_cron_mails_the_log_of_what_went_wrong(tmp_path, notebooks, mailed):
    home = set_up(tmp_path / "shop", notebooks)
    done = execute(["/bin/sh", "-c", cron()[2].replace(HOME, str(home))], "/")
    assert mailed in done.stdout
    assert done.stderr == ""
    assert "Traceback" not in done.stdout


# systemd ---------------------------------------------------------------------------------------


def unit(name: str, home: Path | str = HOME) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # names have capitals
    parser.read_string(text(name, home))
    return parser


def test_units_belong_together():
    service, timer = unit("segml.service"), unit("segml.timer")
    assert service.sections() == ["Unit", "Service"]
    assert timer.sections() == ["Unit", "Timer", "Install"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert "Unit" not in timer["Timer"]  # of the same name as the timer
    asked = service["Service"]
    assert asked["Type"] == "oneshot"
    assert asked["ReadWritePaths"].startswith(asked["WorkingDirectory"])
    limit = re.search(r"--timeout (\d+)", asked["ExecStart"])
    assert limit is not None
    assert int(limit[1]) < 3600 * int(asked["TimeoutStartSec"].removesuffix("h"))
    assert asked["KillMode"] == "mixed"  # SIGTERM to the run alone, which then ends with
    assert asked["SuccessExitStatus"] == str(128 + signal.SIGTERM)
    assert asked["RestartPreventExitStatus"].split() == [str(BAD_INPUT), str(ALERT)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(shop, tmp_path):
    units = []
    for name in ("segml.service", "segml.timer"):
        units.append(tmp_path / "units" / name)
        units[-1].parent.mkdir(exist_ok=True)
        units[-1].write_text(text(name, shop).replace("User=shop", "User=root"))
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, units)]
    done = execute(verify, tmp_path, dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    units[0].write_text(units[0].read_text().replace("KillMode=", "KilMode="))
    assert "KilMode" in execute(verify, tmp_path, dict(os.environ)).stderr  # it would be noticed
    when = ["systemd-analyze", "calendar", unit("segml.timer")["Timer"]["OnCalendar"]]
    assert "05:15:00" in execute(when, tmp_path, dict(os.environ)).stdout


@pytest.mark.slow
def test_the_service_runs_the_report(tmp_path):
    shop = set_up(tmp_path / "shop", "[01_data_quality]")
    service = unit("segml.service", shop)["Service"]
    day = yesterday()
    environment = {"HOME": str(tmp_path / "cache")}  # made by CacheDirectory
    assert service["Environment"] == "HOME=%C/segml"
    (tmp_path / "cache").mkdir()
    before = written(shop)
    done = execute(shlex.split(service["ExecStart"]), service["WorkingDirectory"], environment)
    assert done.returncode == OK, done.stderr
    assert (shop / done.stdout.strip()).is_file()
    _assert_report_of_yesterday(shop, day)
    assert written(shop) == before  # it may write to its reports and its home only


def written(home: Path) -> dict[Path, int]:
    """Return when each file outside the reports was written."""
    files = [*home.glob("*.*"), *home.glob("notebooks/*"), *home.glob("params/*")]
    return {file: file.stat().st_mtime_ns for file in files}


# GitHub Actions --------------------------------------------------------------------------------


def workflow() -> dict:
    return yaml.load(text("github-actions.yml"), Loader=yaml.BaseLoader)  # where `on` is a word


def test_the_workflow_is_one():
    flow = workflow()
    assert set(flow) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert len(flow["on"]["schedule"][0]["cron"].split()) == 5
    assert flow["permissions"] == {"contents": "read"}
    (job,) = flow["jobs"].values()
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert "${{" not in step.get("run", "")  # what is typed in a form must not become a command
    limit = re.search(r"--timeout (\d+)", json.dumps(job))
    assert limit is not None
    assert int(limit[1]) < 60 * int(job["timeout-minutes"])


@pytest.mark.slow
def test_steps_of_the_workflow_run_and_keep_no_customer(shop):
    (job,) = workflow()["jobs"].values()
    path = {"PATH": f"{shop}/.venv/bin:/usr/bin:/bin"}
    day = yesterday()
    commands = [step for step in job["steps"] if step.get("run", "").startswith("segml ")]
    assert [step["run"].split()[1] for step in commands] == ["validate", "run"]
    for step in commands:
        given = step.get("env", {})
        assert set(given.values()) <= {"${{ inputs.as_of || 'yesterday' }}"}
        env = path | dict.fromkeys(given, "yesterday")
        done = execute(["bash", "-e", "-c", step["run"]], shop, env)
        assert done.returncode == OK, done.stderr
    _assert_report_of_yesterday(shop, day)
    (keep,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert keep["if"] == "always()"  # that is when its page is wanted most
    kept = {file for x in keep["with"]["path"].split() for file in shop.glob(x)}
    assert {file.name for file in kept} == {"report.html", "manifest.json"}


# Airflow ---------------------------------------------------------------------------------------


def dag(monkeypatch, home: Path | str = HOME) -> tuple[dict, dict]:
    """Return what the file asks of DAG and of BashOperator; Airflow itself is not installed."""
    asked: dict[str, dict] = {}

    class DAG:
        def __init__(self, **given):
            asked["dag"] = given

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    for name, content in {
        "airflow": {},
        "airflow.sdk": {"DAG": DAG},
        "airflow.providers": {},
        "airflow.providers.standard": {},
        "airflow.providers.standard.operators": {},
        "airflow.providers.standard.operators.bash": {
            "BashOperator": lambda **given: asked.__setitem__("task", given)
        },
        "pendulum": {"datetime": lambda *day, tz: (dt.datetime(*day, tzinfo=dt.UTC), tz)},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text("airflow_dag.py", home), "airflow_dag.py", "exec"), {})
    return asked["dag"], asked["task"]


def rendered(command: str, logical: dt.datetime | None, after: dt.datetime) -> str:
    """Fill in a command as Airflow does: strictly, with its macro and its filter."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters["ds"] = lambda moment: f"{moment:%Y-%m-%d}"

    def ds_add(day: str, days: int) -> str:
        return str(dt.date.fromisoformat(day) + dt.timedelta(days=days))

    return environment.from_string(command).render(
        dag_run=SimpleNamespace(logical_date=logical, run_after=after),
        macros=SimpleNamespace(ds_add=ds_add),
    )


def test_a_backfill_makes_the_reports_of_its_days(monkeypatch):
    asked, task = dag(monkeypatch)
    assert len(asked["schedule"].split()) == 5
    assert asked["max_active_runs"] == 1
    assert task["retries"] == 0
    now = dt.datetime(2026, 11, 22, 9, 13, tzinfo=dt.UTC)
    then = dt.datetime(2026, 3, 1, 5, 15, tzinfo=dt.UTC)
    assert "--as-of 2026-02-28 " in rendered(task["bash_command"], then, now)
    assert "--as-of 2026-11-21 " in rendered(task["bash_command"], None, now)  # started by hand
    limit = re.search(r"--timeout (\d+)", task["bash_command"])
    assert limit is not None
    assert dt.timedelta(seconds=int(limit[1])) < task["execution_timeout"]


@pytest.mark.slow
def test_the_task_runs_and_says_where_the_page_is(monkeypatch, shop):
    task = dag(monkeypatch, shop)[1]
    now = dt.datetime.now(dt.UTC)
    command = rendered(task["bash_command"], now, now)
    done = execute(["bash", "-c", f"exec 2>&1; {command}"], task["cwd"])  # it reads both as one
    assert done.returncode == OK, done.stdout
    assert (shop / done.stdout.splitlines()[-1]).is_file()
    _assert_report_of_yesterday(shop, str(now.date() - dt.timedelta(days=1)))


# A container -----------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    lines = [x for x in text("Containerfile").splitlines() if x and not x.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_container_file_installs_as_the_makefile_does():
    steps = instructions()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in steps} == known
    assert steps[0][0] == "FROM"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.search(r"python:3\.(\d+)", steps[0][1])
    assert version is not None
    assert f"Programming Language :: Python :: 3.{version[1]}" in project["classifiers"]
    pip = "python -m pip install --no-cache-dir "
    ours = [rest.removeprefix(pip) for word, rest in steps if word == "RUN"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\n\n# PySpark")[0]
    assert ours == re.findall(r"\$\(PIP\) (--.*)", makefile)
    for rest in (rest for word, rest in steps if word == "COPY"):
        *sources, _ = rest.split()
        assert all((ROOT / source).exists() for source in sources)


def test_what_the_container_is_built_from_is_there(tmp_path):
    """An editable install needs what pyproject.toml names, and segml its notebooks."""
    steps = instructions()
    copied = {source for word, rest in steps if word == "COPY" for source in rest.split()[:-1]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "pyproject.toml"} <= copied
    assert {"segml", "notebooks", "requirements.lock"} <= copied


@pytest.mark.slow
def test_the_container_runs_the_report_of_the_folder_that_it_is_given(tmp_path):
    image = tmp_path / "image"
    image.mkdir()
    steps = instructions()
    for rest in (rest for word, rest in steps if word == "COPY"):
        *sources, target = rest.split()
        for source in sources:
            at = image / (source if target in (".", "./") else target)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, at, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, at)
    shop = set_up(tmp_path / "shop", "[01_data_quality]")
    shutil.rmtree(shop / "notebooks")  # those of the image are run
    said = {word: json.loads(rest) for word, rest in steps if word in ("ENTRYPOINT", "CMD")}
    assert said["ENTRYPOINT"] == ["segml"]
    env = {"PYTHONPATH": str(image), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    day = yesterday()
    done = execute([sys.executable, "-m", "segml", *said["CMD"]], shop, env)
    assert done.returncode == OK, done.stderr
    _assert_report_of_yesterday(shop, day)


# A scheduler of notebooks ----------------------------------------------------------------------


def scheduled(source: Path, folder: Path, **parameters: object) -> nbformat.NotebookNode:
    """Run a copy of a notebook as jupyter-scheduler does: alone, below its parameters cell."""
    nb = nbformat.read(source, 4)
    tagged = [i for i, c in enumerate(nb.cells) if "parameters" in c.metadata.get("tags", [])]
    given = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    nb.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(given))
    folder.mkdir()
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(nb, timeout=120, kernel_name="python3", resources=resources).execute()
    return nb


def test_the_notebook_for_schedulers_is_stored_without_results():
    nb = nbformat.read(FILES / "run_report.ipynb", 4)
    nbformat.validate(nb)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert code[0].metadata["tags"] == ["parameters"]
    assert nb.metadata.kernelspec.name == "python3"  # without which no job can be made


@pytest.mark.slow
def test_a_scheduled_notebook_runs_the_report(shop, tmp_path):
    params = str(shop / "params" / "my_shop.yml")
    day = yesterday()
    nb = scheduled(FILES / "run_report.ipynb", tmp_path / "job", params=params)
    assert "Customers of my shop" in nb.cells[-1].outputs[-1].data["text/html"]
    _assert_report_of_yesterday(shop, day)
    with pytest.raises(CellExecutionError, match="no such parameter file"):
        scheduled(FILES / "run_report.ipynb", tmp_path / "wrong")


@pytest.mark.slow
def test_one_notebook_of_a_report_can_be_scheduled_alone(shop, tmp_path):
    params = str(shop / "params" / "my_shop.yml")
    source = shop / "notebooks" / "01_data_quality.ipynb"
    nb = scheduled(source, tmp_path / "job", params=params)
    shown = json.dumps([cell.get("outputs", []) for cell in nb.cells])
    assert '"error"' not in shown
    assert "120" in shown  # orders
    assert list((tmp_path / "job").iterdir()) == []  # nothing is written


# The page --------------------------------------------------------------------------------------


def test_the_page_names_every_file_and_every_exit_code():
    named = set(re.findall(r"\]\(scheduling/([^)]+)\)", PAGE))
    assert named == {file.name for file in FILES.iterdir()}
    codes = re.findall(r"^\| ([\d, ]+) \|", PAGE, flags=re.MULTILINE)
    listed = [int(code) for row in codes for code in row.split(",")]
    assert listed == [OK, FAILED, BAD_INPUT, ALERT, INTERRUPTED, 128 + signal.SIGTERM]


def test_every_command_is_the_same():
    commands = [cron()[2].partition("&& ")[2], unit("segml.service")["Service"]["ExecStart"]]
    cmd = json.loads(dict(instructions())["CMD"])
    commands += [shlex.join(["segml", *cmd]), PAGE.partition("--keep 30; code")[0].split("\n")[-1]]
    assert all(COMMAND.match(command) for command in commands)


def sh_blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)


def test_files_can_be_moved_to_another_folder(tmp_path):
    (move,) = [block for block in sh_blocks() if block.startswith("sed")]
    named = [word for word in shlex.split(move) if (FILES / word).is_file()]
    for file in FILES.iterdir():
        assert (HOME in file.read_text(encoding="utf-8")) == (file.name in named)
        shutil.copy(file, tmp_path)
    done = execute(
        ["/bin/sh", "-c", move], tmp_path, {"PWD": str(tmp_path), "PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, done.stderr
    assert not [name for name in named if HOME in (tmp_path / name).read_text(encoding="utf-8")]


@pytest.mark.slow
def test_the_copy_to_a_bucket_keeps_the_exit_code(tmp_path):
    home = set_up(tmp_path / "shop", "[alerting]")
    aws = tmp_path / "bin" / "aws"  # a stand-in that says what it is asked
    aws.parent.mkdir()
    aws.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    aws.chmod(aws.stat().st_mode | stat.S_IXUSR)
    (block,) = [block for block in sh_blocks() if "aws" in block]
    done = execute(["/bin/sh", "-c", block], home, {"PATH": f"{aws.parent}:/usr/bin:/bin"})
    assert done.returncode == ALERT, done.stderr
    page, *asked = done.stdout.splitlines()
    assert (home / page).is_file()
    left_out = ["--exclude", "*/.*", "--exclude", "*/artefacts/*"]
    assert asked == ["s3", "sync", "reports", "s3://shop-reports", *left_out]


@pytest.mark.parametrize("folder", ["s3://shop-reports/x", "gs://shop-reports"])
def test_a_bucket_for_reports_is_refused(shop, folder):
    command = [".venv/bin/segml", "run", "params/my_shop.yml", "--reports", folder]
    done = execute(command, shop)
    assert done.returncode == BAD_INPUT
    assert "bucket" in done.stderr
    assert not [*shop.glob("s3*"), *shop.glob("gs*")]
