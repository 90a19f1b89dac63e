"""Scaling by SQL gives the numbers of the fitted preprocessor, on both engines."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from segml._core.errors import DataError, MissingTableError, ParameterError
from segml.engine import Engine
from segml.features import make_preprocessor
from segml.features.feature import Feature
from segml.features.scaling_sql import scaled_table

N = 400
CLOSE = {"rtol": 1e-12, "atol": 1e-14}
SHARES = {"FR": 0.4, "DE": 0.3, "O'Land": 0.2, "other": 0.05, "IS": 0.005, "": 0.045}


def people() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    country = rng.choice(
        ["FR", "DE", "O'Land", "other", "IS", ""], N, p=[0.4, 0.3, 0.2, 0.05, 0.005, 0.045]
    )
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03}" for i in range(N)],
            "money": np.where(rng.random(N) < 0.1, np.nan, rng.normal(0, 1e3, N).round(2)),
            "count": rng.integers(0, 9, N),
            "refunds": np.where(rng.random(N) < 0.3, np.nan, rng.lognormal(0, 1, N)),
            "hour": np.where(rng.random(N) < 0.2, np.nan, rng.integers(0, 24, N)),
            "band": pd.Series(rng.choice(["low", "middle", "high"], N)).mask(rng.random(N) < 0.1),
            "country": pd.Series(country).mask(rng.random(N) < 0.1),
            "member": rng.random(N) < 0.3,
            "constant": np.full(N, 3.5),
        }
    )


def feature(name: str, scale: str, **other) -> Feature:
    unit = "category" if scale in ("one-hot", "ordinal") else "count"
    return Feature(name, name, "behavioural", "A test.", unit, "count(*)", scale, **other)


FEATURE_LIST = {
    "money": ("log", {"missing": "unknown"}),
    "count": ("none", {"missing": "unknown"}),
    "refunds": ("log", {"missing": "zero"}),
    "hour": ("cyclic", {"missing": "unknown", "cycle": 24}),
    "band": ("ordinal", {"missing": "unknown", "levels": ("low", "middle", "high")}),
    "country": ("one-hot", {"missing": "unknown"}),
    "member": ("one-hot", {"missing": "not applicable"}),
    "constant": ("none", {"missing": "unknown"}),
}


def features() -> list[Feature]:
    return [feature(name, scale, **other) for name, (scale, other) in FEATURE_LIST.items()]


def scaled(preprocessor, frame: pd.DataFrame, engine: Engine, names=()) -> np.ndarray:
    table = engine.register(pa.Table.from_pandas(frame, preserve_index=False))
    found = scaled_table(preprocessor, table, names).to_pandas()
    found = found.set_index("customer_id").loc[frame["customer_id"]]
    assert list(found) == [f"scaled_{i}" for i in range(found.shape[1])]
    return found.to_numpy()


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_every_kind_of_feature(any_engine, scaling) -> None:
    frame = people()
    preprocessor = make_preprocessor(features(), scaling=scaling, weights={"behavioural": 2})
    expected = preprocessor.fit(frame).transform(frame)
    assert expected.shape[1] > len(FEATURE_LIST)
    np.testing.assert_allclose(
        scaled(preprocessor, frame, any_engine), expected, rtol=1e-12, atol=1e-14
    )


def test_new_customers(any_engine) -> None:
    frame = people()
    preprocessor = make_preprocessor(features()).fit(frame)
    new = frame.head(4).assign(country=["XX", None, "FR", "IS"], band=["none", None, "low", "high"])
    with warnings.catch_warnings(action="ignore"):
        expected = preprocessor.transform(new)
    np.testing.assert_allclose(
        scaled(preprocessor, new, any_engine), expected, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("options", [{}, {"with_mean": False}, {"with_std": False}])
def test_standard_scaler_to_the_last_bit(any_engine, options: dict) -> None:
    frame = people().drop(columns=["refunds", "hour"]).dropna()
    names = ["count", "constant", "money"]
    scaler = StandardScaler(**options).fit(frame[names])
    assert (scaled(scaler, frame, any_engine, names) == scaler.transform(frame[names])).all()


def test_whole_numbers_as_levels(any_engine) -> None:
    frame = people().assign(code=lambda frame: frame["count"] % 3)
    preprocessor = make_preprocessor([feature("code", "one-hot", missing="unknown")]).fit(frame)
    np.testing.assert_allclose(
        scaled(preprocessor, frame, any_engine), preprocessor.transform(frame), rtol=1e-12
    )


def test_what_has_no_sql(engine) -> None:
    frame = people()
    table = engine.register(pa.Table.from_pandas(frame, preserve_index=False))
    with pytest.raises(ParameterError, match="MinMaxScaler has no SQL"):
        scaled_table(MinMaxScaler().fit(frame[["count"]]), table, ["count"])
    other = ColumnTransformer([("x", MinMaxScaler(), ["count"])]).fit(frame)
    with pytest.raises(ParameterError, match="ColumnTransformer has no SQL"):
        scaled_table(other, table, ["count"])
    preprocessor = make_preprocessor([feature("count", "none", missing="unknown")])
    name, pipeline, _ = preprocessor.transformers[0]
    pipeline.steps.insert(1, ("root", FunctionTransformer(np.sqrt)))
    with pytest.raises(ParameterError, match="sqrt has no SQL") as found:
        scaled_table(preprocessor.fit(frame), table, [])
    assert "feature count" in str(found.value)
    preprocessor.set_params(**{name: MinMaxScaler()})
    with pytest.raises(ParameterError, match="step count"):
        scaled_table(preprocessor.fit(frame), table, [])


def test_levels_that_are_fractions(engine) -> None:
    frame = people()
    preprocessor = make_preprocessor([feature("country", "one-hot", missing="unknown")]).fit(frame)
    table = engine.sql("SELECT 'a' AS customer_id, CAST(1.5 AS DOUBLE) AS country")
    with pytest.raises(DataError, match="country"):
        scaled_table(preprocessor, table, [])


def test_columns_that_are_not_there(engine) -> None:
    scaler = StandardScaler().fit(people()[["count"]])
    with pytest.raises(MissingTableError, match="no id"):
        scaled_table(scaler, engine.sql("SELECT 1 AS count"), ["count"])
    with pytest.raises(MissingTableError, match="counts"):
        scaled_table(scaler, engine.sql("SELECT 1 AS customer_id, 2 AS counts"), ["count"])
