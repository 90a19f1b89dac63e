from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle

from segml.evaluation.migration_noise import RefitNoise
from segml.evaluation.migration_result import Migration, migration
from segml.plots import show
from segml.plots.migration import plot_migration_flow, plot_migration_matrix
from segml.plots.style import GREY, segment_color

from .conftest import HOSTILE
from .test_segments import texts, title

BOTH = [plot_migration_flow, plot_migration_matrix]


def moved(n_segments: int = 3, names=None, noise=None, both: bool = False) -> Migration:
    """Return ten customers a segment, of whom three go to the next and one leaves."""
    ids = np.repeat(np.arange(n_segments), 10)
    old = pd.Series(ids, [f"c{i:03d}" for i in range(len(ids))])
    goes = old.groupby(old).cumcount() < 3
    new = old.where(~goes, (old + 1) % n_segments)
    if not both:
        new = new.drop(new.index[9::10])
        new.loc["newcomer"] = 0
    return migration(old, new, names, noise=noise)


def noise(share: float) -> RefitNoise:
    table = pd.DataFrame({"name": ["a"], "moved": share, "low": share, "high": share})
    return RefitNoise(share, share, share, table, np.array([share]), (), 30)


def test_bands_are_the_customers():
    ax = Figure().subplots()
    found = moved(3, {0: "A", 1: "B", 2: "C"})
    assert plot_migration_flow(found, ax) is ax
    bands = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    heights = {
        (
            to_hex(band.get_facecolor()),
            round(float(np.diff(band.get_path().vertices[[0, 7], 1])[0]), 9),
        )
        for band in bands
    }
    own = {(segment_color(i).lower(), float(n)) for i in range(3) for n in (6, 3, 1)}
    assert heights == own | {(GREY, 1.0)}
    assert len(bands) == 3 * 3 + 1
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    left = [bar.get_height() for bar in bars if bar.get_x() == 0]
    right = [bar.get_height() for bar in bars if bar.get_x() == 1]
    assert left == pytest.approx([10, 10, 10, 1])
    assert right == pytest.approx([10, 9, 9, 3])
    assert {"A  10", "B  9", "new customers  1", "gone customers  3"} <= set(texts(ax))


def test_cells_are_the_shares():
    ax = plot_migration_matrix(moved(3, {0: "A", 1: "B", 2: "C"}))
    assert texts(ax).count("60%") == 3
    assert texts(ax).count("30%") == 3
    assert texts(ax).count("10%") == 3
    assert "100%" in texts(ax)  # of the newcomer
    assert [one.get_text() for one in ax.get_yticklabels()] == [
        "A  10",
        "B  10",
        "C  10",
        "new customers  1",
    ]
    assert [one.get_text() for one in ax.get_xticklabels()][-1] == "gone customers"
    closed = plot_migration_matrix(moved(3, both=True))
    assert len(closed.get_yticklabels()) == len(closed.get_xticklabels()) == 3


def test_titles_say_who_moved_and_how_much_of_it_is_noise():
    names = {0: "A", 1: "B", 2: "C"}
    assert title(plot_migration_flow(moved(3, names))) == (
        "33% of customers changed segment; most of them from “A” to “B” (3)"
    )
    assert title(plot_migration_matrix(moved(3, names))) == (
        "33% of customers changed segment; “A” keeps the fewest (67%)"
    )
    told = title(plot_migration_flow(moved(3, names, noise(0.03))))
    assert told.startswith("33% of customers changed segment, 30% beyond what refits move")
    told = title(plot_migration_matrix(moved(3, names, noise(0.4))))
    assert told.startswith("33% of customers changed segment, no more than refits alone move")


def test_nobody_moved():
    old = pd.Series([0, 0, 1], list("abc"))
    for plot in BOTH:
        assert title(plot(migration(old, old))).startswith("0% of customers changed segment")


@pytest.mark.parametrize("plot", BOTH)
@pytest.mark.parametrize("n", [1, 5, 12])
def test_many_segments_and_hostile_names(plot, n):
    names = HOSTILE | {i: f"a rather long name of a segment, number {i}" for i in range(5, 13)}
    card = show(plot(moved(n, names)))
    assert "<script" not in card._repr_html_()
    assert "customers" in card.description.alt
    assert card.description.table["customers"].sum() == 10 * n + 1


@pytest.mark.parametrize("n", [8, 12])
def test_labels_do_not_stand_on_each_other(n):
    names = {i: f"a rather long name of a segment, number {i}" for i in range(n)}
    ids = np.repeat(np.arange(n), [200, *[2] * (n - 1)])
    old = pd.Series(ids, [f"c{i:03d}" for i in range(len(ids))])
    ax = plot_migration_flow(migration(old, old.iloc[2:], names))
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in ax.texts]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])
