import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.features import FEATURES, build_features, make_preprocessor
from segml.features.preprocess import signed_log


def test_every_feature_has_mean_zero_and_variance_one(cdnow_sample) -> None:
    table = build_features(cdnow_sample, "1998-06-30")
    scaled = make_preprocessor(table).fit_transform(table.to_pandas())
    assert scaled.shape == (2357, len(FEATURES))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-10)


def test_names_stay() -> None:
    names = ["tenure_days", "revenue"]
    frame = pd.DataFrame({"revenue": [1.0, 2.0], "tenure_days": [3, 5], "other": ["x", "y"]})
    made = make_preprocessor(names).set_output(transform="pandas")
    scaled = made.fit_transform(frame)
    assert scaled.columns.tolist() == names
    assert made.get_feature_names_out().tolist() == names


@pytest.mark.parametrize("name", list(FEATURES))
def test_the_registered_scale_is_used(name) -> None:
    values = np.array([0.0, 1.0, 10.0, 1000.0])
    scaled = make_preprocessor([name]).fit_transform(pd.DataFrame({name: values}))[:, 0]
    raw = np.sign(values) * np.log1p(values) if FEATURES[name].scale == "log" else values
    np.testing.assert_allclose(scaled, (raw - raw.mean()) / raw.std())


def test_missing_values_stay_missing() -> None:
    frame = pd.DataFrame({"items_per_order": [1.0, np.nan, 3.0]})
    scaled = make_preprocessor(["items_per_order"]).fit_transform(frame)
    assert np.isnan(scaled[:, 0]).tolist() == [False, True, False]


def test_a_constant_feature_is_zero() -> None:
    frame = pd.DataFrame({"orders": [4, 4, 4]})
    assert make_preprocessor(["orders"]).fit_transform(frame).tolist() == [[0.0]] * 3


def test_an_unknown_feature() -> None:
    with pytest.raises(ParameterError, match="unknown value for features") as caught:
        make_preprocessor(["order"])
    assert caught.value.problem.nearest == "orders"


def test_signed_log_is_odd_and_keeps_order() -> None:
    values = np.linspace(-100, 100, 41)
    found = signed_log(values)
    np.testing.assert_allclose(found, -signed_log(-values))
    assert (np.diff(found) > 0).all()
    assert signed_log(0.0) == 0
    assert signed_log(np.e - 1) == pytest.approx(1)
