from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segml.clustering import KMeansSegmenter
from segml.clustering.resampling import VERDICTS, Stability, stability, verdict
from segml.plots import plot_stability, show
from segml.plots.stability_bars import BANDS
from segml.plots.style import segment_color

from .conftest import HOSTILE
from .test_segments import texts, title


def result(jaccard: list[float], names=None, ari: float = 0.7) -> Stability:
    table = pd.DataFrame(
        {
            "name": [(names or {}).get(i, f"s{i}") for i in range(len(jaccard))],
            "size": 10,
            "jaccard": jaccard,
            "low": np.array(jaccard) - 0.1,
            "high": np.minimum(np.array(jaccard) + 0.1, 1),
            "dissolved": 0.0,
            "verdict": ["unknown" if np.isnan(j) else verdict(j) for j in jaccard],
        },
        index=pd.RangeIndex(len(jaccard), name="segment"),
    )
    return Stability(table, ari, ari, ari, 0.0, np.nan, pd.DataFrame(), (), "bootstrap", 30)


def bars(ax) -> list[Rectangle]:
    return [one for container in ax.containers for one in container]


def test_bars_are_the_similarities_with_their_intervals():
    ax = Figure().subplots()
    assert plot_stability(result([0.9, 0.7, 0.5]), ax) is ax
    assert [bar.get_width() for bar in bars(ax)] == [0.9, 0.7, 0.5]
    assert [to_hex(bar.get_facecolor()) for bar in bars(ax)] == [
        segment_color(i).lower() for i in range(3)
    ]
    drawn = [tuple(np.round(line.get_xdata(), 9)) for line in ax.lines]
    for low, high in ((0.8, 1.0), (0.6, 0.8), (0.4, 0.6)):
        assert (low, high) in drawn
    assert {"0.90", "0.70", "0.50"} <= set(texts(ax))


def test_bands_are_those_of_the_verdicts():
    assert {low: word for low, _, word in BANDS} == VERDICTS
    ax = plot_stability(result([0.9]))
    said = {text.replace("\n", " ") for text in texts(ax)}
    assert set(VERDICTS.values()) <= said


@pytest.mark.parametrize(
    ("jaccard", "finding"),
    [
        (
            [0.9, 0.7, 0.5],
            "1 of 3 segments come back in resamples; “s2” is not to be trusted (Jaccard 0.50)",
        ),
        ([0.9, 0.7], "1 of 2 segments come back in resamples; “s1” is doubtful (Jaccard 0.70)"),
        ([0.9, 0.8], "All 2 segments come back in resamples (“s1” least, Jaccard 0.80)"),
        ([0.95], "The segment comes back in resamples: 0.95"),
        (
            [0.9, np.nan],
            "1 of 2 segments come back in resamples: 0.90; 1 could not be looked at",
        ),
        ([np.nan], "The stability of 1 segments is not known"),
    ],
)
def test_the_title_says_what_can_be_trusted(jaccard, finding):
    assert title(plot_stability(result(jaccard))) == finding


def test_missing_values_are_said_and_the_index_is_in_the_caption():
    card = show(plot_stability(result([0.9, np.nan])))
    assert ">never drawn<" in card.svg
    assert "n/a" not in card.description.alt
    assert "adjusted Rand index 0.70" in card.description.caption
    assert "Rand" not in show(plot_stability(result([0.9], ari=np.nan))).description.caption


@pytest.mark.parametrize("n", [5, 12])
def test_many_segments_and_hostile_names(n):
    card = show(plot_stability(result([0.8] * n, HOSTILE)))
    assert "<script" not in card._repr_html_()
    assert len(card.description.table) == n


def test_a_result_of_stability():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": np.r_[random.normal(0, 1, 60), random.normal(9, 1, 60)]})
    found = stability(KMeansSegmenter(n_segments=2), frame, n_resamples=5)
    card = show(plot_stability(found))
    assert card.description.finding.startswith("All 2 segments come back")
    assert card.description.table["jaccard"].tolist() == found.table["jaccard"].tolist()


def test_names_stand_above_bars_so_that_a_phone_has_room():
    long = "A name that is a good deal longer than the figure is wide"
    ax = plot_stability(result([0.9, 0.7], {0: "Loyal", 1: long}))
    assert ax.get_figure().get_figwidth() < 5
    assert not ax.get_yticklabels()
    place = {artist.get_text(): artist.xy for artist in ax.texts}
    assert place["Loyal"][1] < 0 < place[f"{long[:43]}…"][1] < 1
