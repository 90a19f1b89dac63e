"""A project folder with tiny notebooks, and two runs of it that the tests share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from segml.reporting.runner import FailedRunError, run_report

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

FIRST = f"""
from pathlib import Path
from IPython.display import HTML, Image, Markdown, display
from segml._core.html import block, note, table
import base64, json, os, sys

out = Path(run_dir) / "artefacts"
(out / "seen.json").write_text(json.dumps({{"params": params, "cwd": os.getcwd()}}))
display(HTML(block(table(["name"], [["<script>evil()</script>"]]))))
display(HTML(block(note("second block"))))
display(Image(data=base64.b64decode("{PNG}"), format="png", alt="Champions lead"))
display(Markdown("### From an output\\n\\nA *finding*."))
print("printed <b>text</b>")
print("kept off the page", file=sys.stderr)
marker_of_code = 6 * 7
marker_of_code
"""

SECOND = """
from IPython.display import SVG, display
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>'))
"""

ORDERS = "customer_id,order_id,ordered_at,revenue\n" + "".join(
    f"{i},{i},2026-01-0{i},10\n" for i in range(1, 7)
)


def notebook(path: Path, *cells: str, tagged: bool = True) -> Path:
    """Write a notebook: a cell that starts with a new line is code, any other is Markdown."""
    made = []
    if tagged:
        first = nbformat.v4.new_code_cell('params = {}\nrun_dir = "."')
        first.metadata["tags"] = ["parameters"]
        made.append(first)
    for cell in cells:
        code = cell.startswith("\n")
        make = nbformat.v4.new_code_cell if code else nbformat.v4.new_markdown_cell
        made.append(make(cell.strip()))
    for i, cell in enumerate(made):
        cell["id"] = f"cell{i}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=made)), encoding="utf-8")
    return path


def write_project(root: Path) -> Path:
    """Lay out notebooks/ and params/ as a user would."""
    notebooks = root / "notebooks"
    notebook(
        notebooks / "first.ipynb",
        "# Orders\n\nSee [the end](#The-end), [nothing](#Nowhere) and [docs](https://example.org).",
        FIRST,
        "## Who & what\n\n<img src=x onerror=evil()>\n\n![far](https://example.org/a.png)",
    )
    notebook(notebooks / "second.ipynb", "# Orders\n\n## The end", SECOND)
    notebook(notebooks / "bad.ipynb", "# Bad", '\nprint("before")', '\n{}["no such key"]', "\n1/0")
    notebook(notebooks / "untagged.ipynb", "# Untagged", "\n1", tagged=False)
    (root / "params").mkdir()
    (root / "params" / "orders.csv").write_text(ORDERS)
    params(root, "good", notebooks="[first, second]")
    params(root, "fails", notebooks="[second, bad, first]")
    return root


def params(root: Path, name: str, notebooks: str = "[first]", more: str = "") -> Path:
    path = root / "params" / f"{name}.yml"
    data = "" if "data:" in more else "data: {source: orders.csv}\n"
    path.write_text(
        f"report: {name}\ntitle: A <title> & more\nnotebooks: {notebooks}\n{data}{more}",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(
        tmp_path / "project {x}"
    )  # papermill fills in braces; a path may have some


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Run a report that completes and one that fails; both leave a folder."""
    root = write_project(tmp_path_factory.mktemp("runs") / "project {x}")
    seen: list[tuple[int, int, str, str]] = []

    def progress(position, total, run):
        seen.append((position, total, run.name, run.status))

    good = run_report(root / "params" / "good.yml", progress=progress)
    with pytest.raises(FailedRunError) as caught:
        run_report(root / "params" / "fails.yml")
    return SimpleNamespace(root=root, good=good, progress=seen, error=caught.value)
