"""Preprocessors as plain data: what comes back is the same to the last bit."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler

from segml._core.errors import ParameterError
from segml.engine import connect
from segml.export.preprocessors import build_preprocessor, describe_preprocessor
from segml.features import FEATURES, Feature, make_preprocessor
from segml.features.scaling_sql import scaled_table


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    n = 300
    income = np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(10, 1, n))
    return pd.DataFrame(
        {
            "income": income,
            "orders": rng.poisson(3, n) + 1,
            "country": ["IS", *rng.choice(["FR", "DE", None], n - 1, p=[0.5, 0.4, 0.1])],
            "first_order_month": rng.integers(1, 13, n),
            "education": rng.choice(["low", "high"], n),
            "constant": 3,
        },
        index=[f"c{i}" for i in range(n)],
    )


def features():
    own = {"sql": "max(x)", "kind": "demographic"}
    return [
        Feature("income", "Income", meaning="m", unit="money", scale="log", **own),
        Feature("country", "Country", meaning="m", unit="category", scale="one-hot", **own),
        Feature(
            "first_order_month", "Month", meaning="m", unit="month", scale="cyclic", cycle=12, **own
        ),
        Feature(
            "education", "Education", meaning="m", unit="category", scale="ordinal",
            levels=("low", "middle", "high"), **own,
        ),
        Feature("constant", "Constant", meaning="m", unit="count", scale="none", **own),
        FEATURES["orders"],
    ]  # fmt: skip


def again(preprocessor):
    return build_preprocessor(json.loads(json.dumps(describe_preprocessor(preprocessor))))


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_features_of_every_scale_come_back(people, scaling):
    made = make_preprocessor(features(), scaling=scaling, weights={"demographic": 0.3})
    made.fit(people)
    back = again(made)
    new = pd.concat([people.sample(50, random_state=1), people.assign(country="NO")])
    np.testing.assert_array_equal(back.transform(new), made.transform(new))
    names = made.get_feature_names_out()
    assert back.get_feature_names_out().tolist() == names.tolist()
    assert "income is missing" in names
    assert "country: other" in names
    assert back.output_indices_ == made.output_indices_
    assert back.feature_names_in_.tolist() == made.feature_names_in_.tolist()
    assert describe_preprocessor(back) == describe_preprocessor(made)


def test_it_can_be_fitted_anew(people):
    made = make_preprocessor(features(), weights={"demographic": 0.3}).fit(people)
    other = people.iloc[:150]
    np.testing.assert_array_equal(again(made).fit_transform(other), made.fit_transform(other))


def test_it_gives_the_same_sql(people):
    made = make_preprocessor(features()).fit(people)
    frame = people.rename_axis("customer_id").reset_index()
    table = connect().register(frame)
    one, two = (scaled_table(p, table, []).to_pandas() for p in (made, again(made)))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("named", [True, False])
def test_the_scaler_that_stands_in_for_none(named):
    frame = pd.DataFrame({"a": [1.0, 2, 4], "b": [5.0, 5, 5]})
    given = frame if named else frame.to_numpy()
    made = StandardScaler().fit(given)
    back = again(made)
    np.testing.assert_array_equal(back.transform(given), made.transform(given))
    assert hasattr(back, "feature_names_in_") == named
    assert back.n_samples_seen_ == 3


@pytest.mark.parametrize(
    "other",
    [
        RobustScaler(),
        StandardScaler(with_mean=False),
        make_pipeline(StandardScaler()),
        ColumnTransformer([("a", StandardScaler(), ["orders"])]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_others_are_refused(people, other):
    with pytest.raises(ParameterError, match="has no form in JSON") as caught:
        describe_preprocessor(other.fit(people[["orders"]]))
    assert ".skops" in caught.value.problem.hint


def test_a_step_of_ones_own_is_refused(people):
    made = make_preprocessor(["orders"])
    made.transformers[0][1].steps[0] = ("numbers", FunctionTransformer(np.log))
    with pytest.raises(ParameterError, match="feature orders"):
        describe_preprocessor(made.fit(people))


@pytest.mark.parametrize(
    "data",
    [{}, {"type": "Other"}, {"type": "StandardScaler", "mean": ["a"]},
     {"type": "FeaturePreprocessor", "columns": ["a"], "features": [
         {"name": "a", "steps": [{"step": "s", "type": "os.system", "options": {}}]}]}],
    ids=str,
)  # fmt: skip
def test_data_that_describe_none(data):
    with pytest.raises((KeyError, ValueError)):
        build_preprocessor(data)
