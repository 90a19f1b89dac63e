from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape

import numpy as np
import pandas as pd
import pytest

from segml.data import CustomerData, read_orders
from segml.kpis.table import ALL
from segml.reporting import open_workspace
from segml.reporting.params import DateParams
from segml.reporting.story import (
    churn_by_segment,
    data_facts,
    kpi_story,
    segment_facts,
    segment_story,
    value_facts,
    value_story,
)
from segml.reporting.workspace import Workspace

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return open_workspace(
        {
            "report": "sample",
            "title": "Sample",
            "currency": "USD",
            "data": {"source": "cdnow_sample", "cleaning": {"exact_duplicates": "drop"}},
            "dates": {"as_of": "1998-06-30", "holdout_days": 273},
            "clustering": {
                "features": ["recency_days", "orders"],
                "n_segments": 3,
                "names": {1: EVIL},
            },
            "kpis": {"period_days": 180},
        }
    )


@pytest.fixture(scope="module")
def orders(workspace) -> pd.DataFrame:
    return workspace.data.orders.to_pandas()


def facts(piece) -> dict[str, tuple[str, str]]:
    found = re.findall(r"<dt>(.*?)</dt><dd>([^<]*)(?:<small>(.*?)</small>)?</dd>", piece.content)
    return {unescape(what): (unescape(value), unescape(detail)) for what, value, detail in found}


def notes(piece) -> list[str]:
    return [unescape(note) for note in re.findall(r'<p class="note">(.*?)</p>', piece.content)]


def percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share < 0.0995 else f"{100 * share:.0f}%"


def test_facts_of_the_data(workspace, orders):
    found = facts(data_facts(workspace))
    dropped = 6919 - len(orders)
    assert dropped > 0
    assert found["Customers"] == ("2,357", "")
    assert found["Orders"] == (f"{len(orders):,}", f"{dropped} of 6,919 rows left out")
    assert found["Revenue"] == (f"${orders['revenue'].sum():,.0f}", "")
    assert found["First order"] == ("1997-01-01", "")
    assert found["Last order"] == ("1998-06-30", "report as of 1998-06-30")


def test_facts_of_the_segments(workspace):
    found = facts(segment_facts(workspace))
    sizes = workspace.labels.value_counts().sort_index()
    assert list(found) == workspace.segments["name"].tolist()
    verdicts = workspace.stability.table["verdict"]
    assert list(found.values()) == [
        (percent(n / 2357), f"{n:,} customers, {verdicts[i]}") for i, n in sizes.items()
    ]
    assert "<script" not in segment_facts(workspace).content


def judged(workspace, verdicts):
    """Return the workspace as if stability had said so."""
    other = Workspace(workspace.params, None)
    table = workspace.stability.table.assign(verdict=verdicts, dissolved=0.0)
    other.stability = replace(workspace.stability, table=table)
    return other


def test_what_stability_says(workspace):
    first, second, third = workspace.segments["name"]
    found = notes(segment_story(judged(workspace, ["valid", "highly stable", "valid"])))
    assert found == [
        "In 100 resamples of the customers, all segments mostly come back: they are a pattern in "
        "the data, not an accident of who happened to buy."
    ]
    shaky = judged(workspace, ["valid", "highly stable", "valid"])
    shaky.stability.table["dissolved"] = [0.0, 0.02, 0.27]
    (note,) = notes(segment_story(shaky))
    assert note.endswith(
        f"The least sure is “{third}”: in 27% of the resamples no segment had more "
        "than half in common with it."
    )
    page = segment_story(judged(workspace, ["doubtful", "doubtful", "not trusted"]))
    lost, doubtful = notes(page)
    assert lost.startswith(f"Do not act on “{third}”: in 100 resamples")
    assert f"“{first}” and “{second}” come back only in part" in doubtful
    assert second == EVIL
    assert "<script" not in page.content


def test_stability_that_was_not_asked_for(workspace):
    segments = workspace.params.clustering.model_copy(update={"stability": False})
    other = Workspace(workspace.params.model_copy(update={"clustering": segments}), None)
    assert other.stability is None
    assert "set clustering.stability" in notes(segment_story(other))[0]
    assert next(iter(facts(segment_facts(other)).values()))[1].endswith("customers")


def test_facts_of_the_forecast(workspace):
    found = facts(value_facts(workspace))
    values = workspace.lifetime_value.values
    total, interval = found["Value of all customers, 52 weeks"]
    assert total == f"${values.sum():,.0f}"
    low, high = (float(end.strip("$").replace(",", "")) for end in interval.split(" to "))
    assert low < values.sum() < high
    assert found["Value per customer"][0] == f"${values.mean():.2f}"
    active, of = found["Expected to be active"]
    assert active == percent(workspace.p_alive.values.mean())
    assert of.endswith("% of customers")


def test_story_of_the_forecast(workspace, orders):
    checked, spend, caveat = notes(value_story(workspace))
    days = orders.assign(day=orders["ordered_at"].dt.normalize())
    days = days.groupby(["customer_id", "day"])["revenue"].sum().reset_index()
    actual = (days["day"] > "1997-09-30").sum()
    error = workspace.holdout.expected / actual - 1
    assert error < 0
    assert checked.startswith(
        f"Fitted 39 weeks earlier, the model's total was {percent(-error)} below the purchases"
    )
    assert ("too low" in checked) == (error < -0.1)
    repeats = days[days["day"] > days.groupby("customer_id")["day"].transform("min")]
    repeats = repeats.groupby("customer_id")["revenue"].sum()
    paid = int((repeats > 0).sum())
    assert paid == len(repeats)
    assert spend == (f"Spend is estimated from the {paid:,} customers with a paid repeat purchase.")
    assert "BG/NBD" in caveat


