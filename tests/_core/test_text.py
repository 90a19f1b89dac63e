import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core import text

MISSING = [None, math.nan, np.nan, math.inf, -math.inf, pd.NA, pd.NaT]


@pytest.mark.parametrize("form", [text.count, text.decimal, text.share, text.money])
@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_what_is_missing_or_infinite_is_not_a_number(form, value) -> None:
    assert form(value) == "n/a"


@pytest.mark.parametrize("form", [text.count, text.decimal, text.share, text.money])
def test_text_is_not_taken_for_a_missing_number(form) -> None:
    with pytest.raises(TypeError):
        form("12")


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (1000, "1,000"), (-1234567.0, "-1,234,567")]
)
def test_count(value, shown) -> None:
    assert text.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (3.14159, "3.14"),
        (-3.14159, "-3.14"),
        (31.4159, "31.4"),
        (314.159, "314"),
        (1234.5, "1,234"),
        (1e6, "1,000,000"),
        (0.00123, "0.00123"),
        (np.float64(2), "2.00"),
    ],
)
def test_decimal(value, shown) -> None:
    assert text.decimal(value) == shown


def test_decimal_with_other_digits() -> None:
    assert text.decimal(3.14159, 2) == "3.1"
    assert text.decimal(3.14159, 5) == "3.1416"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.4136, "41%"),
        (0.0994, "9.9%"),
        (0.0996, "10%"),
        (0.0042, "0.4%"),
        (-0.05, "-5.0%"),
        (1.5, "150%"),
    ],
)
def test_share(value, shown) -> None:
    assert text.share(value) == shown


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (35.5, "USD", "$35.50"),
        (35.5, "EUR", "€35.50"),
        (35.5, "GBP", "£35.50"),
        (1234.6, "JPY", "¥1,235"),
        (35.5, "", "35.50"),
        (-3, "CHF", "-CHF 3.00"),
        (999_499, "USD", "$999,499"),
        (999_500, "USD", "$1.00M"),
        (1234567, "USD", "$1.23M"),
        (-1234567, "USD", "-$1.23M"),
        (0, "USD", "$0.00"),
    ],
)
def test_money(value, currency, shown) -> None:
    assert text.money(value, currency) == shown


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_decimal_reads_back_within_its_digits(value: float) -> None:
    shown = float(text.decimal(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.0051)
