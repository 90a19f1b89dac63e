from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from segml._core.errors import ParameterError
from segml.data.simulation import simulate_store
from segml.data.simulation_segments import CHANNELS, SCALES, SEGMENTS, TrueSegment, segment_table

SOUND = {"share": 1, "r": 1, "alpha": 50, "a": 1, "b": 3, "p": 5, "q": 4, "v": 20}


@pytest.fixture(scope="module")
def store():
    return simulate_store(10_000, seed=5, survey_share=0.5, visits_per_order=1)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"r": 0}, "r"),
        ({"q": -1}, "q"),
        ({"r": 5000}, "r / alpha"),
        ({"share": 0}, "share"),
        ({"female": 1.1}, "female"),
        ({"basket": 0.5}, "basket"),
        ({"nps": 11}, "nps"),
        ({"conversion": 0.02, "uplift": -0.03}, "uplift"),
        ({"conversion": 0.9, "uplift": 0.2}, "uplift"),
        ({"channels": (1, 2)}, "channels"),
        ({"categories": (0,) * 6}, "categories"),
        ({"scales": (0, 3, 3, 3)}, "scales"),
    ],
)
def test_wrong_segments(wrong, where):
    with pytest.raises(ParameterError) as caught:
        TrueSegment("x", **{**SOUND, **wrong})
    assert caught.value.problem.where == where


def test_shares_are_those_of_the_table(store):
    found = store[1].segments["customers"] / 10_000
    share = segment_table(SEGMENTS)["share"]
    assert share.sum() == pytest.approx(1)
    assert (abs(found - share) < 4 * np.sqrt(share * (1 - share) / 10_000)).all()


def test_attributes_follow_the_segment(store):
    data, truth = store
    customers = data.customers.to_pandas().set_index("customer_id")
    customers["segment"] = truth.customers["segment"].astype(str)
    for segment in SEGMENTS:
        group = customers[customers["segment"] == segment.name]
        error = 4 * 0.5 / np.sqrt(len(group))
        assert (group["gender"] == "female").mean() == pytest.approx(
            segment.female * 0.98, abs=error
        )
        large = group["city"].isin(["New York", "Chicago", "Los Angeles", "Toronto", "London"])
        assert large.mean() == pytest.approx(segment.urban, abs=error)
        assert group["income"].median() == pytest.approx(segment.income, rel=0.05)
        for channel, weight in zip(CHANNELS, segment.channels, strict=True):
            share = (group["acquisition_channel"] == channel).mean()
            assert share == pytest.approx(weight / sum(segment.channels), abs=error)
    assert ((customers["age"] >= 18) & (customers["age"] <= 95)).all()
    assert (customers["birth_date"] < customers["signed_up_at"]).all()


def test_answers_follow_the_segment(store):
    data, truth = store
    answers = data.surveys.to_pandas()
    answers["score"] = answers["answer"].astype(float)
    answers["segment"] = truth.customers["segment"].loc[answers["customer_id"]].to_numpy()
    assert set(answers["question"]) == {"nps", *SCALES}
    nps = answers["question"] == "nps"
    assert answers.loc[nps, "score"].between(0, 10).all()
    assert answers.loc[~nps, "score"].between(1, 5).all()
    means = answers.groupby(["segment", "question"], observed=True)["score"].mean()
    for segment in SEGMENTS:
        for question, mean in zip(SCALES, segment.scales, strict=True):
            # Answers at the ends of the scale pull the mean inwards.
            assert means[segment.name, question] == pytest.approx(mean, abs=0.3)
    assert means["Loyal regulars", "nps"] > means["Young one-timers", "nps"] + 2
    share = answers["customer_id"].nunique() / 10_000
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(10_000))


def test_truth_shows_its_segments(store):
    page = store[1]._repr_html_()
    for segment in SEGMENTS:
        assert segment.name in page


def test_own_segments():
    few = dataclasses.replace(SEGMENTS[0], name="<b>", share=3)
    data, truth = simulate_store(400, seed=1, segments=[few, SEGMENTS[1]])
    assert truth.segments["share"].tolist() == [3 / 3.1, 0.1 / 3.1]
    assert "<b>" not in truth._repr_html_()
    assert data.orders.account.rows_used > 400
