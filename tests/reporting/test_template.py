"""The parameter file that is written from the schema, and the folder around it."""

from __future__ import annotations

import pytest
import yaml

from segml._core.errors import ParameterError, RunError
from segml.reporting.params import ReportParams
from segml.reporting.params_file import load_params, validate_params
from segml.reporting.project import init_project, notebooks_folder
from segml.reporting.template import parameter_list, params_template


def test_template_holds_every_key_with_its_default():
    asked = {"report": "my_shop", "title": "Customers of my shop", "data": {"source": "cdnow"}}
    assert validate_params(yaml.safe_load(params_template())) == ReportParams(**asked)
    keys = [key for key, _, _ in parameter_list()]
    assert len(keys) == len(set(keys))

    def leaves(values, above=""):
        for name, value in values.items():
            inner = isinstance(value, dict) and value
            yield from leaves(value, f"{above}{name}.") if inner else [f"{above}{name}"]

    assert list(leaves(yaml.safe_load(params_template()))) == keys


def test_every_key_is_explained_and_lines_are_short():
    lines = params_template().splitlines()
    assert max(map(len, lines)) <= 100
    for i, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith(("#", "- ")):
            assert lines[i - 1].lstrip().startswith("# "), line


def test_values_given_stand_in_the_template():
    text = params_template({"data.source": "../orders.csv", "clv.horizon": 26.0})
    params = validate_params(yaml.safe_load(text))
    assert (params.data.source, params.clv.horizon) == ("../orders.csv", 26.0)


def test_project_validates_and_has_the_notebooks(tmp_path):
    file = init_project(tmp_path / "a" / "shop", {"title": "Ours"})
    assert load_params(file).title == "Ours"
    copied = {path.name: path.read_text() for path in (file.parents[1] / "notebooks").iterdir()}
    assert copied == {
        path.name: path.read_text().replace("../params/cdnow.yml", "../params/my_shop.yml")
        for path in notebooks_folder().glob("*.ipynb")
    }
    assert "03_segmentation.ipynb" in copied


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    file = init_project(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="holds a project already"):
        init_project(tmp_path)
    assert file.read_text(encoding="utf-8") == "mine"
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot set up"):
        init_project(tmp_path / "file" / "inside")


SMALL = "report: r\ntitle: R\ndata: {source: cdnow}\nclustering:\n  n_segments: 3\n"


def test_overrides_are_typed_and_win(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(SMALL, encoding="utf-8")
    params = load_params(
        file,
        [
            "clustering.n_segments=6",
            "clustering.features=[orders, aov]",
            "dates.as_of=1998-06-30",
            "title=Two: words",
            "clustering.names.0=Best",
        ],
    )
    assert params.clustering.n_segments == 6
    assert params.clustering.features == ["orders", "aov"]
    assert params.dates.as_of.isoformat() == "1998-06-30"
    assert params.title == "Two: words"
    assert params.clustering.names == {0: "Best"}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("clustering.n_segments=1", "--set clustering.n_segments: clustering.n_segments: got 1"),
        ("clustering.n_segment=4", "did you mean 'n_segments'"),
        ("clustering.n_segments=six", "expected a whole number"),
        ("clustering", "expected: key=value"),
        ("=3", "expected: key=value"),
        ("seed=[1", "expected: plain YAML"),
        ("seed=!!python/object/apply:os.getcwd []", "expected: plain YAML"),
        ("seed.deep=3", "--set seed.deep: seed: got"),
    ],
)
def test_wrong_overrides_are_told_by_their_option(tmp_path, override, said):
    file = tmp_path / "a.yml"
    file.write_text(SMALL, encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        load_params(file, [override])
    assert said in str(caught.value)


def test_all_errors_are_told_at_once_the_file_first(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(SMALL.replace("3", "1"), encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        load_params(file, ["seed=-1"])
    first, second = str(caught.value).splitlines()[1:3]
    assert f"{file}:5: clustering.n_segments" in first
    assert "--set seed: seed: got -1" in second


def test_a_parameter_is_set_once(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(SMALL, encoding="utf-8")
    with pytest.raises(ParameterError, match="set twice"):
        load_params(file, ["seed=1", "seed=2"])


def test_further_tables_are_found_beside_the_file(tmp_path):
    file = tmp_path / "a.yml"
    file.write_text(
        "report: r\ntitle: R\ndata:\n  source: orders.csv\n"
        "  tables:\n    sessions: {source: ../s.csv, columns: {session_id: id}}\n",
        encoding="utf-8",
    )
    data = load_params(file).data
    assert data.source == str(tmp_path / "orders.csv")
    assert data.tables["sessions"].source == str(tmp_path.parent / "s.csv")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("{session: {source: a}}", "expected one of 'order_lines', 'customers'"),
        ("{sessions: {sources: a}}", "did you mean 'source'"),
        ("{sessions: {source: a, columns: {session: id}}}", "did you mean 'session_id'"),
    ],
)
def test_wrong_tables_are_told(tmp_path, tables, said):
    file = tmp_path / "a.yml"
    file.write_text(
        f"report: r\ntitle: R\ndata:\n  source: o.csv\n  tables: {tables}\n", encoding="utf-8"
    )
    with pytest.raises(ParameterError) as caught:
        load_params(file)
    assert said in str(caught.value)


def test_built_in_data_have_their_own_tables():
    with pytest.raises(ParameterError, match="no tables beside the built-in data cdnow"):
        validate_params(
            {
                "report": "r",
                "title": "R",
                "data": {"source": "cdnow", "tables": {"costs": {"source": "c.csv"}}},
            }
        )
