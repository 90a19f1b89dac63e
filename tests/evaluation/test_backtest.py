"""Backtests: what is known and what happened, no leaks, resuming, bad input."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.clv import BetaGeoModel, ShiftedBetaGeoModel
from segml.data import CustomerData, read_orders, simulate_store
from segml.evaluation.backtest_run import backtest
from segml.evaluation.backtest_splits import make_splits
from segml.evaluation.forecasters import Forecast
from segml.evaluation.forecasters_known import FORECASTERS
from segml.evaluation.forecasters_learned import GradientBoosting
from segml.evaluation.forecasters_naive import MeanOfAll
from segml.evaluation.trials import TrialStore
from segml.features import rfm_summary

CUTOFFS = ["1997-06-30", "1997-09-30"]
QUICK = ["BG/NBD", "own mean", "same as last period", "hiatus rule", "mean of all"]


@pytest.fixture(scope="module")
def store_data() -> CustomerData:
    return simulate_store(300, seed=2, days=400)[0]


@pytest.fixture(scope="module")
def results(cdnow_sample):
    return backtest(cdnow_sample, QUICK, CUTOFFS, [13, 26])


class Broken:
    reads_more = False

    def __repr__(self) -> str:
        return "Broken()"

    def forecast(self, known):
        raise RuntimeError("no luck\nmore")


class Counted:
    """Forecasts 1 for all, and counts how often it is asked; stops at a call."""

    def __init__(self, stop=None):
        self.calls, self.stop = 0, stop

    def __repr__(self) -> str:
        return "Counted()"

    def forecast(self, known):
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        return Forecast(pd.DataFrame({"purchases": 1.0}, known.rfm.index), {"churn": "not asked"})


def test_what_was_known_and_what_happened(cdnow_sample):
    [split] = make_splits(cdnow_sample, ["1997-09-30"], [13], "W", 0)
    known, cutoff, end = split.known, pd.Timestamp("1997-09-30"), pd.Timestamp("1997-12-30")
    orders = cdnow_sample.orders.to_pandas().assign(day=lambda o: o["ordered_at"].dt.normalize())
    after = orders[(orders["day"] > cutoff) & (orders["day"] <= end)]
    days = after.drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    actual = days.reindex(known.rfm.index, fill_value=0)
    assert split.actual["purchases"].tolist() == actual.tolist()
    revenue = after.groupby("customer_id")["revenue"].sum().reindex(known.rfm.index, fill_value=0)
    np.testing.assert_allclose(split.actual["revenue"], revenue, atol=1e-9)
    assert split.actual["churn"].tolist() == (actual == 0).astype(float).tolist()
    alone = rfm_summary(cdnow_sample, cutoff, time_unit="W", litt=True)
    pd.testing.assert_frame_equal(known.rfm, alone, check_exact=True)
    before = orders[(orders["day"] > cutoff - pd.Timedelta(days=91)) & (orders["day"] <= cutoff)]
    last = before.drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    assert known.last["purchases"].tolist() == last.reindex(known.rfm.index, fill_value=0).tolist()
    spent = before.groupby("customer_id")["revenue"].sum()
    spent = spent.reindex(known.rfm.index, fill_value=0)
    np.testing.assert_allclose(known.last["revenue"], spent, atol=1e-9)
    assert known.earlier.cutoff == dt.date(1997, 7, 1)
    np.testing.assert_array_equal(
        known.earlier.actual["purchases"], last.reindex(known.earlier.rfm.index, fill_value=0)
    )


def test_first_purchases_count_in_the_last_period(store_data):
    [split] = make_splits(store_data, ["2024-10-01"], [60], "D", 0)
    orders = store_data.orders.to_pandas().assign(day=lambda o: o["ordered_at"].dt.normalize())
    cutoff = pd.Timestamp("2024-10-01")
    inside = (orders["day"] > cutoff - pd.Timedelta(days=60)) & (orders["day"] <= cutoff)
    last = orders[inside].drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    expected = last.reindex(split.known.rfm.index, fill_value=0)
    assert split.known.last["purchases"].tolist() == expected.tolist()
    assert (split.known.rfm["T"] < 60).any()  # some came within it


def test_weeks_of_opportunities_end_at_the_cut_off(cdnow_sample):
    [split] = make_splits(cdnow_sample, ["1997-09-30"], [13], "W", 0)  # a Tuesday
    table = split.known.opportunities()
    orders = cdnow_sample.orders.to_pandas()
    orders = orders[orders["ordered_at"] < "1997-10-01"]
    ago = (pd.Timestamp("1997-09-30") - orders["ordered_at"].dt.normalize()).dt.days // 7
    weeks = ago.groupby(orders["customer_id"]).agg(["max", "min", "nunique"]).loc[table.index]
    assert table["frequency"].tolist() == (weeks["nunique"] - 1).tolist()
    assert table["T"].tolist() == weeks["max"].tolist()
    assert table["recency"].tolist() == (weeks["max"] - weeks["min"]).tolist()


def test_the_future_changes_no_forecast(cdnow_sample):
    names = ["BG/BB", *QUICK]
    models = {name: FORECASTERS[name] for name in names} | {"trees": GradientBoosting(max_iter=5)}
    orders = cdnow_sample.orders.to_pandas()
    future = orders["ordered_at"] >= "1997-10-01"
    changed = orders[~future | (np.arange(len(orders)) % 3 > 0)].copy()
    changed.loc[changed["ordered_at"] >= "1997-10-01", "revenue"] *= 7
    found = [backtest(data, models, ["1997-09-30"]).outcomes[0] for data in (orders, changed)]
    assert not found[0].actual.equals(found[1].actual)
    for target in ("purchases", "revenue", "churn"):
        one, other = (outcome.forecasts[target] for outcome in found)
        assert set(one.columns) == set(models)
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_features_after_the_cut_off_are_refused(cdnow_sample):
    known = make_splits(cdnow_sample, ["1997-09-30"], [13], "W", 0)[0].known
    assert "recency_days" in known.features(dt.date(1997, 7, 1))
    with pytest.raises(ParameterError, match="after the cut-off are not known"):
        known.features(dt.date(1997, 10, 1))


def test_scores_are_the_metrics_of_the_forecasts(results):
    outcome = results.outcomes[0]
    made = outcome.forecasts["purchases"]["BG/NBD"]
    row = results.scores.query(
        "target == 'purchases' and metric == 'rmse' and model == 'BG/NBD' and horizon == 13"
    ).iloc[0]
    assert row["value"] == pytest.approx(
        np.sqrt(((outcome.actual["purchases"] - made) ** 2).mean())
    )
    means = results.scores.query(
        "target == 'purchases' and metric == 'rmse' and model == 'BG/NBD' and horizon == 13"
    )["value"]
    assert results.table("purchases", 13).loc["BG/NBD", "rmse"] == pytest.approx(means.mean())
    assert results.horizons == [13, 26]
    assert results.say_horizon(13) == "13 weeks"


def test_a_horizon_of_which_nothing_can_be_learnt_is_a_row_with_its_reason(results):
    failed = results.trials.query("status == 'failed'")
    assert set(failed["model"]) == {"hiatus rule", "mean of all"}
    assert set(failed["cutoff"]) == {dt.date(1997, 6, 30)}
    assert failed["horizon"].tolist() == [26, 26]
    assert failed["reason"].str.contains("nobody had bought by 1996-12-30").all()
    table = results.table("purchases", 26)
    assert table.loc["hiatus rule", "cutoffs"] == 1
    assert np.isnan(table.loc["hiatus rule", "rmse"])


def test_missing_metrics_have_reasons(results):
    row = results.scores.query("metric == 'poisson_deviance' and model == 'own mean'").iloc[0]
    assert np.isnan(row["value"])
    assert "0 was forecast for" in row["reason"]


def test_a_model_that_breaks_does_not_stop_the_others(cdnow_sample):
    models = {"broken": Broken(), "BG": BetaGeoModel(), "contracts": ShiftedBetaGeoModel()}
    found = backtest(cdnow_sample, models, ["1997-09-30"])
    trials = found.trials.set_index("model")
    assert trials["status"].to_dict() == {
        "broken": "failed",
        "BG": "completed",
        "contracts": "failed",
    }
    assert trials.loc["broken", "reason"] == "RuntimeError: no luck"
    assert "churned" in trials.loc["contracts", "reason"]
    assert "RuntimeError: no luck" in found._repr_html_()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (lambda i: pd.DataFrame({"purchases": np.nan}, i), "missing or infinite"),
        (lambda i: pd.DataFrame({"purchases": 1.0}, i[::-1]), "not those of the cut-off"),
        (lambda i: pd.DataFrame({"churn": 1.5}, i), "chances below 0 or above 1"),
        (lambda i: pd.DataFrame({"revenue": 1.0}, i), "does not forecast churn"),
    ],
)
def test_forecasts_that_cannot_be_used(cdnow_sample, values, reason):
    class Odd:
        def forecast(self, known):
            return Forecast(values(known.rfm.index))

    scores = backtest(cdnow_sample, {"odd": Odd()}, ["1997-09-30"]).scores
    assert scores["reason"].str.contains(reason).any()


def test_no_forecast_at_all(cdnow_sample):
    class Nothing:
        def forecast(self, known):
            return 5

    trials = backtest(cdnow_sample, {"nothing": Nothing()}, ["1997-09-30"]).trials
    assert trials["reason"].tolist() == ["it returned a int, not a Forecast"]


def test_row_order_and_repetition_change_nothing(store_data):
    orders = store_data.orders.to_pandas()
    shuffled = orders.sample(frac=1, random_state=1)
    models = {name: FORECASTERS[name] for name in ("BG/NBD", "hiatus rule")}
    models["trees"] = GradientBoosting(max_iter=5)
    one, other = (
        backtest(read_orders(frame), models, ["2024-10-01"], [8]) for frame in (orders, shuffled)
    )
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)


def test_a_sweep_that_was_killed_goes_on_where_it_stopped(cdnow_sample, tmp_path):
    store, options = TrialStore(tmp_path), (["1997-06-30", "1997-09-30"], [8, 13])
    with pytest.raises(KeyboardInterrupt):
        backtest(cdnow_sample, {"one": Counted(stop=3)}, *options, store=store)
    assert len(store.trials()) == 2
    second = Counted()
    resumed = backtest(cdnow_sample, {"one": second}, *options, store=store)
    assert second.calls == 2
    assert sorted(resumed.trials["stored"]) == [False, False, True, True]
    whole = backtest(cdnow_sample, {"one": Counted()}, *options)
    pd.testing.assert_frame_equal(resumed.scores, whole.scores, check_exact=True)
    third = Counted()
    backtest(cdnow_sample, {"one": third}, *options, store=store)
    assert third.calls == 0


def test_what_determines_a_trial_is_in_its_key(cdnow_sample, tmp_path):
    store, asked = TrialStore(tmp_path), Counted()
    for options in (
        {},
        {"seed": 1},
        {"horizons": [8]},
        {"cutoffs": ["1997-10-01"]},
        {"data": cdnow_sample.orders.to_pandas().iloc[1:]},
    ):
        given = {"data": cdnow_sample, "cutoffs": ["1997-09-30"], "horizons": [13]} | options
        backtest(models={"one": asked}, store=store, **given)
    assert asked.calls == 5
    assert len(store.trials()) == 5


def test_failures_are_kept_where_they_follow_from_the_data(cdnow_sample, tmp_path):
    store, models = TrialStore(tmp_path), {"broken": Broken(), "mean": MeanOfAll()}
    for _ in range(2):
        found = backtest(cdnow_sample, models, ["1997-06-30"], [26], store=store)
    assert found.trials.set_index("model")["stored"].to_dict() == {"broken": False, "mean": True}
    assert found.trials["reason"].iloc[1].startswith("nobody had bought by")


def test_later_orders_do_not_make_old_trials_new(cdnow_sample, tmp_path):
    store = TrialStore(tmp_path)
    orders = cdnow_sample.orders.to_pandas()
    known = orders[orders["ordered_at"] < "1998-05-01"]
    models = {"BG/NBD": BetaGeoModel(), "one": Counted()}
    backtest(known, models, ["1997-09-30"], store=store)
    again = backtest(orders, models, ["1997-09-30"], store=store)
    assert again.trials["stored"].tolist() == [True, False]  # features may read anything


def test_no_customer_is_in_store_or_page(cdnow_sample, tmp_path):
    store = TrialStore(tmp_path)
    orders = cdnow_sample.orders.to_pandas()
    orders["customer_id"] = "person-" + orders["customer_id"]
    found = backtest(orders, ["BG/NBD", "own mean"], ["1997-09-30"], store=store)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 4
    assert not any(b"person-" in file.read_bytes() for file in files)
    assert "person-" not in found._repr_html_()


def test_calibration_of_all_dates_together(results):
    table = results.calibration("BG/NBD", "purchases", 26)
    assert table["customers"].sum() == sum(len(o.actual) for o in results.outcomes) / 2
    assert results.calibration("hiatus rule", "purchases", 26)["customers"].sum() == 2357
    with pytest.raises(ParameterError, match="horizon"):
        results.calibration("BG/NBD", "purchases", 5)


def test_defaults_fit_the_data(store_data):
    found = backtest(store_data, ["own mean"], horizons=8)
    cutoffs = [outcome.cutoff for outcome in found.outcomes]
    assert len(cutoffs) == 3
    last = store_data.orders.to_pandas()["ordered_at"].max().date()
    assert cutoffs[-1] == last - dt.timedelta(days=56)


def test_days_as_the_unit_say_the_same(cdnow_sample):
    weeks = backtest(cdnow_sample, ["BG/NBD", "own mean"], ["1997-09-30"], [13])
    days = backtest(cdnow_sample, ["BG/NBD", "own mean"], ["1997-09-30"], [91], time_unit="D")
    np.testing.assert_allclose(weeks.scores["value"], days.scores["value"], rtol=1e-4)
    assert days.say_horizon(91) == "91 days"


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"models": ["BG/NDB"]}, ParameterError, "unknown value for models"),
        ({"models": "BG/NBD"}, ParameterError, "not a list"),
        ({"models": []}, ParameterError, "no models"),
        ({"models": ["own mean", "own mean"]}, ParameterError, "there twice"),
        ({"models": {"x": 3}}, ParameterError, "makes no forecasts"),
        ({"models": {"x": GradientBoosting}}, ParameterError, "makes no forecasts"),
        ({"cutoffs": "1997-09-30"}, ParameterError, "not a list of dates"),
        ({"cutoffs": []}, ParameterError, "empty"),
        ({"cutoffs": ["1997-09-30", "1997-09-30"]}, ParameterError, "there twice"),
        ({"cutoffs": ["1998-06-01"]}, NotEnoughDataError, "ends after the last order"),
        ({"cutoffs": ["1996-06-01"]}, NotEnoughDataError, "nobody has bought"),
        ({"horizons": []}, ParameterError, "no horizons"),
        ({"horizons": [13, 13]}, ParameterError, "there twice"),
        ({"horizons": [1.5]}, ParameterError, "horizons is out of range"),
        ({"cutoffs": None, "horizons": [400]}, NotEnoughDataError, "shorter than the horizon"),
        ({"time_unit": "M"}, ParameterError, "time_unit"),
        ({"seed": -1}, ParameterError, "seed"),
    ],
)
def test_bad_input(cdnow_sample, options, error, match):
    given = {"models": ["own mean"], "cutoffs": ["1997-09-30"]} | options
    with pytest.raises(error, match=match):
        backtest(cdnow_sample, **given)


def test_page(results):
    page = results._repr_html_()
    for part in ("Days with a purchase in the horizon, 26 weeks", "at 1 of 2 dates", "Brier score"):
        assert part in page
    assert "nan" not in page.replace("Finance", "")


def test_splits_are_the_same_on_both_engines(any_engine):
    rng = np.random.default_rng(0)
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in rng.integers(0, 20, 150)],
            "order_id": np.arange(150),
            "ordered_at": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(rng.integers(0, 200 * 86400, 150), unit="s"),
            "revenue": rng.integers(1, 9999, 150) / 100,
        }
    )
    data = CustomerData(read_orders(orders, engine=any_engine))
    [split] = make_splits(data, ["2026-05-01"], [6], "W", 0)
    [here] = make_splits(CustomerData(read_orders(orders)), ["2026-05-01"], [6], "W", 0)
    for one, other in (
        (split.known.rfm, here.known.rfm),
        (split.actual, here.actual),
        (split.known.last, here.known.last),
        (split.known.opportunities(), here.known.opportunities()),
        (split.known.earlier.actual, here.known.earlier.actual),
    ):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, check_dtype=False)
