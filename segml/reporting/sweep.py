"""Run one report with several sets of parameters."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import yaml

from segml._core.errors import ParameterError

from .kernels import Kernels
from .overrides import parse_overrides
from .params import ReportParams
from .params_file import load_params
from .params_yaml import dotted
from .preflight import prepare
from .run import FailedRunError
from .runner import RunResult, run_report
from .stages import imports


def sweep_members(
    path: str | os.PathLike[str], vary: Sequence[str], overrides: Sequence[str] = ()
) -> dict[str, ReportParams]:
    """Return the parameters of each member of a grid.

    Parameters
    ----------
    path : path
        The parameter file.
    vary : sequence of str
        Lists of values, such as ``clustering.n_segments=[3, 4]``; several make a grid.
    overrides : sequence of str, optional
        Parameters that all members have in place of the file's.

    Returns
    -------
    dict of str to ReportParams
        By what is varied, such as ``clustering.n_segments=3``.

    Raises
    ------
    ParameterError
        A list is none or is empty, or a member's parameters are wrong.
    """
    axes: list[list[str]] = []
    for key, values in parse_overrides(vary).items():
        name = dotted(key)
        if not isinstance(values, list) or not values:
            raise ParameterError(
                "this is no list of values",
                where=f"--vary {name}",
                got=values,
                expected=f"a list, such as {name}=[a, b]",
            )
        axes.append([f"{name}={_flow(value)}" for value in values])
    return {
        " ".join(member): load_params(path, [*overrides, *member])
        for member in itertools.product(*axes)
    }


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()


def run_sweep(members: Sequence[ReportParams], **options: Any) -> list[RunResult | FailedRunError]:
    """Run a report once with each set of parameters, from one warm process.

    Members follow each other: what does not depend on the parameters that differ is done by the
    first and taken by the others, and a sweep that was stopped goes on where it was.

    Parameters
    ----------
    members : sequence of ReportParams
        The parameters of each run, of one report.
    **options
        As of :func:`~segml.reporting.run_report`.

    Returns
    -------
    list of RunResult or FailedRunError
        In the same order; a member that fails does not stop the others.

    Raises
    ------
    ParameterError
        Before anything is started: the parameters of a member are wrong.
    """
    where = {key: options[key] for key in ("notebooks_dir", "reports_dir") if key in options}
    jobs = [prepare(member, **where) for member in members]
    notebooks = list(dict.fromkeys(file for job in jobs for file in job.notebooks))
    results: list[RunResult | FailedRunError] = []
    with ExitStack() as stack:
        if "kernels" not in options:
            options["kernels"] = stack.enter_context(Kernels(imports(notebooks)))
        for member in members:
            try:
                results.append(run_report(member, **options))
            except FailedRunError as error:
                results.append(error)
    return results
