import numpy as np
import pandas as pd
import pytest

from segml._core.errors import (
    ConvergenceError,
    DataError,
    MissingTableError,
    ParameterError,
)
from segml.clv import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    GammaGammaModel,
    ModifiedBetaGeoModel,
    holdout_check,
    select_model,
)
from segml.clv._simulate import simulate
from segml.features import rfm_summary

from .simulation import simulate_history
from .test_simulate import TRUTH, as_if, customers

NAMES = ["ModifiedBetaGeoModel()", "BetaGeoModel()", "ParetoNBDModel()"]


@pytest.fixture(scope="module")
def rfm(cdnow_sample):
    return rfm_summary(cdnow_sample, "1997-09-30", holdout_end="1998-06-30", time_unit="W")


@pytest.fixture(scope="module")
def selection(rfm, cdnow_sample):
    return select_model(rfm, orders=cdnow_sample, as_of="1997-09-30", time_unit="W")


def test_published_likelihoods(selection):
    table = selection.table
    assert table.index.tolist() == NAMES
    expected = [-9582.13572, -9582.42921, -9594.97618]
    np.testing.assert_allclose(table["log_likelihood"], expected, atol=1e-4)
    np.testing.assert_allclose(table["aic"], 8 - 2 * np.array(expected), atol=2e-4)
    np.testing.assert_allclose(table["bic"] - table["aic"], 4 * np.log(2357) - 8, rtol=1e-9)
    assert table["n_parameters"].tolist() == [4, 4, 4]
    assert table["delta_aic"].iloc[0] == 0
    assert np.isnan(table["p_value"].iloc[0])


def test_the_best_comes_fitted(selection):
    assert selection.best.name == NAMES[0]
    assert isinstance(selection.best.model, ModifiedBetaGeoModel)
    assert selection.best.model is selection.models[NAMES[0]]
    assert selection.reasons == {}


def test_verdicts(selection):
    first, second, third = selection.table["verdict"]
    assert first == "the best by AIC"
    assert second == "as good as the best"
    assert third.startswith("worse than the best, but that may be chance (p 0.")


def test_holdout(selection, rfm):
    for name, model in selection.models.items():
        check = holdout_check(model, rfm)
        row = selection.table.loc[name]
        assert (row["holdout_error"], row["holdout_mae"]) == (check.error, check.mae)
        groups = check.table
        off = np.abs(groups["expected"] - groups["actual"])
        by_hand = (off * groups["customers"]).sum() / 2357
        assert row["holdout_mae_by_frequency"] == pytest.approx(by_hand, rel=1e-12)
        pd.testing.assert_series_equal(
            selection.holdout[name], groups["expected"], check_names=False
        )
    assert selection.holdout["actual"].loc["0"] == pytest.approx(0.2367, abs=1e-4)


def test_what_was_found_about_cdnow(selection):
    spend, cohorts, season = selection.findings
    assert (spend.verdict, cohorts.verdict, season.verdict) == ("fails", "holds", "fails")
    assert spend.statistic == pytest.approx(0.16, abs=0.01)
    assert "38 weeks" in season.text


def test_html_shows_all(selection):
    page = selection._repr_html_()
    for piece in [*NAMES, "-9,582.14", "19,172.27", "holdout MAE", "as good as the best"]:
        assert piece in page
    for finding in selection.findings:
        assert finding.assumption in page
        assert finding.verdict in page


def test_without_holdout_spend_and_orders(cdnow):
    selection = select_model(cdnow, [BetaGeoModel(), ModifiedBetaGeoModel()])
    assert selection.holdout is None
    assert "holdout_error" not in selection.table
    assert [one.verdict for one in selection.findings] == ["not tested", "holds"]
    assert "holdout" not in selection._repr_html_()


def test_models_given_by_name_are_not_changed(cdnow):
    mine = {"plain": BetaGeoModel(), "at once": ModifiedBetaGeoModel()}
    selection = select_model(cdnow, mine)
    assert selection.table.index.tolist() == ["at once", "plain"]
    assert not hasattr(mine["plain"], "params_")


