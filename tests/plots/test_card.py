from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape, unescape

import numpy as np
import pandas as pd
import pytest

from segml.clustering import profile_segments
from segml.clv import HoldoutCheck
from segml.data import activity
from segml.features import build_features
from segml.plots import (
    plot_activity,
    plot_features,
    plot_holdout,
    plot_segment_profile,
    plot_segment_shares,
    plot_value_by_segment,
    show,
)
from segml.plots.style import INK, PALETTE, segment_color

from .conftest import HOSTILE, kpis


def _profile(names=None):
    frame = pd.DataFrame({"orders": np.arange(1.0, 21), "aov": np.tile([1.0, 2, 9, 4], 5)})
    return profile_segments(frame, pd.Series(np.arange(20) % 5), names)


def _holdout():
    table = pd.DataFrame(
        {"customers": [9, 3], "actual": [0.5, 2.0], "low": [0.2, 1.0], "high": [0.8, 3.0]},
        index=pd.Index(["0", "1"], name="frequency"),
    ).assign(expected=[0.6, 1.5])
    return HoldoutCheck(table, 10.5, 9.9, 0.4, 39.0)


DRAW = {
    "activity": lambda sample: plot_activity(activity(sample), currency="USD"),
    "features": lambda sample: plot_features(
        build_features(sample, None, ["recency_days", "orders", "aov"])
    ),
    "profile": lambda sample: plot_segment_profile(_profile()),
    "shares": lambda sample: plot_segment_shares(kpis(5)),
    "value": lambda sample: plot_value_by_segment(kpis(5), horizon="52 weeks"),
    "holdout": lambda sample: plot_holdout(_holdout(), time_unit="weeks"),
}


@pytest.fixture(scope="module")
def cards(cdnow_sample):
    return {name: show(draw(cdnow_sample)) for name, draw in DRAW.items()}


@pytest.mark.parametrize("name", DRAW)
def test_drawing_is_a_described_image_that_fits_the_page(cards, name):
    card = cards[name]
    root = ET.fromstring(card.svg)
    assert root.get("role") == "img"
    label = re.search(r'aria-label="([^"]*)"', card.svg)[1]
    assert unescape(label) == card.description.alt
    assert card.description.finding in card.description.alt or name in (
        "features",
        "shares",
        "value",
    )
    assert (root.get("width"), root.get("height")) == (None, None)
    assert len(root.get("viewBox").split()) == 4
    assert "<script" not in card.svg
    assert "<metadata" not in card.svg
    assert INK not in card.svg
    assert "currentColor" in card.svg
    assert "DejaVu" not in card.svg


@pytest.mark.parametrize("name", DRAW)
def test_finding_is_text_beside_the_drawing_and_not_in_it(cards, name):
    card = cards[name]
    inside = " ".join("".join(element.itertext()) for element in ET.fromstring(card.svg).iter())
    assert card.description.finding not in inside
    page = card._repr_html_()
    assert f'<p class="finding">{escape(card.description.finding)}</p>' in page
    assert re.search(r"\d", card.description.finding)


@pytest.mark.parametrize("name", DRAW)
def test_ids_are_unique_and_references_resolve(cards, name):
    ids = re.findall(r'\bid="([^"]*)"', cards[name].svg)
    assert len(ids) == len(set(ids)) > 3
    used = re.findall(r"url\(#([^)]*)\)", cards[name].svg)
    used += re.findall(r'href="#([^"]*)"', cards[name].svg)
    assert used
    assert set(used) <= set(ids)


def test_two_drawings_share_no_id_on_one_page(cards):
    ids = [i for card in cards.values() for i in re.findall(r'\bid="([^"]*)"', card._repr_html_())]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", DRAW)
def test_the_same_result_gives_the_same_bytes(cards, name, cdnow_sample):
    again = show(DRAW[name](cdnow_sample))
    assert again.svg == cards[name].svg
    assert again._repr_html_() == cards[name]._repr_html_()


def test_showing_leaves_the_title_on_the_axes():
    ax = plot_segment_shares(kpis(2))
    before = ax.get_title(loc="left")
    assert show(ax).description == show(ax).description
    assert ax.get_title(loc="left") == before != ""


@pytest.mark.parametrize("name", DRAW)
def test_table_has_every_number_as_written(cards, name):
    card = cards[name]
    page = card._repr_html_()
    body = page[page.index("<details>") :]
    cells = [
        unescape(cell)
        for cell in re.findall(
            r"<t[dh](?: scope=\"row\")?(?: class=\"num\")?>([^<]*)</t[dh]>", body
        )
    ]
    said = card.description
    expected = [
        said.formats[column](value) if column in said.formats else str(value)
        for row in said.table.itertuples(index=False)
        for column, value in zip(said.table.columns, row, strict=True)
    ]
    assert cells == expected
    assert [unescape(head) for head in re.findall(r'<th scope="col"[^>]*>([^<]*)', body)] == list(
        said.table.columns
    )


HOSTILE_DRAWINGS = {
    "shares": lambda: plot_segment_shares(kpis(5, HOSTILE)),
    "value": lambda: plot_value_by_segment(kpis(5, HOSTILE)),
    "profile": lambda: plot_segment_profile(_profile(HOSTILE)),
}


@pytest.mark.parametrize("name", HOSTILE_DRAWINGS)
def test_hostile_names_are_drawn_as_they_are(name):
    card = show(HOSTILE_DRAWINGS[name]())
    page = card._repr_html_()
    assert "<script" not in page
    assert "<b>" not in page
    drawn = ["".join(e.itertext()).strip() for e in ET.fromstring(card.svg).iter() if e.text]
    cells = [unescape(cell) for cell in re.findall(r"<th scope=\"row\">([^<]*)</th>", page)]
    for hostile in HOSTILE.values():
        assert hostile in drawn
        assert hostile in cells


def test_dollar_signs_of_a_finding_are_no_formula():
    ax = plot_value_by_segment(kpis(2, {1: "a $ b"}))
    assert ax.get_title(loc="left") == "A customer of “a $ b” is worth $5.00, 1.1 times the mean"
    ax.figure.draw_without_rendering()
    assert not any(artist.get_parse_math() for artist in [*ax.texts, *ax.get_yticklabels()])


def test_drawing_leaves_matplotlibs_settings_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    show(plot_segment_shares(kpis(2)))
    assert dict(mpl.rcParams) == before


def test_colours_of_segments_differ_and_repeat_in_order():
    assert len(set(PALETTE)) == len(PALETTE) == 8
    assert [segment_color(i) for i in range(8)] == list(PALETTE)
    assert segment_color(20) == PALETTE[0]


def test_a_result_on_ones_own_axes_can_be_shown():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    plot_segment_shares(kpis(2), right)
    plot_value_by_segment(kpis(2), left)
    assert show(left).description.finding != show(right).description.finding
