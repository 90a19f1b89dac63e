"""What is checked before a kernel starts: the notebooks and the data are there."""

from __future__ import annotations

import glob
import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segml._core.check import nearest
from segml._core.errors import ParameterError

from .params import BUILT_IN_SOURCES, ReportParams
from .params_file import load_params, with_source_in

PARAMETERS_TAG = "parameters"


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
    """

    params: ReportParams
    notebooks: list[Path]
    reports_dir: Path
    home: Path
    command: str


def prepare(
    params: str | os.PathLike[str] | ReportParams,
    *,
    notebooks_dir: str | os.PathLike[str] | None = None,
    reports_dir: str | os.PathLike[str] | None = None,
) -> Job:
    """Check everything that can be checked without a kernel; write nothing.

    Raises
    ------
    ParameterError
        Parameters, notebooks or the data file are wrong.
    """
    if isinstance(params, ReportParams):
        home = project = Path.cwd()
        params, command = with_source_in(params, home), ""
    else:
        file = Path(params).absolute()
        home, project = file.parent, file.parent.parent
        params, command = load_params(params), f"segml run {_shell(file, project)}"
    given = {"notebooks": notebooks_dir, "reports": reports_dir}
    folders = {}
    for name, folder in given.items():
        folders[name] = project / name if folder is None else Path(folder).absolute()
        if command and folders[name] != project / name:
            command += f" --{name} {_shell(folders[name], project)}"
    notebooks = notebook_files(params.notebooks, folders["notebooks"])
    source_files(params)
    return Job(params, notebooks, folders["reports"], home, command)


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


def source_files(params: ReportParams) -> list[Path]:
    """Return the data files that a report reads; none for a built-in data set.

    Raises
    ------
    ParameterError
        When there is no such file.
    """
    source = params.data.source
    if source in BUILT_IN_SOURCES:
        return []
    path = Path(source)
    if path.is_file():
        return [path]
    found = sorted(glob.glob(source, recursive=True))
    files = [Path(name) for name in found if Path(name).is_file() and not path.is_dir()]
    if files:
        return files
    neighbours = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
    raise ParameterError(
        "the data file is a folder" if path.is_dir() else "there is no such data file",
        where="data.source",
        got=display(path),
        expected="a CSV or Parquet file, a glob of them, or " + " or ".join(BUILT_IN_SOURCES),
        nearest=nearest(path.name, [*BUILT_IN_SOURCES, *neighbours]),
    )


def display(path: Path) -> str:
    """Return a path as people would type it: relative where it is below the current folder.

    Examples
    --------
    >>> display(Path.cwd() / "params" / "cdnow.yml")
    'params/cdnow.yml'
    """
    absolute = Path(os.path.normpath(path.absolute()))
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if base != Path(base.anchor) and absolute.is_relative_to(base):
            return prefix + absolute.relative_to(base).as_posix()
    return str(absolute)
