import dataclasses

import pandas as pd
import pytest

from segml._core.errors import MissingTableError
from segml.data import CustomerData, read_orders, read_table

from .samples import frame


@pytest.fixture
def data() -> CustomerData:
    return CustomerData(
        read_orders(frame(("a", "1", "1997-01-01", 5.0)).assign(**{"<script>": "x"})),
        surveys=read_table(
            pd.DataFrame(
                {
                    "customer_id": ["a"],
                    "answered_at": ["1997-01-01"],
                    "question": ["nps"],
                    "answer": ["9"],
                }
            ),
            "surveys",
        ),
    )


def test_the_tables_that_are_there(data) -> None:
    assert list(data.tables) == ["orders", "surveys"]
    assert data.tables["surveys"] is data.surveys


def test_it_cannot_be_changed(data) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.surveys = None


def test_require_returns_the_table(data) -> None:
    assert data.require("orders", "customer_id", "revenue") is data.orders


def test_a_missing_table_is_named(data) -> None:
    with pytest.raises(MissingTableError, match="this needs the table sessions") as caught:
        data.require("sessions", "device")
    problem = caught.value.problem
    assert problem.where == "sessions"
    assert problem.got == "tables: orders, surveys"
    assert problem.expected == "session_id, started_at"


def test_an_unknown_table_is_missing(data) -> None:
    with pytest.raises(MissingTableError, match="this needs the table visits"):
        data.require("visits")


def test_missing_columns_are_named(data) -> None:
    with pytest.raises(MissingTableError) as caught:
        data.require("orders", "quantity", "revenue", "coupon")
    problem = caught.value.problem
    assert problem.what == "the table orders has no column quantity, coupon"
    assert problem.where == "orders"
    assert problem.got == "customer_id, order_id, ordered_at, revenue, <script>"


def test_what_segml_adds_is_hidden(data) -> None:
    assert "_source_row" in data.orders.table.columns
    assert "_source_row" not in data.orders.columns
    assert "_source_row" not in data.orders.to_pandas()


def test_html_escapes_the_names_of_columns(data) -> None:
    made = data._repr_html_()
    assert "&lt;script&gt;" in made
    assert "<script>" not in made
    assert '<th scope="row">surveys</th><td class="num">1</td>' in made
    assert data.orders._repr_html_() == data.orders.account._repr_html_()
