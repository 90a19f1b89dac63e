"""A folder for one's own reports: the notebooks, and a parameter file to begin with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import segml
from segml._core.errors import RunError
from segml._core.files import write_text

from .template import params_template

_README = """# Reports on my customers

- `params/my_shop.yml` says what to read and what to compute; every key is explained there.
  It reads built-in data until `data.source` names your orders.
- `notebooks/` are run by a report; open and change them in JupyterLab.
- `reports/` is where each run writes its page, tables and models.

    segml validate params/my_shop.yml
    segml run params/my_shop.yml
"""


def notebooks_folder() -> Path:
    """Return the folder of the notebooks that come with segml.

    In an installed package they lie beside its modules, in a checkout beside the package.

    Examples
    --------
    >>> (notebooks_folder() / "03_segmentation.ipynb").is_file()
    True
    """
    package = Path(segml.__file__).parent
    installed = package / "notebooks"
    return installed if installed.is_dir() else package.parent / "notebooks"


def init_project(folder: str | os.PathLike[str], values: Mapping[str, Any] | None = None) -> Path:
    """Set up a folder with the notebooks and a parameter file.

    Parameters
    ----------
    folder : path
        Made if need be; files that are there are not touched.
    values : mapping, optional
        Parameters by dotted key, such as ``{"data.source": "../orders.csv"}``.

    Returns
    -------
    Path
        The parameter file.

    Raises
    ------
    RunError
        The folder holds a project already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> file = init_project(tempfile.mkdtemp())
    >>> sorted(path.name for path in file.parents[1].iterdir())
    ['README.md', 'notebooks', 'params', 'reports']
    """
    home = Path(folder)
    params = home / "params" / "my_shop.yml"
    if taken := [path for path in (params, home / "notebooks") if path.exists()]:
        raise RunError(
            "the folder holds a project already",
            where=os.fspath(folder),
            got=taken[0].relative_to(home).as_posix(),
            expected="an empty or a new folder",
        )
    try:
        for name in ("params", "notebooks", "reports"):
            (home / name).mkdir(parents=True, exist_ok=True)
        for notebook in sorted(notebooks_folder().glob("*.ipynb")):
            text = notebook.read_text(encoding="utf-8")  # opened alone, it reads this file
            text = text.replace("../params/cdnow.yml", f"../params/{params.name}")
            write_text(home / "notebooks" / notebook.name, text)
        if not (home / "README.md").exists():
            write_text(home / "README.md", _README)
        return write_text(params, params_template(values))
    except OSError as error:
        raise RunError(
            f"cannot set up a project: {error.strerror}", where=os.fspath(folder)
        ) from error
