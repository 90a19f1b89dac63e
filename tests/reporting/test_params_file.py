from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from segml._core.errors import ParameterError
from segml.evaluation import FORECASTERS
from segml.reporting.notebook_params import LIFETIMES_MODELS, OWN_MODELS
from segml.reporting.params import ReportParams
from segml.reporting.params_file import load_params, validate_params

SMALLEST = "report: r\ntitle: R\ndata: {source: cdnow}\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "p.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ParameterError) as caught:
        load_params(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_defaults(tmp_path):
    params = load_params(write(tmp_path, SMALLEST))
    assert params == ReportParams(report="r", title="R", data={"source": "cdnow"})
    assert (params.seed, params.currency, params.dates.as_of) == (1, "", None)
    assert params.clustering.features == ["recency_days", "orders", "aov"]
    assert (params.clv.period, params.clv.time_unit, params.clv.discount_rate) == ("D", "W", 0.1)
    assert params.kpis.period_days == 90


def test_everything_can_be_set(tmp_path):
    text = """
report: r
title: Ränge
seed: 0
currency: EUR
notebooks: [05_kpis]
data:
  source: sub/orders.parquet
  columns: {customer_id: cust, order_id: null}
  time_zone: Europe/London
  cleaning: {negative_revenue: keep, rates: {USD: 0.9}, test_customers: [4711]}
dates: {as_of: 2026-11-30, holdout_days: 90}
clustering: {n_segments: 3, features: [aov], names: {0: Best}}
clv: {horizon: 12, period: M, time_unit: M}
"""
    params = load_params(write(tmp_path, text))
    assert params.data.source == str(tmp_path / "sub" / "orders.parquet")
    assert params.data.columns == {"customer_id": "cust", "order_id": None}
    assert params.dates.as_of == date(2026, 11, 30)
    assert params.clustering.names == {0: "Best"}
    assert params.clv.horizon == 12.0
    assert params.data.time_zone == "Europe/London"
    policy = params.data.cleaning.policy(params.currency)
    assert (policy.negative_revenue, policy.test_customers) == ("keep", ("4711",))
    assert (policy.currency, policy.rates) == ("EUR", {"USD": 0.9})


def test_features_of_a_window_or_a_value_are_known_by_the_name_they_get():
    names = ["revenue_60d", "revenue_{window}d", "survey_trust", "survey_{level}"]
    asked = {"report": "r", "title": "T", "data": {"source": "cdnow"}}
    params = validate_params(asked | {"clustering": {"features": names}})
    assert params.clustering.features == names


def test_parameters_survive_json(tmp_path):
    text = SMALLEST + "dates: {as_of: 2026-11-30}\nclustering: {names: {0: Best}}\n"
    params = load_params(write(tmp_path, text))
    assert params.as_json()["dates"]["as_of"] == "2026-11-30"
    assert validate_params(params.as_json()) == params


def test_relative_source_starts_at_the_file_wherever_it_is_read_from(tmp_path, monkeypatch):
    (tmp_path / "params").mkdir()
    write(tmp_path / "params", SMALLEST.replace("cdnow", "../data/o.csv"))
    monkeypatch.chdir(tmp_path)
    assert load_params("params/p.yml").data.source == str(tmp_path / "data" / "o.csv")
    absolute = SMALLEST.replace("cdnow", "/data/o.csv")
    assert load_params(write(tmp_path, absolute)).data.source == "/data/o.csv"


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path):
    text = """report: CDNOW
title: T
data:
  source: cdnow
  cleaning: {negative_revenue: rejct}
clv:
  horizn: 3
  period: weekly
"""
    assert problems(tmp_path, text).splitlines() == [
        "4 parameters are wrong",
        "  p.yml:1: report: got 'CDNOW', expected folder below reports/: "
        "lower-case letters, digits, _ and -",
        "  p.yml:5: data.cleaning.negative_revenue: got 'rejct', "
        "expected one of 'reject', 'keep', 'net'; did you mean 'reject'?",
        "  p.yml:7: clv.horizn: unknown key, got 3, expected one of period, time_unit, model, "
        "horizon, discount_rate, margin; did you mean 'horizon'?",
        "  p.yml:8: clv.period: got 'weekly', expected one of 'D', 'W', 'M'",
        "  where: p.yml",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("seed: -1", "p.yml:4: seed: got -1, expected a number greater than or equal to 0"),
        ("seed: true", "seed: got True, expected a whole number"),
        ("seed: '1'", "seed: got '1', expected a whole number"),
        ("seed: 1.5", "seed: got 1.5, expected a whole number"),
        ("currency: euro", "currency: got 'euro', expected ISO code such as EUR"),
        ("notebooks: []", "notebooks: got [], expected"),
        ("notebooks: [a, a]", "notebooks: got ['a', 'a'], expected each one once; repeated: a"),
        ("notebooks: [../a]", "notebooks.0: got '../a', expected letters, digits, _ and - only"),
        ("notebooks:\n- a\n- ''", "p.yml:6: notebooks.1: got ''"),
        (
            "clustering: {n_segments: 1}",
            "clustering.n_segments: got 1, expected a number greater than",
        ),
        ("clustering: {n_segments: 21}", "expected a number less than or equal to 20"),
        ("clustering: {features: []}", "clustering.features: got []"),
        ("clustering: {features: [aov, aov]}", "repeated: aov"),
        ("clustering: {features: [order]}", "did you mean 'orders'?"),
        ("clustering: {features: [orders, survey_trust, revenue_60]}", "did you mean 'revenue_"),
        ("clv: {time_unit: M}", "months differ in length"),
        ("clustering: {names: {x: A}}", "clustering.names.x: got 'x', expected a whole number"),
        ("clv: {horizon: 0}", "clv.horizon: got 0, expected a number greater than 0"),
        ("clv: {horizon: .inf}", "clv.horizon: got inf, expected a finite number"),
        ("clv: {margin: 1.5}", "clv.margin: got 1.5, expected a number less than or equal to 1"),
        ("clv: {discount_rate: -0.1}", "clv.discount_rate: got -0.1"),
        ("clv: 3", "clv: got 3, expected the keys period, time_unit"),
        ("kpis: {period_days: 0}", "kpis.period_days: got 0"),
        ("dates: {as_of: 2026-02-31}", "got '2026-02-31', expected a day that exists"),
        ("dates: {as_of: 20260228}", "got 20260228, expected a day written like 2026-11-30"),
        ("dates: {as_of: 2026-02-28 10:00:00}", "got 2026-02-28T10:00:00, expected a day"),
        ("dates: {as_of: yesterday}", "expected a day written like 2026-11-30"),
        ("dates: {holdout_days: -1}", "dates.holdout_days: got -1"),
        ("1: x", "1: unknown key, got 1, expected one of report, title"),
    ],
)
def test_each_value_says_what_is_allowed(tmp_path, line, expected):
    assert expected in problems(tmp_path, SMALLEST + line + "\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("{}", "p.yml:3: data.source: the key is missing, expected cdnow or cdnow_sample"),
        ("{source: ''}", "data.source: got ''"),
        ("{source: a, encoding: utf-9}", "data.encoding: got 'utf-9', expected the name of a text"),
        ("{source: a, columns: {revenue: null}}", "only order_id may be null"),
        ("{source: a, columns: {revenue: 3}}", "data.columns.revenue: got 3"),
        ("{source: a, cleaning: {zero_revenue: drop}}", "expected one of 'keep', 'reject'"),
    ],
)
def test_data_parameters(tmp_path, data, expected):
    assert expected in problems(tmp_path, f"report: r\ntitle: R\ndata: {data}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["the parameter file is empty", "where: p.yml"]),
        ("# only a comment\n", ["the parameter file is empty"]),
        ("- a\n- b\n", ["holds keys and values", "expected: the keys report"]),
        ("just text\n", ["holds keys and values"]),
        ("a: [\n", ["not plain YAML", "where: p.yml:2"]),
        ("a:\n\tb: 1\n", ["not plain YAML", "where: p.yml:2", "indent with spaces"]),
        ("a: 1\n---\nb: 2\n", ["not plain YAML", "another document"]),
        ("a: \x07\n", ["not plain YAML"]),
        (SMALLEST + "title: again\n", ["p.yml:4: title: the key is repeated, first on line 2"]),
        ("a:\n  b: 1\n  b: 2\n", ["p.yml:3: a.b: the key is repeated, first on line 2"]),
        (b"report: r\ntitle: caf\xe9\n", ["not UTF-8", "where: p.yml:2", "byte 0xe9"]),
        ("a: &a [*a]\n", ["report: the key is missing"]),
        ("? [a]\n: 1\n", ["not plain YAML"]),
    ],
)
def test_files_that_are_no_parameter_file(tmp_path, text, expected):
    message = problems(tmp_path, text)
    for part in expected:
        assert part in message


