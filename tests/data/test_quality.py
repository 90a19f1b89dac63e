"""The quality report: what the tables are like and what they are enough for."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import ParameterError
from segml.data import CustomerData, EnoughData, quality_report, read_orders, read_table

from .samples import frame

DAY = dt.date(1997, 6, 30)


def bundle(orders: pd.DataFrame, **tables: pd.DataFrame) -> CustomerData:
    read = {name: read_table(table, name) for name, table in tables.items()}
    return CustomerData(read_orders(orders), **read)


def daily(counts: list[int], start: str = "1997-01-06") -> pd.DataFrame:
    days = np.repeat(pd.date_range(start, periods=len(counts)), counts)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % 50}" for i in range(len(days))],
            "order_id": [str(i) for i in range(len(days))],
            "ordered_at": days,
            "revenue": 1.0,
        }
    )


def test_tables_are_counted() -> None:
    orders = frame(
        ("a", "1", "1997-01-01", 5.0), ("a", "1", "1997-01-02", 6.0), ("b", "2", "1997-03-01", 7.0)
    ).assign(channel=["web", None, None])
    lines = pd.DataFrame(
        {"order_id": ["1", "9"], "product_id": ["p", "q"], "quantity": 1, "unit_price": 2.0}
    )
    customers = pd.DataFrame({"customer_id": ["a", "z"]})
    report = quality_report(bundle(orders, order_lines=lines, customers=customers), DAY)
    found = report.tables.to_dict("index")
    assert found["orders"]["rows"] == 3
    assert found["orders"]["first"] == pd.Timestamp("1997-01-01")
    assert found["orders"]["last"] == pd.Timestamp("1997-03-01")
    assert found["orders"]["repeated_keys"] == 1
    assert found["orders"]["orphans"] == 1  # b is no customer
    assert found["order_lines"]["orphans"] == 1  # order 9
    assert found["customers"]["orphans"] == 0
    assert report.missing.loc[("orders", "channel")].to_dict() == {
        "missing": 2.0,
        "share": pytest.approx(2 / 3),
    }
    assert report.missing.loc[("orders", "revenue"), "missing"] == 0


def test_sessions_of_strangers_are_orphans_and_unknown_visitors_are_not() -> None:
    sessions = pd.DataFrame(
        {
            "session_id": ["1", "2", "3"],
            "started_at": ["1997-01-01"] * 3,
            "customer_id": ["a", "x", None],
        }
    )
    report = quality_report(bundle(frame(("a", "1", "1997-01-01", 5.0)), sessions=sessions), DAY)
    assert report.tables.loc["sessions", "orphans"] == 1


def test_holes_and_spikes_stand_out() -> None:
    counts = [20] * 120
    counts[50], counts[80] = 0, 200
    days = quality_report(bundle(daily(counts)), DAY).days
    start = pd.Timestamp("1997-01-06")
    assert days.to_dict("records") == [
        {
            "day": (start + pd.Timedelta(days=50)).date(),
            "kind": "hole",
            "orders": 0,
            "typical": 20.0,
        },
        {
            "day": (start + pd.Timedelta(days=80)).date(),
            "kind": "spike",
            "orders": 200,
            "typical": 20.0,
        },
    ]


def test_a_weekly_rest_day_is_no_hole() -> None:
    counts = [0 if i % 7 == 5 else 20 for i in range(140)]
    assert quality_report(bundle(daily(counts)), DAY).days.empty


def test_a_few_orders_a_week_have_no_holes() -> None:
    assert quality_report(bundle(daily([1, 0, 0, 2, 0, 0, 1] * 20)), DAY).days.empty


def test_verdicts_say_what_is_short() -> None:
    data = bundle(daily([5] * 200))
    last = dt.date(1997, 7, 24)
    need = EnoughData(buyers=50, days=199, days_since_last=30, repeat_buyers=50)
    enough = quality_report(data, last, need).analyses
    assert enough.loc[["RFM", "clustering", "BG/NBD", "Gamma-Gamma"], "verdict"].unique() == [
        "enough"
    ]
    late = quality_report(data, last + dt.timedelta(days=31), need).analyses
    assert late["verdict"].to_dict() == {
        "RFM": "enough",
        "clustering": "enough",
        "BG/NBD": "too little",
        "Gamma-Gamma": "too little",
        "campaign tests": "too little",
    }
    assert late.loc["BG/NBD", "reason"] == "31 days since the last order, needed: at most 30"
    short = quality_report(data, last, replace(need, buyers=51, days=200)).analyses
    assert short.loc["BG/NBD", "reason"] == (
        "50 buyers, needed: 51; 199 days of orders, needed: 200"
    )


def test_defaults_are_klaviyos_gate() -> None:
    gate = EnoughData()
    assert (gate.buyers, gate.days, gate.days_since_last, gate.loyal_buyers) == (500, 180, 30, 1)


def test_campaign_tests_need_two_variants_with_enough_messages() -> None:
    messages = pd.DataFrame(
        {
            "message_id": [str(i) for i in range(30)],
            "customer_id": "c1",
            "campaign_id": ["x"] * 25 + ["y"] * 5,
            "sent_at": "1997-02-01",
            "variant": ["A"] * 15 + ["B"] * 10 + ["A"] * 5,
        }
    )
    data = bundle(daily([5] * 10), messages=messages)
    found = quality_report(data, DAY, EnoughData(messages_per_variant=10)).analyses
    assert found.loc["campaign tests", "verdict"] == "enough"
    found = quality_report(data, DAY, EnoughData(messages_per_variant=11)).analyses
    assert found.loc["campaign tests", "verdict"] == "too little"
    assert found.loc["campaign tests", "reason"].startswith("10 messages")


def test_report_is_json_and_escapes() -> None:
    orders = frame(("a", "1", "1997-01-01", 5.0)).assign(**{"<b>": None})
    report = quality_report(bundle(orders), DAY)
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert again["as_of"] == "1997-06-30"
    assert again["tables"][0]["last"] == "1997-01-01T00:00:00"
    page = report._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_wrong_arguments() -> None:
    with pytest.raises(ParameterError, match="as_of is not a date"):
        quality_report(bundle(frame(("a", "1", "1997-01-01", 5.0))), "1997-06-30")
    with pytest.raises(ParameterError, match="buyers is out of range"):
        EnoughData(buyers=-1)
