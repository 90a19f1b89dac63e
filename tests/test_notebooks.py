"""The notebooks as they are stored, and what they make of a shop's orders."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from segml.data import load_cdnow_sample
from segml.reporting import run_report
from segml.reporting.params import ReportParams

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IN_REPORT = NOTEBOOKS[:-1]  # the comparison of models has a report of its own
stored = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_the_default_report_runs_every_notebook_but_the_comparison():
    assert ReportParams.model_fields["notebooks"].default == [path.stem for path in IN_REPORT]
    assert NOTEBOOKS[-1].stem == "08_model_comparison"


@stored
def test_notebook_is_stored_without_results(path):
    nbformat.validate(nbformat.read(path, 4))
    for cell in code_cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None
    metadata = nbformat.read(path, 4).metadata
    assert metadata.kernelspec.name == "python3"
    assert set(metadata) <= {"kernelspec", "language_info"}
    assert set(metadata.language_info) == {"name"}  # the version of whoever saved it changes


@stored
def test_one_cell_is_tagged_parameters_and_comes_first(path):
    tagged = [
        i for i, c in enumerate(code_cells(path)) if "parameters" in c.metadata.get("tags", [])
    ]
    assert tagged == [0]
    scope: dict[str, object] = {}
    exec(code_cells(path)[0].source, scope)
    assert (path.parent / str(scope["params"])).is_file()
    assert scope["run_dir"] is None


@stored
def test_notebook_holds_no_logic_of_its_own(path):
    for cell in code_cells(path):
        lines = [x for x in cell.source.splitlines() if x.strip() and not x.strip().startswith("#")]
        assert len(lines) <= 12
        tree = ast.parse(cell.source)
        logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With)
        assert not [node for node in ast.walk(tree) if isinstance(node, logic)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} == {"segml"}
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] == "segml"


@stored
def test_notebook_names_no_place_of_one_machine(path):
    text = path.read_text(encoding="utf-8")
    # A path from the root of a disk, at the start of a string or a word; or an address.
    assert not re.search(r"""["'\s=(]/\w+/|\b[A-Z]:\\|://""", text)
    assert str(ROOT) not in text


@stored
def test_notebook_begins_with_a_heading(path):
    first = nbformat.read(path, 4).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"#{1,2} \w", first.source)


@pytest.mark.slow
def test_notebook_runs_by_itself_from_top_to_bottom():
    notebook = nbformat.read(ROOT / "notebooks" / "05_kpis.ipynb", 4)
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "notebooks").iterdir()}
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    ).execute()
    shown = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    assert len(shown) == 7
    assert "Keep: “" in shown[0]
    assert ['<svg role="img"' in one for one in shown] == [
        False,
        True,
        False,
        True,
        True,
        False,
        True,
    ]
    assert "23,570" in shown[2]  # customers of the whole CDNOW data
    assert not [
        o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "stream"
    ]
    assert before == {path: path.stat().st_mtime_ns for path in (ROOT / "notebooks").iterdir()}


FIRST_NAMES = ("alice", "bob", "cem", "dora", "eve")


@functools.cache
def report_of_a_shop(folder: Path) -> SimpleNamespace:
    """Run the default report on a shop's own file, whose customers' ids are e-mail addresses."""
    orders = load_cdnow_sample().orders.to_pandas()
    numbers = orders["customer_id"].astype(int)
    orders["client"] = [f"{FIRST_NAMES[n % 5]}.{n:04d}@example.com" for n in numbers]
    (folder / "params").mkdir(parents=True)
    orders[["client", "order_id", "ordered_at", "revenue"]].to_csv(
        folder / "params" / "orders.csv", index=False
    )
    params = yaml.safe_load((ROOT / "params" / "cdnow.yml").read_text(encoding="utf-8"))
    params["report"] = "shop"
    params["data"] |= {"source": "orders.csv", "columns": {"customer_id": "client"}}
    file = folder / "params" / "shop.yml"
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    result = run_report(file, notebooks_dir=ROOT / "notebooks", reports_dir=folder / "reports")
    return SimpleNamespace(folder=folder, result=result, customers=set(orders["client"]))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return report_of_a_shop(tmp_path_factory.getbasetemp() / "shop-report")


@pytest.mark.slow
def test_report_is_complete(shop):
    run = shop.result.manifest
    assert (run.status, run.reason) == ("completed", None)
    assert [(n.name, n.status) for n in run.notebooks] == [
        (path.stem, "completed") for path in IN_REPORT
    ]
    assert shop.result.html == shop.result.folder / "report.html"
    listed = {item["path"]: item["sha256"] for item in run.artefacts}
    files = (shop.result.folder / "artefacts").iterdir()
    there = {
        f"artefacts/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }
    assert listed == there
    assert {
        "artefacts/customers.parquet",
        "artefacts/features.parquet",
        "artefacts/kpis.parquet",
        "artefacts/orders.parquet",
        "artefacts/purchase_model.json",
        "artefacts/segments.parquet",
    } <= set(listed)
    assert (shop.folder / "reports" / "index.html").is_file()


@pytest.mark.slow
def test_every_finding_has_numbers(shop):
    page = shop.result.html.read_text(encoding="utf-8")
    findings = [unescape(f) for f in re.findall(r'<p class="finding">(.*?)</p>', page)]
    assert len(findings) == 18
    assert all(re.search(r"\d", finding) for finding in findings)
    assert not [finding for finding in findings if re.search(r"\bnan\b|n/a|inf\b", finding)]
    orders = load_cdnow_sample().orders.to_pandas()
    assert f"{len(orders):,} orders; " in findings[0]
    assert "1,882 happened" in "".join(findings)


@pytest.mark.slow
def test_page_has_every_section_and_no_trouble(shop):
    page = shop.result.html.read_text(encoding="utf-8")
    headings = [unescape(h) for h in re.findall(r"<h2 id=[^>]*>(.*?)</h2>", page)]
    first = [nbformat.read(path, 4).cells[0].source.splitlines()[0] for path in IN_REPORT]
    assert headings == ["Headline numbers", *(line.lstrip("# ") for line in first)]
    for trouble in ("Traceback", "Warning", ">nan<", ">NaN<", "object at 0x", 'class="error"'):
        assert trouble not in page


@pytest.mark.slow
def test_no_customer_appears_outside_the_artefacts(shop):
    assert len(shop.customers) == 2357
    looked_at = [
        shop.result.html,
        shop.result.folder / "manifest.json",
        shop.folder / "reports" / "index.html",
        *(shop.result.folder / "notebooks").iterdir(),
    ]
    assert len(looked_at) == 3 + len(IN_REPORT)
    for path in looked_at:
        text = path.read_text(encoding="utf-8")
        found = set(re.findall(r"[a-z]+\.\d{4}@", text))
        assert found == set(), path.name
        assert "example.com" not in text, path.name
    segments = (shop.result.folder / "artefacts" / "segments.parquet").read_bytes()
    assert b"example.com" in segments  # where they belong


@pytest.mark.slow
def test_page_and_manifest_name_no_folder_of_this_machine(shop):
    for name in ("report.html", "manifest.json"):
        text = (shop.result.folder / name).read_text(encoding="utf-8")
        assert str(shop.folder) not in text
        assert str(ROOT) not in text
    manifest = json.loads((shop.result.folder / "manifest.json").read_text(encoding="utf-8"))
    assert [file["path"] for file in manifest["data"]["files"]] == ["orders.csv"]
