from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml._core.errors import NotEnoughDataError
from segml.evaluation.drift_result import Drift, drift
from segml.plots import show
from segml.plots.drift import plot_drift
from segml.plots.style import GREY

from .conftest import HOSTILE
from .test_segments import texts, title


def drifted(shifts, segments: bool = False) -> Drift:
    """Return features of 400 customers, each moved by so many standard deviations."""
    rng = np.random.default_rng(0)
    sides = [
        pd.DataFrame({name: rng.normal(shift * k, 1, 400) for name, shift in shifts.items()})
        for k in (0, 1)
    ]
    if not segments:
        return drift(*sides, n_resamples=50)
    labels = [pd.Series(np.arange(400) % n) for n in (2, 3)]
    return drift(*sides, labels[0], labels[1], n_resamples=50)


def test_marks_are_the_indices_in_order_with_their_intervals():
    found = drifted({"little": 0.0, "much": 1.0, "some": 0.4})
    ax = Figure().subplots()
    assert plot_drift(found, ax) is ax
    assert [one.get_text() for one in ax.get_yticklabels()] == ["much", "some", "little"]
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    rows = found.features.loc[["much", "some", "little"]]
    assert [float(line.get_xdata()[0]) for line in marks] == rows["psi"].tolist()
    spans = [tuple(line.get_xdata()) for line in ax.lines]
    for row in rows.itertuples():
        assert (row.psi_low, row.psi_high) in spans
        assert (row.expected, row.expected) in spans
    hollow = [to_hex(line.get_markerfacecolor()) == "#ffffff" for line in marks]
    assert hollow == [False, False, True]
    assert to_hex(marks[2].get_markeredgecolor()) == GREY
    assert {"stable", "moderate", "major"} <= set(texts(ax))


@pytest.mark.parametrize(
    ("shifts", "finding"),
    [
        ({"a": 0.0, "b": 0.0}, "No feature of 2 moved beyond chance"),
        ({"a": 0.4, "b": 0.0}, "No feature of 2 moved far; a most (PSI 0."),
        ({"a": 1.0, "b": 0.0}, "1 of 2 features moved far; a furthest (PSI "),
        ({"a": 1.0}, "1 of 1 features has moved far; a furthest (PSI "),
    ],
)
def test_the_title_says_what_moved(shifts, finding):
    assert title(plot_drift(drifted(shifts))).startswith(finding)


def test_sizes_of_segments_are_a_row():
    found = drifted({"a": 0.0}, segments=True)
    ax = plot_drift(found)
    assert [one.get_text() for one in ax.get_yticklabels()] == ["Sizes of segments", "a"]
    card = show(ax)
    assert card.description.table["feature"].tolist() == ["Sizes of segments", "a"]
    assert f"Verdict: {found.verdict}" in card.description.caption


def test_many_features_and_hostile_names():
    shifts = dict.fromkeys(HOSTILE.values(), 0.2) | {f"feature {i}": 0.1 for i in range(25)}
    card = show(plot_drift(drifted(shifts)))
    assert "<script" not in card._repr_html_()
    assert len(card.description.table) == 30
    assert "5 features that moved less are in the table only" in card.description.caption


def test_far_drift_and_features_without_values():
    found = drifted({"a": 9.0})
    assert title(plot_drift(found)).startswith("1 of 1 features has moved far")
    assert show(plot_drift(found)).description.table["psi"].iloc[0] > 2
    none = pd.DataFrame({"a": [np.nan] * 3})
    with pytest.raises(NotEnoughDataError, match="no feature has a value"):
        plot_drift(drift(none, none, n_resamples=2))
