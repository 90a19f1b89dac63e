"""The default report beside papermill and nbconvert, notebook by notebook, in CPU seconds.

    python benchmarks/bench_report.py               # the report, and a sweep of ten
    python benchmarks/bench_report.py --repeats 3 --members 0

The peers do what a shell script would: for each notebook `papermill`, which starts a kernel and
executes it, and `jupyter nbconvert`, which makes its page; the notebooks share a folder of
results, as they do in segml. CPU time is that of all processes, children included, and does not
depend on how busy the machine is as much as the clock does. Artefacts are compared.

A sweep changes the number of segments. The peers' sweep is their report times its members: they
share nothing between two.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from segml.reporting.params_file import load_params

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params" / "cdnow.yml"
NOTEBOOKS = [ROOT / "notebooks" / f"{name}.ipynb" for name in load_params(PARAMS).notebooks]
SWEEP = """
import sys
from segml.reporting.params_file import load_params
from segml.reporting.sweep import run_sweep
base = load_params(sys.argv[1])
sizes = range(3, 3 + int(sys.argv[2]))
clustering = [base.clustering.model_copy(update={"n_segments": size}) for size in sizes]
members = [base.model_copy(update={"clustering": asked}) for asked in clustering]
results = run_sweep(members, notebooks_dir=sys.argv[3], reports_dir=sys.argv[4])
assert all(result.manifest.status == "completed" for result in results)
"""


def cpu_seconds(*command: object) -> float:
    """Run a command to its end; return the CPU time of it and all it has started."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}\n{said}")
    return usage.ru_utime + usage.ru_stime


def by_segml(folder: Path) -> float:
    return cpu_seconds(
        "-m", "segml", "run", PARAMS, "--reports", folder, "--notebooks", ROOT / "notebooks"
    )


def by_peers(folder: Path) -> float:
    (folder / "artefacts").mkdir(parents=True)
    total = 0.0
    for notebook in NOTEBOOKS:
        executed = folder / notebook.name
        total += cpu_seconds(
            *("-m", "papermill", "--no-progress-bar", notebook, executed),
            *("-p", "params", PARAMS, "-p", "run_dir", folder),
        )
        total += cpu_seconds("-m", "nbconvert", "--to", "html", "--no-input", executed)
    return total


def digests(folder: Path) -> dict[str, str]:
    files = next(iter([*folder.glob("artefacts"), *folder.glob("*/*/artefacts")])).iterdir()
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def main(repeats: int, members: int) -> None:
    taken: dict[str, list[float]] = {"segml": [], "papermill and nbconvert": []}
    sweeps = []
    with tempfile.TemporaryDirectory() as made:
        for i in range(repeats):
            ours, theirs = Path(made, f"ours-{i}"), Path(made, f"theirs-{i}")
            taken["segml"].append(by_segml(ours))
            taken["papermill and nbconvert"].append(by_peers(theirs))
            if digests(ours) != digests(theirs):
                raise SystemExit("the artefacts differ")
            shutil.rmtree(ours)
            shutil.rmtree(theirs)
        if members:
            folder = Path(made, "sweep")
            sweeps.append(cpu_seconds("-c", SWEEP, PARAMS, members, ROOT / "notebooks", folder))
    base = statistics.median(taken["papermill and nbconvert"])
    print(f"\n### The report of {len(NOTEBOOKS)} notebooks, equal artefacts\n")
    print("| | median CPU seconds | times the peers |\n| --- | ---: | ---: |")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.1f} | {middle / base:.2f} |")
    for seconds in sweeps:
        ratio = seconds / (members * base)
        print(f"| segml, a sweep of {members} (once) | {seconds:.1f} | {ratio:.2f} |")
    names = ("papermill", "nbconvert", "ipykernel")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"\nMedian of {repeats}; Python {platform.python_version()}, {versions}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--members", type=int, default=10)
    asked = parser.parse_args()
    main(asked.repeats, asked.members)
