"""The sum of log intertransaction times."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml.features import rfm_summary
from tests.features.test_rfm import COLUMNS, HISTORIES, HISTORY, HOLDOUT, INDEX, orders


def by_hand(rows: list, period: str, cut: dt.date) -> dict[str, float]:
    """Add up the logarithms of the gaps in plain Python."""
    periods: dict[str, set[int]] = {}
    for customer, moment, _ in rows:
        if moment.date() <= cut:
            periods.setdefault(customer, set()).add(INDEX[period](moment))
    return {
        customer: math.fsum(map(math.log, np.diff(sorted(found))))
        for customer, found in periods.items()
    }


@settings(max_examples=30)
@given(HISTORIES, st.sampled_from(["h", "D"]))
def test_against_plain_python(rows, period) -> None:
    frame = orders(*[(customer, moment, cents / 100) for customer, moment, cents in rows])
    cut = max(moment for _, moment, _ in rows).date()
    litt = rfm_summary(frame, cut, period, litt=True)["litt"]
    assert litt.to_dict() == pytest.approx(by_hand(rows, period, cut), rel=1e-12, abs=1e-12)


def test_the_example_by_hand() -> None:
    rfm = rfm_summary(HISTORY, "1998-01-01", litt=True)
    # 01-31, 02-01, 02-03, 04-01, 1998-01-01
    assert rfm.loc["a", "litt"] == pytest.approx(math.log(1 * 2 * 57 * 275), rel=1e-14)
    assert rfm.loc["b", "litt"] == 0
    assert not rfm["litt"].isna().any()


@pytest.mark.parametrize(("period", "unit", "factor"), [("D", "W", 1 / 7), ("W", "h", 168)])
def test_in_another_unit(cdnow_sample, period, unit, factor) -> None:
    plain = rfm_summary(cdnow_sample, "1997-09-30", period, litt=True)
    other = rfm_summary(cdnow_sample, "1997-09-30", period, litt=True, time_unit=unit)
    expected = plain["litt"] + plain["frequency"] * math.log(factor)
    np.testing.assert_allclose(other["litt"], expected, rtol=1e-12, atol=1e-12)
    assert (other.loc[other["frequency"] == 0, "litt"] == 0).all()


def test_as_btydplus_counts_it(cdnow) -> None:
    """elog2cbs: sum(log(diff(t))) over the distinct days of purchase, in units of weeks."""
    frame = cdnow.orders.to_pandas()
    days = frame.assign(day=frame["ordered_at"].dt.normalize())[["customer_id", "day"]]
    days = days[days["day"] <= "1997-09-30"].drop_duplicates().sort_values(["customer_id", "day"])
    gaps = days.groupby("customer_id")["day"].diff().dt.days / 7
    expected = np.log(gaps).groupby(days["customer_id"]).sum()
    litt = rfm_summary(cdnow, "1997-09-30", time_unit="W", litt=True)["litt"]
    np.testing.assert_allclose(litt, expected.loc[litt.index], rtol=1e-9, atol=1e-11)


def test_the_holdout_and_the_order_of_rows_change_nothing(cdnow_sample) -> None:
    frame = cdnow_sample.orders.to_pandas()
    shuffled = frame.sample(frac=1, random_state=2)
    alone = rfm_summary(frame, "1997-09-30", litt=True)
    both = rfm_summary(shuffled, "1997-09-30", holdout_end="1998-06-30", litt=True)
    assert both.columns.tolist() == [*COLUMNS, "litt", *HOLDOUT]
    pd.testing.assert_series_equal(both["litt"], alone["litt"], check_exact=True)
