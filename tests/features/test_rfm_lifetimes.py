"""Calibration and holdout against lifetimes: where it is right, and where it is not."""

import warnings

import numpy as np
import pandas as pd
import pytest

from segml.features import rfm_summary
from tests.features.test_rfm import orders

CUT, END = "1997-09-30", "1998-06-30"


@pytest.fixture(scope="module")
def lifetimes_holdout():
    """Split with lifetimes; without a column of money it fails on pandas 3."""

    def split(frame: pd.DataFrame, cut: str, end: str) -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from lifetimes.utils import calibration_and_holdout_data

            return calibration_and_holdout_data(
                frame, "customer_id", "ordered_at", cut, end, monetary_value_col="revenue"
            )

    return split


def test_whole_days_equal_lifetimes(cdnow_sample, lifetimes_holdout) -> None:
    """CDNOW's times are all midnight, so that its comparison of times does no harm."""
    rfm = rfm_summary(cdnow_sample, CUT, holdout_end=END)
    theirs = lifetimes_holdout(cdnow_sample.orders.to_pandas(), CUT, END)
    assert rfm.index.tolist() == theirs.index.tolist()
    pairs = {
        "frequency": "frequency_cal",
        "recency": "recency_cal",
        "T": "T_cal",
        "frequency_holdout": "frequency_holdout",
        "duration_holdout": "duration_holdout",
    }
    for mine, other in pairs.items():
        np.testing.assert_array_equal(rfm[mine], theirs[other], err_msg=mine)


def test_an_evening_purchase_on_the_last_calibration_day_is_known(lifetimes_holdout) -> None:
    frame = orders(
        ("a", "1997-01-01 09:00", 1.0), ("a", "1997-01-10 20:00", 2.0), ("a", "1997-01-15", 3.0)
    ).astype({"ordered_at": "datetime64[us]"})
    rfm = rfm_summary(frame, "1997-01-10", holdout_end="1997-01-20").loc["a"]
    assert rfm[["frequency", "recency", "frequency_holdout"]].tolist() == [1, 9, 1]
    theirs = lifetimes_holdout(frame, "1997-01-10", "1997-01-20").loc["a"]
    # The difference is lifetimes': the evening is after 1997-01-10 00:00.
    assert theirs[["frequency_cal", "recency_cal", "frequency_holdout"]].tolist() == [0, 0, 2]


def test_holdout_money_is_per_period(lifetimes_holdout) -> None:
    frame = orders(
        ("a", "1997-01-01", 1.0),
        ("a", "1997-01-11", 2.0),
        ("a", "1997-01-11", 4.0),
        ("a", "1997-01-12", 6.0),
    ).astype({"ordered_at": "datetime64[us]"})
    rfm = rfm_summary(frame, "1997-01-10", holdout_end="1997-01-20").loc["a"]
    assert rfm["frequency_holdout"] == 2
    assert rfm["monetary_value_holdout"] == (2 + 4 + 6) / 2
    theirs = lifetimes_holdout(frame, "1997-01-10", "1997-01-20").loc["a"]
    assert theirs["frequency_holdout"] == 2
    assert theirs["monetary_value_holdout"] == (2 + 4 + 6) / 3  # per order
