"""Returns booked as orders, netted against what they give back."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import NotEnoughDataError
from segml.data.returns import IN_FULL, NETTED, UNMATCHED

from .samples import frame
from .test_cleaning import cleaned


def test_a_return_reduces_the_latest_earlier_order_that_covers_it() -> None:
    orders, account = cleaned(
        frame(
            ("a", "1", "1997-01-01", 50.0),
            ("a", "2", "1997-01-05", 10.0),
            ("a", "3", "1997-01-06", -20.0),
            ("a", "4", "1997-01-09", 99.0),
            ("b", "5", "1997-01-02", 70.0),
        ),
        negative_revenue="net",
    )
    kept = orders.to_pandas().set_index("order_id")["revenue"]
    assert kept.to_dict() == {"1": 30.0, "2": 10.0, "4": 99.0, "5": 70.0}
    assert account.rejected == {}
    assert account.noted == {NETTED: 1}
    assert account.rows_used == 5


def test_a_return_in_full_takes_the_order_with_it() -> None:
    orders, account = cleaned(
        frame(
            ("a", "1", "1997-01-01", 50.0),
            ("a", "C1", "1997-01-03", -30.0),
            ("a", "C2", "1997-01-04", -20.0),
            ("b", "2", "1997-01-02", 5.0),
        ),
        negative_revenue="net",
    )
    assert orders.to_pandas()["order_id"].tolist() == ["2"]
    assert account.rejected == {IN_FULL: 3}
    assert sorted(orders.rejected_rows()["source_row"]) == [1, 2, 3]


def test_a_return_without_an_order_is_rejected() -> None:
    orders, account = cleaned(
        frame(
            ("a", "1", "1997-01-05", 50.0),
            ("a", "2", "1997-01-01", -10.0),
            ("b", "3", "1997-01-06", -10.0),
            ("a", "4", "1997-01-06", -60.0),
        ),
        negative_revenue="net",
    )
    assert orders.to_pandas()["revenue"].tolist() == [50.0]
    assert account.rejected == {UNMATCHED: 3}
    assert set(orders.rejected_rows()["reason"]) == {UNMATCHED}


def test_a_returned_line_reduces_its_own_order() -> None:
    orders, account = cleaned(
        frame(("a", "1", "1997-01-01", 50.0), ("a", "1", "1997-01-02", -20.0)),
        negative_revenue="net",
    )
    assert orders.to_pandas()["revenue"].tolist() == [30.0]
    assert account.rows_used == 2


def test_nothing_but_returns_leaves_nothing() -> None:
    with pytest.raises(NotEnoughDataError, match="no order is left"):
        cleaned(frame(("a", "1", "1997-01-01", -5.0)), negative_revenue="net")


orders_and_returns = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.dates(pd.Timestamp("1997-01-01").date(), pd.Timestamp("1997-01-09").date()).map(str),
        st.sampled_from([-7.5, -2.5, 0.5, 2.5, 10.0]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30)
@given(orders_and_returns)
def test_no_money_is_made_and_no_row_lost(rows: list) -> None:
    source = frame(*[(c, str(i), day, money) for i, (c, day, money) in enumerate(rows)])
    source = pd.concat([source, frame(("z", "z", "1997-01-01", 1.0))], ignore_index=True)
    orders, account = cleaned(source, negative_revenue="net")
    left = orders.to_pandas()["revenue"]
    assert (left > 0).all()
    gone = orders.rejected_rows()
    assert left.sum() + gone["revenue"].astype(float).sum() == pytest.approx(
        source["revenue"].sum()
    )
    assert account.rows_used + len(gone) == len(source)
