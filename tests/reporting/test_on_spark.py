"""A report computed by Spark has the results of one computed by DuckDB."""

import json
from pathlib import Path

import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.reporting import open_workspace
from segml.reporting.artefacts import Artefacts
from segml.reporting.params import DataParams
from segml.reporting.params_file import load_params, validate_params
from segml.reporting.reading import open_engine

SPARK = Path(__file__).parents[2] / "params" / "spark.yml"
NAMES = ["data", "quality", "features", "customers", "profile", "holdout", "kpis"]


def run(backend: str, folder: Path) -> Path:
    """Ask for what the notebooks show, and then for all of it again, from the artefacts."""
    params = load_params(SPARK)
    data = params.data.model_copy(update={"backend": backend})
    (folder / "artefacts").mkdir(parents=True)
    for _ in range(2):
        workspace = open_workspace(params.model_copy(update={"data": data}), folder)
        for name in NAMES:
            getattr(workspace, name)
    return folder / "artefacts"


def test_parameters_name_the_engine() -> None:
    params = load_params(SPARK)
    assert (params.data.backend, params.data.spark) == ("spark", "local[2]")
    assert DataParams(source="cdnow").backend == "duckdb"
    with pytest.raises(ParameterError, match="backend"):
        validate_params(
            {"report": "a", "title": "A", "data": {"source": "cdnow", "backend": "dask"}}
        )


def test_a_folder_that_spark_has_not_finished_is_not_there(tmp_path) -> None:
    folder = tmp_path / "artefacts" / "orders.parquet"
    folder.mkdir(parents=True)
    assert Artefacts(tmp_path).find("orders.parquet") is None
    (folder / "_SUCCESS").touch()
    assert Artefacts(tmp_path).find("orders.parquet") == folder


@pytest.mark.spark
def test_the_session_that_runs_is_taken(spark_engine) -> None:
    engine = open_engine(DataParams(source="cdnow", backend="spark", spark="local[2]"))
    assert engine.kind == "spark"
    assert engine.session is not spark_engine.session


@pytest.mark.spark
@pytest.mark.slow
def test_a_report_on_spark_is_that_on_duckdb(spark_engine, tmp_path) -> None:
    duck, spark = run("duckdb", tmp_path / "duck"), run("spark", tmp_path / "spark")
    names = {path.name for path in duck.iterdir()}
    assert {path.name for path in spark.iterdir()} == names
    for name in sorted(names):
        if name.endswith(".json"):
            ours, theirs = (json.loads((folder / name).read_text()) for folder in (spark, duck))
            assert ours == pytest.approx(theirs, rel=1e-9) if _flat(theirs) else ours == theirs
            continue
        ours, theirs = pd.read_parquet(spark / name), pd.read_parquet(duck / name)
        if name.endswith("orders.parquet"):
            assert (spark / name).is_dir()
            ours, theirs = (
                frame.sort_values(list(frame.columns)).reset_index(drop=True)
                for frame in (ours, theirs)
            )
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, atol=0)


def _flat(said: dict) -> bool:
    return all(isinstance(value, (int, float)) for value in said.values())
