from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from segml.data import CustomerData, activity, read_orders
from segml.plots import plot_activity, show

from .test_segments import texts, title


def made(days: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i % 3}" for i in range(len(days))],
            "order_id": range(len(days)),
            "ordered_at": days,
            "revenue": 1234.5,
        }
    )
    return activity(CustomerData(read_orders(frame)))


# Weeks of 5, 12, 19 and 26 January hold 1, 3, 2 and 1 orders; the last is not over.
DAYS = ["2026-01-05", *["2026-01-14"] * 3, *["2026-01-20"] * 2, "2026-01-28"]


def test_finding_counts_orders_of_whole_weeks():
    ax = Figure().subplots()
    assert plot_activity(made(DAYS), ax) is ax
    assert title(ax) == "7 orders; the busiest week had 3, a typical one 2"
    assert texts(ax) == ["3 in the week of 12 January 2026"]
    assert ax.get_ylabel() == "orders per week"
    assert ax.get_ylim()[0] == 0
    assert list(ax.lines[0].get_ydata()) == [1, 3, 2, 1]
    assert list(ax.lines[1].get_ydata()) == [1]  # the week that is not over, hollow
    assert ax.lines[1].get_markerfacecolor() == "none"


def test_table_and_caption():
    card = show(plot_activity(made(DAYS), currency="EUR"))
    assert card.description.table["week"].tolist() == [
        "2026-01-05",
        "2026-01-12",
        "2026-01-19",
        "2026-01-26",
    ]
    assert "a circle marks" in card.description.caption
    assert ">€3,704</td>" in card._repr_html_()  # three orders of 1,234.50
    whole = show(plot_activity(made(["2026-01-05", "2026-01-11"])))
    assert whole.description.caption == "Weeks from Monday."


def test_less_than_a_week():
    ax = plot_activity(made(["2026-01-07", "2026-01-08"]))
    assert title(ax) == "2 orders in less than a whole week"
    assert texts(ax) == []
    assert show(ax).description.alt.startswith("Line of orders per week, 2026-01-05 to 2026-01-05.")
