"""Notebooks in a real JupyterLab, driven in headless Chromium: Run All, and nothing goes wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from segml.reporting.project import init_project

from .reporting.conftest import notebook
from .test_browser import CHROMIUM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="needs chromium, chromium-browser or google-chrome on PATH",
    ),
]

ROOT = Path(__file__).parents[1]
PATIENCE = 120_000  # milliseconds, on a machine that does other things as well

MAP = """
import numpy as np
import pandas as pd
from segml.clustering.segment_map import SegmentMap
from segml.plots import explore_segments

ids = pd.Index([f"c{i:03d}" for i in range(200)], name="customer_id")
angle = np.arange(200) / 5
points = pd.DataFrame({
    "x": np.where(ids < "c100", -3, 3) + np.cos(angle), "y": np.sin(angle),
    "segment": np.where(ids < "c100", 0, 1),
}, index=ids)
segments = pd.DataFrame({"name": ["Left", "Right"], "size": 100, "share": 0.5, "own": 1.0})
mapped = SegmentMap(points, segments, pd.DataFrame(), ("UMAP 1", "UMAP 2"))
features = pd.DataFrame({"orders": np.arange(200)}, index=ids)
explorer = explore_segments(mapped, features)
explorer
"""
READ_BACK = '\nprint("selected", *explorer.selected)'


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A JupyterLab over a folder with a checkout's notebooks, a project, and a map."""
    root = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "params"):
        shutil.copytree(ROOT / name, root / "checkout" / name)
    init_project(root / "shop")
    _notebook(root / "map" / "map.ipynb", MAP, READ_BACK)
    _notebook(root / "map" / "wrong.ipynb", "\n1 / 0")
    state = tmp_path_factory.mktemp("jupyter")  # nothing of the user who runs the tests
    settings = state / "CONFIG" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}')
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.port=0",
        "--IdentityProvider.token=secret",
        f"--ServerApp.root_dir={root}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    ]
    places = {f"JUPYTER_{kind}_DIR": str(state / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with (state / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **places, "HOME": str(state), "IPYTHONDIR": str(state / "ipython")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = _address(server, state)
            yield SimpleNamespace(url=url, root=root)
        finally:
            server.terminate()
            server.wait(timeout=60)


def _notebook(path: Path, *cells: str) -> None:
    """Write a notebook that says its kernel, without which JupyterLab asks for it."""
    notebook(path, *cells, tagged=False)
    nb = nbformat.read(path, 4)
    nb.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(nb, path)


def _address(server: subprocess.Popen[bytes], state: Path) -> str:
    for _ in range(600):
        assert server.poll() is None, (state / "log").read_text()
        for file in (state / "RUNTIME").glob("jpserver-*.json"):
            if written := file.read_text():
                return str(json.loads(written)["url"])
        time.sleep(0.2)
    raise AssertionError((state / "log").read_text())


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"],
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(lab, chrome) -> Iterator[SimpleNamespace]:
    """A tab, what goes wrong in it, and each address that is not the server's."""
    context = chrome.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith((lab.url, "data:", "blob:"))
            or wrong.append(f"asked for {asked.url}")
        ),
    )
    yield SimpleNamespace(page=page, wrong=wrong)
    context.close()


CELLS = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
  return Array.from({length: cells.length}, (_, i) => cells.get(i))
    .filter(cell => cell.type === "code")
    .map(cell => ({ran: cell.executionCount, state: cell.executionState,
                   outputs: cell.outputs.toJSON()}));
}"""


def run_all(lab: SimpleNamespace, page: Any, path: str) -> list[dict[str, Any]]:
    """Open a notebook, choose Run > Run All Cells, wait for the end; return the code cells."""
    # A workspace of its own: JupyterLab opens again what was open in the one it shares.
    workspace = path.replace("/", "-").removesuffix(".ipynb")
    page.goto(f"{lab.url}lab/workspaces/{workspace}/tree/{path}?token=secret")
    page.get_by_text("| Idle").wait_for()  # the kernel, in the status bar
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    _wait(
        page,
        f"() => {{ const cells = ({CELLS})(); "
        "return cells.some(cell => cell.outputs.some(out => out.output_type === 'error')) || "
        "cells.every(cell => cell.ran && cell.state === 'idle'); }",
    )
    found: list[dict[str, Any]] = page.evaluate(CELLS)
    return found


def _wait(page: Any, condition: str) -> None:
    page.wait_for_function(condition, polling=200)


def _assert_ran_without_an_error(cells: list[dict[str, Any]], source: Path) -> None:
    stored = [c for c in nbformat.read(source, 4).cells if c.cell_type == "code"]
    errors = [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    assert errors == []
    assert [cell["ran"] for cell in cells] == list(range(1, len(stored) + 1))
    said = [out for cell in cells for out in cell["outputs"] if out["output_type"] == "stream"]
    assert said == []


def _assert_sees_a_figure_and_a_table(page: Any) -> None:
    for what in (".jp-OutputArea-output svg[role=img]", ".jp-OutputArea-output table"):
        seen = page.locator(what).first
        seen.scroll_into_view_if_needed()
        box = seen.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 50


@pytest.mark.parametrize("project", ["checkout", "shop"])
def test_run_all_of_the_segmentation(lab, tab, project):
    path = f"{project}/notebooks/03_segmentation.ipynb"
    cells = run_all(lab, tab.page, path)
    _assert_ran_without_an_error(cells, lab.root / path)
    _assert_sees_a_figure_and_a_table(tab.page)
    assert tab.wrong == []


def test_an_error_would_be_noticed(lab, tab):
    cells = run_all(lab, tab.page, "map/wrong.ipynb")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        _assert_ran_without_an_error(cells, lab.root / "map" / "wrong.ipynb")


@pytest.mark.skipif(importlib.util.find_spec("jscatter") is None, reason="needs segml[interactive]")
def test_the_map_shows_profiles_and_its_lasso_returns_ids(lab, tab):
    page = tab.page
    shown, read_back = run_all(lab, page, "map/map.ipynb")
    assert [out["output_type"] for out in shown["outputs"]] == ["execute_result"]
    assert read_back["outputs"][0]["text"] == "selected\n"
    canvas = page.locator(".jp-OutputArea-output canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        """Return the place at a share of the map's width and height."""
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    # Points to customers of the left half, one after the other, until a profile appears.
    profile = page.locator(".orders-title").first
    for place in range(200):
        page.mouse.move(*at(0.2 + 0.0008 * place, 0.5))
        if profile.is_visible() and profile.evaluate(_OPACITY) > 0:
            break
    _wait(page, "() => /Segment\\s+Left\\s+Orders\\s+[0-9]/.test(document.body.innerText)")

    page.get_by_title("Activate lasso selection").click()
    corners = [(0.05, 0.02), (0.48, 0.02), (0.48, 0.98), (0.05, 0.98), (0.05, 0.1)]
    page.mouse.move(*at(*corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*at(*corner), steps=10)
    page.mouse.up()
    page.locator(".jp-CodeCell").last.locator(".cm-content").first.click(timeout=20_000)
    page.keyboard.press("Shift+Enter")
    _wait(page, f"() => ({CELLS})()[1].outputs.some(out => /c000/.test(out.text))")
    said = page.evaluate(CELLS)[1]["outputs"][0]["text"]
    assert said.split() == ["selected", *(f"c{i:03d}" for i in range(100))]
    assert tab.wrong == []


# Of the box that a label is in: a profile fades in.
_OPACITY = """label => {
  while (getComputedStyle(label).position !== "absolute") label = label.parentElement;
  return Number(getComputedStyle(label).opacity);
}"""
