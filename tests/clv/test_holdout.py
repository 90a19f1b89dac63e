from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from segml._core.errors import DataError, MissingTableError
from segml.clv import BetaGeoModel, HoldoutCheck, holdout_check
from segml.features import rfm_summary


class Half:
    """Expects half a purchase, and a tenth more for each earlier one."""

    def expected_purchases(self, rfm, future_t):
        return 0.5 + rfm["frequency"] / 10 + 0 * future_t


RFM = pd.DataFrame(
    {
        "frequency": [0, 0, 0, 0, 2, 2, 7, 9],
        "frequency_holdout": [0, 0, 1, 3, 1, 2, 4, 10],
        "duration_holdout": 39.0,
    },
    index=list("abcdefgh"),
)


@pytest.fixture(scope="module")
def check() -> HoldoutCheck:
    return holdout_check(Half(), RFM)


def test_totals_by_hand(check):
    assert check.actual == 21
    assert check.expected == pytest.approx(8 * 0.5 + 20 / 10)
    assert check.error == pytest.approx(6 / 21 - 1)
    expected = [0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 1.2, 1.4]
    assert check.mae == pytest.approx(np.abs(RFM["frequency_holdout"] - expected).mean())
    assert check.duration == 39


def test_table_by_hand(check):
    assert check.table.index.tolist() == ["0", "2", "7+"]
    assert check.table["customers"].tolist() == [4, 2, 2]
    assert check.table["actual"].tolist() == [1, 1.5, 7]
    assert check.table["expected"].tolist() == pytest.approx([0.5, 0.7, 1.3])
    half = norm.ppf(0.975) * np.array(
        [np.std([0, 0, 1, 3], ddof=1) / 2, np.std([1, 2], ddof=1) / np.sqrt(2), 3]
    )
    assert check.table["high"].tolist() == pytest.approx([1 + half[0], 1.5 + half[1], 7 + half[2]])
    assert check.table["low"].tolist() == pytest.approx(
        [max(0, 1 - half[0]), 1.5 - half[1], 7 - half[2]]
    )
    assert check.table.loc["0", "low"] == 0  # a mean of counts is not negative


def test_one_customer_gives_no_interval():
    table = holdout_check(Half(), RFM, last=9).table
    assert table.index.tolist() == ["0", "2", "7", "9+"]
    assert table.loc[["7", "9+"], ["low", "high"]].isna().all(axis=None)
    assert "4<small>n/a to n/a</small>" in holdout_check(Half(), RFM, last=9)._repr_html_().replace(
        "4.00", "4"
    )


def test_nothing_bought_has_no_relative_error():
    check = holdout_check(Half(), RFM.assign(frequency_holdout=0))
    assert check.actual == 0
    assert np.isnan(check.error)
    assert check.mae == pytest.approx(check.expected / 8)
    assert check.table["high"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("column", ["frequency_holdout", "duration_holdout"])
def test_missing_columns_are_named(column):
    with pytest.raises(MissingTableError, match=f"no column {column}") as caught:
        holdout_check(Half(), RFM.drop(columns=column))
    assert "holdout_end" in caught.value.problem.hint


def test_html_has_the_numbers(check):
    page = check._repr_html_()
    for cell in ('<th scope="row" class="num">7+</th>', ">7.00<small>", ">1.30</td>"):
        assert cell in page


def test_cdnow_39_weeks(cdnow_sample):
    rfm = rfm_summary(cdnow_sample, "1997-09-30", holdout_end="1998-06-30", time_unit="W")
    model = BetaGeoModel().fit(rfm)
    check = holdout_check(model, rfm)
    orders = cdnow_sample.orders.to_pandas()
    days = orders["ordered_at"].dt.normalize()
    after = orders[(days > "1997-09-30") & (days <= "1998-06-30")]
    bought = after.assign(day=days).drop_duplicates(["customer_id", "day"])
    assert check.actual == len(bought)
    assert check.duration == 39
    assert check.expected == model.expected_purchases(rfm, future_t=39.0).sum()
    assert check.actual == 1882
    assert check.error == pytest.approx(-0.1215, abs=0.002)  # known: the model falls short here
    counts = bought.groupby("customer_id").size()
    means = counts.reindex(rfm.index, fill_value=0).groupby(rfm["frequency"].clip(upper=7)).mean()
    np.testing.assert_allclose(check.table["actual"], means, rtol=1e-12)
    assert check.table["customers"].sum() == 2357


def test_weights_are_repeated_rows():
    times = np.array([1, 3, 2, 1, 4, 1, 2, 1])
    weighted = holdout_check(Half(), RFM, weights=times)
    repeated = holdout_check(Half(), RFM.loc[RFM.index.repeat(times)])
    pd.testing.assert_frame_equal(weighted.table, repeated.table, rtol=1e-12)
    assert (weighted.actual, weighted.expected) == pytest.approx(
        (repeated.actual, repeated.expected)
    )
    assert weighted.mae == pytest.approx(repeated.mae)
    with pytest.raises(DataError, match="weights"):
        holdout_check(Half(), RFM, weights=[1, 2])