def test_customers_whose_repeat_purchases_cost_nothing_are_said(workspace):
    other = open_workspace(workspace.params)
    rfm = workspace.rfm.copy()
    once = rfm.index[rfm["frequency"] == 0][:3]
    rfm.loc[once, ["frequency", "monetary_value"]] = [1, 0.0]
    other.__dict__.update(workspace.__dict__, rfm=rfm)
    assert "; 3 whose repeat purchases cost nothing are left out." in notes(value_story(other))[1]


def told(workspace: Workspace, check) -> str:
    """Return what the story says of a check of the forecast."""
    other = open_workspace(workspace.params)
    other.__dict__.update(workspace.__dict__, holdout=check)
    return notes(value_story(other))[0]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (105.0, "5.0% above the purchases that followed, close to what happened."),
        (95.0, "5.0% below the purchases that followed, close to what happened."),
        (150.0, "50% above the purchases that followed, too high: expect less"),
        (50.0, "50% below the purchases that followed, too low: expect more"),
    ],
)
def test_verdict_on_the_forecast(workspace, expected, said):
    check = replace(workspace.holdout, actual=100.0, expected=expected)
    assert said in told(workspace, check)


def test_story_without_a_check(workspace):
    other = open_workspace(workspace.params.model_copy(update={"dates": DateParams()}))
    said = notes(value_story(other))[0]
    assert said.startswith("The forecast has not been checked: set dates.holdout_days")


def test_a_check_that_cannot_be_made_says_why_and_stops_nothing(workspace):
    days = (workspace.as_of - date(1997, 1, 20)).days  # nobody has come back often by then
    dates = DateParams(as_of=workspace.as_of, holdout_days=days)
    other = open_workspace(workspace.params.model_copy(update={"dates": dates}))
    other.__dict__["_known"] = CustomerData(
        read_orders(
            pd.DataFrame(
                {
                    "customer_id": ["a", "b", "a"],
                    "order_id": [1, 2, 3],
                    "ordered_at": ["1997-01-02", "1997-01-03", "1998-01-03"],
                    "revenue": 1.0,
                }
            )
        )
    )
    assert other.holdout is None
    assert "no customer bought again" in other.unchecked


def test_story_of_a_time_in_which_nobody_bought(workspace):
    check = replace(workspace.holdout, actual=0.0, expected=12.34)
    assert told(workspace, check) == (
        "In the last 39 weeks, kept aside, nobody bought again; fitted before them, the model "
        "expected 12.3 purchases."
    )


def test_churn_bands_count_every_customer(workspace):
    content = churn_by_segment(workspace).content
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", content)
    assert [unescape(name) for name, _ in rows] == workspace.segments["name"].tolist()
    customers = workspace.customers
    for name, cells in rows:
        inside = customers[customers["segment"] == unescape(name)]
        counts = [int(n.replace(",", "")) for n in re.findall(r">([\d,]+)<small>", cells)]
        assert sum(counts) == len(inside)
        by_band = inside["churn_band"].value_counts()
        assert counts == [by_band[band] for band in customers["churn_band"].cat.categories]
        assert f">{percent(inside['p_no_purchase'].mean())}</td>" in cells
    assert "chance of no purchase in 52 weeks" in content


def test_story_of_the_kpis(workspace, orders):
    keep, win_back = notes(kpi_story(workspace))
    names = workspace.labels.map(workspace.segments["name"])
    value = workspace.lifetime_value.values.groupby(names).mean()
    best = value.idxmax()
    revenue = orders.groupby(orders["customer_id"].map(names))["revenue"].sum()
    revenue /= revenue.sum()
    assert keep == (
        f"Keep: “{best}” bring {percent(revenue[best])} of revenue with "
        f"{percent((names == best).mean())} of customers and are worth most from here on."
    )
    end = pd.Timestamp("1998-07-01")
    span = pd.Timedelta(days=180)
    times = orders["ordered_at"]
    later = set(orders["customer_id"][times >= end - span])
    earlier = orders["customer_id"][(times >= end - 2 * span) & (times < end - span)].unique()
    stayed = pd.Series([i in later for i in earlier], index=names[earlier].to_numpy())
    retention = stayed.groupby(level=0).mean()
    lost = (revenue * (1 - retention)).drop(best).idxmax()
    assert win_back == (
        f"Win back: “{lost}” brought {percent(revenue[lost])} of revenue so far, but of those who "
        f"ordered in the earlier period only {percent(retention[lost])} ordered in the later one."
    )
    assert "<script" not in kpi_story(workspace).content


def test_nobody_to_win_back_is_not_said(workspace):
    other = open_workspace(workspace.params)
    table = workspace.kpis.table.copy()
    table.loc[table["kpi"] == "retention_rate", "value"] = np.nan
    other.__dict__.update(workspace.__dict__, kpis=replace(workspace.kpis, table=table))
    (only,) = notes(kpi_story(other))
    assert only.startswith("Keep: ")


def test_pieces_carry_the_shared_style(workspace):
    page = segment_facts(workspace)._repr_html_()
    assert page.startswith("<style data-segml>")
    assert segment_facts(workspace).content in page
    assert ALL not in page
