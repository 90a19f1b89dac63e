from __future__ import annotations

import datetime as dt
import time

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.clv import BetaGeoModel, GammaGammaModel, predict_with_interval
from segml.clv.tracking import track_purchases
from segml.data import read_orders
from segml.features import rfm_summary

CDNOW_AS_OF = "1997-09-30"


def orders(bought: dict[str, list[str]]) -> pd.DataFrame:
    rows = [(customer, day) for customer, days in bought.items() for day in days]
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at"]).assign(
        order_id=range(len(rows)), revenue=1.0
    )


# Days 1 to 7, 8 to 14, 15 to 21 are weeks that end with the cut-off, the 14th, or after it.
FEW = orders(
    {
        "a": ["2026-01-01", "2026-01-03 09:00", "2026-01-03 18:00", "2026-01-09", "2026-01-20"],
        "b": ["2026-01-08", "2026-01-14 23:00", "2026-01-15", "2026-01-24"],
        "late": ["2026-01-15", "2026-01-16", "2026-01-17"],
    }
)


@pytest.fixture(scope="module")
def few_model(with_parameters):
    return with_parameters(0.25, 4.0, 0.8, 2.4)


@pytest.fixture(scope="module")
def tracked(cdnow_sample):
    model = BetaGeoModel().fit(rfm_summary(cdnow_sample, CDNOW_AS_OF, time_unit="W"))
    return model, track_purchases(model, cdnow_sample, CDNOW_AS_OF, time_unit="W")


def test_actual_counts_by_hand(few_model):
    tracking = track_purchases(few_model, FEW, "2026-01-14")
    table = tracking.table
    ends = [dt.date(2026, 1, day) for day in (7, 14, 21, 24)]
    assert [day.date() for day in table.index] == ends
    # Two orders of one day are one; the first of each is none; the third customer came later.
    assert table["actual"].tolist() == [1, 2, 2, 1]
    assert table["actual_total"].tolist() == [1, 3, 5, 6]
    assert table["holdout"].tolist() == [False, False, True, True]
    assert table["complete"].tolist() == [True, True, True, False]
    assert (tracking.n_customers, tracking.step) == (2, "week")
    assert tracking.as_of == dt.date(2026, 1, 14)


def test_each_customer_is_expected_from_the_own_first_purchase(few_model):
    table = track_purchases(few_model, FEW, "2026-01-14").table
    new = few_model.expected_purchases_new_customer
    for end, total in zip((7, 14, 21, 24), table["expected_total"], strict=True):
        assert total == pytest.approx(new(end - 1.0) + (new(end - 8.0) if end >= 8 else 0))
    np.testing.assert_allclose(table["expected"].cumsum(), table["expected_total"], rtol=1e-14)


def test_time_unit_is_that_of_the_model(few_model, with_parameters):
    in_weeks = track_purchases(
        with_parameters(0.25, 4.0 / 7, 0.8, 2.4), FEW, "2026-01-14", time_unit="W"
    )
    in_days = track_purchases(few_model, FEW, "2026-01-14")
    np.testing.assert_allclose(in_weeks.table["expected"], in_days.table["expected"], rtol=1e-12)


@pytest.mark.parametrize(
    ("period", "step", "ends", "actual"),
    [
        ("W", "week", ["2026-01-04", "2026-01-11", "2026-01-18", "2026-01-25"], [0, 1, 1, 2]),
        ("M", "month", ["2026-01-31"], [0]),
        ("h", "week", ["2026-01-07", "2026-01-14", "2026-01-21", "2026-01-24"], [2, 2, 2, 1]),
    ],
)
def test_other_periods(few_model, period, step, ends, actual):
    tracking = track_purchases(few_model, FEW, "2026-01-14", period=period)
    assert tracking.step == step
    assert [f"{day:%Y-%m-%d}" for day in tracking.table.index] == ends
    assert tracking.table["actual"].tolist() == actual


def test_first_step_that_begins_before_the_data_is_not_complete(few_model):
    table = track_purchases(few_model, FEW, "2026-01-10").table
    assert table["complete"].tolist() == [False, True, True, True]  # 1 to 3, to 10, 17, 24
    assert table["actual"].tolist() == [1, 1, 2, 2]


def test_until_may_be_the_cut_off_or_after_the_last_order(few_model):
    short = track_purchases(few_model, FEW, "2026-01-14", "2026-01-14")
    assert not short.table["holdout"].any()
    assert np.isnan(short.holdout_error)
    long = track_purchases(few_model, FEW, "2026-01-14", "2026-03-01")
    assert long.table["actual_total"].iloc[-1] == 6
    assert long.table["actual"].iloc[-1] == 0
    assert long.table["expected"].iloc[-1] > 0


def test_order_of_rows_changes_nothing(few_model):
    one = track_purchases(few_model, FEW, "2026-01-14").table
    other = track_purchases(few_model, FEW.sample(frac=1, random_state=1), "2026-01-14").table
    pd.testing.assert_frame_equal(one, other)


