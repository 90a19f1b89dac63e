"""Models as files: what comes back, what is in them, what is refused."""

import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

import segml.clv
from segml import __version__
from segml._core.errors import DataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.clv import BetaGeoModel, GammaGammaModel, customer_lifetime_value
from segml.export import load_model, save_model
from segml.features import rfm_summary

MODELS = [
    name
    for name in segml.clv.__all__
    if name.endswith("Model") and isinstance(getattr(segml.clv, name), type)
]

# Files of format 1, as the first version that had one wrote them. They must stay readable.
FIRST_PURCHASES = """{
  "format": "segml.clv", "version": 1, "model": "BetaGeoModel", "options": {},
  "parameters": {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
  "covariance": [[2e-4, 4e-3, 0, 0], [4e-3, 0.14, 0, 0], [0, 0, 0.03, 0.1], [0, 0, 0.1, 0.5]],
  "log_likelihood": -9582.43, "n_customers": 2357
}
"""
FORMAT_1 = """{
  "format": "segml.clv",
  "segml_version": "0.1.0.dev0",
  "version": 1,
  "model": "GammaGammaModel",
  "options": {"non_positive": "leave_out"},
  "parameters": {"p": 6.25, "q": 3.74, "v": 15.4},
  "covariance": [[1.4, 0.05, -3.5], [0.05, 0.04, -0.2], [-3.5, -0.2, 9.9]],
  "log_likelihood": -4055.9,
  "n_customers": 946,
  "n_left_out": 1411
}
"""


@pytest.fixture(scope="module")
def rfm(cdnow_sample):
    return rfm_summary(cdnow_sample, "1997-09-30", time_unit="W")


@pytest.fixture(scope="module")
def model(rfm):
    return BetaGeoModel().fit(rfm)


@pytest.fixture(scope="module")
def spend(rfm):
    return GammaGammaModel(non_positive="leave_out").fit(rfm)


