"""The files that a report reads, and how paths are shown to people."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from segml._core.check import nearest
from segml._core.errors import ParameterError

from .data_params import BUILT_IN_SOURCES, TableParams
from .params import ReportParams


def source_files(params: ReportParams) -> list[Path]:
    """Return the data files that a report reads; none for a built-in data set.

    Raises
    ------
    ParameterError
        When there is no such file.
    """
    data = params.data
    if data.source in BUILT_IN_SOURCES:
        return []
    found = files_of(data)
    for name, table in data.tables.items():
        found += files_of(table, f"data.tables.{name}.source")
    return list(dict.fromkeys(found))


def files_of(table: TableParams, where: str = "data.source") -> list[Path]:
    """Return the files of one table; none where it is remote, which only reading can check.

    Raises
    ------
    ParameterError
        When there is no such file.
    """
    source = table.source
    if "://" in source:
        return []
    path = Path(source)
    if path.is_file():
        return [path]
    found = sorted(glob.glob(source, recursive=True))
    files = [Path(name) for name in found if Path(name).is_file() and not path.is_dir()]
    if files:
        return files
    neighbours = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
    built_in = BUILT_IN_SOURCES if where == "data.source" else ()
    raise ParameterError(
        "the data file is a folder" if path.is_dir() else "there is no such data file",
        where=where,
        got=display(path),
        expected=", or ".join(
            ["a CSV or Parquet file, a glob of them", *([" or ".join(built_in)] * bool(built_in))]
        ),
        nearest=nearest(path.name, [*built_in, *neighbours]),
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