def test_a_model_that_does_not_converge_is_listed(cdnow):
    class Never(BetaGeoModel):
        def fit(self, rfm, weights=None):
            raise ConvergenceError("the likelihood is flat", where="a")

    selection = select_model(cdnow, {"never": Never(), "plain": BetaGeoModel()})
    assert selection.table.index.tolist() == ["plain", "never"]
    assert selection.reasons == {"never": "the likelihood is flat (a)"}
    assert selection.table.loc["never", "verdict"] == "the likelihood is flat (a)"
    assert selection.table.loc["never"].drop("verdict").isna().all()
    assert list(selection.models) == ["plain"]
    page = selection._repr_html_()
    assert "the likelihood is flat (a)" in page
    assert "nan" not in page.lower()


def test_no_model_converges():
    nobody = simulate_history(0.8, 6.0, 0.8, 2.5, np.full(30, 1e-9), seed=0)
    with pytest.raises(ConvergenceError, match="no model of purchases") as caught:
        select_model(nobody)
    assert caught.value.problem.got.count("no customer bought again") == 3


def test_regular_purchases_are_tried_where_the_table_has_them():
    truth = as_if(BetaGeoModel, TRUTH[BetaGeoModel] | {"alpha": 2.0}, {"k": 2}, k=2)
    rfm = simulate(truth, customers(400), np.random.default_rng(3))
    selection = select_model(rfm)
    assert len(selection.table) == 5
    assert selection.best.model.k_ == 2
    assert selection.table["n_parameters"].iloc[0] == 5
    assert "not by chance" in selection.table.loc["BetaGeoModel()", "verdict"]


def test_a_model_within_another_is_tested_by_the_likelihood_ratio():
    truth = as_if(
        BetaGeoModel, TRUTH[BetaGeoModel] | {"purchase[z]": 0.5}, {"purchase_covariates": ["z"]}
    )
    rfm = customers(800).assign(z=np.random.default_rng(6).normal(size=800))
    rfm = simulate(truth, rfm, np.random.default_rng(4))
    with_z = BetaGeoModel(purchase_covariates=["z"])
    selection = select_model(rfm, {"with": with_z, "without": BetaGeoModel()})
    assert selection.best.name == "with"
    ratio = 2 * (
        selection.models["with"].log_likelihood_ - selection.models["without"].log_likelihood_
    )
    got = selection.table.loc["without", "p_value"]
    assert got == pytest.approx(np.exp(-ratio / 2) * np.sqrt(2 / (np.pi * ratio)), rel=0.2)


def test_weights_are_repeated_rows(cdnow):
    some = cdnow.sample(300, random_state=1)
    some = some.assign(frequency_holdout=np.arange(300) % 3, duration_holdout=10.0)
    times = np.random.default_rng(3).integers(1, 4, 300)
    models = [BetaGeoModel(), ModifiedBetaGeoModel()]
    weighted = select_model(some, models, weights=times)
    repeated = select_model(some.loc[some.index.repeat(times)], models)
    numbers = weighted.table.columns.drop("verdict")
    pd.testing.assert_frame_equal(
        weighted.table[numbers], repeated.table[numbers], rtol=1e-6, check_exact=False
    )
    for one, other in zip(weighted.findings, repeated.findings, strict=True):
        assert one.verdict == other.verdict


@pytest.mark.parametrize(
    ("models", "what"),
    [
        ([], "no models"),
        ([GammaGammaModel()], "not a model of purchases"),
        ({"mine": BetaGeoModel}, "not a model of purchases"),
        ([BetaGeoModel(), BetaGeoModel()], "occurs twice"),
        ([BetaGeoModel(), BetaGeoBetaBinomModel()], "cannot be compared"),
    ],
)
def test_models_that_cannot_be_compared(cdnow, models, what):
    with pytest.raises(ParameterError, match=what):
        select_model(cdnow, models)


def test_bad_tables(cdnow, cdnow_sample):
    with pytest.raises(MissingTableError, match="recency"):
        select_model(cdnow.drop(columns="recency"))
    with pytest.raises(DataError, match="greater than T"):
        select_model(cdnow.assign(recency=cdnow["T"] + 1))
    with pytest.raises(DataError, match="weights"):
        select_model(cdnow, weights=np.ones(3))
    with pytest.raises(ParameterError, match="without as_of"):
        select_model(cdnow, orders=cdnow_sample)
