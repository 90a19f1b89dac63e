from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from segml.clustering.silhouettes import Silhouettes
from segml.plots import plot_silhouettes, show
from segml.plots.style import segment_color

from .conftest import HOSTILE
from .test_segments import texts, title


def silhouettes(values: dict[int, list[float]], names=None, sizes=None, noise=0) -> Silhouettes:
    segments = np.repeat(list(values), [len(v) for v in values.values()])
    flat = np.concatenate(list(values.values()))
    frame = pd.DataFrame({"segment": segments, "silhouette": flat, "nearest": 0})
    table = pd.DataFrame(
        {
            "name": [(names or {}).get(i, f"segment {i}") for i in values],
            "size": [(sizes or {}).get(i, len(v)) for i, v in values.items()],
            "sampled": [len(v) for v in values.values()],
            "mean": [float(np.mean(v)) for v in values.values()],
            "low": [float(np.mean(v)) - 0.01 for v in values.values()],
            "high": [float(np.mean(v)) + 0.01 for v in values.values()],
            "negative": [float(np.mean(np.array(v) < 0)) for v in values.values()],
        },
        index=pd.Index(list(values), name="segment"),
    )
    return Silhouettes(frame, table, float(np.average(table["mean"], weights=table["size"])), noise)


TWO = {0: [0.2, 0.8, 0.5, 0.6], 2: [-0.3, 0.1, 0.3, 0.1]}


def test_strips_are_sorted_in_the_segments_colours():
    ax = Figure().subplots()
    assert plot_silhouettes(silhouettes(TWO), ax) is ax
    assert [to_hex(c.get_facecolor()[0]) for c in ax.collections] == [
        segment_color(i).lower() for i in TWO
    ]
    for row, values in enumerate(TWO.values()):
        corners = ax.collections[row].get_paths()[0].vertices
        drawn = [x for x, y in corners if x != 0]
        assert set(np.round(drawn, 9)) == set(values)
        heights = corners[:, 1]
        assert heights.min() == pytest.approx(row - 0.43)
        assert heights.max() == pytest.approx(row + 0.43)


def test_means_are_marked_and_said():
    ax = plot_silhouettes(silhouettes(TWO))
    assert texts(ax) == ["0.53", "0.050", "mean of all 0.29"]
    marks = {float(line.get_xdata()[0]) for line in ax.lines}
    assert {0.525, 0.05} <= {round(mark, 9) for mark in marks}
    assert title(ax) == (
        "“segment 0” is the clearest segment (silhouette 0.53), “segment 2” the least clear "
        "(0.050): 25% of its customers are nearer to another"
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "segment 0\n50%",
        "segment 2\n50%",
    ]


def test_a_sample_and_noise_are_said():
    said = show(plot_silhouettes(silhouettes(TWO, sizes={0: 90, 2: 10}, noise=7))).description
    assert "8 of 100 customers are looked at" in said.caption
    assert "7 customers without a segment are left out" in said.caption
    assert said.table["share"].tolist() == [0.9, 0.1]
    assert "looked at" not in show(plot_silhouettes(silhouettes(TWO))).description.caption


def test_many_customers_make_a_small_drawing():
    random = np.random.default_rng(0)
    many = {i: list(random.uniform(-0.2, 0.9, 5000)) for i in range(8)}
    ax = plot_silhouettes(silhouettes(many))
    assert len(show(ax).svg) < 150_000
    for i, strip in enumerate(ax.collections):  # quantiles stand for their customers
        x = strip.get_paths()[0].vertices[:, 0]
        assert x.max() == pytest.approx(np.quantile(many[i], 0.995), abs=1e-9)


@pytest.mark.parametrize("n", [2, 12])
def test_any_number_of_segments_and_hostile_names(n):
    card = show(plot_silhouettes(silhouettes({i: [0.1, 0.5] for i in range(n)}, HOSTILE)))
    assert "<script" not in card._repr_html_()
    assert len(card.description.table) == n
