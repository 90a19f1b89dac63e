import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from segml._core.errors import DataError, ParameterError
from segml.clv import BetaGeoModel, GammaGammaModel


def test_summary(model):
    table = model.summary()
    assert table.index.tolist() == ["r", "alpha", "a", "b"]
    assert table.index.name == "parameter"
    assert table.columns.tolist() == ["estimate", "std_error", "low", "high"]
    np.testing.assert_allclose(table["std_error"] ** 2, np.diag(model.covariance_))
    np.testing.assert_allclose(table["low"] * table["high"], table["estimate"] ** 2)
    wider = model.summary(level=0.99)
    assert (wider["low"] < table["low"]).all()
    assert (wider["high"] > table["high"]).all()
    with pytest.raises(ParameterError, match="level"):
        model.summary(level=95)


def test_params_and_clone():
    assert BetaGeoModel(k=2).get_params() == {
        "k": 2,
        "purchase_covariates": (),
        "dropout_covariates": (),
    }
    spend = GammaGammaModel(non_positive="leave_out")
    assert spend.get_params() == {"least_q": None, "non_positive": "leave_out"}
    assert clone(spend).non_positive == "leave_out"


def test_clone_is_not_fitted(model, cdnow):
    with pytest.raises(NotFittedError):
        clone(model).expected_probability_alive(cdnow)


@pytest.mark.parametrize("made", [BetaGeoModel, GammaGammaModel])
def test_not_fitted(made, cdnow):
    fresh = made()
    for use in (fresh.summary, fresh.to_dict):
        with pytest.raises(NotFittedError):
            use()
    assert "not fitted" in fresh._repr_html_()


@pytest.mark.parametrize("name", ["model", "spend"])
def test_json_round_trip(name, request, cdnow_spend):
    fitted = request.getfixturevalue(name)
    text = json.dumps(fitted.to_dict(), allow_nan=False)
    back = type(fitted).from_dict(json.loads(text))
    pd.testing.assert_series_equal(back.params_, fitted.params_, check_exact=True)
    pd.testing.assert_frame_equal(back.covariance_, fitted.covariance_, check_exact=True)
    assert back.log_likelihood_ == fitted.log_likelihood_
    assert back.n_customers_ == fitted.n_customers_
    assert back.get_params() == fitted.get_params()
    assert back.to_dict() == fitted.to_dict()
    assert len(text) < 1500  # no training rows


def test_left_out_customers_are_saved(spend):
    assert GammaGammaModel.from_dict(spend.to_dict()).n_left_out_ == 1411


def test_from_dict_of_something_else(model, spend):
    with pytest.raises(DataError, match="another model"):
        GammaGammaModel.from_dict(model.to_dict())
    with pytest.raises(DataError, match="another model"):
        BetaGeoModel.from_dict({})
    with pytest.raises(DataError, match="format that this version does not read"):
        BetaGeoModel.from_dict(model.to_dict() | {"version": 99})
    data = model.to_dict()
    del data["parameters"]["b"]
    with pytest.raises(DataError, match="lack an entry\n  where: b"):
        BetaGeoModel.from_dict(data)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_from_dict_of_impossible_parameters(model, value):
    data = model.to_dict()
    data["parameters"]["alpha"] = value
    with pytest.raises(DataError, match="cannot have\n  where: parameters, alpha"):
        BetaGeoModel.from_dict(data)


def test_html_shows_estimates_and_intervals(model):
    page = model._repr_html_()
    for part in (
        "BetaGeoModel: 2,357 customers",
        "-9,582.43",
        "0.2426",
        "0.013",
        "chance to leave",
    ):
        assert part in page
    bundle = model._repr_mimebundle_()
    assert bundle["text/html"] == page
    assert bundle["text/plain"] == "BetaGeoModel()"
