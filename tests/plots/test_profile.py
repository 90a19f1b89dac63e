from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segml._core import text
from segml.clustering import profile_segments
from segml.plots import plot_segment_profile, show

from .test_segments import texts, title

IDS = list("abcdefgh")
FRAME = pd.DataFrame(
    {"orders": [1, 2, 1, 3, 9, 12, 8, 11], "visits": [4.0, 2, 3, 5, 2, 4, 3, 6]}, index=IDS
)
LABELS = pd.Series([0, 0, 0, 0, 1, 1, 1, 1], index=IDS)


def test_profile_shows_medians_and_the_largest_difference():
    profile = profile_segments(FRAME, LABELS, {0: "Few", 1: "Many"})
    ax = Figure().subplots()
    assert plot_segment_profile(profile, ax) is ax
    assert texts(ax) == ["1.50", "3.50", "10", "3.50"]
    logs = np.log1p(FRAME["orders"].to_numpy())
    few, many = logs[:4], logs[4:]
    d = (many.mean() - few.mean()) / np.sqrt((few.var(ddof=1) + many.var(ddof=1)) / 2)
    assert title(ax).startswith("“Few” differ most: orders ")
    assert text.decimal(d, 2) in title(ax)
    assert title(ax).endswith("standard deviations below everyone else")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Orders", "visits"]


def test_profile_table_holds_effects_and_intervals():
    profile = profile_segments(FRAME, LABELS, {0: "Few", 1: "Many"})
    table = show(plot_segment_profile(profile)).description.table
    assert table["segment"].tolist() == ["Few", "Few", "Many", "Many"]
    assert table["feature"].tolist() == ["Orders", "visits"] * 2
    assert table["median of all"].tolist() == [5.5, 3.5] * 2
    for column in ("median", "effect", "low", "high"):
        assert table[column].tolist() == profile.table[column].tolist()


def test_profile_without_any_difference():
    same = pd.DataFrame({"orders": [2.0] * 8}, index=IDS)
    ax = plot_segment_profile(profile_segments(same, LABELS))
    assert title(ax) == "The segments do not differ"
    assert texts(ax) == ["2", "2"]
    assert "n/a" in show(ax)._repr_html_()


def test_profile_of_one_segment_and_of_many():
    ax = plot_segment_profile(profile_segments(FRAME, LABELS * 0))
    assert texts(ax) == ["5.50", "3.50"]
    wide = pd.DataFrame({"orders": np.arange(20.0), "visits": 1.0})
    ax = plot_segment_profile(profile_segments(wide, pd.Series(np.arange(20) // 2)))
    assert len(ax.get_yticks()) == 10
    assert "“segment 0” differ most" in title(ax)


def test_categories_show_their_level_and_its_share():
    mixed = FRAME.assign(country=list("FFFFDDDA"), gender=[None, *"fmfmfmf"])
    ax = plot_segment_profile(profile_segments(mixed, LABELS, {0: "Few", 1: "Many"}))
    assert texts(ax)[:4] == ["1.50", "3.50", "F\n100%", "f\n67%"]
    alone = plot_segment_profile(
        profile_segments(mixed[["country"]], LABELS, {0: "Few", 1: "Many"})
    )
    assert title(alone) == "“Few” differ most: country F for 100% of them, for 50% of all"
    card = show(ax)
    table = card.description.table
    assert table.columns[-5:].tolist() == ["level", "share", "share of all", "lift", "missing"]
    assert table["missing"].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert "Cohen's h" in card.description.caption
    assert ">nan<" not in card._repr_html_()


def test_many_features_are_set_below_each_other():
    wide = pd.DataFrame({f"x{i}": np.arange(8.0) ** i for i in range(1, 12)}, index=IDS)
    ax = plot_segment_profile(profile_segments(wide, LABELS, {0: "Few", 1: "Many"}))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Few", "Many"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(wide)
    assert texts(ax)[:2] == ["1.50", "5.50"]
