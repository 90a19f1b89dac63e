"""Each forecaster against its rule worked out by hand, or against the model it wraps."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from segml.clv import BetaGeoBetaBinomModel, BetaGeoModel, GammaGammaModel
from segml.evaluation.backtest_splits import make_splits
from segml.evaluation.forecasters import CLVForecaster, Earlier, Known
from segml.evaluation.forecasters_known import FORECASTERS, chosen
from segml.evaluation.forecasters_learned import GradientBoosting
from segml.evaluation.forecasters_lifetimes import LifetimesForecaster
from segml.evaluation.forecasters_naive import Hiatus, MeanOfAll, OwnMean, SameAsLastPeriod


@pytest.fixture(scope="module")
def real(cdnow_sample):
    return make_splits(cdnow_sample, ["1997-09-30"], [13], "W", 0)[0].known


@pytest.fixture(scope="module")
def small():
    index = pd.Index(list("abcd"), name="customer_id")
    rfm = pd.DataFrame(
        {
            "frequency": [0, 2, 4, 1],
            "recency": [0.0, 8, 10, 2],
            "T": [10.0, 10, 20, 0 + 4],
            "monetary_value": [np.nan, 10.0, 20, 30],
            "litt": 0.0,
        },
        index,
    )
    last = pd.DataFrame({"purchases": [0.0, 2, 1, 2], "revenue": [0.0, 20, 5, 40]}, index)
    then = rfm.assign(recency=[0.0, 8, 19, 2]).iloc[:3]  # silent for 10, 2 and 1
    actual = pd.DataFrame(
        {"purchases": [0.0, 1, 2], "revenue": [0.0, 9, 30], "churn": [1.0, 0, 0]}, index[:3]
    )
    earlier = Earlier(dt.date(2026, 1, 1), then, actual)

    def nothing(*_):
        raise AssertionError("not asked for")

    return Known(dt.date(2026, 2, 5), 5, 35, "W", rfm, last, earlier, nothing, nothing)


def test_same_as_last_period(small):
    values = SameAsLastPeriod().forecast(small).values
    assert values["purchases"].tolist() == [0, 2, 1, 2]
    assert values["revenue"].tolist() == [0, 20, 5, 40]
    assert values["churn"].tolist() == [1, 0, 0, 0]


def test_own_mean(small):
    values = OwnMean().forecast(small).values
    assert values["purchases"].tolist() == [0, 1, 1, 1.25]
    mean = (2 * 10 + 4 * 20 + 30) / 7
    assert values["revenue"].tolist() == pytest.approx([0 * mean, 10, 20, 37.5])
    np.testing.assert_allclose(values["churn"], np.exp([0, -1, -1, -1.25]))


def test_mean_of_all(small):
    values = MeanOfAll().forecast(small).values
    assert values["purchases"].tolist() == [1] * 4
    assert values["revenue"].tolist() == [13] * 4
    assert values["churn"].tolist() == pytest.approx([1 / 3] * 4)


def test_hiatus_is_learnt_from_the_earlier_cut_off(small):
    # Silent for 2 or less is right for all three; now a and c are silent for 10, b and d for 2.
    values = Hiatus().forecast(small).values
    assert values["purchases"].tolist() == [0, 1, 0, 1.25]
    assert values["churn"].tolist() == [1, 0, 1, 0]
    everybody = Hiatus(after=100).forecast(small).values
    assert everybody["churn"].tolist() == pytest.approx([1 / 3] * 4)
    assert everybody["purchases"].tolist() == [0, 1, 1, 1.25]


def test_models_are_fitted_to_what_is_known(real):
    values = CLVForecaster(BetaGeoModel()).forecast(real).values
    model = BetaGeoModel().fit(real.rfm)
    np.testing.assert_array_equal(
        values["purchases"], model.expected_purchases(real.rfm, future_t=13)
    )
    none = model.expected_probability_no_purchase(real.rfm, future_t=13)
    np.testing.assert_allclose(values["churn"], none)
    spend = GammaGammaModel(non_positive="leave_out").fit(real.rfm)
    expected = values["purchases"] * spend.expected_customer_spend(real.rfm)
    np.testing.assert_allclose(values["revenue"], expected)


def test_opportunities_are_turned_into_days_with_a_purchase(real):
    values = CLVForecaster(BetaGeoBetaBinomModel()).forecast(real).values
    table = real.opportunities()
    weeks = BetaGeoBetaBinomModel().fit(table).expected_purchases(table, future_t=13)
    each = real.rfm["frequency"].sum() / table["frequency"].sum()
    assert each > 1
    np.testing.assert_allclose(values["purchases"], each * weeks)


def test_spend_that_cannot_be_modelled_leaves_the_purchases(real):
    class NoSpend(GammaGammaModel):
        def fit(self, rfm, weights=None):
            return super().fit(rfm.assign(frequency=0), weights)

    found = CLVForecaster(BetaGeoModel(), NoSpend()).forecast(real)
    assert list(found.values.columns) == ["purchases", "churn"]
    assert found.reasons["revenue"].startswith("no model of spend")


@pytest.mark.parametrize(
    ("fitter", "name"), [("BetaGeoFitter", "BG/NBD"), ("ModifiedBetaGeoFitter", "MBG/NBD")]
)
def test_lifetimes_says_the_same(real, fitter, name):
    peer = LifetimesForecaster(fitter).forecast(real)
    own = FORECASTERS[name].forecast(real).values
    np.testing.assert_allclose(peer.values["purchases"], own["purchases"], rtol=2e-3, atol=1e-4)
    assert np.corrcoef(peer.values["revenue"], own["revenue"])[0, 1] > 0.999
    assert "no chance of no purchase" in peer.reasons["churn"]


@pytest.mark.slow
def test_lifetimes_pareto_says_the_same_with_churn(real):
    peer = LifetimesForecaster("ParetoNBDFitter").forecast(real).values
    own = FORECASTERS["Pareto/NBD"].forecast(real).values
    np.testing.assert_allclose(peer["purchases"], own["purchases"], rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(peer["churn"], own["churn"], atol=0.01)


def test_gradient_boosting_learns_and_is_the_same_in_each_run(real):
    one, other = (GradientBoosting(max_iter=20).forecast(real).values for _ in range(2))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert one["churn"].between(0, 1).all()
    assert (one[["purchases", "revenue"]] >= 0).all(axis=None)
    assert np.corrcoef(one["purchases"], real.rfm["frequency"])[0, 1] > 0.5


def test_gradient_boosting_where_there_is_nothing_to_tell_apart(real):
    actual = real.earlier.actual.assign(purchases=0.0, revenue=0.0, churn=1.0)
    earlier = Earlier(real.earlier.cutoff, real.earlier.rfm, actual)
    values = GradientBoosting().forecast(Known(**(vars(real) | {"earlier": earlier}))).values
    assert values.drop_duplicates().to_numpy().tolist() == [[0, 0, 1]]


def test_names():
    assert not any(name.startswith("lifetimes") for name in chosen(None))
    assert list(chosen({"x": BetaGeoModel()})) == ["x"]
    assert "CLVForecaster" in repr(chosen({"x": BetaGeoModel()})["x"])
