"""What is checked before a kernel starts: the notebooks and the data are there."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segml._core.check import nearest
from segml._core.errors import ParameterError

from .data_check import DataCheck, check_data
from .data_files import display, source_files
from .params import ReportParams
from .params_file import load_params, with_source_in
from .project import notebooks_folder

PARAMETERS_TAG = "parameters"
_BUCKET = re.compile(r"[A-Za-z][\w+.-]+:/")  # of one letter it is a drive


@dataclass(frozen=True)
class Job:
    """A report that has passed every check, and where its parts are.

    Parameters
    ----------
    params : ReportParams
        With the path of the data absolute.
    notebooks : list of Path
        The notebooks to execute.
    reports_dir : Path
        Where run folders go.
    home : Path
        Folder of the parameter file.
    command : str
        What runs the report again from the project folder; empty for parameters made in Python.
    data : DataCheck
        What is known of the data, and what the run will take.
    """

    params: ReportParams
    notebooks: list[Path]
    reports_dir: Path
    home: Path
    command: str
    data: DataCheck


def prepare(
    params: str | os.PathLike[str] | ReportParams,
    overrides: Sequence[str] = (),
    *,
    notebooks_dir: str | os.PathLike[str] | None = None,
    reports_dir: str | os.PathLike[str] | None = None,
) -> Job:
    """Check everything that can be checked without a kernel; write nothing.

    Raises
    ------
    ParameterError
        Parameters, notebooks or the data file are wrong.
    DataError
        The data lack a column, or are too few.
    """
    if isinstance(params, ReportParams):
        home = project = Path.cwd()
        params, command = with_source_in(params, home), ""
    else:
        file = Path(params).absolute()
        home, project = file.parent, file.parent.parent
        params, command = load_params(params, overrides), f"segml run {_shell(file, project)}"
        command += "".join(f" --set {shlex.quote(text)}" for text in overrides)
    given = {"notebooks": notebooks_dir, "reports": reports_dir}
    folders = {}
    for name, folder in given.items():
        if folder is not None and _BUCKET.match(os.fspath(folder)):
            raise ParameterError(
                "a run cannot work in a bucket",
                where=f"--{name}",
                got=os.fspath(folder),
                expected="a folder of this machine",
                hint="copy the folder to the bucket after the run",
            )
        folders[name] = project / name if folder is None else Path(folder).absolute()
        if command and folder is not None and folders[name] != project / name:
            command += f" --{name} {_shell(folders[name], project)}"
    if notebooks_dir is None and not folders["notebooks"].is_dir():
        folders["notebooks"] = notebooks_folder()
    notebooks = notebook_files(params.notebooks, folders["notebooks"])
    source_files(params)
    data = check_data(params)
    return Job(params, notebooks, folders["reports"], home, command, data)


def _shell(path: Path, project: Path) -> str:
    within = path.is_relative_to(project)
    return shlex.quote(path.relative_to(project).as_posix() if within else display(path))


def notebook_files(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the path of each notebook.

    Raises
    ------
    ParameterError
        When one is missing, is not a notebook, or has no cell tagged ``parameters``.
    """
    files = [folder / f"{name}.ipynb" for name in names]
    for i, (name, file) in enumerate(zip(names, files, strict=True)):
        where = f"notebooks.{i}"
        if not file.is_file():
            known = sorted(other.stem for other in folder.glob("*.ipynb"))
            raise ParameterError(
                f"there is no such notebook in {display(folder)}",
                where=where,
                got=name,
                expected="one of " + ", ".join(known) if known else "a folder with notebooks",
                nearest=nearest(name, known),
            )
        if PARAMETERS_TAG not in _tags(file):
            raise ParameterError(
                "the notebook has no cell tagged 'parameters'",
                where=f"{where}: {display(file)}",
                hint="tag the cell that sets params and run_dir in JupyterLab's property inspector",
            )
    return files


def _tags(file: Path) -> set[str]:
    try:
        notebook = json.loads(file.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        return {tag for cell in cells for tag in cell["metadata"].get("tags", [])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(
            "cannot read the notebook", where=display(file), expected="an .ipynb file, format 4"
        ) from error
