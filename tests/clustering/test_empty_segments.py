"""Segments of a table of rules that have no customer: nothing fails, and it is said."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from segml.clustering import (
    RFM_SEGMENTS,
    RFMSegmenter,
    cautions,
    map_segments,
    match_segments,
    membership_overlap,
    personas,
    profile_segments,
    segment_affinity,
    segment_rules,
    silhouette_values,
    stability,
)
from segml.clustering._empty import empty_segments, listed, say_empty
from segml.data import load_cdnow, simulate_store
from segml.export import load_model, save_model
from segml.features import rfm_summary
from segml.kpis import kpi_table
from segml.plots import (
    plot_membership_overlap,
    plot_segment_map,
    plot_segment_profile,
    plot_segment_shares,
    plot_silhouettes,
    plot_stability,
    show,
)
from segml.plots.style import segment_color

NAMES = list(RFM_SEGMENTS)
EMPTY = ["New", "Promising"]  # of CDNOW all bought first in one quarter, long before the end
SAID = "“New” and “Promising” have no customers"


def few(n: int = 5) -> pd.DataFrame:
    """Return a summary of customers in few of the segments."""
    return pd.DataFrame(
        {
            "frequency": [0, 0, 1, 3, 9][:n],
            "recency": [0, 0, 20, 30, 99][:n],
            "T": [3, 99, 99, 99, 100][:n],
            "monetary_value": [np.nan, np.nan, 10.0, 20.0, 50.0][:n],
        },
        index=pd.Index(list("abcde")[:n], name="customer_id"),
    )


def words(result) -> str:
    """Return the text of the page that a result shows itself as."""
    page = re.sub(r"<style.*?</style>", "", result._repr_html_(), flags=re.S)
    return re.sub(r"<[^>]+>", " ", page)


def _assert_no_nan(said: str) -> None:
    assert not re.search(r"\b(nan|NaN|inf|None)\b", said)


@pytest.fixture(scope="module")
def rfm() -> pd.DataFrame:
    return rfm_summary(load_cdnow())


@pytest.fixture(scope="module")
def cdnow(rfm) -> RFMSegmenter:
    return RFMSegmenter().fit(rfm)


def test_words_for_empty_segments():
    names = {0: "A", 1: "B", 2: "C", -1: "noise"}
    assert empty_segments(names, [1]) == ("A", "C")
    assert empty_segments({}, [0]) == ()
    assert say_empty(["A", "B", "C"]) == "“A”, “B” and “C” have no customers"
    assert listed([7]) == "7"
    assert listed([]) == ""


def test_the_table_keeps_them(cdnow):
    sizes = cdnow.segments_.set_index("name")["size"]
    assert sizes.index.tolist() == NAMES
    assert sizes[sizes == 0].index.tolist() == EMPTY


def test_the_profile_says_so(cdnow, rfm):
    found = profile_segments(rfm, cdnow)
    assert found.empty == tuple(EMPTY)
    assert SAID in words(found)
    _assert_no_nan(words(found))
    assert not {3, 4} & set(found.table["segment"])
    assert profile_segments(rfm, cdnow.labels_).empty == ()


def test_they_have_no_rule(cdnow, rfm):
    found = segment_rules(rfm, cdnow)
    assert f"{SAID}, and so no rule" in words(found)
    assert not {3, 4} & set(found.boxes)
    _assert_no_nan(words(found))


def test_their_stability_is_not_known(cdnow, rfm):
    found = stability(cdnow, rfm, n_resamples=3)
    rows = found.table.loc[[3, 4]]
    assert rows["jaccard"].isna().all()
    assert rows["verdict"].eq("unknown").all()
    assert words(found).count("no customers") == 2
    _assert_no_nan(words(found))
    card = show(plot_stability(found))
    assert card.description.finding.endswith("; 2 have no customers")
    assert "8 of 10 segments come back" in card.description.finding
    assert card.svg.count("no customers") == 5  # at two bars, and thrice in the alternative text
    assert "New: no customers" in card.description.alt


def test_they_keep_their_identity_by_name(cdnow, rfm):
    earlier = RFMSegmenter().fit(rfm.iloc[::2])
    found = match_segments(earlier, cdnow)
    assert found.mapping == {i: i for i in range(10)}
    assert found.ids == {i: i for i in range(10)}
    assert found.by_name == (3, 4)
    assert (found.gone, found.born) == ([], [])
    assert "10 of 10 segments are those of before" in words(found)
    assert words(found).count("by its name") == 2
    pd.testing.assert_series_equal(found.rename(cdnow.labels_), cdnow.labels_)


def test_a_segment_that_fills_is_the_empty_one_of_its_name_and_no_other():
    index = list("abcdef")
    old = pd.Series([0, 0, 0, 1, 1, 1], index)
    new = pd.Series([0, 0, 1, 1, 1, 2], index)
    names = {0: "Loyal", 1: "Lapsed", 2: "New", 3: "Other"}
    filled = RFMSegmenter()
    filled.labels_ = new
    filled.segments_ = pd.DataFrame({"name": ["Loyal", "Lapsed", "New"]})
    found = match_segments(old, filled, names)
    assert found.mapping == {0: 0, 1: 1, 2: 2}
    assert found.by_name == (2,)
    assert found.gone == [3]
    # A name alone does not make one of two segments that have customers.
    both = match_segments(
        pd.Series([0, 0, 1, -1], list("abcd")), pd.Series([1, 1, -1, 0], [*"abcd"])
    )
    assert both.mapping == {0: None, 1: 0}


def test_they_are_a_caution(cdnow, rfm):
    first = cautions(cdnow, rfm)[0]
    assert (first.kind, first.segments, first.what) == ("too little data", (3, 4), SAID)
    _assert_no_nan(str(cautions(cdnow, rfm)))


def test_overlap_map_and_silhouettes_leave_them_out(cdnow, rfm):
    overlap = membership_overlap(cdnow, rfm)
    assert overlap.matrix.loc[[3, 4]].isna().all(axis=None)
    card = show(plot_membership_overlap(overlap))
    assert SAID in card.description.caption
    values = silhouette_values(cdnow, rfm, max_customers=200)
    assert values.empty == tuple(EMPTY)
    assert SAID in show(plot_silhouettes(values)).description.caption
    mapped = map_segments(cdnow, rfm)
    assert mapped.segments.loc[[3, 4], "own"].isna().all()
    drawn = show(plot_segment_map(mapped)).description
    assert SAID in drawn.caption
    assert "n/a" not in drawn.alt
    assert "score" in mapped.axes[0]


def test_scores_are_the_scale_of_silhouettes(cdnow, rfm):
    values = silhouette_values(cdnow, rfm.iloc[:300], max_customers=300).values
    from sklearn.metrics import silhouette_samples

    scores = cdnow.scores(rfm.iloc[:300])
    points = scores.drop(columns="rfm").to_numpy(float)
    expected = silhouette_samples(points, cdnow.labels_.iloc[:300])
    expected = pd.Series(expected, rfm.index[:300])[values.index]
    np.testing.assert_allclose(values["silhouette"], expected, atol=1e-7)


def test_a_segment_has_its_colour_whether_others_are_empty_or_not(cdnow):
    kpis = kpi_table(
        load_cdnow(),
        cdnow.labels_,
        cdnow.segments_["name"],
        kpis=["share_of_customers", "share_of_revenue"],
    )
    _assert_no_nan(words(kpis))
    ax = plot_segment_shares(kpis)
    names = [label.get_text() for label in ax.get_yticklabels()]
    marks = [line for line in ax.lines if line.get_marker() == "o" and line.get_markersize() > 9]
    assert {names[int(mark.get_ydata()[0])]: mark.get_markerfacecolor() for mark in marks} == {
        name: segment_color(NAMES.index(name)) for name in names
    }
    card = show(plot_segment_profile(profile_segments(rfm_summary(load_cdnow()), cdnow)))
    assert SAID in card.description.caption


def test_a_saved_one_knows_them(cdnow, rfm, tmp_path):
    for ending in ("json", "skops"):
        again = load_model(save_model(cdnow, tmp_path / f"rfm.{ending}"))
        pd.testing.assert_frame_equal(again.segments_, cdnow.segments_)
        pd.testing.assert_series_equal(again.predict(rfm), cdnow.labels_)


def test_personas_and_affinity_say_so():
    data, _ = simulate_store(60, seed=3)
    rfm = rfm_summary(data)
    segmenter = RFMSegmenter().fit(rfm)
    empty = segmenter.segments_.query("size == 0")["name"].tolist()
    assert empty
    cards = personas(data, rfm, segmenter)
    assert len(cards) == 10 - len(empty)
    for found in (cards, segment_affinity(data, segmenter)):
        assert say_empty(empty) in words(found)
        _assert_no_nan(words(found))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_customers_in_few_segments(n):
    frame = few(n).fillna({"monetary_value": 1.0})
    segmenter = RFMSegmenter().fit(frame)
    results = [
        profile_segments(frame, segmenter),
        segment_rules(frame, segmenter),
        stability(segmenter, frame, n_resamples=3),
        match_segments(segmenter, segmenter),
        cautions(segmenter, frame),
    ]
    for found in results:
        _assert_no_nan(words(found))
    show(plot_segment_profile(results[0]))
    assert "no customers" in show(plot_stability(results[2])).description.finding
    show(plot_membership_overlap(membership_overlap(segmenter, frame)))
    assert results[3].mapping == {i: i for i in range(10)}
    if n > 1:
        show(plot_segment_map(map_segments(segmenter, frame)))


def test_merging_leaves_none_empty(rfm):
    merged = RFMSegmenter(min_segment_size=1).fit(rfm)
    assert merged.segments_["size"].min() > 0
    assert profile_segments(rfm, merged).empty == ()
