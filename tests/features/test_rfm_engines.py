"""The same RFM tables on DuckDB and on Spark, from orders as they come."""

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError
from segml.data import DataTable, read_orders
from segml.engine import DuckEngine
from segml.features import rfm_counts, rfm_summaries, rfm_summary
from segml.features.rfm import rfm_table

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Orders with repeats within an hour, returns, ids of other alphabets and years before 1970."""
    rng = np.random.default_rng(4)
    n = 3_000
    names = np.array(["a", "B", "b", "ä", "Ω", "10", "9", " x y", "o'k", '"q"', "\\"])
    ids = np.concatenate([names, [f"c{i}" for i in range(400)]])
    minutes = rng.integers(-3 * 525_600, 3 * 525_600, n)
    minutes[: n // 4] = minutes[n // 4 : n // 2] + rng.integers(0, 50, n // 4)
    seconds = rng.integers(0, 60, n)
    seconds[::17] = 0
    minutes[::17] -= minutes[::17] % 1440  # midnight
    return pd.DataFrame(
        {
            "customer_id": rng.choice(ids, n),
            "order_id": np.arange(n).astype(str),
            "ordered_at": (
                pd.Timestamp("1970-01-01")
                + pd.to_timedelta(minutes * 60 + seconds, unit="s").as_unit("us")
            ),
            "revenue": np.where(rng.random(n) < 0.1, -rng.random(n) * 50, rng.gamma(2.0, 20.0, n)),
        }
    )


@pytest.fixture(scope="module")
def tables(frame, spark_engine) -> tuple[DataTable, DataTable]:
    """The orders on either engine."""
    return read_orders(frame, engine=DuckEngine()), read_orders(frame, engine=spark_engine)


def assert_equal(duck: pd.DataFrame, spark: pd.DataFrame) -> None:
    assert duck.columns.tolist() == spark.columns.tolist()
    assert duck.index.tolist() == spark.index.tolist()
    for column in duck.columns:
        assert duck[column].dtype == spark[column].dtype, column
        if duck[column].dtype.kind == "f":
            np.testing.assert_allclose(
                spark[column], duck[column], rtol=1e-9, atol=1e-12, err_msg=column
            )
        else:
            pd.testing.assert_series_equal(spark[column], duck[column])


@pytest.mark.parametrize("period", ["h", "D", "W", "M", "Q", "Y"])
def test_calibration_and_holdout(tables, period) -> None:
    duck, spark = (rfm_summary(orders, "1970-02-28", period, "1972-03-31") for orders in tables)
    assert_equal(duck, spark)
    assert len(duck) > 300


def test_calibration_to_the_last_order(tables) -> None:
    assert_equal(*(rfm_summary(orders) for orders in tables))


def test_litt_in_another_unit(tables) -> None:
    options = {"time_unit": "W", "litt": True}
    assert_equal(*(rfm_summary(o, "1970-02-28", "D", "1971-01-31", **options) for o in tables))


def test_several_cut_offs(tables) -> None:
    days = ["1968-12-31", "1970-01-01", "1972-06-30"]
    duck, spark = (rfm_summaries(orders, days, "W", 26, litt=True) for orders in tables)
    assert_equal(duck, spark)
    assert duck["as_of"].nunique() == 3


def test_counts(tables) -> None:
    assert_equal(*(rfm_counts(orders, "1971-06-30", "M") for orders in tables))


def test_errors_are_the_same(tables) -> None:
    for orders in tables:
        with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of"):
            rfm_table(orders.table, "1960-01-01")
