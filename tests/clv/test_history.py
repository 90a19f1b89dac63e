from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clv import predict_with_interval
from segml.clv.history import alive_history

BOUGHT = ["2026-01-01", "2026-01-05 10:00", "2026-01-05 12:00", "2026-01-20"]
R, ALPHA, A, B = 0.25, 4.0, 0.8, 2.4


@pytest.fixture(scope="module")
def few_model(with_parameters):
    return with_parameters(R, ALPHA, A, B)


@pytest.fixture(scope="module")
def history(few_model):
    return alive_history(few_model, BOUGHT, "2026-02-01")


def published(x: int, t_x: float, T: float) -> float:
    """P(alive) as in Fader, Hardie & Lee (2008)."""
    if x == 0:
        return 1.0
    return 1 / (1 + A / (B + x - 1) * ((ALPHA + T) / (ALPHA + t_x)) ** (R + x))


def test_each_day_is_what_the_model_says_of_what_was_known(history):
    table = history.table
    assert (f"{table.index[0]:%Y-%m-%d}", f"{table.index[-1]:%Y-%m-%d}") == (
        "2026-01-01",
        "2026-02-01",
    )
    for day, row in enumerate(table.itertuples()):
        x, t_x = (0, 0) if day < 4 else (1, 4) if day < 19 else (2, 19)
        assert row.alive == pytest.approx(published(x, t_x, day), rel=1e-12)
    assert np.flatnonzero(table["bought"]).tolist() == [0, 4, 19]
    assert history.n_purchases == 3
    assert history.last_purchase == pd.Timestamp("2026-01-20")


def test_intervals_are_those_of_the_prediction(few_model, history):
    rfm = pd.DataFrame({"frequency": [2], "recency": [19.0], "T": [31.0]})
    there = predict_with_interval(few_model, "expected_probability_alive", rfm).to_frame().iloc[0]
    last = history.table.iloc[-1]
    assert (last["low"], last["high"]) == pytest.approx((there["low"], there["high"]), rel=1e-9)
    assert last["low"] < last["alive"] < last["high"]


def test_units_and_periods(few_model, with_parameters, history):
    in_weeks = alive_history(
        with_parameters(R, ALPHA / 7, A, B), BOUGHT, "2026-02-01", time_unit="W"
    )
    np.testing.assert_allclose(in_weeks.table["alive"], history.table["alive"], rtol=1e-12)
    weeks = alive_history(few_model, BOUGHT, "2026-02-01", "W").table  # 1 January is a Thursday
    assert [f"{day:%m-%d}" for day in weeks.index] == ["12-29", "01-05", "01-12", "01-19", "01-26"]
    assert weeks["bought"].tolist() == [True, True, False, True, False]
    assert weeks["alive"].iloc[-1] == pytest.approx(published(2, 3, 4), rel=1e-12)
    hours = alive_history(few_model, BOUGHT, "2026-01-20", "h")
    assert hours.n_purchases == 4
    assert len(hours.table) == 20 * 24


def test_any_order_and_any_kind_of_dates(few_model, history):
    for purchases in (
        BOUGHT[::-1],
        pd.Series(pd.to_datetime(BOUGHT, format="mixed"), index=list("wxyz")),
        pd.to_datetime(BOUGHT, format="mixed").tz_localize("Europe/Berlin"),
        np.array(["2026-01-20", "2026-01-05", "2026-01-01"], dtype="datetime64[D]"),
    ):
        other = alive_history(few_model, purchases, "2026-02-01").table
        pd.testing.assert_frame_equal(other, history.table, check_freq=False)


def test_one_purchase_and_a_history_of_one_day(few_model):
    alone = alive_history(few_model, ["2026-01-01"], "2026-01-01")
    assert alone.table["alive"].tolist() == [1.0]
    assert alone.n_purchases == 1


def test_bad_input(few_model):
    with pytest.raises(ParameterError, match="until is before the last purchase"):
        alive_history(few_model, BOUGHT, "2026-01-19")
    with pytest.raises(NotEnoughDataError, match="no purchases"):
        alive_history(few_model, [], "2026-01-19")
    with pytest.raises(DataError, match="is missing") as caught:
        alive_history(few_model, ["2026-01-01", None], "2026-01-19")
    assert caught.value.problem.got == "1 missing of 2"
    with pytest.raises(DataError, match="not a date"):
        alive_history(few_model, ["yesterday week"], "2026-01-19")
    with pytest.raises(ParameterError, match="no fixed length"):
        alive_history(few_model, BOUGHT, "2026-02-01", "M", time_unit="D")


def test_html_says_where_the_customer_stands(history):
    page = history._repr_html_()
    for said in ("P(alive)", "2026-02-01", "the last on 2026-01-20"):
        assert said in page
