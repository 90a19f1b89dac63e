from __future__ import annotations

import xml.etree.ElementTree as ET
from html import unescape
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from segml.clustering import KMeansSegmenter
from segml.clustering.segment_map import SegmentMap, map_segments
from segml.plots import plot_segment_map, show
from segml.plots.style import GREY, segment_color

from .conftest import HOSTILE
from .test_segments import texts, title


def mapped(n: int = 600, k: int = 3, apart: float = 8.0, names=None, noise: int = 0) -> SegmentMap:
    """Return round segments on a circle, some customers without one."""
    random = np.random.default_rng(0)
    labels = np.arange(n) % k
    turn = 2 * np.pi * labels / k
    places = apart * np.stack([np.cos(turn), np.sin(turn)], axis=1) + random.normal(size=(n, 2))
    labels[:noise] = -1
    frame = pd.DataFrame(places, columns=["a", "b"])
    segmenter = KMeansSegmenter(n_segments=k).fit(frame)
    segmenter.predict = lambda X: labels
    segmenter.segments_["name"] = [(names or {}).get(i, f"segment {i}") for i in range(k)]
    return map_segments(segmenter, frame, places)


def picture(ax) -> np.ndarray:
    (image,) = ax.images
    return np.asarray(image.get_array())


def test_every_customer_is_in_the_picture_in_the_segments_colour():
    one = mapped()
    ax = Figure(figsize=(6, 5)).subplots()
    assert plot_segment_map(one, ax) is ax
    image = picture(ax)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    rows, columns, _ = image.shape
    for x, y, segment in one.points.itertuples(index=False):
        cell = image[
            int((y - low) / (high - low) * rows), int((x - left) / (right - left) * columns)
        ]
        assert cell[3] >= round(255 * 0.3)
        assert np.abs(cell[:3] / 255 - to_rgb(segment_color(segment))).max() < 0.01


def test_denser_places_are_stronger_and_mixed_places_have_mixed_colours():
    places = np.array([[0.0, 0]] * 50 + [[10, 0]] * 1 + [[5, 5]] * 4)
    one = mapped(55, 2)
    points = pd.DataFrame(
        {"x": places[:, 0], "y": places[:, 1], "segment": [0] * 51 + [0, 0, 1, 1]}
    )
    ax = plot_segment_map(SegmentMap(points, one.segments, one.mixing, ("a", "b")))
    image = picture(ax)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()

    def at(x, y):
        rows, columns, _ = image.shape
        return image[
            int((y - low) / (high - low) * rows), int((x - left) / (right - left) * columns)
        ]

    assert at(0, 0)[3] > at(5, 5)[3] > at(10, 0)[3] == round(255 * 0.3)
    both = [np.array(to_rgb(segment_color(i))) for i in (0, 1)]
    expected = np.sqrt((both[0] ** 2 + both[1] ** 2) / 2)
    np.testing.assert_allclose(at(5, 5)[:3] / 255, expected, atol=0.01)


def test_noise_is_grey_and_has_no_label():
    one = mapped(noise=90)
    ax = plot_segment_map(one)
    assert texts(ax) == [text for text in texts(ax) if text.startswith("segment ")]
    assert len(texts(ax)) == 3
    greys = np.abs(picture(ax)[..., :3] / 255 - to_rgb(GREY)).max(axis=2) < 0.01
    assert (greys & (picture(ax)[..., 3] > 0)).sum() > 90
    assert "Grey: 90 customers without a segment" in show(ax).description.caption


def test_the_title_says_how_far_segments_mix():
    assert title(plot_segment_map(mapped())) == (
        "On the map 100% of neighbours share a segment: the segments stand apart"
    )
    one = mapped(apart=1.5)
    own = np.average(one.segments["own"], weights=one.segments["size"])
    assert title(plot_segment_map(one)).startswith(f"On the map {100 * own:.0f}% of neighbours")
    assert "mix most, with" in title(plot_segment_map(one))


@pytest.mark.parametrize(("k", "apart"), [(1, 1.0), (2, 0.5), (12, 0.5), (8, 6.0)])
def test_labels_do_not_overlap_and_stay_inside(k, apart):
    names = {i: f"Segment of long name {i}" for i in range(k)}
    ax = plot_segment_map(mapped(40 * k, k, apart, names))
    assert len(texts(ax)) == k
    ax.figure.draw_without_rendering()
    boxes = [artist.get_bbox_patch().get_window_extent() for artist in ax.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    frame = ax.get_window_extent().padded(1)
    for box in boxes:
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert frame.y0 <= box.y0
        assert box.y1 <= frame.y1


def test_both_axes_have_one_scale():
    ax = plot_segment_map(mapped())
    box = ax.get_window_extent()
    across = np.diff(ax.get_xlim())[0] / box.width
    up = np.diff(ax.get_ylim())[0] / box.height
    assert across == pytest.approx(up, rel=1e-6)


def test_the_line_holds_half_of_a_segment():
    one = mapped(20_000, 2, 10.0)
    ax = plot_segment_map(one)
    for i, drawn in enumerate(ax.collections[1::2]):
        points = one.points.loc[one.points["segment"] == i, ["x", "y"]].to_numpy()
        inside = drawn.get_paths()[0].contains_points(points).mean()
        assert inside == pytest.approx(0.5, abs=0.05)


def test_the_table_holds_the_segments():
    one = mapped(noise=60)
    card = show(plot_segment_map(one))
    assert card.description.table["customers"].tolist() == one.segments["size"].tolist()
    assert card.description.table["neighbours of its own"].tolist() == one.segments["own"].tolist()
    assert card.description.finding in card.description.alt


def test_drawing_again_gives_the_same_bytes_whatever_the_row_order():
    one = mapped(apart=2.0)
    shuffled = SegmentMap(
        one.points.sample(frac=1, random_state=0), one.segments, one.mixing, one.axes
    )
    assert show(plot_segment_map(one)).svg == show(plot_segment_map(shuffled)).svg


def test_hostile_names():
    svg = show(plot_segment_map(mapped(200, 5, names=HOSTILE))).svg
    assert "<script" not in svg
    drawn = ["".join(e.itertext()).strip() for e in ET.fromstring(svg).iter() if e.text]
    for hostile in HOSTILE.values():
        assert unescape(hostile) in drawn or hostile in drawn


@pytest.mark.parametrize("n", [2, 30])
def test_customers_at_one_place(n):
    frame = pd.DataFrame({"a": [1.0] * n, "b": [2.0] * n})
    one = map_segments(KMeansSegmenter(n_segments=1).fit(frame), frame)
    ax = plot_segment_map(one)
    assert title(ax) == f"{n} customers, 1 segment on the map"
    assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()


def test_only_noise():
    one = mapped(60, 2, noise=60)
    assert title(plot_segment_map(one)) == "60 customers, 0 segments on the map"


def test_many_customers_make_a_small_picture():
    few = mapped(80, 8)
    random = np.random.default_rng(0)
    points = pd.DataFrame(random.normal(size=(100_000, 2)), columns=["x", "y"])
    points["segment"] = random.integers(-1, 8, 100_000)
    many = SegmentMap(points, few.segments, few.mixing, few.axes)
    assert len(show(plot_segment_map(many)).svg) < 600_000
