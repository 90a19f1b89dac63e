from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import multinomial_proportions_confint, proportion_confint

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.clustering import KMeansSegmenter
from segml.evaluation.migration_noise import refit_noise
from segml.evaluation.migration_result import migration

NAMES = {0: "Loyal", 1: "Lapsed", 2: "New"}


def labels(ids, start: int = 0) -> pd.Series:
    return pd.Series(list(ids), [f"c{i:04d}" for i in range(start, start + len(ids))])


def lumps(n: int, seed: int, apart: float = 9.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    centers = apart * np.array([[0, 0], [1, 0], [0, 1]])
    points = centers[rng.choice(3, n, p=[0.5, 0.3, 0.2])] + rng.normal(size=(n, 2))
    return pd.DataFrame(points, [f"c{i:05d}" for i in range(n)], ["spend", "visits"])


def test_counts_by_hand():
    old = labels([0] * 10 + [1] * 6 + [2] * 4)
    new = labels([0] * 5 + [1] * 3 + [1] * 5 + [2] * 1 + [2] * 4, start=2)
    found = migration(old, new, NAMES)
    counts = found.counts()
    assert counts.loc["Loyal", "gone customers"] == 2
    assert counts.drop(columns="gone customers").to_numpy().tolist() == [
        [5, 3, 0],
        [0, 5, 1],
        [0, 0, 4],
    ]
    assert found.moved == 4 / 18
    assert (found.n_both, found.n_gone, found.n_entered) == (18, 2, 0)
    segments = found.segments
    assert segments["old_size"].tolist() == [10, 6, 4]
    assert segments["new_size"].tolist() == [5, 8, 5]
    assert segments["stay_share"].tolist() == [5 / 8, 5 / 6, 1]
    reference = proportion_confint(5, 8, method="wilson")
    assert segments.loc[0, ["low", "high"]].tolist() == pytest.approx(reference)
    reference = proportion_confint(4, 18, method="wilson")
    assert (found.moved_low, found.moved_high) == pytest.approx(reference)


def test_row_intervals_are_goodmans():
    old, new = labels([0] * 50 + [1] * 50), labels([0] * 30 + [1] * 20 + [1] * 45 + [0] * 5)
    found = migration(old, new, match=False).table
    row = found[found["old"] == 0]
    assert row["customers"].tolist() == [30, 20, 0]
    z2 = 5.731  # upper 5 / 3 % of chi-squared with 1 degree of freedom, to four digits
    n, x = 50, row["customers"].to_numpy()
    half = np.sqrt(z2 * (z2 + 4 * x * (n - x) / n))
    low = (z2 + 2 * x - half) / (2 * (n + z2))
    assert row["low"].to_numpy() == pytest.approx(low, abs=2e-4)
    # statsmodels has α / k as well; it calls the same interval goodman.
    reference = multinomial_proportions_confint(x, 0.05, method="goodman")
    assert row[["low", "high"]].to_numpy() == pytest.approx(reference, abs=1e-9)


def test_identity_is_matched_and_can_be_taken_as_it_is():
    old = labels([0] * 10 + [1] * 8)
    new = old.map({0: 1, 1: 0})
    assert migration(old, new).moved == 0
    assert migration(old, new, NAMES).segments["name"].tolist() == ["Loyal", "Lapsed", "New"]
    kept = migration(old, new, match=False)
    assert kept.moved == 1
    assert kept.matching is None
    assert "of the same segmentation" in kept.verdict


pairs = st.lists(
    st.tuples(st.sampled_from([None, -1, 0, 1, 2]), st.sampled_from([None, -1, 0, 1, 2])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(pairs, st.booleans())
def test_everything_adds_up(drawn, match):
    index = [f"c{i:03d}" for i in range(len(drawn))]
    old, new = (pd.Series(side, index, dtype="Int64").dropna() for side in zip(*drawn, strict=True))
    if not len(old.index.intersection(new.index)):
        return
    value = pd.Series(np.arange(len(index)) ** 2 + 0.5, index)
    found = migration(old, new, match=match, old_value=value, new_value=value * 1.5)
    assert found.table["customers"].sum() == len(old.index.union(new.index))
    one = found.segments
    assert (one["stayed"] + one["moved_out"] + one["gone"] == one["old_size"]).all()
    assert (one["stayed"] + one["moved_in"] + one["entered"] == one["new_size"]).all()
    assert one["moved_out"].sum() == one["moved_in"].sum()
    assert one["old_size"].sum() == len(old)
    assert one["new_size"].sum() == len(new)
    assert found.n_both + found.n_gone + found.n_entered == found.table["customers"].sum()
    flow = ["old_value", "value_gone", "value_moved_out", "value_of_stayers"]
    flow += ["value_moved_in", "value_entered"]
    assert one[flow].sum(axis=1).to_numpy() == pytest.approx(one["new_value"].to_numpy())
    assert one["old_value"].sum() == pytest.approx(value[old.index].sum())
    shares = found.table.dropna(subset="share")
    rows = shares.groupby(shares["old"].fillna(-9))["share"].sum()
    assert rows.to_numpy() == pytest.approx(1)
    assert (shares["low"] <= shares["share"] + 1e-12).all()
    assert (shares["share"] <= shares["high"] + 1e-12).all()


def test_a_segment_vanishes_and_one_is_born():
    old = labels([0] * 20 + [1] * 20)
    new = labels([0] * 20 + [5] * 1 + [-1] * 19)
    found = migration(old, new, {0: "A", 1: "B"})
    assert found.segments.loc[1, "new_size"] == 0
    assert found.segments["name"].tolist() == ["A", "B", "segment 2", "noise"]
    assert found.segments.loc[-1, "moved_in"] == 19
    assert np.isnan(found.segments.loc[2, "stay_share"])


def test_row_order_changes_nothing():
    rng = np.random.default_rng(0)
    old, new = labels(rng.integers(0, 3, 60)), labels(rng.integers(0, 3, 60), start=10)
    value = pd.Series(rng.random(70), [f"c{i:04d}" for i in range(70)])
    one = migration(old, new, old_value=value, new_value=value)
    shuffled = [side.sample(frac=1, random_state=1) for side in (old, new, value)]
    other = migration(shuffled[0], shuffled[1], old_value=shuffled[2], new_value=shuffled[2])
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    pd.testing.assert_frame_equal(one.segments, other.segments, check_exact=True)
    assert one._repr_html_() == other._repr_html_()


def test_clear_segments_have_no_refit_noise_and_a_cut_lump_has():
    clear = refit_noise(KMeansSegmenter(3), lumps(200, 0), n_pairs=5)
    assert (clear.moved, clear.low, clear.high) == (0, 0, 0)
    assert clear.table["moved"].tolist() == [0, 0, 0]
    vague = refit_noise(KMeansSegmenter(4), lumps(200, 0, apart=0), n_pairs=10)
    assert vague.moved > 0.05
    assert vague.low <= vague.moved <= vague.high
    assert len(vague.draws) == 10
    assert "10 pairs" in vague._repr_html_()


def test_refit_noise_depends_on_the_seed_only():
    frame = lumps(150, 1, apart=2)
    one = refit_noise(KMeansSegmenter(4), frame, n_pairs=4)
    other = refit_noise(KMeansSegmenter(4), frame.sample(frac=1, random_state=2), n_pairs=4)
    assert one.draws.tolist() == other.draws.tolist()
    pd.testing.assert_frame_equal(one.table, other.table)
    assert refit_noise(KMeansSegmenter(4), frame, n_pairs=4, random_state=1).draws.tolist() != (
        one.draws.tolist()
    )


@pytest.mark.slow
def test_refits_alone_are_not_told_as_movement():
    told, moved = 0, []
    for seed in range(20):
        frame = lumps(500, seed, apart=2.5)
        # The same customers with the same features; the others differ between the two fits.
        fits = [
            KMeansSegmenter(4, n_init=3).fit(frame.sample(300, random_state=2 * seed + k))
            for k in range(2)
        ]
        old, new = (pd.Series(fit.predict(frame), frame.index) for fit in fits)
        noise = refit_noise(fits[1], frame.sample(300, random_state=2 * seed + 1), n_pairs=10)
        found = migration(old, new, noise=noise)
        moved.append(found.moved)
        told += "truly moved" in found.verdict
    assert np.mean(moved) > 0.04  # there is refit noise
    assert told <= 3


def test_true_movement_is_told_and_measured():
    frame = lumps(600, 3)
    old = KMeansSegmenter(3).fit(frame)
    rng = np.random.default_rng(4)
    goers = rng.random(600) < 0.2
    now = frame.copy()
    to = (old.labels_.to_numpy() + 1) % 3
    centers = frame.groupby(old.labels_).mean().to_numpy()
    now[goers] = centers[to[goers]] + rng.normal(size=(goers.sum(), 2))
    new = KMeansSegmenter(3).fit(now)
    found = migration(old, new, noise=refit_noise(new, now, n_pairs=5))
    assert found.moved == pytest.approx(goers.mean(), abs=0.01)
    assert found.excess_low < goers.mean() < found.excess_high
    assert "truly moved" in found.verdict
    assert found.segments["refit_moved"].tolist() == [0, 0, 0]


def test_without_noise_the_verdict_says_so():
    old = labels([0] * 5 + [1] * 5)
    found = migration(old, old)
    assert np.isnan(found.excess)
    assert found.verdict.endswith("how much of that is refit noise is not known")
    assert found._repr_html_().count("<table") == 1


def test_values_and_names_in_html():
    old = labels([0] * 5 + [1] * 5)
    value = pd.Series(1000.0, old.index)
    found = migration(
        old, old, {0: "<script>", 1: "B"}, old_value=value, new_value=value, currency="EUR"
    )
    made = found._repr_html_()
    assert "<script>" not in made.replace("<style", "")
    assert "€5,000" in made


def test_bad_input():
    old = labels([0] * 5 + [1] * 5)
    with pytest.raises(DataError, match="twice"):
        migration(pd.concat([old, old.iloc[:1]]), old)
    for sides in ((old.iloc[:0], old), (old, old.iloc[:0]), (old, labels([0, 1], start=50))):
        with pytest.raises(NotEnoughDataError):
            migration(*sides)
    with pytest.raises(DataError):
        migration(old.astype(object).where(old == 0, "x"), old)
    with pytest.raises(DataError):
        migration(old.where(old == 0), old)
    with pytest.raises(ParameterError, match="not segments"):
        migration(old.to_frame(), old)
    value = pd.Series(1.0, old.index)
    with pytest.raises(ParameterError, match="both times or of neither") as error:
        migration(old, old, old_value=value)
    assert error.value.problem.where == "new_value"
    for wrong in (value.iloc[1:], value.where(value.index != "c0001"), value * np.inf):
        with pytest.raises(DataError, match="no value"):
            migration(old, old, old_value=value, new_value=wrong)
    with pytest.raises(DataError, match="twice"):
        migration(old, old, old_value=pd.concat([value, value]), new_value=value)
    with pytest.raises(ParameterError, match="the same name"):
        migration(old, old, {0: "A", 1: "A"})
    with pytest.raises(ParameterError, match="the same name"):
        migration(old, old, {0: "gone customers"})
    with pytest.raises(ParameterError, match="level"):
        migration(old, old, level=0)
    noise = refit_noise(KMeansSegmenter(2), lumps(40, 0), n_pairs=2)
    with pytest.raises(ParameterError, match="no refit noise"):
        migration(old, old, match=False, noise=noise)


def test_bad_input_of_refits():
    frame = lumps(40, 0)
    with pytest.raises(ParameterError, match="not a segmenter"):
        refit_noise(frame, frame)
    with pytest.raises(ParameterError):
        refit_noise(KMeansSegmenter(2), frame, n_pairs=1)
    with pytest.raises(ParameterError, match="scheme"):
        refit_noise(KMeansSegmenter(2), frame, scheme="jackknife")
    with pytest.raises(NotEnoughDataError, match="no segments could be found"):
        refit_noise(KMeansSegmenter(4), frame.iloc[:4], n_pairs=3)
