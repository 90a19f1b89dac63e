"""Forecasts made in batches in the engine are those made in memory, on both engines."""

import cloudpickle
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.clv import (
    BetaGeoModel,
    GammaGammaModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    churn_table,
    customer_lifetime_value,
    predict_with_interval,
    score_customers,
    scoring,
)
from segml.clv.scoring import _Forecast, _Worth
from segml.data import load_cdnow_sample
from segml.engine import Engine
from segml.features import rfm_summary
from segml.features.rfm import rfm_table

HORIZON = 52.0


@pytest.fixture(scope="module")
def rfm(cdnow_sample) -> pd.DataFrame:
    return rfm_summary(cdnow_sample, "1998-06-30", time_unit="W")


@pytest.fixture(scope="module")
def models(rfm) -> tuple[BetaGeoModel, GammaGammaModel]:
    return BetaGeoModel().fit(rfm), GammaGammaModel(non_positive="leave_out").fit(rfm)


def by_customer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("customer_id").sort_index()


def test_lifetime_value(any_engine: Engine, rfm, models, tmp_path) -> None:
    model, spend = models
    table = rfm_table(load_cdnow_sample(any_engine).orders.table, "1998-06-30", time_unit="W")
    scores = score_customers(
        model, table, HORIZON, spend, discount_rate=0.002, margin=0.4, bands=(0.3, 0.6)
    )
    found = by_customer(scores.to_pandas())
    expected = customer_lifetime_value(model, spend, rfm, HORIZON, 0.002, 0.4).to_frame()
    expected = expected.join(churn_table(model, rfm, HORIZON, (0.3, 0.6)))
    expected["churn_band"] = expected["churn_band"].astype("str")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, check_exact=False)
    path = scores.to_parquet(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(by_customer(pd.read_parquet(path)), found, rtol=1e-12)


def test_purchases_where_there_is_no_model_of_spend(engine, rfm, models) -> None:
    table = engine.register(rfm.reset_index().drop(columns="monetary_value"))
    found = by_customer(score_customers(models[0], table, HORIZON).to_pandas())
    expected = predict_with_interval(models[0], "expected_purchases", rfm, future_t=HORIZON)
    pd.testing.assert_frame_equal(found.iloc[:, :4], expected.to_frame(), rtol=1e-9)


def test_batches_do_not_change_forecasts(engine, rfm, models, monkeypatch) -> None:
    monkeypatch.setattr("segml.engine.duck._MAPPED_ROWS", 2048)
    copies = pd.concat([rfm.assign(copy=i).reset_index() for i in range(4)])
    copies["customer_id"] = range(len(copies))
    scores = score_customers(models[0], engine.register(copies), HORIZON, models[1])
    found = by_customer(scores.to_pandas())
    assert found.index.tolist() == list(range(len(copies)))
    values = found["clv"].to_numpy().reshape(4, -1)
    np.testing.assert_allclose(values, values[[0] * 4], rtol=1e-9)


def test_what_travels_is_small(models) -> None:
    for travels in (
        _Forecast(models[0], HORIZON, 0.0, (0.25, 0.75), HORIZON),
        _Worth(models[1], 1.0),
    ):
        assert len(cloudpickle.dumps(travels)) < 10_000


def test_nobody(engine, models) -> None:
    empty = pa.table(
        {"customer_id": pa.array([], pa.string())}
        | {name: pa.array([], pa.float64()) for name in ("frequency", "recency", "T")}
    )
    assert len(score_customers(models[0], engine.register(empty), HORIZON)) == 0
    nobody = empty.append_column("monetary_value", pa.array([], pa.float64()))
    assert len(score_customers(models[0], engine.register(nobody), HORIZON, models[1])) == 0


def test_what_cannot_be_scored(engine, rfm, models) -> None:
    table = engine.register(rfm.reset_index())
    with pytest.raises(ParameterError, match="another kind"):
        score_customers(models[1], table, HORIZON)
    with pytest.raises(ParameterError, match="horizon"):
        score_customers(models[0], table, -1, models[1])
    with pytest.raises(ParameterError, match="bands"):
        score_customers(models[0], table, HORIZON, bands=(0.5, 0.5))
    renamed = engine.register(rfm.reset_index().rename(columns={"monetary_value": "value"}))
    with pytest.raises(MissingTableError, match="monetary_value"):
        score_customers(models[0], renamed, HORIZON, models[1])
    wrong = engine.register(rfm.reset_index().assign(recency=lambda rfm: rfm["T"] + 1))
    with pytest.raises(DataError, match="recency is greater than T"):
        score_customers(models[0], wrong, HORIZON)


def test_an_infinite_horizon(engine, rfm, models) -> None:
    model, spend = models
    rfm = rfm.head(300)
    table = engine.register(rfm.reset_index())
    scores = score_customers(model, table, np.inf, spend, discount_rate=0.002, churn_t=26)
    found = by_customer(scores.to_pandas())
    expected = customer_lifetime_value(model, spend, rfm, np.inf, 0.002).to_frame()
    pd.testing.assert_frame_equal(found.iloc[:, :4], expected, rtol=1e-9)
    np.testing.assert_allclose(
        found["p_no_purchase"], model.expected_probability_no_purchase(rfm, 26), rtol=1e-12
    )
    with pytest.raises(ParameterError, match="leaves open the period") as caught:
        score_customers(model, table, np.inf, spend, discount_rate=0.002)
    assert caught.value.problem.where == "churn_t"
    with pytest.raises(ParameterError, match="without a discount"):
        score_customers(model, table, np.inf, spend, churn_t=26)
    with pytest.raises(ParameterError, match="future_t"):
        score_customers(model, table, np.inf, churn_t=26)


@pytest.mark.parametrize("kind", [ModifiedBetaGeoModel, ParetoNBDModel])
def test_any_model_of_purchases(engine, rfm, kind) -> None:
    few = rfm.sample(200, random_state=1)
    model = kind().fit(rfm)
    found = by_customer(
        score_customers(model, engine.register(few.reset_index()), 26.0).to_pandas()
    )
    expected = churn_table(model, few.sort_index(), 26.0).drop(columns="churn_band")
    pd.testing.assert_frame_equal(found[expected.columns], expected, rtol=1e-9)


def test_covariates_are_read_from_the_table(engine, rfm) -> None:
    rfm = rfm.assign(z=np.random.default_rng(1).integers(0, 2, len(rfm)))
    model = BetaGeoModel(purchase_covariates=["z"]).fit(rfm)
    found = by_customer(
        score_customers(model, engine.register(rfm.reset_index()), 26.0).to_pandas()
    )
    expected = predict_with_interval(model, "expected_purchases", rfm, future_t=26.0)
    pd.testing.assert_frame_equal(found.iloc[:, :4], expected.to_frame(), rtol=1e-9)
    with pytest.raises(MissingTableError, match="column z"):
        score_customers(model, engine.register(rfm.drop(columns="z").reset_index()), 26.0)


def test_each_distinct_history_is_forecast_once(engine, rfm, models, monkeypatch) -> None:
    seen = []
    forecast = scoring.churn_table
    monkeypatch.setattr(
        scoring,
        "churn_table",
        lambda model, rfm, *rest: (seen.append(len(rfm)), forecast(model, rfm, *rest))[1],
    )
    twice = pd.concat(
        [
            rfm.reset_index(),
            rfm.reset_index().assign(customer_id=[f"again {i}" for i in range(len(rfm))]),
        ]
    )
    score_customers(models[0], engine.register(twice), HORIZON)
    assert seen == [1, len(rfm[["frequency", "recency", "T"]].drop_duplicates())]
