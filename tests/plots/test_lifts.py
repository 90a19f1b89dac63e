from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml.evaluation.experiment_run import experiment
from segml.plots import show
from segml.plots.lifts import plot_lifts
from segml.plots.style import GREY, segment_color

from .conftest import HOSTILE
from .test_segments import texts, title


def result(effects: list[float], n: int = 1000, groups=("control", "mail"), **more):
    """Return a test whose shares are exactly 0.2 plus the effect."""
    rows = []
    for segment, effect in enumerate(effects):
        for group in groups:
            hits = round(n * (0.2 + effect * (group != groups[0])))
            rows.append(
                pd.DataFrame({"segment": segment, "group": group, "ordered": np.arange(n) < hits})
            )
    frame = pd.concat(rows, ignore_index=True).astype({"ordered": int})
    return experiment(frame, "ordered", **more)


def _points(ax) -> list:
    return [line for line in ax.lines if line.get_marker() in ("o", "D")]


def test_points_are_the_differences_with_their_intervals():
    found = result([0.1, 0.0, -0.1])
    ax = Figure().subplots()
    assert plot_lifts(found, ax) is ax
    points = _points(ax)
    assert [p.get_xdata()[0] for p in points] == found.lifts["difference"].tolist()
    assert [to_hex(p.get_markeredgecolor()) for p in points] == [
        one.lower() for one in (GREY, *(segment_color(i) for i in range(3)))
    ]
    filled = [to_hex(p.get_markerfacecolor()) != "#ffffff" for p in points]
    assert filled == found.lifts["significant"].tolist()
    drawn = [tuple(line.get_xdata()) for line in ax.lines]
    for low, high in zip(found.lifts["low"], found.lifts["high"], strict=True):
        assert (low, high) in drawn


@pytest.mark.parametrize(
    ("effects", "finding"),
    [
        ([0.1, 0.1], "mail changes ordered by +10.0 pp per customer; better in 2 of 2 segments"),
        ([0.1, -0.1], "mail shows no difference in ordered; better in 1 of 2 segments, worse in 1"),
        ([0.0, -0.1], "mail changes ordered by -5.0 pp per customer; worse in 1 of 2 segments"),
        ([0.0, 0.0], "mail shows no difference in ordered; no segment by itself shows one"),
        ([0.1], "mail changes ordered by +10.0 pp per customer"),
    ],
)
def test_the_title_says_what_is_seen(effects, finding):
    assert title(plot_lifts(result(effects))) == finding


def test_groups_that_are_not_as_planned_are_said_first():
    found = result([0.1, 0.1], shares={"control": 0.8, "mail": 0.2})
    card = show(plot_lifts(found))
    assert "not to be trusted" in card.description.finding
    assert "Do not read" in card.description.caption
    assert "Do not read" in card.description.alt


def test_a_segment_that_cannot_be_compared_says_why():
    frame = pd.DataFrame(
        {"segment": [0] * 40 + [1] * 10, "group": ["control", "mail"] * 20 + ["mail"] * 10}
    ).assign(ordered=[0, 1] * 25)
    found = experiment(frame, "ordered")
    assert any("n/a: no customers in control" in one for one in texts(plot_lifts(found)))


@pytest.mark.parametrize("n", [5, 12])
def test_many_segments_and_hostile_names(n):
    found = result([0.0] * n, 60, ("control", "mail", "<b>call"), names=HOSTILE)
    card = show(plot_lifts(found))
    assert "<script" not in card._repr_html_()
    assert "<b>" not in card._repr_html_()
    assert len(card.description.table) == 2 * (n + 1)
    assert "pp" in card.svg


def test_colours_of_segments_by_name_are_by_place():
    found = result([0.0, 0.1])
    named = found.lifts.assign(segment=found.lifts["segment"].replace({"0": "Old", "1": "New"}))
    ax = plot_lifts(type(found)(**{**vars(found), "lifts": named}))
    assert to_hex(_points(ax)[1].get_markeredgecolor()) == segment_color(0).lower()
