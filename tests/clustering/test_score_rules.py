"""Scores from 1 to 5 by SQL are those of the definition, on both engines."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.clustering.score_rules import rfm_cuts, rfm_scores
from segml.engine import Engine


def customers(n: int = 500, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frequency = rng.poisson(1.2, n).astype(float)
    age = rng.integers(30, 60, n) / 7
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03}" for i in range(n)],
            "frequency": frequency,
            "recency": np.where(frequency > 0, age * rng.random(n), 0.0),
            "T": age,
            "monetary_value": np.where(frequency > 0, rng.lognormal(3, 1, n).round(0), np.nan),
        }
    )


def defined(values: pd.Series) -> np.ndarray:
    """Return 1 and a fifth more for each fifth of customers who have a lower value."""
    known = np.sort(values.dropna().to_numpy())
    lower = np.searchsorted(known, values.fillna(-np.inf).to_numpy(), side="left")
    return 1 + np.minimum(5 * lower // len(known), 4)


@pytest.mark.parametrize("n", [1, 5, 500])
def test_scores_are_those_of_the_definition(any_engine: Engine, n: int) -> None:
    frame = customers(n, seed=7)
    frame.loc[0, ["frequency", "monetary_value", "recency"]] = 1.0, 10.0, 1.0
    table = any_engine.register(pa.Table.from_pandas(frame, preserve_index=False))
    found = rfm_scores(table).to_pandas().set_index("customer_id").sort_index()
    assert (found["recency_score"] == defined(frame["recency"] - frame["T"])).all()
    assert (found["frequency_score"] == defined(frame["frequency"])).all()
    assert (found["monetary_score"] == defined(frame["monetary_value"])).all()
    assert (found["rfm"].str.get(0).astype(int) == found["recency_score"]).all()


def test_other_customers_are_scored_by_the_same_cuts(any_engine: Engine) -> None:
    table = any_engine.register(pa.Table.from_pandas(customers(), preserve_index=False))
    cuts = rfm_cuts(table)
    one = any_engine.register(pa.Table.from_pandas(customers(3, seed=9), preserve_index=False))
    found = rfm_scores(one, cuts).to_pandas().sort_values("customer_id")
    value = customers(3, seed=9)["monetary_value"].fillna(-np.inf).to_numpy()
    expected = 1 + (value[:, None] > np.array(cuts["monetary_value"])).sum(axis=1)
    assert found["monetary_score"].tolist() == expected.tolist()


def test_what_cannot_be_scored(engine) -> None:
    frame = customers()
    table = engine.register(frame)
    with pytest.raises(MissingTableError, match="monetary_value"):
        rfm_scores(engine.register(frame.rename(columns={"monetary_value": "value"})))
    with pytest.raises(NotEnoughDataError, match="monetary_value"):
        rfm_scores(engine.register(frame.assign(monetary_value=np.nan)))
    for wrong in ({}, {"recency": [1, 2, 3]}, {"recency": [2, 1, 3, 4]}):
        with pytest.raises(ParameterError, match="four numbers"):
            rfm_scores(table, wrong)