@pytest.fixture
def saved(model, tmp_path):
    """Write the file of a model, with changes, and return its path."""

    def write(**changes):
        path = save_model(model, tmp_path / "model.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path

    return write


# --- what comes back -------------------------------------------------------------------------


def test_a_loaded_model_forecasts_as_the_fitted_one(model, spend, rfm, tmp_path):
    purchases = load_model(save_model(model, tmp_path / "purchases.json"))
    money = load_model(save_model(spend, tmp_path / "spend.json"))
    assert type(purchases) is BetaGeoModel
    assert money.get_params() == spend.get_params()
    expected = customer_lifetime_value(model, spend, rfm, 52, 0.002).to_frame()
    got = customer_lifetime_value(purchases, money, rfm, 52, 0.002).to_frame()
    pd.testing.assert_frame_equal(got, expected, check_exact=True)  # intervals too
    pd.testing.assert_frame_equal(purchases.summary(), model.summary(), check_exact=True)
    assert money.n_left_out_ == spend.n_left_out_


def test_the_file_of_the_first_format_is_read(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(FORMAT_1)
    old = load_model(path)
    assert type(old) is GammaGammaModel
    assert old.params_.to_dict() == {"p": 6.25, "q": 3.74, "v": 15.4}
    assert old.covariance_.loc["v", "p"] == -3.5
    assert (old.n_customers_, old.n_left_out_, old.non_positive) == (946, 1411, "leave_out")
    before, again = json.loads(FORMAT_1), json.loads(save_model(old, path).read_text())
    assert before.pop("options").items() <= again.pop("options").items()  # new ones may come
    assert again == before | {"segml_version": __version__}


def test_purchases_of_the_first_format_are_read(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(FIRST_PURCHASES)
    best = pd.DataFrame({"frequency": [26], "recency": [30.857], "T": [31.0]})
    got = load_model(path).expected_purchases(best, 52)[0]
    assert got == pytest.approx(25.757, abs=1e-2)


def test_a_file_of_reports_is_read(model, tmp_path):
    path = tmp_path / "purchase_model.json"
    path.write_text(json.dumps(model.to_dict()))
    assert load_model(path).params_.equals(model.params_)


# --- what is in the file ---------------------------------------------------------------------


def test_the_file_is_small_and_holds_no_rows(model, tmp_path):
    data = json.loads(save_model(model, tmp_path / "new" / "model.json").read_text())
    assert list(data) == [
        "format", "segml_version", "version", "model", "options", "parameters", "covariance",
        "log_likelihood", "n_customers", "k",
    ]  # fmt: skip
    assert data["segml_version"] == __version__
    assert (tmp_path / "new" / "model.json").stat().st_size < 1500


def test_the_same_model_is_the_same_bytes(model, rfm, tmp_path):
    one = save_model(model, tmp_path / "one.json").read_bytes()
    again = BetaGeoModel().fit(rfm.sample(frac=1, random_state=0))
    assert save_model(again, tmp_path / "two.json").read_bytes() == one


def test_a_file_is_replaced_whole_or_not_at_all(model, spend, tmp_path, monkeypatch):
    path = save_model(model, tmp_path / "model.json")
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_model(spend, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]


def test_options_of_any_kind_of_number_or_sequence(spend, tmp_path):
    data = spend.to_dict()
    model = GammaGammaModel.from_dict(data).set_params(least_q=np.float32(1.5))
    assert load_model(save_model(model, tmp_path / "a.json")).least_q == 1.5
    covariate = {"purchase[first_order]": 0.1, "dropout[first_order]": -0.2}
    names = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7} | covariate
    options = dict.fromkeys(("purchase_covariates", "dropout_covariates"), ("first_order",))
    described = {
        "format": "segml.clv", "version": 1, "model": "ParetoNBDModel", "options": options,
        "parameters": names, "covariance": (0.01 * np.eye(6)).tolist(), "log_likelihood": -1.0,
        "n_customers": 10,
    }  # fmt: skip
    model = segml.clv.ParetoNBDModel.from_dict(described)
    for kind in (tuple, list):
        model.set_params(purchase_covariates=kind(["first_order"]))
        again = load_model(save_model(model, tmp_path / "b.json"))
        rfm = pd.DataFrame({"frequency": [1], "recency": [3], "T": [9], "first_order": [2.5]})
        expected = model.set_params(**options).expected_purchases(rfm, 9)
        pd.testing.assert_series_equal(again.expected_purchases(rfm, 9), expected)


# --- what is not saved -----------------------------------------------------------------------


def test_only_fitted_models_are_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save_model(BetaGeoModel(), tmp_path / "model.json")
    with pytest.raises(NotFittedError):
        save_model(KMeansSegmenter(), tmp_path / "segments.json")
    assert list(tmp_path.iterdir()) == []


class Pretender(BetaGeoModel):
    """Could be saved, and not be loaded."""


@pytest.mark.parametrize("thing", [KMeans(2), KMeansSegmenter, Pretender(), BetaGeoModel, None, {}])
def test_other_things_are_not_saved(thing, tmp_path):
    with pytest.raises(ParameterError, match="not a model that can be saved") as caught:
        save_model(thing, tmp_path / "model.json")
    assert "BetaGeoModel" in caught.value.problem.expected
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_does_not_have_is_not_saved(model, tmp_path):
    broken = BetaGeoModel.from_dict(model.to_dict())
    broken.params_ = model.params_ * np.nan
    with pytest.raises(ValueError, match="JSON"):
        save_model(broken, tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []


# --- what is not loaded ----------------------------------------------------------------------


def test_no_file(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match="the file does not exist"):
            load_model(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b'{"format": "segml.clv"', b"\xff\xfe\x00", b"[" * 100_000],
    ids=["empty", "text", "cut off", "bytes", "deep"],
)
def test_not_json(content, tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="the file is not JSON") as caught:
        load_model(path)
    assert caught.value.problem.where == str(path)


def test_a_pickle_is_not_opened(model, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    with pytest.raises(DataError, match="the file is not JSON"):
        load_model(path)


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"format": "nbformat"}'])
def test_json_of_something_else(content, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(DataError, match="the file is not that of a model"):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("BetaGeoModell", "BetaGeoModel"), ("os.system", None), ("churn_table", None),
     ("Prediction", None), (None, None), (["BetaGeoModel"], None)],
)  # fmt: skip
def test_unknown_model(saved, name, nearest):
    with pytest.raises(DataError, match="a model that this version does not know") as caught:
        load_model(saved(model=name))
    if nearest:
        assert caught.value.problem.nearest == nearest
    assert f"this is segml {__version__}" in caught.value.problem.hint


def test_later_format(saved):
    path = saved(version=99, segml_version="9.9")
    with pytest.raises(DataError, match="a format that this version does not read") as caught:
        load_model(path)
    assert caught.value.problem.where == f"{path}, version"
    assert caught.value.problem.hint == (
        f"the file was written by segml 9.9, this is segml {__version__}"
    )


@pytest.mark.parametrize("entry", ["options", "parameters", "covariance", "n_customers", "version"])
def test_missing_entry(saved, entry):
    path = saved()
    data = json.loads(path.read_text())
    del data[entry]
    path.write_text(json.dumps(data))
    with pytest.raises(DataError) as caught:
        load_model(path)
    assert caught.value.problem.where == f"{path}, {entry}"
    assert "<object" not in str(caught.value)


def test_missing_parameter(saved):
    with pytest.raises(DataError, match=r"lack an entry\n  where: .*model.json, alpha"):
        load_model(saved(parameters={"r": 1.0}))


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"colour": "red"}},
        {"options": 3},
        {"parameters": [1, 2, 3, 4]},
        {"parameters": {"r": "much", "alpha": 1, "a": 1, "b": 1}},
        {"parameters": {"r": None, "alpha": 1, "a": 1, "b": 1}},
        {"covariance": [[1.0]]},
        {"covariance": "none"},
        {"covariance": [["a"] * 4] * 4},
        {"covariance": [[None] * 4] * 4},
    ],
    ids=str,
)
def test_entry_of_a_wrong_kind(saved, change):
    path = saved(**change)
    with pytest.raises(DataError, match=r"wrong kind|not finite") as caught:
        load_model(path)
    assert str(path) in caught.value.problem.where


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("entry", ["parameters", "covariance"])
def test_numbers_that_are_not_finite(saved, number, entry):
    path = saved()
    data = json.loads(path.read_text())
    if entry == "parameters":
        data["parameters"]["r"] = "HERE"
    else:
        data["covariance"][0][0] = "HERE"
    path.write_text(json.dumps(data).replace('"HERE"', number))
    with pytest.raises(DataError, match=r"is not finite|cannot have"):
        load_model(path)


