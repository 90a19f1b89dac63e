from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml.evaluation.predictive import MEASURES
from segml.evaluation.validity_result import Validity
from segml.plots.card import show
from segml.plots.style import PALETTE
from segml.plots.validity import plot_validity

from .test_segments import texts, title


def result(
    segments: float = 0.2, rfm: float = 0.1, half: float = 0.02, reasons: dict | None = None
) -> Validity:
    rows = []
    for outcome, measure in MEASURES:
        row = {"outcome": outcome, "measure": measure, "n": 1234, "mean": 0.4}
        row["none"] = 0.5 if measure == "AUC" else 0.0
        row["reason"] = (reasons or {}).get(outcome, "")
        for name, value in (("segments", segments), ("rfm", rfm), ("difference", segments - rfm)):
            for end, shift in (("", 0), ("_low", -half), ("_high", half)):
                row[name + end] = np.nan if row["reason"] else value + shift
        rows.append(row)
    empty = pd.DataFrame()
    return Validity(
        empty, pd.DataFrame(rows), empty, empty, dt.date(2026, 1, 31), 90, 5, "", level=0.95
    )


def marks(ax) -> list[tuple[float, str, str]]:
    return [
        (float(line.get_xdata()[0]), line.get_marker(), to_hex(line.get_markerfacecolor()))
        for line in ax.lines
        if line.get_marker() != "None"
    ]


def test_marks_are_the_skills_with_their_intervals():
    ax = Figure().subplots()
    assert plot_validity(result(), ax) is ax
    blue, orange = (color.lower() for color in PALETTE[:2])
    assert marks(ax) == [(0.2, "o", blue), (0.1, "s", orange)] * 4
    drawn = [tuple(np.round(line.get_xdata(), 9)) for line in ax.lines]
    assert drawn.count((0.18, 0.22)) == drawn.count((0.08, 0.12)) == 4
    assert texts(ax).count("20%") == 4
    assert "RFM grid of 5 cells" in texts(ax)
    assert "90 days" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("segments", "rfm", "finding"),
    [
        (0.2, 0.1, "20% of the rank of later revenue, more than an RFM grid of 5 cells (10%)"),
        (0.2, 0.19, "about as much as an RFM grid of 5 cells (19%)"),
        (0.1, 0.2, "less than an RFM grid of 5 cells (20%)"),
        (0.01, 0.2, "explain nothing of later revenue that could be told from chance"),
    ],
)  # fmt: skip
def test_the_title_says_who_explains_more(segments, rfm, finding):
    assert finding in title(plot_validity(result(segments, rfm)))


def test_what_is_missing_is_said_with_its_reason():
    reasons = dict.fromkeys(["revenue", "rank of revenue"], "revenue is the same for all")
    ax = plot_validity(result(reasons=reasons))
    assert len(marks(ax)) == 4
    assert title(ax) == "What the segments predict is not known: revenue is the same for all"
    assert texts(ax).count("n/a: revenue is the same for all") == 2
    nothing = plot_validity(result(reasons=dict.fromkeys({one for one, _ in MEASURES}, "none")))
    assert not marks(nothing)
    assert "n/a" in show(nothing)._repr_html_()


def test_negative_skill_and_all_numbers_are_there():
    ax = plot_validity(result(-0.01, -0.03))
    assert ax.get_xlim()[0] < -0.05
    card = show(ax)
    assert len(card.description.table) == 6
    assert "segments -1.0%" in card.description.alt
    assert show(plot_validity(result(-0.01, -0.03)))._repr_html_() == card._repr_html_()
