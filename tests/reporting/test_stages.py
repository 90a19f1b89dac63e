from __future__ import annotations

import json
from pathlib import Path

import pytest

from segml.reporting.manifest import public_params
from segml.reporting.params import ReportParams
from segml.reporting.stages import EVERY, STAGES, Stage, imports, plan, stage_key

from .conftest import notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def says(path: Path, **segml: object) -> Path:
    content = json.loads(path.read_text())
    content["metadata"]["segml"] = segml
    path.write_text(json.dumps(content))
    return path


def test_segml_notebooks_need_only_what_runs_before_them():
    files = [NOTEBOOKS / f"{name}.ipynb" for name in ("01_data_quality", "05_kpis")]
    assert [stage.needs for stage in plan(files)] == [(), ("01_data_quality",)]


def test_table_names_notebooks_and_parameters_that_there_are():
    for stage in STAGES.values():
        assert (NOTEBOOKS / f"{stage.name}.ipynb").is_file()
        assert set(stage.needs) <= set(STAGES)
        assert {*EVERY, *(stage.reads or ())} <= set(ReportParams.model_fields)


def test_ones_own_notebook_needs_all_before_it(tmp_path):
    own = notebook(tmp_path / "own.ipynb", "\n1")
    stages = plan([NOTEBOOKS / "01_data_quality.ipynb", NOTEBOOKS / "02_features.ipynb", own])
    assert stages[-1] == Stage("own", ("01_data_quality", "02_features"))
    assert not stages[-1].reusable
    after = plan([own, NOTEBOOKS / "02_features.ipynb"])
    assert after[1].needs == ()


def test_ones_own_notebook_can_say_what_it_needs(tmp_path):
    one = notebook(tmp_path / "one.ipynb", "\n1")
    two = says(
        notebook(tmp_path / "two.ipynb", "\n1"), needs=["zero"], reads=["clv"], reusable=True
    )
    assert plan([one, two])[1] == Stage("two", (), ("clv",), reusable=True)
    says(two, needs=["one"], reusable="no")
    assert plan([one, two])[1] == Stage("two", ("one",), None)


def keys(path: Path, **changes: object) -> dict[str, str]:
    files = sorted(NOTEBOOKS.glob("0[1-5]*.ipynb"))
    given = {"report": "a", "title": "A", "data": {"source": "cdnow"}} | changes
    params = public_params(ReportParams.model_validate(given))
    found: dict[str, str] = {}
    for stage, file in zip(plan(files), files, strict=True):
        needed = [found[name] for name in stage.needs]
        found[stage.name[:2]] = found[stage.name] = stage_key(stage, file, params, needed, {})
    return {name: key for name, key in found.items() if len(name) == 2}


@pytest.mark.parametrize(
    ("change", "done_again"),
    [
        ({"title": "B"}, ""),
        ({"seed": 2}, "01 02 03 04 05"),
        ({"currency": "EUR"}, "01 02 03 04 05"),
        ({"dates": {"holdout_days": 30}}, "01 02 03 04 05"),
        ({"data": {"source": "cdnow_sample"}}, "01 02 03 04 05"),
        ({"clustering": {"n_segments": 6}}, "02 03 04 05"),
        ({"clv": {"margin": 0.5}}, "04 05"),
        ({"kpis": {"period_days": 30}}, "04 05"),
        ({"notebooks": ["01_data_quality"]}, ""),
    ],
)
def test_a_parameter_is_part_of_the_stages_that_read_it(tmp_path, change, done_again):
    before, after = keys(tmp_path), keys(tmp_path, **change)
    assert " ".join(name for name in before if before[name] != after[name]) == done_again


class Reads:
    """Parameters that note which sections are asked for."""

    def __init__(self, params: ReportParams, seen: set[str]) -> None:
        self.__dict__.update(_params=params, _seen=seen)

    def __getattr__(self, name: str) -> object:
        if name in ReportParams.model_fields:
            self._seen.add(name)
        return getattr(self._params, name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what is looked at is what is read
def test_notebooks_read_no_other_parameters_than_the_table_says(tmp_path, monkeypatch):
    """Else a change of one of them would go unseen, and an old result be taken for a new one."""
    from segml.reporting import workspace

    seen: set[str] = set()
    opened = workspace.open_workspace

    def open_noting(params, run_dir=None):
        made = opened(params, run_dir)
        for part in (made, *vars(made).values()):
            if getattr(part, "params", None).__class__ is ReportParams:
                part.params = Reads(part.params, seen)
        return made

    monkeypatch.setattr("segml.reporting.open_workspace", open_noting, raising=False)
    monkeypatch.setattr(workspace, "open_workspace", open_noting)
    params = ReportParams(
        report="a",
        title="A",
        data={"source": "cdnow_sample"},
        dates={"holdout_days": 90},
        clustering={"stability": False},
    )
    (tmp_path / "artefacts").mkdir()
    for name, stage in STAGES.items():
        if name == "08_model_comparison":  # takes minutes
            continue
        seen.clear()
        run_cells(NOTEBOOKS / f"{name}.ipynb", {"params": params, "run_dir": tmp_path})
        assert seen, name
        assert seen <= {*EVERY, *(stage.reads or ())}, name


def run_cells(path: Path, names: dict[str, object]) -> None:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
            *before, last = "".join(cell["source"]).rstrip().split("\n")
            exec("\n".join(before), names)
            try:
                shown = eval(last, names)
            except SyntaxError:
                exec(last, names)
            else:
                getattr(shown, "_repr_html_", str)()


def test_notebook_is_known_by_what_it_says(tmp_path):
    path = notebook(tmp_path / "own.ipynb", "# A", "\n1")
    (stage,) = plan([path])

    def key() -> str:
        return stage_key(stage, path, {"clv": {}}, [], {"data": 1})

    before = key()
    content = json.loads(path.read_text())
    content["metadata"]["editor"] = "another"
    content["cells"][1]["outputs"] = []
    path.write_text(json.dumps(content, indent=3))
    assert key() == before
    content["cells"][1]["source"] = "# B"
    path.write_text(json.dumps(content))
    assert key() != before


def test_surroundings_and_what_is_needed_are_part_of_the_key(tmp_path):
    path = notebook(tmp_path / "own.ipynb", "# A")
    (stage,) = plan([path])
    found = {
        stage_key(stage, path, {}, needed, around)
        for needed in ([], ["k"])
        for around in ({"code": 1}, {"code": 2}, {"code": 1, "earlier": "x"})
    }
    assert len(found) == 6


def test_imports_of_segml_are_found_and_no_others(tmp_path):
    path = notebook(
        tmp_path / "own.ipynb",
        "import segml.no",
        "\nimport os, segml.clv\nfrom segml.plots import show, plot_kpis\nfrom torch import nn",
        "\n%matplotlib inline\nimport segml.export",
        "\nfrom . import x",
    )
    assert imports([path]) == ["segml.clv", "segml.plots:plot_kpis", "segml.plots:show"]
