"""What the tests of several packages share."""

import functools
import importlib.util
import os
import shutil
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import settings

from segml.data import CustomerData, load_cdnow, load_cdnow_sample
from segml.engine import DuckEngine, Engine, SparkEngine

# Examples are the same on every run, and a busy machine fails no test by its pace.
settings.register_profile("segml", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("segml")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Keep the tests of a file together, and all that need Spark, which then starts once."""
    from xdist.scheduler import LoadFileScheduling

    @functools.cache
    def with_spark(file: str) -> bool:
        return file.startswith("tests") and "spark_engine" in Path(file).read_text("utf-8")

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            spark = "spark" in nodeid.partition("[")[2] or with_spark(file)
            return "spark" if spark else file

    return ByFile(config, log)


@pytest.fixture
def engine() -> DuckEngine:
    return DuckEngine()


@pytest.fixture(scope="session")
def spark_engine():
    """One local Spark for all tests; it takes seconds to start.

    With SEGML_SPARK_REMOTE, such as "local[2]" or "sc://host", they run over Spark Connect.
    """
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed (segml[spark])")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("there is no Java for Spark")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    if remote := os.environ.get("SEGML_SPARK_REMOTE"):
        with warnings.catch_warnings(action="ignore"):  # of pandas 3, as it is imported
            session = SparkSession.builder.remote(remote).getOrCreate()
        session.conf.set("spark.sql.shuffle.partitions", "2")
        yield SparkEngine(session)
        session.stop()
        return
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "3g")
        .config("spark.sql.ui.retainedExecutions", "1")
        .config("spark.ui.retainedJobs", "1")
        .config("spark.ui.retainedStages", "1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield SparkEngine(session)
    session.stop()


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def any_engine(request) -> Engine:
    """Each engine in turn: what must hold on both."""
    if request.param == "duckdb":
        return DuckEngine()
    return request.getfixturevalue("spark_engine")


@pytest.fixture(scope="session")
def cdnow() -> CustomerData:
    return load_cdnow()


@pytest.fixture(scope="session")
def cdnow_sample() -> CustomerData:
    return load_cdnow_sample()
