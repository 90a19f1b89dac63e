from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from segml._core import text
from segml._core.errors import NotEnoughDataError
from segml.kpis.table import ALL
from segml.plots import plot_segment_shares, show
from segml.plots.style import segment_color

from .conftest import kpis


def title(ax) -> str:
    return ax.get_title(loc="left")


def texts(ax) -> list[str]:
    return [artist.get_text() for artist in ax.texts]


def test_shares_draw_on_the_axes_given(three):
    ax = Figure().subplots()
    assert plot_segment_shares(three, ax) is ax
    values = three.values()[["Low", "Middle", "Top"]]
    drawn = [
        text.share(v) for v in values.loc[["share_of_customers", "share_of_revenue"]].T.stack()
    ]
    assert sorted(texts(ax)) == sorted(drawn)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Low", "Middle", "Top"]
    assert ax.get_xlim()[0] == 0
    assert "share of customers" in ax.get_xlabel()


def test_shares_finding_is_the_segment_with_most_revenue(three):
    revenue = np.arange(1.0, 13) ** 2
    share = revenue[2::3].sum() / revenue.sum()  # the third of three segments
    expected = f"“Top” are 33% of customers and {100 * share:.0f}% of revenue"
    assert title(plot_segment_shares(three)) == expected


def test_shares_mark_values_and_intervals_in_the_segments_colours(three):
    ax = plot_segment_shares(three)
    rows = three.rows("share_of_revenue").drop(index=ALL)
    for i, row in enumerate(rows.itertuples()):
        lines = [line for line in ax.lines if set(np.atleast_1d(line.get_ydata())) == {i}]
        assert [row.low, row.high] in [list(line.get_xdata()) for line in lines]
        marks = {line.get_markerfacecolor(): line.get_xdata()[0] for line in lines[1:]}
        assert marks[segment_color(i)] == row.value


def test_shares_table_holds_the_numbers(three):
    table = show(plot_segment_shares(three)).description.table
    assert table["segment"].tolist() == ["Low", "Middle", "Top"]
    assert table["share of customers"].tolist() == pytest.approx([1 / 3] * 3)
    rows = three.rows("share_of_revenue").drop(index=ALL)
    for column, name in (("value", "share of revenue"), ("low", "low"), ("high", "high")):
        assert table[name].tolist() == rows[column].tolist()


@pytest.mark.parametrize("n", [1, 9, 12])
def test_shares_of_any_number_of_segments(n):
    table = kpis(n)
    ax = plot_segment_shares(table)
    assert len(ax.get_yticks()) == n
    revenue = np.arange(1.0, 4 * n + 1) ** 2
    top = revenue[n - 1 :: n].sum() / revenue.sum()
    assert title(ax) == (
        f"“segment {n - 1}” are {text.share(1 / n)} of customers and {text.share(top)} of revenue"
    )
    assert show(ax).svg.count(f">segment {n - 1}</text>") == 1


def test_shares_without_revenue_say_why_there_is_nothing_to_draw():
    with pytest.raises(NotEnoughDataError, match="Share of revenue") as caught:
        plot_segment_shares(kpis(2, revenue=np.zeros(8)))
    assert caught.value.problem.got == "nobody to divide by"
