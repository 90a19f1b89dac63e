import pytest

from segml.data import RowAccount


def test_rows_in_are_rows_used_and_rows_rejected() -> None:
    account = RowAccount("orders", 10, 7, {"no revenue": 2, "future date": 1})
    assert account.rows_rejected == 3
    with pytest.raises(AssertionError, match="orders: 10 rows in, but 8 used and 3 rejected"):
        RowAccount("orders", 10, 8, {"no revenue": 3})


def test_the_next_step_takes_in_what_this_one_used() -> None:
    first = RowAccount("orders", 10, 8, {"no revenue": 2}, {"seen": 1}, ("read so",))
    second = RowAccount("orders", 8, 5, {"no revenue": 1, "late": 2}, {"zero": 3}, ("b",))
    assert first.then(second) == RowAccount(
        "orders",
        10,
        5,
        {"no revenue": 3, "late": 2},
        {"seen": 1, "zero": 3},
        ("read so", "b"),
    )
    with pytest.raises(AssertionError, match="orders: the accounts of two steps do not join"):
        first.then(RowAccount("orders", 7, 7))


def test_html_shows_counts_and_shares_and_escapes() -> None:
    made = RowAccount(
        "orders", 2000, 1500, {"<script>": 500}, {"a & b": 15}, ('dates read as "<b>"',)
    )._repr_html_()
    assert "left out: &lt;script&gt;" in made
    assert '<td class="num">500</td><td class="num">25%</td>' in made
    assert '<td class="num">1,500</td><td class="num">75%</td>' in made
    assert "used, but: a &amp; b" in made
    assert "dates read as &quot;&lt;b&gt;&quot;" in made
    assert "<script>" not in made


def test_html_of_no_rows() -> None:
    assert "n/a" in RowAccount("orders", 0, 0)._repr_html_()
