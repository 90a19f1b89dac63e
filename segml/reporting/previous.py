"""What changed since the run before: the comparison that is written when a run ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .manifest import Manifest
from .page import COMPARISON_NAME
from .reuse import Earlier, earlier_runs

if TYPE_CHECKING:
    from .compare import RunComparison


def run_before(folder: Path, run: Manifest) -> Earlier | None:
    """Return the latest completed run of the same report that started before this one."""
    before = (run.started_at, run.run_id)
    for found in earlier_runs(folder.parent, but=folder):
        if found.manifest.status == "completed" and (
            (found.manifest.started_at, found.manifest.run_id) < before
        ):
            return found
    return None


def compare_with_previous(folder: Path, run: Manifest) -> RunComparison | None:
    """Return what changed since the run before; None where there is none."""
    found = run_before(folder, run)
    if found is None:
        return None
    from .compare import Side, compare_sides  # it brings pandas and the models with it

    return compare_sides(Side(found.folder, found.manifest), Side(folder, run))


def write_comparison(folder: Path, run: Manifest) -> Path | None:
    """Write ``compare.html`` into a run folder: what changed since the run before.

    Parameters
    ----------
    folder : Path
        The run folder.
    run : Manifest
        Its manifest.

    Returns
    -------
    Path or None
        The page; None where the report has no earlier completed run.
    """
    found = compare_with_previous(folder, run)
    return None if found is None else found.to_html(folder / COMPARISON_NAME)
