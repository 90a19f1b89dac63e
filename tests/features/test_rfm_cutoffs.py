"""Several cut-offs in one pass against one at a time."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.features import rfm_summaries, rfm_summary
from segml.features.dates import PERIODS, period_end, period_index
from tests.features.test_rfm import COLUMNS, DAYS, HISTORIES, HISTORY, HOLDOUT, orders

CUTOFFS = ["1997-06-30", "1997-03-31", "1997-09-30", "1998-03-31"]


def one_by_one(frame, cutoffs, period, holdout=None, **options) -> pd.DataFrame:
    """Summarise each cut-off in a pass of its own."""
    tables = []
    for day in sorted(pd.Timestamp(cutoff) for cutoff in cutoffs):
        end = None
        if holdout is not None:
            end = period_end(period_index(day.date(), period) + holdout, period)
        rfm = rfm_summary(frame, day, period, end, **options)
        rfm.insert(0, "as_of", day)
        tables.append(rfm)
    return pd.concat(tables)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert pd.api.types.is_datetime64_dtype(found["as_of"])
    pd.testing.assert_frame_equal(
        found.astype({"as_of": "datetime64[us]"}),
        expected.astype({"as_of": "datetime64[us]"}),
        check_exact=True,
    )


@pytest.mark.parametrize(
    ("period", "holdout", "options"),
    [
        ("D", None, {}),
        ("D", 91, {"time_unit": "W", "litt": True}),
        ("W", 13, {"time_unit": "D"}),
        ("M", 3, {}),
        ("Q", 1, {"litt": True}),
        ("h", 24 * 40, {"time_unit": "W"}),
    ],
)
def test_each_cut_off_is_the_same_as_alone(cdnow_sample, period, holdout, options) -> None:
    found = rfm_summaries(cdnow_sample, CUTOFFS, period, holdout, **options)
    columns = [*COLUMNS, *(["litt"] if "litt" in options else []), *(HOLDOUT if holdout else [])]
    assert found.columns.tolist() == ["as_of", *columns]
    assert found.index.name == "customer_id"
    assert_same(found, one_by_one(cdnow_sample, CUTOFFS, period, holdout, **options))


@settings(max_examples=20)
@given(
    HISTORIES,
    st.sampled_from(list(PERIODS)),
    st.lists(DAYS, min_size=1, max_size=4),
    st.none() | st.integers(1, 60),
)
def test_any_cut_offs(rows, period, days, holdout) -> None:
    frame = orders(*[(customer, moment, cents / 100) for customer, moment, cents in rows])
    if period == "h" and holdout is not None:
        holdout *= 24  # alone, a holdout ends with a day
    if len({period_index(day, period) for day in days}) < len(days):
        with pytest.raises(ParameterError, match=r"there twice|the same period"):
            rfm_summaries(frame, days, period, holdout)
    elif min(moment for _, moment, _ in rows).date() > min(days):
        with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of"):
            rfm_summaries(frame, days, period, holdout)
    else:
        found = rfm_summaries(frame, days, period, holdout)
        assert_same(found, one_by_one(frame, days, period, holdout))


def test_one_cut_off_and_the_order_of_cut_offs() -> None:
    one = rfm_summaries(HISTORY, [dt.date(1997, 12, 31)])
    assert_same(one, one_by_one(HISTORY, ["1997-12-31"], "D"))
    forth, back = (rfm_summaries(HISTORY, days) for days in (CUTOFFS, CUTOFFS[::-1]))
    pd.testing.assert_frame_equal(forth, back)


def test_dates_as_arrays(cdnow_sample) -> None:
    days = pd.date_range("1997-03-31", periods=3, freq="MS")
    expected = rfm_summaries(cdnow_sample, [str(day) for day in days])
    for dates in (days, days.to_series(), np.array(days.to_pydatetime())):
        pd.testing.assert_frame_equal(rfm_summaries(cdnow_sample, dates), expected)


def test_a_customer_is_there_from_the_first_purchase_on() -> None:
    rfm = rfm_summaries(HISTORY, ["1997-12-30", "1997-12-31", "1998-01-02"])
    assert [len(part) for _, part in rfm.groupby("as_of")] == [1, 2, 3]


def test_cut_offs_after_the_last_order_are_taken_at_their_word() -> None:
    rfm = rfm_summaries(HISTORY, ["1998-01-02", "1998-01-12", "9999-12-31"], holdout=7)
    later = rfm.loc["b"].set_index("as_of")
    assert later["T"].tolist()[:2] == [2.0, 12.0]
    assert later["frequency_holdout"].tolist() == [0, 0, 0]


def test_the_first_cut_off_is_before_the_first_order() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of") as caught:
        rfm_summaries(HISTORY, ["1998-01-01", "1997-01-30"])
    assert caught.value.problem.got == "1997-01-30"


@pytest.mark.parametrize("cutoffs", ["1997-06-30", dt.date(1997, 6, 30), None, 5])
def test_cut_offs_that_are_no_list(cutoffs) -> None:
    with pytest.raises(ParameterError, match="cutoffs is not a list of dates") as caught:
        rfm_summaries(HISTORY, cutoffs)
    assert caught.value.problem.where == "cutoffs"


def test_no_cut_offs() -> None:
    with pytest.raises(ParameterError, match="cutoffs is empty"):
        rfm_summaries(HISTORY, [])


@pytest.mark.parametrize("cutoffs", [["soon"], [None], ["1997-12-31", 3]])
def test_cut_offs_that_are_no_dates(cutoffs) -> None:
    with pytest.raises(ParameterError, match="cutoffs is not a date"):
        rfm_summaries(HISTORY, cutoffs)


def test_the_same_cut_off_twice() -> None:
    with pytest.raises(ParameterError, match="a cut-off is there twice"):
        rfm_summaries(HISTORY, ["1997-12-31", "1997-12-31 12:00"])
    with pytest.raises(ParameterError, match="fall into the same period M") as caught:
        rfm_summaries(HISTORY, ["1997-12-31", "1997-12-01"], "M")
    assert caught.value.problem.got == "1997-12-01 and 1997-12-31"


@pytest.mark.parametrize("holdout", [0, -1, 1.5, "13", True])
def test_holdouts_that_are_no_number_of_periods(holdout) -> None:
    with pytest.raises(ParameterError, match="holdout is out of range"):
        rfm_summaries(HISTORY, ["1997-12-31"], holdout=holdout)


def test_an_unknown_period() -> None:
    with pytest.raises(ParameterError, match="unknown value for period"):
        rfm_summaries(HISTORY, ["1997-12-31"], "d")