def test_tags_that_would_run_code_are_refused(tmp_path):
    flag = tmp_path / "ran"
    text = f"report: !!python/object/apply:os.mkdir ['{flag}']\n"
    message = problems(tmp_path, text)
    assert "could not determine a constructor for the tag" in message
    assert "where: p.yml:1" in message
    assert not flag.exists()


def test_aliases_that_multiply_stay_small(tmp_path):
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for above, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{above}'] * 9)}]")
    assert len(problems(tmp_path, "\n".join(lines))) < 10_000


def test_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, SMALLEST).rename(tmp_path / "cdnow.yml")
    with pytest.raises(ParameterError, match=r"no such parameter file(.|\n)*'cdnow\.yml'"):
        load_params(tmp_path / "cdnw.yml")
    with pytest.raises(ParameterError, match="cannot read the parameter file"):
        load_params(tmp_path)


def test_mapping_has_the_same_messages_without_lines():
    with pytest.raises(ParameterError) as caught:
        validate_params({"report": "r", "data": {"source": "cdnow"}, "seeed": 1}, where="params")
    assert str(caught.value).splitlines() == [
        "2 parameters are wrong",
        "  params: title: the key is missing, expected title of the page",
        "  params: seeed: unknown key, got 1, expected one of "
        + ", ".join(ReportParams.model_fields)
        + "; did you mean 'seed'?",
        "  where: params",
    ]


def test_byte_order_mark_is_no_problem(tmp_path):
    assert load_params(write(tmp_path, b"\xef\xbb\xbf" + SMALLEST.encode())).report == "r"


def models(model: type[BaseModel] = ReportParams):
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from models(field.annotation)


def test_every_key_is_described_and_the_models_are_frozen():
    found = list(models())
    assert len(found) == 10
    for model in found:
        assert model.model_config["frozen"]
        assert model.model_config["extra"] == "forbid"
        for name, field in model.model_fields.items():
            assert field.description, name
            assert re.match(r"[a-zA-Z\"]", field.description)
    params = ReportParams(report="r", title="R", data={"source": "cdnow"})
    with pytest.raises(ValidationError, match="frozen"):
        params.seed = 2


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "params").glob("*.yml")))
def test_every_file_of_the_project_is_right(path):
    assert load_params(path).report == path.stem


def test_models_to_compare_are_those_of_the_backtest():
    assert (*OWN_MODELS, *LIFETIMES_MODELS) == tuple(FORECASTERS)
