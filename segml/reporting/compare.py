"""Two runs beside each other: what was asked, on which data, and what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from segml._core.errors import ParameterError, SegmlError
from segml._core.files import write_text
from segml.evaluation.migration_result import Migration

from .compare_segments import compare_kpis, compare_segments
from .compare_tables import compare_metrics, different, readable_data, same_data
from .figures import FigurePair, figures, pair_figures
from .manifest import FILE_NAME, SCHEMA_VERSION, Manifest, read_manifest
from .metrics import run_metrics
from .page import executed
from .run_tables import flat, version_rows


@dataclass(frozen=True)
class Side:
    """One of two runs.

    Parameters
    ----------
    folder : Path
        The run folder.
    run : Manifest
        Its manifest.
    """

    folder: Path
    run: Manifest

    @property
    def name(self) -> str:
        """Report and run."""
        return f"{self.run.report}/{self.run.run_id}"

    @property
    def currency(self) -> str:
        """ISO code of its money; empty where it has none."""
        return str(self.run.params.get("currency") or "")


@dataclass(frozen=True, eq=False)
class RunComparison:
    """What differs between two runs.

    Parameters
    ----------
    a, b : Side
        The runs; changes are from `a` to `b`.
    params, data, versions : DataFrame
        What differs: ``name`` and its text ``a`` and ``b``, empty where a run has none.
    data_same : bool or None
        Whether the data files are the same; None where a run does not tell.
    metrics : DataFrame
        By key: ``label``, ``unit``, ``a`` and ``b`` with ``a_low`` to ``b_high``, ``change``
        (b - a) and ``relative`` (change / a).
    kpis : DataFrame
        A row per KPI and segment, as `metrics`, with ``kpi``, ``segment`` (the id that lasts,
        or "all customers") and ``name``; ``apart`` where the two intervals have nothing in
        common.
    migration : Migration or None
        Who moved where, as counts, by segments matched through the customers of both runs;
        None where that cannot be told.
    segments : DataFrame
        A row per segment of either run: ``name`` and ``size`` of ``a`` and ``b``, ``stayed``
        (customers of the old segment who are in the new one) and ``jaccard``.
    figures : tuple of FigurePair
        Figures side by side.
    notes : tuple of str
        What cannot be compared, and why.
    """

    a: Side
    b: Side
    params: pd.DataFrame
    data: pd.DataFrame
    versions: pd.DataFrame
    data_same: bool | None
    metrics: pd.DataFrame
    kpis: pd.DataFrame
    migration: Migration | None
    segments: pd.DataFrame
    figures: tuple[FigurePair, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> tuple[str, ...]:
        """What differs, in a few sentences."""
        from .compare_words import verdict

        return verdict(self)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison as one HTML file that fetches nothing."""
        from .compare_page import comparison_page

        return write_text(path, comparison_page(self, Path(path).parent))

    def to_text(self, width: int = 100) -> str:
        """Return the comparison as plain text, lines of at most `width` characters."""
        from .compare_text import as_text

        return as_text(self, width)

    def __rich__(self) -> Any:
        from .compare_text import renderable

        return renderable(self)

    def _repr_html_(self) -> str:
        from .compare_page import comparison_block

        return comparison_block(self)


