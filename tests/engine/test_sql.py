import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core.errors import ParameterError
from segml.engine import default_engine
from segml.engine.sql import Fragment, identifier, literal, quote, render

TRICKY = [
    "O'Brien",
    "''",
    'say "hi"',
    "{x}",
    "{",
    "%s ? $1 :x",
    "back\\slash",
    "-- comment",
    "'; DROP TABLE orders; --",
    "a\nb\tc",
    "Zoë 客户 🙂",
    "",
]


def through(value):
    return default_engine().fetch_row("SELECT {x}", x=value)[0]


@pytest.mark.parametrize("value", TRICKY)
def test_text_comes_back_as_it_went_in(value: str) -> None:
    assert through(value) == value


@given(st.text())
def test_any_text_comes_back(value: str) -> None:
    assert through(value) == value


@given(st.integers(-(2**127), 2**127 - 1))
def test_any_whole_number_comes_back(value: int) -> None:
    assert through(value) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_comes_back(value: float) -> None:
    found = through(value)
    assert type(found) is float
    assert found == value


@given(st.dates())
def test_any_date_comes_back(value: dt.date) -> None:
    assert through(value) == value


@given(st.datetimes())
def test_any_time_comes_back(value: dt.datetime) -> None:
    assert through(value) == value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        (True, True),
        (False, False),
        (Decimal("-12.50"), Decimal("-12.50")),
        (np.float64(-1.5), -1.5),
        (pd.Timestamp("1998-06-30 12:00:00.5"), dt.datetime(1998, 6, 30, 12, 0, 0, 500_000)),
        (
            dt.datetime(1998, 6, 30, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            dt.datetime(1998, 6, 30, 12),
        ),
    ],
)
def test_other_values_come_back(value, found) -> None:
    assert through(value) == found


def test_lists_are_for_in() -> None:
    count = default_engine().fetch_row(
        "SELECT count(*) FROM (VALUES ('a'), ('b''c'), ('d')) AS t(x) WHERE x IN {xs}",
        xs=["a", "b'c"],
    )
    assert count == (2,)
    assert literal([1, "a"]) == literal((1, "a")) == "(1, 'a')"


def test_a_negative_number_after_a_minus_is_no_comment() -> None:
    assert default_engine().fetch_row("SELECT 1 -{x}", x=-5) == (6,)
    assert default_engine().fetch_row("SELECT 1 -{x}", x=Decimal("-0.5")) == (Decimal("1.5"),)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        np.float64("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        pd.NaT,
        2**127,
        [],
        (),
        {"a": 1},
        b"bytes",
        object,
        [1, float("nan")],
    ],
    ids=repr,
)
def test_values_that_cannot_stand_in_a_query(value) -> None:
    with pytest.raises(ParameterError, match="this value cannot stand in a query") as caught:
        literal(value)
    assert "a finite number" in caught.value.problem.expected


@pytest.mark.parametrize("name", [name for name in TRICKY if name])
def test_an_identifier_names_a_column_whatever_it_holds(name: str) -> None:
    table = default_engine().sql("SELECT 7 AS {name}", name=identifier(name))
    assert table.columns == [name]
    assert table.scalar("SELECT {name} FROM {self}", name=identifier(name)) == 7


def test_quote_doubles_quotes() -> None:
    assert quote('a "b"') == '"a ""b"""'


def test_braces_in_values_are_not_placeholders() -> None:
    made = render("SELECT {a}, {b}", {"a": "{b}", "b": Fragment("{a}")})
    assert made == "SELECT '{b}', {a}"


def test_braces_that_name_nothing_stay() -> None:
    assert render(r"SELECT '\d{4}' {x}", {"x": 1}) == r"SELECT '\d{4}' 1"


def test_a_placeholder_may_stand_twice() -> None:
    assert render("{x} + {x}", {"x": 1}) == "1 + 1"


def test_a_placeholder_without_a_value() -> None:
    with pytest.raises(ParameterError, match="a placeholder of the query has no value") as caught:
        render("SELECT {ordes}", {"orders": 1})
    assert caught.value.problem.where == "{ordes}"
    assert caught.value.problem.nearest == "orders"


def test_a_value_without_a_placeholder() -> None:
    with pytest.raises(ParameterError, match="the query has no placeholder") as caught:
        render("SELECT {a}", {"a": 1, "b": 2})
    assert caught.value.problem.where == "b"