# --- all models ------------------------------------------------------------------------------


def test_all_models_are_known():
    from segml.export.models import _models

    assert list(_models()) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_model_comes_back(name, tmp_path):
    table = pd.DataFrame(
        {
            "frequency": [0, 1, 1, 2, 3, 4, 0, 2],
            "recency": [0, 3, 1, 2, 5, 5, 0, 4],
            "T": [6, 6, 6, 6, 6, 6, 5, 6],
            "monetary_value": [np.nan, 30.0, 12.0, 55.0, 24.0, 35.0, np.nan, 90.0],
            "churned": [True, True, False, True, False, False, False, True],
        }
    )
    model = getattr(segml.clv, name)()
    names = list(model._meanings)
    data = {
        "format": "segml.clv", "version": 1, "model": name, "options": model.get_params(),
        "parameters": dict(zip(names, [0.5, 2.5, 0.8, 2.0], strict=False)),
        "covariance": (np.eye(len(names)) / 30).tolist(), "log_likelihood": -9.5,
        "n_customers": 8, "n_left_out": 2, "k": 1,
    }  # fmt: skip
    model = type(model).from_dict(data)
    again = load_model(save_model(model, tmp_path / "model.json"))
    assert type(again) is type(model)
    assert json.dumps(again.to_dict()) == json.dumps(model.to_dict())
    expected = [method for method in dir(model) if method in PREDICTIONS]
    assert expected
    for method in expected:
        pd.testing.assert_series_equal(
            getattr(again, method)(table), getattr(model, method)(table), check_exact=True
        )


PREDICTIONS = ("expected_probability_alive", "expected_customer_spend")
