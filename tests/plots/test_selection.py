from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml.clustering import KMeansSegmenter
from segml.clustering.choosing import Selection, select_n_segments
from segml.plots import plot_selection, show

from .test_segments import texts, title


def result(by: str = "k", **columns) -> Selection:
    k = np.arange(2, 7)
    table = pd.DataFrame(
        {
            by: k,
            "n_segments": k,
            "stability": [0.9, 0.95, 0.8, 0.5, np.nan],
            "silhouette": [0.5, 0.4, 0.35, 0.3, 0.2],
            "smallest_share": [0.3, 0.2, 0.1, 0.05, 0.01],
            "explained": np.nan,
            "recommended": k == 3,
        }
    ).assign(**columns)
    return Selection(table, 3, "of the most that come back; more", "stable")


def test_a_line_for_each_measure_that_is_known():
    axes = plot_selection(result())
    assert [ax.get_ylabel() for ax in axes] == [
        "stability (Jaccard)",
        "silhouette",
        "smallest segment",
    ]
    for ax, column in zip(axes, ["stability", "silhouette", "smallest_share"], strict=True):
        line = ax.lines[0]
        assert line.get_xdata().tolist() == [2, 3, 4, 5, 6]
        np.testing.assert_array_equal(line.get_ydata(), result().table[column])
        assert ax.get_ylim()[0] == 0
    assert [texts(ax) for ax in axes] == [["0.95"], ["0.40"], ["20%"]]
    assert title(axes[0]) == "3 segments are recommended: of the most that come back"


def test_all_five_measures_on_given_axes():
    given = Figure().subplots(1, 5)
    full = result(explained=[0.1] * 5, border_density=[0.2] * 5)
    assert plot_selection(full, given) is given
    assert len(plot_selection(full)) == 5


def test_negative_and_missing_values():
    axes = plot_selection(result(silhouette=[-0.2, -0.1, 0.1, np.nan, 0.0]))
    assert axes[1].get_ylim()[0] < -0.2
    assert texts(axes[1]) == ["-0.10"]
    axes = plot_selection(result(stability=[0.9, np.nan, 0.8, 0.7, 0.6]))
    assert texts(axes[0]) == []


def test_density_has_its_own_candidates():
    axes = plot_selection(result("min_segment_size"))
    assert [ax.get_xlabel() for ax in axes] == ["min_segment_size (customers)"] * 4
    assert axes[0].get_ylabel() == "segments found"
    assert texts(axes[0]) == ["3"]
    finding = "3 segments, found with min_segment_size 3, are recommended"
    assert title(axes[0]) == f"{finding}: of the most that come back"
    table = show(axes).description.table
    assert table.columns[:2].tolist() == ["min_segment_size", "segments found"]


def test_what_is_explained_has_its_interval():
    y = np.array([0.1, 0.2, 0.15, -0.05, np.nan])
    given = result(explained=y, explained_low=y - 0.2, explained_high=y + 0.3)
    ax = plot_selection(given)[-1]
    drawn = ax.collections[0].get_segments()
    assert [tuple(np.round(line[:, 1], 9)) for line in drawn[:4]] == [
        (-0.1, 0.4), (0.0, 0.5), (-0.05, 0.45), (-0.25, 0.25),
    ]  # fmt: skip
    assert ax.get_ylim()[0] < -0.25
    assert ax.get_ylim()[1] > 0.5
    said = show(plot_selection(given)).description
    assert "95% intervals" in said.caption
    assert said.formats["explained low"](0.123) == "12%"
    assert "95% intervals" not in show(plot_selection(result())).description.caption


def test_the_table_has_what_is_known():
    said = show(plot_selection(result())).description
    assert said.table["recommended"].tolist() == ["", "yes", "", "", ""]
    assert "explained" not in said.table
    assert said.table["smallest share"].tolist() == [0.3, 0.2, 0.1, 0.05, 0.01]
    assert said.caption.startswith("Of the most that come back; more. ")
    assert "stability (Jaccard), silhouette, smallest segment" in said.alt


@pytest.mark.parametrize("with_holdout", [False, True])
def test_a_result_of_select_n_segments(with_holdout):
    random = np.random.default_rng(0)
    index = [f"c{i}" for i in range(120)]
    frame = pd.DataFrame({"a": np.r_[random.normal(0, 1, 60), random.normal(9, 1, 60)]}, index)
    later = pd.Series(random.gamma(2, 3, 120), index) if with_holdout else None
    found = select_n_segments(KMeansSegmenter(), frame, [2, 3, 4], holdout=later, n_resamples=3)
    card = show(plot_selection(found))
    assert card.description.finding.startswith(f"{found.recommended} segments are recommended: ")
    assert ("explained" in card.description.table) == with_holdout
    assert card._repr_html_()
