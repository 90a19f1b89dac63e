"""Old runs: what a killed one left behind is put in order, those no longer wanted are removed."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from .reuse import earlier_runs
from .work_folder import PREFIX, close_left_behind

_TRASH = ".trash-"


def tidy(report: Path) -> None:
    """Put in order what killed runs of a report left behind.

    The notebook that such a run was at stays, as far as it came; half-removed runs go.
    """
    for run in earlier_runs(report):
        close_left_behind(report, run.folder.name)
    for folder in report.glob(f"{_TRASH}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in report.glob(f"{PREFIX}*"):  # of runs that are no longer there
        if not any(folder.name.startswith(f"{PREFIX}{run.name}.") for run in report.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)


def keep_latest(report: Path, keep: int, *, but: Path) -> list[str]:
    """Remove the oldest runs of a report so that `keep` of them remain.

    Never removed are the latest completed run, one that is under way, the run `but`, and
    folders that hold no manifest.

    Parameters
    ----------
    report : Path
        The report's folder.
    keep : int
        How many earlier runs to keep.
    but : Path
        The run folder of the run that asks; it does not count.

    Returns
    -------
    list of str
        Names of the runs that were removed.
    """
    runs = earlier_runs(report)
    completed = next((run.folder for run in runs if run.manifest.status == "completed"), None)
    removed = []
    for run in [run for run in runs if run.folder != but][keep:]:
        if run.folder == completed:
            continue
        trash = report / f"{_TRASH}{run.folder.name}"
        with contextlib.suppress(OSError):
            run.folder.rename(trash)  # at once: never half a run
            removed.append(run.folder.name)
            shutil.rmtree(trash, ignore_errors=True)
    return removed
