"""Policies that judge a row by itself or by the days around it."""

import pandas as pd
import pytest

from segml._core.errors import DataError, ParameterError
from segml.data import CleaningPolicy

from .samples import frame
from .test_cleaning import cleaned

WEEKS = frame(
    ("a", "1", "1997-01-01", 1.0),  # a Wednesday
    ("a", "2", "1997-01-06", 2.0),  # Monday of the first whole week
    ("a", "3", "1997-01-12", 3.0),
    ("a", "4", "1997-01-14", 4.0),  # Tuesday of a week cut off
)


def in_currencies(*codes: str | None) -> pd.DataFrame:
    rows = [(f"c{i}", str(i), "1997-01-01", 100.0) for i in range(len(codes))]
    return frame(*rows).assign(currency=list(codes), discount=10.0)


def test_test_customers_are_left_out() -> None:
    orders, account = cleaned(
        pd.concat([WEEKS, frame(("test", "9", "1997-01-07", 5.0))], ignore_index=True),
        test_customers=("test", 4711),
    )
    assert account.rejected == {"test order": 1}
    assert set(orders.to_pandas()["customer_id"]) == {"a"}


def test_partial_weeks_are_left_out_when_asked() -> None:
    orders, account = cleaned(WEEKS, partial_periods="week")
    assert orders.to_pandas()["order_id"].tolist() == ["2", "3"]
    assert account.rejected == {"partial week": 2}


def test_whole_weeks_stay() -> None:
    whole = frame(("a", "1", "1997-01-06", 1.0), ("a", "2", "1997-01-12", 1.0))
    _, account = cleaned(whole, partial_periods="week")
    assert account.rejected == {}


def test_partial_months_are_left_out_when_asked() -> None:
    source = frame(
        ("a", "1", "1997-01-02", 1.0), ("a", "2", "1997-02-10", 1.0), ("a", "3", "1997-03-31", 1.0)
    )
    orders, account = cleaned(source, partial_periods="month")
    assert orders.to_pandas()["order_id"].tolist() == ["2", "3"]
    assert account.rejected == {"partial month": 1}


def test_a_future_order_does_not_make_the_last_week_whole() -> None:
    source = pd.concat([WEEKS, frame(("a", "5", "2997-01-01", 1.0))], ignore_index=True)
    _, account = cleaned(source, partial_periods="week")
    assert account.rejected == {"partial week": 2, "future date": 1}


def test_several_currencies_are_refused_without_rates() -> None:
    with pytest.raises(DataError, match=r"several currencies[\s\S]*EUR, USD"):
        cleaned(in_currencies("EUR", " usd"))


def test_one_currency_and_missing_ones_pass() -> None:
    orders, account = cleaned(in_currencies("EUR", "eur ", None))
    assert account.rejected == {}
    assert orders.to_pandas()["revenue"].tolist() == [100.0] * 3


def test_amounts_are_converted() -> None:
    orders, account = cleaned(
        in_currencies("EUR", "usd", None, "XXX"), currency="EUR", rates={"USD": 0.5}
    )
    assert orders.to_pandas()["revenue"].tolist() == [100.0, 50.0, 100.0]
    assert orders.to_pandas()["discount"].tolist() == [10.0, 5.0, 10.0]
    assert account.rejected == {"no exchange rate for its currency": 1}


@pytest.mark.parametrize(("outliers", "largest"), [("flag", 1000.0), ("winsorise", 10.0)])
def test_outliers_are_marked(outliers: str, largest: float) -> None:
    rows = [(f"c{i}", str(i), "1997-01-01", 10.0) for i in range(99)]
    source = frame(*rows, ("big", "big", "1997-01-01", 1000.0))
    orders, account = cleaned(source, outliers=outliers, outlier_quantile=0.98)
    table = orders.to_pandas()
    assert table["revenue"].max() == largest
    assert table.loc[table["outlier"], "customer_id"].tolist() == ["big"]
    assert [rows for what, rows in account.noted.items() if "98% quantile" in what] == [1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"outliers": "winsorize"}, "winsorise"),
        ({"partial_periods": "weak"}, "week"),
        ({"outlier_quantile": 0}, "greater than 0"),
        ({"rates": {"USD": 1.0}}, "the store's currency"),
        ({"currency": "EUR", "rates": {"USD": -1.0}}, "USD"),
        ({"test_customers": "4711"}, "not a list"),
    ],
)
def test_wrong_policies_say_what_is_allowed(wrong: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        CleaningPolicy(**wrong)
