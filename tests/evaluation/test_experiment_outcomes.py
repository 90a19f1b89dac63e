from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import (
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.data import CustomerData, read_orders, read_table
from segml.data.simulation import simulate_store
from segml.evaluation.assignment import assign
from segml.evaluation.experiment_outcomes import campaign_outcomes
from segml.evaluation.experiment_run import experiment

ORDERS = pd.DataFrame(
    [
        ("ann", 1, "2026-02-21 23:59:59", 1.0),  # a day before what counts
        ("ann", 2, "2026-02-22 00:00:00", 10.0),  # first moment before
        ("ann", 3, "2026-03-01 00:00:00", 20.0),  # first moment of the window
        ("ann", 4, "2026-03-07 23:59:59", 5.5),  # last moment
        ("ann", 5, "2026-03-08 00:00:00", 99.0),  # too late
        ("bob", 6, "2026-02-28 23:59:59", 7.0),
        ("zoe", 7, "2026-03-03", 50.0),  # in no segment
    ],
    columns=["customer_id", "order_id", "ordered_at", "revenue"],
)
MESSAGES = pd.DataFrame(
    [
        (1, "ann", "m", "2026-03-01 08:00", "A", True, 20.0),
        (2, "ann", "m", "2026-03-02 08:00", "A", False, None),
        (3, "bob", "m", "2026-03-01 09:00", "B", None, None),
        (4, "bob", "other", "2026-02-01", "A", True, 3.0),
    ],
    columns=[
        "message_id",
        "customer_id",
        "campaign_id",
        "sent_at",
        "variant",
        "converted",
        "revenue",
    ],
)
SEGMENTS = pd.Series({"ann": 0, "bob": 1, "cem": 1})


def data_on(engine=None, messages=MESSAGES) -> CustomerData:
    return CustomerData(
        read_orders(ORDERS, engine=engine), messages=read_table(messages, "messages", engine=engine)
    )


def test_by_hand_on_both_engines(any_engine):
    drawn = assign(SEGMENTS, "s")
    found = campaign_outcomes(
        data_on(any_engine), drawn, campaign_id="m", start="2026-03-01", days=7
    )
    assert found.index.tolist() == ["ann", "bob", "cem"]
    assert found["group"].tolist() == drawn.table["group"].astype(str).tolist()
    assert found["orders"].tolist() == [2, 0, 0]
    assert found["ordered"].tolist() == [1, 0, 0]
    assert found["revenue"].tolist() == [25.5, 0, 0]
    assert found["revenue_before"].tolist() == [10, 7, 0]
    assert found["messages"].tolist() == [2, 1, 0]
    assert found["converted"].tolist() == [1, 0, 0]
    assert found["campaign_revenue"].tolist() == [20, 0, 0]


def test_groups_may_be_the_variants_of_the_messages(any_engine):
    found = campaign_outcomes(data_on(any_engine), campaign_id="m", segments=SEGMENTS, days=7)
    assert found["group"].to_dict() == {"ann": "A", "bob": "B"}
    assert found["segment"].to_dict() == {"ann": 0, "bob": 1}
    assert found["revenue"].to_dict() == {"ann": 25.5, "bob": 0}
    alone = campaign_outcomes(data_on(any_engine), campaign_id="m", days=7, days_before=1)
    assert alone["segment"].tolist() == [0, 0]
    assert alone["revenue_before"].to_dict() == {"ann": 0, "bob": 7}


def test_a_customer_in_two_groups():
    mixed = MESSAGES.assign(variant=["A", "B", "B", "A"])
    with pytest.raises(DataError, match="in two groups") as caught:
        campaign_outcomes(data_on(messages=mixed), campaign_id="m", days=7)
    assert "ann" not in str(caught.value)
    drawn = assign(SEGMENTS, "s")  # which tells who was to get which
    assert len(campaign_outcomes(data_on(messages=mixed), drawn, campaign_id="m", days=7)) == 3
    unknown = MESSAGES.assign(variant=["A", None, "B", "A"])
    with pytest.raises(DataError, match="is not known"):
        campaign_outcomes(data_on(messages=unknown), campaign_id="m", days=7)


def test_what_is_not_there():
    data, drawn = data_on(), assign(SEGMENTS, "s")
    with pytest.raises(NotEnoughDataError, match="not over") as caught:
        campaign_outcomes(data, drawn, start="2026-03-01", days=9)
    assert caught.value.problem.hint == "days=8"
    with pytest.raises(NotEnoughDataError, match="nobody got a message") as caught:
        campaign_outcomes(data, drawn, campaign_id="n")
    assert caught.value.problem.expected == "one of m, other"
    with pytest.raises(MissingTableError):
        campaign_outcomes(CustomerData(data.orders), drawn, campaign_id="m")
    with pytest.raises(ParameterError, match="first day"):
        campaign_outcomes(data, drawn)
    with pytest.raises(ParameterError, match="nothing tells"):
        campaign_outcomes(data)
    with pytest.raises(ParameterError, match="not a date"):
        campaign_outcomes(data, drawn, start="soon")
    with pytest.raises(ParameterError, match="out of range"):
        campaign_outcomes(data, drawn, start="2026-03-01", days=0)


@pytest.mark.slow
def test_effects_of_a_simulated_campaign_are_found():
    data, truth = simulate_store(20_000, seed=3, visits_per_order=1)
    segments = truth.customers["segment"].cat.codes
    effects = truth.campaigns[truth.campaigns["campaign_id"] == "campaign-3"]
    found = campaign_outcomes(data, campaign_id="campaign-3", segments=segments, days=14)
    result = experiment(found, "converted", control="A", shares={"A": 0.5, "B": 0.5})
    assert result.trusted
    parts = result.lifts.iloc[1:].set_index("segment")
    inside = [
        parts.loc[str(i), "low"] <= effect <= parts.loc[str(i), "high"]
        for i, effect in enumerate(effects["effect"])
    ]
    assert sum(inside) >= 4  # each by itself with a chance of 95%
    whole = np.average(effects["effect"], weights=effects["recipients"])
    assert result.lifts["low"].iloc[0] <= whole <= result.lifts["high"].iloc[0]
