import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.clv import BetaGeoBetaBinomModel, BetaGeoModel, GammaGammaModel, ModifiedBetaGeoModel
from segml.clv._simulate import simulate
from segml.clv.pareto_nbd import ParetoNBDModel

TRUTH = {
    BetaGeoModel: {"r": 0.6, "alpha": 6.0, "a": 0.8, "b": 2.5},
    ModifiedBetaGeoModel: {"r": 0.9, "alpha": 6.0, "a": 0.8, "b": 2.5},
    ParetoNBDModel: {"r": 0.6, "alpha": 8.0, "s": 0.7, "beta": 12.0},
}
N = 20_000


def as_if(kind, parameters, options=None, **more):
    """Return a model as if the truth were its estimates."""
    return kind.from_dict(
        {
            "format": "segml.clv", "version": 1, "model": kind.__name__, "options": options or {},
            "parameters": parameters, "covariance": np.eye(len(parameters)).tolist(),
            "log_likelihood": 0.0, "n_customers": 1, **more,
        }
    )  # fmt: skip


def customers(n=N):
    T = np.random.default_rng(5).uniform(20, 40, n)
    return pd.DataFrame({"frequency": 0.0, "recency": 0.0, "T": T})


@pytest.mark.parametrize("kind", TRUTH)
def test_the_model_recovers_its_parameters(kind):
    truth = pd.Series(TRUTH[kind])
    drawn = simulate(as_if(kind, TRUTH[kind]), customers(), np.random.default_rng(1))
    table = kind().fit(drawn).summary()
    assert (np.abs(table["estimate"] - truth) < 3.5 * table["std_error"]).all()


@pytest.mark.parametrize("kind", TRUTH)
def test_the_mean_is_the_one_expected(kind):
    model = as_if(kind, TRUTH[kind])
    rfm = customers().assign(T=30.0)
    x = simulate(model, rfm, np.random.default_rng(2))["frequency"]
    expected = model.expected_purchases_new_customer(30.0)
    assert x.mean() == pytest.approx(expected, abs=4 * x.std() / np.sqrt(N))


@pytest.mark.parametrize("kind", [BetaGeoModel, ModifiedBetaGeoModel])
def test_regular_purchases(kind):
    truth = TRUTH[kind] | {"alpha": 2.0}
    model = as_if(kind, truth, {"k": 3}, k=3)
    drawn = simulate(model, customers(8_000), np.random.default_rng(3))
    assert (drawn.loc[drawn["frequency"] == 0, "litt"] == 0).all()
    fitted = kind(k="auto").fit(drawn)
    assert fitted.k_ == 3
    table = fitted.summary()
    assert (np.abs(table["estimate"] - pd.Series(truth)) < 3.5 * table["std_error"]).all()


@pytest.mark.parametrize("kind", [BetaGeoModel, ParetoNBDModel])
def test_covariates(kind):
    truth = TRUTH[kind] | {"purchase[z]": 0.7}
    model = as_if(kind, truth, {"purchase_covariates": ["z"]})
    rfm = customers(5_000).assign(z=np.random.default_rng(6).normal(size=5_000))
    drawn = simulate(model, rfm, np.random.default_rng(4))
    pd.testing.assert_series_equal(drawn["z"], rfm["z"])
    row = kind(purchase_covariates=["z"]).fit(drawn).summary().loc["purchase[z]"]
    assert abs(row["estimate"] - 0.7) < 3.5 * row["std_error"]


def test_spend():
    truth = {"p": 5.0, "q": 4.0, "v": 30.0}
    model = as_if(GammaGammaModel, truth, n_left_out=0)
    rfm = pd.DataFrame({"frequency": np.random.default_rng(7).poisson(2, N)})
    drawn = simulate(model, rfm, np.random.default_rng(8))
    assert (drawn["monetary_value"].isna() == (rfm["frequency"] == 0)).all()
    table = GammaGammaModel().fit(drawn).summary()
    assert (np.abs(table["estimate"] - pd.Series(truth)) < 3.5 * table["std_error"]).all()


def test_rates_too_small_to_hold_and_no_time(with_parameters):
    model = with_parameters(1e-4, 1.0, 1e-3, 1e-3)
    rfm = customers(500).assign(T=np.repeat([0.0, 40.0], 250))
    drawn = simulate(model, rfm, np.random.default_rng(1))
    assert (drawn["frequency"].iloc[:250] == 0).all()
    assert np.isfinite(drawn).all(axis=None)


def test_the_same_stream_gives_the_same_customers(model, cdnow):
    one, same, other = (simulate(model, cdnow, np.random.default_rng(seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert not one.equals(other)


def test_a_model_without_simulation():
    names = ["alpha", "beta", "gamma", "delta"]
    model = as_if(BetaGeoBetaBinomModel, dict.fromkeys(names, 1.0))
    with pytest.raises(ParameterError, match="no simulation") as caught:
        simulate(model, customers(3), np.random.default_rng(1))
    assert caught.value.problem.where == "model"