def test_both_engines(any_engine, few_model):
    table = track_purchases(few_model, read_orders(FEW, engine=any_engine), "2026-01-14").table
    pd.testing.assert_frame_equal(table, track_purchases(few_model, FEW, "2026-01-14").table)


def test_cdnow_actual_is_what_pandas_counts(cdnow_sample, tracked):
    table = tracked[1].table
    bought = cdnow_sample.orders.to_pandas()
    bought["day"] = bought["ordered_at"].dt.normalize()
    days = bought.drop_duplicates(["customer_id", "day"])
    first = days.groupby("customer_id")["day"].transform("min")
    repeats = days.loc[days["day"] > first, "day"]
    week = (repeats - pd.Timestamp("1997-01-01")).dt.days // 7
    assert table["actual"].tolist() == np.bincount(week, minlength=78).tolist()
    assert len(table) == 78
    assert table["actual_total"].iloc[[38, 77]].tolist() == [2457, 4339]


def test_cdnow_errors_are_those_of_the_totals(tracked):
    assert tracked[1].error == pytest.approx(4160.609 / 4339 - 1, abs=1e-6)
    assert tracked[1].holdout_error == pytest.approx((4160.609 - 2494.0) / 1882 - 1, abs=1e-4)


def test_cdnow_expected_is_the_sum_over_customers_by_lifetimes(cdnow_sample, tracked, lifetimes):
    model, tracking = tracked
    reference = lifetimes.BetaGeoFitter()
    reference.params_ = model.params_
    rfm = rfm_summary(cdnow_sample, CDNOW_AS_OF, time_unit="W")
    days = (39 * 7 - 1) - (rfm["T"] * 7).round()  # of the first purchase, from 1997-01-01
    for week in (1, 5, 13, 39, 78):
        times = (week * 7 - 1 - days) / 7
        expected = reference.expected_number_of_purchases_up_to_time(times[times > 0]).sum()
        assert tracking.table["expected_total"].iloc[week - 1] == pytest.approx(expected, rel=1e-9)


def test_intervals_are_those_of_the_delta_method(few_model):
    together = orders({name: ["2026-01-01"] for name in "abc"})
    table = track_purchases(few_model, together, "2026-01-14", "2026-01-28").table
    new = pd.DataFrame({"frequency": 0, "recency": 0.0, "T": 0.0}, index=range(3))
    for day, row in zip((6, 13, 20, 27), table.itertuples(), strict=True):
        purchases = predict_with_interval(few_model, "expected_purchases", new, future_t=day)
        whole = purchases.sum_by(pd.Series(1, new.index)).iloc[0]
        assert (row.low_total, row.high_total) == pytest.approx((whole["low"], whole["high"]))
    assert (table["low"] < table["expected"]).all()
    assert (table["high"] > table["expected"]).all()


def test_a_hundred_thousand_customers_in_well_under_a_second(few_model):
    rng = np.random.default_rng(1)
    n = 100_000
    days = np.concatenate([rng.integers(0, 84, n), rng.integers(84, 546, n)])
    many = read_orders(
        pd.DataFrame(
            {
                "customer_id": np.tile(np.arange(n), 2),
                "order_id": np.arange(2 * n),
                "ordered_at": pd.Timestamp("1997-01-01") + pd.to_timedelta(days, unit="D"),
                "revenue": 1.0,
            }
        )
    )
    many.table.materialise()
    begin = time.process_time()
    tracking = track_purchases(few_model, many, "1997-09-30", "1998-06-30", time_unit="W")
    assert time.process_time() - begin < 3  # several times what it takes, on a busy machine
    assert tracking.table["actual_total"].iloc[-1] == n
    assert len(tracking.table) == 78


def test_bad_input(few_model):
    with pytest.raises(ParameterError, match="until is before as_of"):
        track_purchases(few_model, FEW, "2026-01-14", "2026-01-13")
    with pytest.raises(NotEnoughDataError, match="nobody has bought"):
        track_purchases(few_model, FEW, "2025-01-14")
    with pytest.raises(ParameterError, match="another kind"):
        track_purchases(GammaGammaModel(), FEW, "2026-01-14")
    with pytest.raises(ParameterError, match="not a date"):
        track_purchases(few_model, FEW, "soon")
    with pytest.raises(ParameterError, match="no fixed length"):
        track_purchases(few_model, FEW, "2026-01-14", period="M", time_unit="W")


def test_html_has_the_totals(tracked):
    page = tracked[1]._repr_html_()
    for said in ("2,357", "4,339", "4,161", "1,882 happened"):
        assert said in page


def test_nothing_bought_again_has_no_relative_error(few_model):
    once = track_purchases(few_model, orders({"a": ["2026-01-01"]}), "2026-01-14", "2026-01-20")
    assert np.isnan(once.error)
    assert np.isnan(once.holdout_error)
    assert once.table["expected_total"].iloc[-1] > 0
