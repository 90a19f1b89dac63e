"""The compressed table against the one of customers, and in a fit."""

import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.clv import BetaGeoModel
from segml.features import rfm_counts, rfm_summary
from tests.features.test_rfm import HISTORY

KINDS = ["frequency", "recency", "T"]


@pytest.mark.parametrize("cut", ["1997-02-01", "1997-09-30", None])
@pytest.mark.parametrize(
    ("period", "unit"), [("D", "W"), ("W", "W"), ("M", "M"), ("h", "D"), ("Q", "Q")]
)
def test_the_counts_are_those_of_the_customers(cdnow_sample, cut, period, unit) -> None:
    rfm = rfm_summary(cdnow_sample, cut, period, time_unit=unit)
    expected = rfm.groupby(KINDS).size().rename("n").reset_index()
    counts = rfm_counts(cdnow_sample, cut, period, time_unit=unit)
    pd.testing.assert_frame_equal(counts, expected, check_exact=True)


def test_a_fit_to_counts_is_the_fit_to_customers(cdnow_sample) -> None:
    rfm = rfm_summary(cdnow_sample, "1997-09-30", time_unit="W")
    counts = rfm_counts(cdnow_sample, "1997-09-30", time_unit="W")
    of_all = BetaGeoModel().fit(rfm).summary()
    of_counts = BetaGeoModel().fit(counts, weights=counts["n"]).summary()
    pd.testing.assert_frame_equal(of_counts, of_all, rtol=1e-9)


def test_bad_input() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of"):
        rfm_counts(HISTORY, "1997-01-30")
    with pytest.raises(ParameterError, match="unknown value for period"):
        rfm_counts(HISTORY, "1997-12-31", "month")
    with pytest.raises(ParameterError, match="as_of is not a date"):
        rfm_counts(HISTORY, "soon")
