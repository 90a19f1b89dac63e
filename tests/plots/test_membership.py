from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml.clustering.overlap import MembershipOverlap
from segml.plots import plot_membership_overlap, show

from .conftest import HOSTILE
from .test_segments import texts, title


def overlap(values, names=None, noise=0) -> MembershipOverlap:
    ids = pd.RangeIndex(len(values))
    segments = pd.DataFrame(
        {"name": [(names or {}).get(i, f"s{i}") for i in ids], "size": 10, "torn": 0.25}, index=ids
    )
    return MembershipOverlap(pd.DataFrame(values, ids, ids), segments, noise)


THREE = [[0.8, 0.15, 0.05], [0.3, 0.7, 0.0], [0.0, 0.0, 0.9]]


def test_cells_hold_the_memberships():
    ax = Figure().subplots()
    assert plot_membership_overlap(overlap(THREE), ax) is ax
    assert texts(ax) == ["80%", "15%", "5.0%", "30%", "70%", "0%", "0%", "0%", "90%"]
    (mesh,) = ax.collections
    np.testing.assert_allclose(mesh.get_array(), THREE)
    assert title(ax) == "“s1” overlap most: on average they belong to “s0” by 30%"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["s0", "s1", "s2"]


def test_segments_apart_one_segment_and_empty_ones():
    assert title(plot_membership_overlap(overlap(np.eye(3)))) == (
        "Segments do not overlap: every customer belongs to one of them"
    )
    assert "only segment" in title(plot_membership_overlap(overlap([[1.0]])))
    ax = plot_membership_overlap(overlap([[0.9, 0.1], [np.nan, np.nan]]))
    assert texts(ax) == ["90%", "10%", "n/a", "n/a"]
    assert "“s0” overlap most" in title(ax)


def test_the_table_and_the_noise():
    said = show(plot_membership_overlap(overlap(THREE, noise=4))).description
    assert said.table.columns.tolist() == ["customers of", "“s0”", "“s1”", "“s2”", "torn"]
    assert said.table.iloc[:, 1:4].to_numpy().tolist() == THREE
    assert "4 customers without a segment" in said.caption
    assert said.finding in said.alt


@pytest.mark.parametrize("n", [5, 12])
def test_many_segments_and_hostile_names(n):
    card = show(plot_membership_overlap(overlap(np.full((n, n), 1 / n), HOSTILE)))
    assert "<script" not in card._repr_html_()
    assert len(card.description.table) == n


@pytest.mark.parametrize("name", ["torn", "customers of"])
def test_a_segment_may_be_called_as_a_column(name):
    card = show(plot_membership_overlap(overlap(THREE, {0: name})))
    assert card._repr_html_().count(name) >= 2


def test_of_many_segments_columns_are_numbered_and_small_shares_left_out():
    values = np.full((20, 20), 0.001) + 0.98 * np.eye(20)
    values[3, 5], values[7] = 0.02, np.nan
    ax = plot_membership_overlap(overlap(values))
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(i) for i in range(1, 21)]
    assert ax.get_yticklabels()[4].get_text() == "s4  5"
    said = texts(ax)
    assert said.count("98%") == 19
    assert said.count("2.0%") == 1
    assert said.count("n/a") == 20
    assert said.count("") == 400 - 40
    assert "Shares under 1.0% are not written" in show(ax).description.caption
    assert "not written" not in show(plot_membership_overlap(overlap(THREE))).description.caption
