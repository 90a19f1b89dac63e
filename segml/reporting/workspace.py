"""One report's results, each computed once, handed from notebook to notebook as artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .comparison_results import ComparisonResults
from .params import ReportParams
from .params_file import load_params, validate_params


def open_workspace(
    params: ReportParams | Mapping[str, Any] | str | Path, run_dir: str | Path | None = None
) -> Workspace:
    """Open the results of a report.

    Parameters
    ----------
    params : path, mapping or ReportParams
        What the report is asked to do: a parameter file or its content.
    run_dir : path, optional
        A run folder: results that are in its ``artefacts`` are read from there, others
        are computed and written there. Without it nothing is written.

    Returns
    -------
    Workspace
        Its attributes are the results; each is computed when it is first asked for.

    Raises
    ------
    ParameterError
        The parameters are wrong.

    Examples
    --------
    >>> workspace = open_workspace({
    ...     "report": "sample", "title": "Sample", "data": {"source": "cdnow_sample"},
    ...     "clustering": {"features": ["recency_days", "orders"], "n_segments": 3}})
    >>> workspace.segments["size"].sum()
    np.int64(2357)
    """
    if isinstance(params, (str, Path)):
        params = load_params(params)
    elif not isinstance(params, ReportParams):
        params = validate_params(params)
    return Workspace(params, None if run_dir is None else Path(run_dir))


class Workspace(ComparisonResults):
    """Results of one report; see :func:`open_workspace`.

    Parameters
    ----------
    params : ReportParams
        What the report is asked to do.
    run_dir : Path or None
        Its run folder.
    """
