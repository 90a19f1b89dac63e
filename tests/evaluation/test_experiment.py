from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import DataError, NotEnoughDataError, ParameterError
from segml.evaluation.assignment import HOLDOUT, assign
from segml.evaluation.experiment_compare import WINSORISED
from segml.evaluation.experiment_lift import PERMUTATION
from segml.evaluation.experiment_next import CHECK, KEEP, MORE, OPEN, STOP
from segml.evaluation.experiment_run import experiment
from segml.kpis.table import ALL

HALF = {"control": 0.5, "treatment": 0.5}


def outcomes(n: int, effects: list[float], seed: int = 0, groups=("control", "treatment")):
    """Return shares of 0.2, and revenue, that the groups after the first change by segment."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "segment": np.arange(n) % len(effects),
            "group": np.array(groups)[np.arange(n) // len(effects) % len(groups)],
        },
        index=[f"C{i:06d}" for i in range(n)],
    )
    lift = np.array(effects)[frame["segment"]] * (frame["group"] != groups[0])
    frame["ordered"] = (rng.random(n) < 0.2 + lift).astype(int)
    frame["before"] = rng.gamma(1, 20, n) * (rng.random(n) < 0.5)
    frame["revenue"] = frame["ordered"] * (rng.lognormal(3, 0.8, n) + frame["before"])
    return frame


@pytest.fixture(scope="module")
def found():
    frame = outcomes(12_000, [0.0, 0.1, -0.08, 0.0], 1)
    return experiment(frame, "ordered", shares=HALF, names={1: "Loyal", 2: "New"})


def test_what_works_where(found):
    rows = found.lifts.set_index("name")
    assert rows.index.tolist() == [ALL, "segment 0", "Loyal", "New", "segment 3"]
    assert rows["significant"].tolist()[1:] == [False, True, True, False]
    assert rows.loc["Loyal", "action"] == KEEP
    assert rows.loc["New", "action"] == STOP
    assert rows.loc["segment 0", "action"] in (OPEN, MORE)
    assert found.heterogeneity["p_value"].max() < 1e-6
    assert "It works in Loyal" in found.verdict
    assert "it does harm in New" in found.verdict
    assert "truly differs" in found.verdict


def test_means_by_hand(found):
    frame = outcomes(12_000, [0.0, 0.1, -0.08, 0.0], 1)
    means = frame.groupby(["segment", "group"])["ordered"].mean()
    row = found.lifts.set_index("name").loc["Loyal"]
    assert row["mean"] == pytest.approx(means[1, "treatment"], rel=1e-12)
    assert row["difference"] == pytest.approx(means[1, "treatment"] - means[1, "control"])
    assert row["relative"] == pytest.approx(means[1, "treatment"] / means[1, "control"] - 1)
    whole = found.lifts.iloc[0]
    by_segment = means.unstack()
    expected = (by_segment["treatment"] - by_segment["control"]).mean()
    assert whole["difference"] == pytest.approx(expected, rel=1e-9)


def test_shrunken_effects_lie_between(found):
    rows = found.lifts[found.lifts["segment"] != ALL]
    assert (rows["shrunken"].max() < rows["difference"].max()) & (
        rows["shrunken"].min() > rows["difference"].min()
    )
    assert np.isnan(found.lifts["shrunken"].iloc[0])


def test_row_order_changes_nothing():
    frame = outcomes(900, [0.0, 0.1, 0.05])
    one = experiment(frame, "revenue", shares=HALF, pre="before", n_resamples=199)
    other = experiment(
        frame.sample(frac=1, random_state=2).reset_index(names="customer_id"),
        "revenue",
        shares=HALF,
        pre="before",
        n_resamples=199,
    )
    for name in ("lifts", "sensitivity", "heterogeneity", "cuped"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one._repr_html_() == other._repr_html_()


def test_revenue_has_its_methods():
    frame = outcomes(3000, [0.0, 0.05])
    found = experiment(frame, "revenue", shares=HALF, pre="before", n_resamples=199, currency="EUR")
    assert set(found.lifts["method"]) == {PERMUTATION}
    assert set(found.sensitivity["method"]) == {"Welch", WINSORISED, "without CUPED"}
    assert (found.cuped["reduction"] > 0).all()
    assert any("CUPED" in note for note in found.notes)
    raw = frame[frame["segment"] == 0].groupby("group")["revenue"].mean()
    plain = found.sensitivity.query("segment == '0' and method == 'without CUPED'").iloc[0]
    assert plain["difference"] == pytest.approx(raw["treatment"] - raw["control"])
    page = found._repr_html_()
    assert "€" in page
    assert "The same by other methods" in page


def test_kind_is_seen_from_the_values():
    frame = outcomes(400, [0.0])
    assert experiment(frame, "ordered").kind == "share"
    assert experiment(frame, "revenue", n_resamples=99).kind == "revenue"
    assert experiment(frame, "ordered", kind="mean").lifts["method"].tolist() == ["Welch"] * 2


def test_cuped_does_not_move_what_is_estimated_and_is_narrower():
    rng = np.random.default_rng(1)
    frame = outcomes(2000, [0.0])
    frame["spent"] = 2 * frame["before"] + rng.normal(0, 5, 2000) + (frame["group"] != "control")
    plain, less = (
        experiment(frame, "spent", kind="mean", pre=pre).lifts.iloc[0] for pre in (None, "before")
    )
    assert (less["high"] - less["low"]) < 0.3 * (plain["high"] - plain["low"])
    assert less["low"] < 1 < less["high"]


def test_before_that_is_missing_for_some_is_said():
    frame = outcomes(600, [0.0, 0.0])
    frame.loc[frame.index[:9], "before"] = np.nan
    found = experiment(frame, "revenue", pre="before", n_resamples=99)
    assert any("of 9 customers is not known" in note for note in found.notes)
    frame["before"] = np.nan
    assert (experiment(frame, "revenue", pre="before", n_resamples=99).cuped["theta"] == 0).all()


def test_groups_that_are_not_as_planned():
    frame = outcomes(4000, [0.1, 0.1])
    lost = frame[(frame["group"] == "control") | (np.arange(4000) % 5 > 0)]
    found = experiment(lost, "ordered", shares=HALF)
    assert not found.trusted
    assert set(found.lifts["action"]) == {CHECK}
    assert "Do not read the lifts" in found.verdict
    assert any("not checked" in note for note in experiment(lost, "ordered").notes)


def test_customers_are_counted_as_drawn_and_losses_are_seen():
    segments = pd.Series(np.arange(4000) % 2, index=[f"C{i:06d}" for i in range(4000)])
    drawn = assign(segments, "s", names={0: "Old"})
    rng = np.random.default_rng(0)
    result = pd.DataFrame({"ordered": rng.integers(0, 2, 4000)}, index=segments.index)
    found = experiment(result, "ordered", assignment=drawn)
    assert found.trusted
    assert found.lifts["name"].tolist() == [ALL, "Old", "segment 1"]
    treated = drawn.customers("treatment")
    short = result.drop(treated[:100])
    found = experiment(short, "ordered", assignment=drawn)
    assert "unequal shares" in found.verdict
    assert any("0 in control, 100 in treatment" in note for note in found.notes)
    assert not found.trusted


def test_those_held_out_are_in_no_comparison_but_their_own():
    segments = pd.Series(0, index=[f"C{i:06d}" for i in range(3000)])
    drawn = assign(segments, "s", holdout=0.2)
    result = pd.DataFrame({"ordered": np.arange(3000) % 2}, index=segments.index)
    found = experiment(result, "ordered", assignment=drawn)
    assert set(found.lifts["variant"]) == {"treatment"}
    assert any("held out" in note for note in found.notes)
    kept = experiment(result, "ordered", assignment=drawn, control=HOLDOUT)
    assert set(kept.lifts["variant"]) == {"control", "treatment"}


def test_several_variants():
    frame = outcomes(9000, [0.0, 0.08], groups=("control", "a", "b"))
    found = experiment(frame, "ordered", shares=dict.fromkeys(["control", "a", "b"], 1 / 3))
    assert len(found.lifts) == 6
    raw = found.lifts[found.lifts["segment"] != ALL]
    smallest = raw.loc[raw["p_value"].idxmin()]
    assert smallest["p_adjusted"] == pytest.approx(4 * smallest["p_value"])
    assert len(found.heterogeneity) == 4
    assert "variant" in found._repr_html_()


def test_what_next():
    frame = outcomes(4000, [0.0, 0.0])
    far = experiment(frame, "ordered", worthwhile=0.2).lifts
    assert set(far["action"]) == {STOP}
    near = experiment(frame, "ordered", worthwhile=0.01).lifts
    assert set(near["action"]) == {MORE}
    assert (near["n_more"] > 0).all()
    row = near.iloc[1]
    # in all of these customers, the power would be 80% at half of the level: two segments
    n = (row["n"] + row["n_control"] + row["n_more"]) / 2
    spread = np.sqrt(2 * 0.2 * 0.8 / n)
    assert 0.01 / spread == pytest.approx(2.2414 + 0.8416, rel=0.03)
    assert set(experiment(frame, "ordered").lifts["action"]) == {OPEN}


def test_a_segment_without_a_group_is_told_and_left_out():
    frame = outcomes(2000, [0.0, 0.1])
    frame = frame[(frame["segment"] == 1) | (frame["group"] == "control")]
    found = experiment(frame, "ordered", names={0: "Old"})
    row = found.lifts.set_index("name").loc["Old"]
    assert np.isnan(row[["difference", "low", "p_value", "relative"]].astype(float)).all()
    assert row["reason"] == "no customers in treatment"
    assert row["action"] == OPEN
    assert any("for want of customers in a group: Old" in note for note in found.notes)
    assert "no customers in treatment" in found._repr_html_()


def test_nobody_converts():
    found = experiment(outcomes(600, [0.0, 0.0]).assign(ordered=0), "ordered")
    assert found.lifts["p_value"].tolist() == [1, 1, 1]
    assert found.lifts["relative"].isna().all()
    assert "no relative lift" in found._repr_html_()
    zero = experiment(
        outcomes(600, [0.0, 0.0]).assign(revenue=0.0), "revenue", kind="revenue", n_resamples=99
    )
    assert zero.lifts["p_value"].isna().all()
    assert "does not vary" in zero.verdict


@pytest.mark.parametrize(
    ("change", "error", "what"),
    [
        (lambda f: pd.concat([f, f[:1].assign(group="treatment")]), DataError, "in two groups"),
        (lambda f: pd.concat([f, f[:1]]), DataError, "there twice"),
        (lambda f: f.assign(group="treatment"), ParameterError, "unknown value for control"),
        (lambda f: f.assign(group="control"), NotEnoughDataError, "nothing to compare"),
        (lambda f: f.drop(columns="group"), DataError, "do not tell the group"),
        (lambda f: f.assign(group=f["group"].where(f["segment"] > 0)), DataError, "has no group"),
        (lambda f: f.assign(segment=np.nan), DataError, "has no segment"),
        (lambda f: f.assign(ordered="x"), DataError, "is no number"),
        (lambda f: f.assign(ordered=np.inf), DataError, "is infinite"),
        (lambda f: f.assign(ordered=np.nan), NotEnoughDataError, "nothing to compare"),
        (lambda f: f[:0], NotEnoughDataError, "no outcomes"),
        (lambda f: f.drop(columns="ordered"), ParameterError, "unknown value for outcome"),
        (lambda f: 3, ParameterError, "no table"),
    ],
)
def test_bad_outcomes(change, error, what):
    with pytest.raises(error, match=what):
        experiment(change(outcomes(40, [0.0, 0.0])), "ordered")


@pytest.mark.parametrize(
    "bad",
    [
        {"outcome": "revenue", "kind": "share"},
        {"outcome": "ordered", "pre": "before"},
        {"kind": "shares"},
        {"level": 1},
        {"n_resamples": 3},
        {"seed": -1},
        {"worthwhile": 0},
        {"correction": "none"},
        {"shares": {"control": 0.5, "treatment": 0.2}},
        {"control": "B"},
    ],
)
def test_bad_parameters(bad):
    with pytest.raises((ParameterError, DataError)):
        experiment(outcomes(80, [0.0, 0.0]), **({"outcome": "ordered"} | bad))


def test_outcomes_that_the_assignment_does_not_know():
    frame = outcomes(100, [0.0, 0.0])
    drawn = assign(frame["segment"], "s")
    with pytest.raises(DataError, match="not assigned"):
        experiment(frame.rename(index={"C000003": "zoe"})[["ordered"]], "ordered", assignment=drawn)
    with pytest.raises(DataError, match="in two groups"):
        experiment(frame, "ordered", assignment=drawn)
    with pytest.raises(ParameterError, match="shares of its own"):
        experiment(frame[["ordered"]], "ordered", assignment=drawn, shares=HALF)


def test_names_are_escaped_and_no_customer_is_shown():
    frame = outcomes(200, [0.0, 0.0])
    page = experiment(frame, "ordered", names={0: "<script>x</script>"})._repr_html_()
    assert "<script" not in page
    assert "C0000" not in page