def compare_runs(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> RunComparison:
    """Compare two runs.

    Parameters
    ----------
    a, b : path
        Their run folders; changes are told from `a` to `b`.

    Returns
    -------
    RunComparison
        Shows itself in JupyterLab (``to_html`` writes a page, ``to_text`` is for a terminal).
        Runs of different reports, of earlier versions of segml, that failed or have no
        artefacts are compared as far as that goes; ``notes`` says what is left out and why.

    Raises
    ------
    ParameterError
        A folder is no run folder, or both are the same run.
    DataError
        A manifest cannot be read.
    """
    return compare_sides(_side(a), _side(b))


def compare_sides(a: Side, b: Side) -> RunComparison:
    """Compare two runs whose manifests are known; see :func:`compare_runs`."""
    if a.folder.resolve() == b.folder.resolve():
        raise ParameterError("both runs are the same", got=a.name, expected="two runs")
    notes = _notes(a, b)
    migration, segments = None, pd.DataFrame()
    try:
        migration, segments = compare_segments(a.folder, b.folder, b.currency)
    except SegmlError as error:
        notes.append(f"Segments are not compared: {_line(error)}.")
    ids = None if migration is None or migration.matching is None else migration.matching.ids
    metrics = compare_metrics(run_metrics(a.folder, a.run), run_metrics(b.folder, b.run))
    kpis = pd.DataFrame()
    try:
        kpis = compare_kpis(
            a.folder,
            b.folder,
            ids,
            matched=migration is not None,
            same_money=a.currency == b.currency,
        )
    except SegmlError as error:
        notes.append(f"KPIs are not compared: {_line(error)}.")
    return RunComparison(
        a=a,
        b=b,
        params=different(flat(a.run.params), flat(b.run.params)),
        data=different(readable_data(a.run), readable_data(b.run)),
        versions=different(version_rows(a.run), version_rows(b.run)),
        data_same=same_data(a.run, b.run),
        metrics=metrics,
        kpis=kpis,
        migration=migration,
        segments=segments,
        figures=tuple(
            pair_figures(*(figures(list(executed(one.folder, one.run))) for one in (a, b)))
        ),
        notes=tuple(notes),
    )


def run_folder(run: str | os.PathLike[str], reports: str | os.PathLike[str] = "reports") -> Path:
    """Return the folder of a run that is named as people do.

    Parameters
    ----------
    run : path or str
        A run folder, or a file in it; or ``REPORT/RUN`` below the reports folder; or a run's
        name alone; or a report's name for its latest run.
    reports : path
        The reports folder.

    Raises
    ------
    ParameterError
        There is no such run, or there are several.
    """
    from .reuse import earlier_runs

    path = Path(run)
    places = [path, path.parent, Path(reports) / path]
    for place in places:
        if (place / FILE_NAME).is_file():
            return place
    found = [one.parent for one in sorted(Path(reports).glob(f"*/{path.name}/{FILE_NAME}"))]
    if len(found) == 1 and len(path.parts) == 1:
        return found[0]
    if len(path.parts) == 1 and (runs := earlier_runs(Path(reports) / path)):
        return runs[0].folder
    raise ParameterError(
        "several reports have a run of this name" if found else "there is no such run",
        where="run",
        got=os.fspath(run),
        expected="a run folder, or REPORT/RUN as the gallery names it",
    )


def _side(folder: str | os.PathLike[str]) -> Side:
    path = Path(folder)
    if not (path / FILE_NAME).is_file():
        raise ParameterError(
            "this is no run folder",
            got=path.name,
            expected=f"a folder with {FILE_NAME}",
        )
    return Side(path, read_manifest(path))


def _notes(a: Side, b: Side) -> list[str]:
    notes = []
    if a.run.report != b.run.report:
        notes.append(
            f"These are runs of different reports, {a.run.report} and {b.run.report}: differences "
            "need not be changes."
        )
    for side in (a, b):
        if side.run.status != "completed":
            why = f" ({side.run.reason})" if side.run.reason else ""
            notes.append(
                f"Run {side.name} is {side.run.status}{why}: only what it had found is compared."
            )
        if side.run.schema < SCHEMA_VERSION:
            notes.append(
                f"Run {side.name} is of an earlier version of segml, whose manifest tells less."
            )
    if a.currency != b.currency:
        notes.append(
            f"Money is in {a.currency or 'no currency'} and in {b.currency or 'no currency'}: "
            "amounts are shown, changes of them are not."
        )
    return notes


def _line(error: SegmlError) -> str:
    problem = error.problem
    return problem.what + (f" ({problem.where})" if problem.where else "")
