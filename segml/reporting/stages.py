"""Stages: what each notebook needs of the others, and of what its results depend."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import segml

# Parameters that every notebook may read; the title changes no result.
EVERY = ("report", "seed", "currency", "data", "dates")


@dataclass(frozen=True)
class Stage:
    """A notebook as a step of a report.

    Parameters
    ----------
    name : str
        The notebook, without ``.ipynb``.
    needs : tuple of str
        Notebooks whose artefacts it reads.
    reads : tuple of str, optional
        Sections of the parameters that it reads beside those that every notebook reads; None
        means all.
    earlier : bool
        Whether it reads the latest completed run of the report.
    reusable : bool
        Whether its results depend on nothing else, so that they can be taken from another run.
    """

    name: str
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] | None = None
    earlier: bool = False
    reusable: bool = False


_CLV = ("clustering", "clv", "kpis")

STAGES = {
    stage.name: stage
    for stage in (
        Stage("01_data_quality", (), (), reusable=True),
        Stage("02_features", ("01_data_quality",), ("clustering",), reusable=True),
        Stage("03_segmentation", ("01_data_quality",), ("clustering",), reusable=True),
        Stage("04_lifetime_value", ("01_data_quality", "03_segmentation"), _CLV, reusable=True),
        Stage(
            "05_kpis",
            ("01_data_quality", "03_segmentation", "04_lifetime_value"),
            _CLV,
            reusable=True,
        ),
        Stage(
            "06_migration",
            ("01_data_quality", "03_segmentation"),
            ("clustering", "migration"),
            earlier=True,
        ),
        Stage(
            "07_campaign",
            ("01_data_quality", "03_segmentation"),
            ("clustering", "campaign"),
            reusable=True,
        ),
        Stage("08_model_comparison", ("01_data_quality",), ("comparison",), reusable=True),
    )
}


def plan(notebooks: Sequence[Path]) -> list[Stage]:
    """Return the stages of a report, each with those it needs of the notebooks that run.

    Parameters
    ----------
    notebooks : sequence of Path
        The notebooks in their order.

    Returns
    -------
    list of Stage
        In the same order. A notebook that is not one of segml's needs all before it, reads all
        parameters, and always runs, as it may read anything; its metadata can say otherwise, as
        ``{"segml": {"needs": ["03_segmentation"], "reads": ["clv"], "reusable": true}}``.

    Examples
    --------
    >>> from pathlib import Path
    >>> [stage.needs for stage in plan([Path("03_segmentation.ipynb"), Path("mine.ipynb")])]
    [(), ('03_segmentation',)]
    """
    stages: list[Stage] = []
    before: list[str] = []
    for file in notebooks:
        known = STAGES.get(file.stem) or _own(file, before)
        needed = tuple(name for name in before if name in known.needs)
        stages.append(Stage(file.stem, needed, known.reads, known.earlier, reusable=known.reusable))
        before.append(file.stem)
    return stages


def _own(file: Path, before: Sequence[str]) -> Stage:
    says = _notebook(file).get("metadata", {}).get("segml", {})
    if not isinstance(says, dict):
        says = {}
    reads = says.get("reads")
    return Stage(
        file.stem,
        tuple(says.get("needs", before)),
        None if reads is None else tuple(reads),
        earlier=bool(says.get("earlier", False)),
        reusable=says.get("reusable") is True,
    )


def _notebook(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def stage_key(
    stage: Stage,
    notebook: Path,
    params: Mapping[str, Any],
    needed: Sequence[str],
    surroundings: Mapping[str, Any],
) -> str:
    """Return the hash of all that a stage's results depend on.

    Parameters
    ----------
    stage : Stage
        The stage.
    notebook : Path
        Its notebook.
    params : mapping
        All parameters, as the manifest shows them.
    needed : sequence of str
        Keys of the stages that it needs.
    surroundings : mapping
        What all stages depend on: fingerprint of the data, versions, code of segml, and for
        those that read it the earlier run.
    """
    reads = params if stage.reads is None else [*EVERY, *stage.reads]
    content = {
        "name": stage.name,
        "notebook": _source(notebook),
        "params": {name: params.get(name) for name in reads if name != "title"},
        "needed": list(needed),
        **surroundings,
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _source(notebook: Path) -> Any:
    """Return what a notebook says; outputs and metadata of an editor change no result."""
    content = _notebook(notebook)
    return [
        [cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags")]
        for cell in content["cells"]
    ]


def code_hash() -> str:
    """Return the hash of segml's own code as it is now: a session may outlive an edit.

    Examples
    --------
    >>> len(code_hash())
    64
    """
    root = Path(segml.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".sql", ".yml", ".json") and file.is_file():
            digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def imports(notebooks: Sequence[Path]) -> list[str]:
    """Return what notebooks import of segml, to have it ready before their kernels start.

    Modules of others are left to the notebook: what importing one does, a kernel shall not
    inherit from the kernel of another notebook.

    Examples
    --------
    >>> imports([Path("no such notebook")])
    []
    """
    found: set[str] = set()
    for file in notebooks:
        for cell in _notebook(file).get("cells", []):
            if cell.get("cell_type") != "code":
                continue
            try:
                tree = ast.parse("".join(cell["source"]))
            except (SyntaxError, ValueError):  # a magic, or an error that the kernel will tell
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and not node.level:
                    found.update(f"{node.module}:{name.name}" for name in node.names)
                elif isinstance(node, ast.Import):
                    found.update(name.name for name in node.names)
    return sorted(name for name in found if name.partition(":")[0].split(".")[0] == "segml")
