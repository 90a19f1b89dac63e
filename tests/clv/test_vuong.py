import numpy as np
import pytest
from scipy.special import ndtri

from segml.clv import BetaGeoModel, ModifiedBetaGeoModel
from segml.clv import _vuong as vuong
from segml.clv._simulate import simulate
from segml.clv.pareto_nbd import ParetoNBDModel

from .test_simulate import TRUTH, as_if, customers


def advantage(one, other):
    return one.log_likelihood_ - other.log_likelihood_


@pytest.mark.parametrize("model", [BetaGeoModel(), ParetoNBDModel()])
def test_likelihoods_of_customers_add_up(model, cdnow):
    model.fit(cdnow)
    some = cdnow.head(100)
    columns = model._read(some).columns
    total = model._likelihood(columns, np.ones(100))(np.array(model._parameters()))[0]
    assert vuong._each(model, columns).sum() == pytest.approx(total, rel=1e-12)


def test_likelihoods_of_regular_purchases_add_up():
    truth = as_if(BetaGeoModel, TRUTH[BetaGeoModel] | {"alpha": 2.0}, {"k": 3}, k=3)
    rfm = simulate(truth, customers(300), np.random.default_rng(3))
    model = BetaGeoModel(k=3).fit(rfm)
    columns = model._read(rfm).columns | {"litt": rfm["litt"].to_numpy()}
    assert vuong._each(model, columns).sum() == pytest.approx(model.log_likelihood_, rel=1e-12)


def test_by_hand(cdnow):
    some = cdnow.sample(250, random_state=1)
    one, other = BetaGeoModel().fit(some), ModifiedBetaGeoModel().fit(some)
    columns = one._read(some).columns
    difference = vuong._each(one, columns) - vuong._each(other, columns)
    z = difference.sum() / np.sqrt(250) / difference.std()
    p_value = vuong.vuong_test(one, other, advantage(one, other), some, None)
    assert p_value == pytest.approx(2 * vuong.ndtr(-abs(z)), rel=1e-9)
    times = np.random.default_rng(2).integers(1, 4, 250)
    weighted = vuong.vuong_test(one, other, 5.0, some, times.astype(float))
    repeated = vuong.vuong_test(one, other, 5.0, some.loc[some.index.repeat(times)], None)
    assert weighted == pytest.approx(repeated, rel=1e-9)


def test_some_customers_stand_for_all(cdnow, monkeypatch):
    some = cdnow.head(1_000)
    one, other = BetaGeoModel().fit(some), ModifiedBetaGeoModel().fit(some)
    by_all = ndtri(vuong.vuong_test(one, other, 5.0, some, None) / 2)
    monkeypatch.setattr(vuong, "_ROWS", 200)
    by_some = ndtri(vuong.vuong_test(one, other, 5.0, some, None) / 2)
    assert by_some == pytest.approx(by_all, rel=0.1)


def test_a_model_against_itself(cdnow):
    some = cdnow.head(200)
    model = BetaGeoModel().fit(some)
    assert vuong.vuong_test(model, model, 0.0, some, None) == 1.0


def test_regular_purchases_are_told_from_others():
    truth = as_if(BetaGeoModel, TRUTH[BetaGeoModel] | {"alpha": 2.0}, {"k": 3}, k=3)
    rfm = simulate(truth, customers(500), np.random.default_rng(3))
    regular, plain = BetaGeoModel(k=3).fit(rfm), ModifiedBetaGeoModel().fit(rfm)
    assert advantage(regular, plain) > 20
    assert vuong.vuong_test(regular, plain, advantage(regular, plain), rfm, None) < 1e-3
