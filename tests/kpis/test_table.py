from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from segml._core import html
from segml._core.errors import DataError, ParameterError
from segml.data import CustomerData, read_orders, read_table
from segml.kpis import KPI, KPIS, KpiTable, kpi_table
from segml.kpis.table import ALL

from .conftest import AS_OF, DAYS, MESSAGES, NAMES, ORDERS, SEGMENTS, SESSIONS


@pytest.fixture(scope="module")
def table(data, predictions) -> KpiTable:
    return kpi_table(
        data,
        SEGMENTS,
        NAMES,
        as_of=AS_OF,
        period_days=DAYS,
        predictions=predictions,
        currency="EUR",
    )


BY_HAND = {  # Core, Rest, all customers
    "customers": (2, 3, 5),
    "share_of_customers": (2 / 5, 3 / 5, 1),
    "revenue": (240, 35, 275),
    "share_of_revenue": (240 / 275, 35 / 275, 1),
    "aov": (240 / 5, 35 / 4, 275 / 9),
    "orders_per_customer": (5 / 2, 4 / 3, 9 / 5),
    "revenue_per_customer": (240 / 2, 35 / 3, 275 / 5),
    "repeat_rate": (2 / 2, 1 / 3, 3 / 5),
    # earlier: ann, bob, dora; of these ann alone ordered later
    "retention_rate": (1 / 2, 0 / 1, 1 / 3),
    "churn_rate": (1 / 2, 1 / 1, 2 / 3),
    "clv": (75, 6, 33.6),
    "p_alive": (0.7, 0.5, 0.58),
    "margin_rate": (86 / 240, 9 / 35, 95 / 275),
    "session_conversion": (1 / 4, 1 / 1, 2 / 5),
    "open_rate": (2 / 3, np.nan, 2 / 3),  # nothing was delivered to Rest
}


@pytest.mark.parametrize("kpi", BY_HAND)
def test_kpi_by_hand(table, kpi):
    rows = table.rows(kpi)
    assert rows.index.tolist() == ["Core", "Rest", ALL]
    assert rows["value"].tolist() == pytest.approx(list(BY_HAND[kpi]), rel=1e-12, nan_ok=True)
    assert rows["n"].tolist() == [2, 3, 5]
    assert rows["segment"].tolist() == ["0", "1", ALL]
    whole = BY_HAND[kpi][2]
    differences = [value - whole for value in BY_HAND[kpi]]
    assert rows["difference"].tolist() == pytest.approx(differences, abs=1e-12, nan_ok=True)


def test_every_kpi_in_the_order_of_the_registry(table):
    assert table.values().index.tolist() == list(KPIS)
    assert table.values().columns.tolist() == ["Core", "Rest", ALL]
    assert (table.as_of, table.period_days, table.currency) == (dt.date(2026, 3, 31), 30, "EUR")


@pytest.mark.parametrize(
    ("kpi", "segment", "successes", "trials"),
    [
        ("share_of_customers", "Core", 2, 5),
        ("repeat_rate", "Rest", 1, 3),
        ("retention_rate", "Core", 1, 2),
        ("churn_rate", ALL, 2, 3),
    ],
)
def test_shares_of_customers_have_wilsons_interval(table, kpi, segment, successes, trials):
    row = table.rows(kpi).loc[segment]
    theirs = binomtest(successes, trials).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(tuple(theirs), rel=1e-9)


@pytest.mark.parametrize(
    ("kpi", "segment", "y", "x"),
    [
        ("aov", ALL, [150, 90, 30, 5, 0], [2, 3, 2, 1, 1]),
        ("margin_rate", "Core", [50, 36], [150, 90]),
        ("orders_per_customer", "Core", [2, 3], [1, 1]),
    ],
)
def test_ratios_of_sums_have_the_delta_methods_interval(table, kpi, segment, y, x):
    y, x = np.array(y, dtype=float), np.array(x, dtype=float)
    n, ratio = len(y), y.sum() / x.sum()
    error = np.sqrt(n / (n - 1) * np.sum((y - ratio * x) ** 2)) / x.sum()
    half = norm.ppf(0.975) * error
    row = table.rows(kpi).loc[segment]
    assert (row["low"], row["high"]) == pytest.approx((ratio - half, ratio + half), rel=1e-9)


def test_an_amount_that_cannot_be_negative_has_a_log_interval_where_it_would_be(table):
    y, x = np.array([30.0, 5, 0]), np.array([2.0, 1, 1])
    ratio = y.sum() / x.sum()
    error = np.sqrt(3 / 2 * np.sum((y - ratio * x) ** 2)) / x.sum()
    assert ratio - norm.ppf(0.975) * error < 0
    row = table.rows("aov").loc["Rest"]
    ends = ratio * np.exp(np.array([-1, 1]) * norm.ppf(0.975) * error / ratio)
    assert (row["low"], row["high"]) == pytest.approx(tuple(ends), rel=1e-9)


def test_a_share_of_amounts_has_wilsons_interval_where_it_would_leave_0_to_1(table):
    y, x = np.array([150.0, 90, 0, 0, 0]), np.array([150.0, 90, 30, 5, 0])
    share = y.sum() / x.sum()
    variance = 5 / 4 * np.sum((y - share * x) ** 2) / x.sum() ** 2
    assert share + norm.ppf(0.975) * np.sqrt(variance) > 1
    trials = share * (1 - share) / variance
    row = table.rows("share_of_revenue").loc["Core"]
    z = norm.ppf(0.975)
    for end in (row["low"], row["high"]):  # Wilson's equation
        assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / trials, rel=1e-9)
    assert 0 < row["low"] < share < row["high"] < 1


def test_nothing_spent_has_no_interval_rather_than_one_of_no_width():
    orders = ORDERS.assign(revenue=ORDERS["revenue"].where(ORDERS["customer_id"].isin(["ann"]), 0))
    table = kpi_table(orders, SEGMENTS, NAMES, as_of=AS_OF, kpis=["aov", "share_of_revenue"])
    row = table.rows("aov").loc["Rest"]
    assert (row["value"], row["reason"]) == (0, "no interval: all are alike")
    assert np.isnan(row["low"])
    share = table.rows("share_of_revenue").loc["Rest"]
    assert (share["value"], share["low"]) == (0, 0)
    assert 0 < share["high"] < 1


def test_level_sets_the_coverage(data):
    wide, narrow = (
        kpi_table(data, SEGMENTS, kpis=["aov"], as_of=AS_OF, level=level).rows("aov").loc[ALL]
        for level in (0.95, 0.5)
    )
    widths = [(row["high"] - row["low"]) for row in (wide, narrow)]
    assert widths[0] / widths[1] == pytest.approx(norm.ppf(0.975) / norm.ppf(0.75), rel=1e-9)


def test_exact_numbers_have_no_interval_and_need_no_reason(table):
    for kpi in ("customers", "revenue"):
        assert table.rows(kpi)[["low", "high"]].isna().all(axis=None)
        assert table.rows(kpi)["reason"].tolist() == ["", "", ""]


def test_predictions_pass_through(table, predictions):
    for name, prediction in predictions.items():
        rows = table.rows(name)
        by_segment = prediction.mean_by(SEGMENTS)
        whole = prediction.mean_by(SEGMENTS * 0).iloc[0]
        for column in ("value", "low", "high"):
            expected = [*by_segment[column], whole[column]]
            assert rows[column].tolist() == pytest.approx(expected, rel=1e-12)


def test_level_reaches_predictions(data, predictions):
    table = kpi_table(data, SEGMENTS, as_of=AS_OF, kpis=["clv"], predictions=predictions, level=0.5)
    expected = predictions["clv"].mean_by(SEGMENTS, 0.5)
    assert table.rows("clv")["low"].tolist()[:2] == pytest.approx(expected["low"].tolist())


def test_identities_on_real_orders(cdnow_sample):
    ids = cdnow_sample.orders.to_pandas()["customer_id"].unique()
    segments = pd.Series(np.arange(len(ids)) % 3, index=ids)
    table = kpi_table(cdnow_sample, segments, period_days=270)
    values = table.values()
    np.testing.assert_allclose(
        values.loc["retention_rate"] + values.loc["churn_rate"], 1, rtol=1e-12
    )
    parts = values.drop(columns=ALL)
    for share in ("share_of_customers", "share_of_revenue"):
        assert parts.loc[share].sum() == pytest.approx(1, rel=1e-12)
        assert values.loc[share, ALL] == 1
    for total in ("customers", "revenue"):
        assert parts.loc[total].sum() == pytest.approx(values.loc[total, ALL], rel=1e-12)
    np.testing.assert_allclose(
        values.loc["revenue_per_customer"],
        values.loc["aov"] * values.loc["orders_per_customer"],
        rtol=1e-12,
    )
    orders = cdnow_sample.orders.to_pandas()
    assert values.loc["revenue", ALL] == pytest.approx(orders["revenue"].sum(), rel=1e-12)
    last = orders["ordered_at"].dt.normalize()
    end = last.max()
    later = set(orders["customer_id"][last > end - pd.Timedelta(days=270)])
    earlier = set(
        orders["customer_id"][
            (last <= end - pd.Timedelta(days=270)) & (last > end - pd.Timedelta(days=540))
        ]
    )
    assert values.loc["retention_rate", ALL] == len(earlier & later) / len(earlier)


def test_nobody_to_divide_by_is_missing_with_the_reason(table):
    row = table.rows("open_rate").loc["Rest"]
    assert row["reason"] == "nobody to divide by"
    assert row[["value", "low", "high", "difference"]].isna().all()


def test_no_revenue_at_all():
    orders = ORDERS.assign(revenue=0.0, margin=0.0)
    asked = ["share_of_revenue", "margin_rate", "revenue", "aov", "growth"]
    table = kpi_table(orders, SEGMENTS, as_of=AS_OF, kpis=asked)
    for kpi in ("share_of_revenue", "margin_rate"):
        assert table.rows(kpi)["value"].isna().all()
        assert set(table.rows(kpi)["reason"]) == {"nobody to divide by"}
    assert table.rows("revenue")["value"].tolist() == [0, 0, 0]
    assert table.rows("aov")["value"].tolist() == [0, 0, 0]
    assert not np.isinf(table.table[["value", "low", "high"]]).any(axis=None)


def test_nobody_in_the_earlier_period(data):
    rows = kpi_table(data, SEGMENTS, as_of=AS_OF, period_days=365, kpis=["retention_rate"]).rows(
        "retention_rate"
    )
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"nobody to divide by"}


def test_one_customer_has_a_ratio_but_no_interval():
    table = kpi_table(
        ORDERS.iloc[:2], pd.Series({"ann": 0}), as_of=AS_OF, kpis=["aov", "repeat_rate"]
    )
    row = table.rows("aov").loc["segment 0"]
    assert (row["value"], row["reason"]) == (75.0, "one customer gives no interval")
    assert row[["low", "high"]].isna().all()
    assert table.rows("repeat_rate").loc[ALL, "low"] == pytest.approx(
        binomtest(1, 1).proportion_ci(method="wilson").low
    )


@pytest.mark.parametrize(
    ("kpi", "reason"),
    [
        ("session_conversion", "this needs the table sessions"),
        ("open_rate", "this needs the table messages"),
        ("margin_rate", "the table orders has no column margin"),
        ("clv", "this needs the prediction clv"),
        ("p_alive", "this needs the prediction p_alive"),
    ],
)
def test_missing_tables_columns_and_predictions_are_the_reason(kpi, reason):
    table = kpi_table(ORDERS.drop(columns="margin"), SEGMENTS, as_of=AS_OF, kpis=[kpi])
    assert table.rows(kpi)["reason"].tolist() == [reason] * 3
    assert table.rows(kpi)[["value", "low", "high"]].isna().all(axis=None)


def test_missing_columns_of_other_tables(data):
    without = replace(
        data,
        sessions=read_table(SESSIONS.drop(columns="purchased"), "sessions"),
        messages=read_table(MESSAGES.drop(columns="opened"), "messages"),
    )
    table = kpi_table(without, SEGMENTS, as_of=AS_OF, kpis=["session_conversion", "open_rate"])
    assert table.table["reason"].unique().tolist() == [
        "the table sessions has no column purchased",
        "the table messages has no column opened",
    ]


def test_sessions_without_customers(data):
    anonymous = replace(data, sessions=read_table(SESSIONS.drop(columns="customer_id"), "sessions"))
    asked = ["session_conversion"]
    rows = kpi_table(anonymous, SEGMENTS, as_of=AS_OF, kpis=asked).rows("session_conversion")
    assert set(rows["reason"]) == {"the table sessions has no column customer_id"}


def test_a_column_without_any_value_is_missing_not_zero():
    table = kpi_table(ORDERS.assign(margin=None), SEGMENTS, as_of=AS_OF, kpis=["margin_rate"])
    reason = "the column margin of the table orders has no values"
    assert table.rows("margin_rate")["reason"].tolist() == [reason] * 3
    assert table.rows("margin_rate")["value"].isna().all()


def test_as_of_is_the_last_day_when_not_given(data):
    table = kpi_table(data, SEGMENTS, kpis=["revenue"])
    assert table.as_of == dt.date(2026, 4, 1)
    assert table.rows("revenue")["value"].tolist() == [240 + 999, 35, 275 + 999]


def test_shuffled_rows_change_nothing(data, table, predictions):
    shuffled = replace(
        data,
        orders=read_orders(ORDERS.sample(frac=1, random_state=4)),
        sessions=read_table(SESSIONS.iloc[::-1], "sessions"),
        messages=read_table(MESSAGES.iloc[::-1], "messages"),
    )
    again = kpi_table(
        shuffled,
        SEGMENTS.iloc[::-1],
        NAMES,
        as_of=AS_OF,
        period_days=DAYS,
        predictions=predictions,
    )
    pd.testing.assert_frame_equal(again.table, table.table, check_exact=True)


def test_order_lines_of_one_order_count_once():
    twice = pd.concat([ORDERS, ORDERS.iloc[:1]])
    table = kpi_table(twice, SEGMENTS, as_of=AS_OF, kpis=["orders_per_customer"])
    assert table.rows("orders_per_customer").loc["segment 0", "value"] == 5 / 2


def test_customers_in_no_segment_are_noted(data, table):
    assert table.notes == (
        "1 of 7 sessions are of visitors who are not known: they count nowhere.",
    )
    some = kpi_table(data, SEGMENTS.drop(["eve", "dora"]), as_of=AS_OF, kpis=["customers"])
    assert some.notes == ("2 customers with orders are in no segment and not counted.",)
    assert some.rows("customers").loc[ALL, "value"] == 3
    assert html.note(some.notes[0]) in some._repr_html_()


def test_unknown_kpi_names_the_nearest(data):
    with pytest.raises(ParameterError) as caught:
        kpi_table(data, SEGMENTS, kpis=["retention_rat"])
    assert caught.value.problem.nearest == "retention_rate"
    with pytest.raises(ParameterError) as caught:
        kpi_table(data, SEGMENTS, as_of=AS_OF, kpis=["aov"]).rows("retention_rate")
    assert caught.value.problem.expected == "one of aov"


@pytest.mark.parametrize(
    ("segments", "what", "got"),
    [
        (pd.concat([SEGMENTS, SEGMENTS[:2]]), "more than once", "2 repeated rows"),
        (SEGMENTS.where(SEGMENTS == 0), "has no segment", "3 rows"),
        (pd.concat([SEGMENTS, pd.Series({"zoe": 0})]), "have no order", "1 of 6 customers"),
    ],
)
def test_bad_segments(data, segments, what, got):
    with pytest.raises(DataError, match=what) as caught:
        kpi_table(data, segments, as_of=AS_OF)
    assert caught.value.problem.got == got


def test_customers_without_an_order_by_the_day_are_refused(data):
    with pytest.raises(DataError, match="have no order") as caught:
        kpi_table(data, SEGMENTS, as_of="2026-02-20")
    assert caught.value.problem.got == "1 of 5 customers"  # eve comes in March
    assert caught.value.problem.expected == "customers with an order up to 2026-02-20"


@pytest.mark.parametrize("names", [{0: "Same", 1: "Same"}, {0: ALL}, {0: "segment 1"}])
def test_names_must_tell_columns_apart(data, names):
    with pytest.raises(ParameterError, match="the same name"):
        kpi_table(data, SEGMENTS, names, as_of=AS_OF, kpis=["aov"])


@pytest.mark.parametrize("bad", [{"period_days": 0}, {"period_days": 1.5}, {"level": 0}])
def test_numbers_out_of_range(data, bad):
    with pytest.raises(ParameterError, match="out of range"):
        kpi_table(data, SEGMENTS, **bad)


def test_predictions_of_other_customers_are_refused(data, predictions):
    with pytest.raises(DataError, match="not of the customers of the prediction"):
        kpi_table(data, SEGMENTS.drop("eve"), as_of=AS_OF, predictions=predictions)


def test_ids_that_are_numbers_match_those_of_the_orders():
    orders = ORDERS.assign(customer_id=ORDERS["customer_id"].map(list(SEGMENTS.index).index))
    table = kpi_table(orders, SEGMENTS.reset_index(drop=True), as_of=AS_OF, kpis=["revenue"])
    assert table.rows("revenue")["value"].tolist() == [240, 35, 275]


def test_names_may_come_as_the_series_of_a_segmenter(data):
    table = kpi_table(data, SEGMENTS, pd.Series(["Core"]), as_of=AS_OF, kpis=["aov"])
    assert table.values().columns.tolist() == ["Core", "segment 1", ALL]


def test_a_new_kpi_is_one_entry(data, monkeypatch):
    kpi = KPI(
        "big_spenders",
        "Big spenders",
        "Customers with a revenue of 50 or more / customers.",
        "share",
        "CASE WHEN spent >= 50 THEN 1 ELSE 0 END",
        "1",
        "wilson",
    )
    monkeypatch.setitem(KPIS, kpi.name, kpi)
    table = kpi_table(data, SEGMENTS, NAMES, as_of=AS_OF, kpis=["aov", "big_spenders"])
    rows = table.rows("big_spenders")
    assert rows["value"].tolist() == [1, 0, 2 / 5]
    assert rows.loc["Rest", "high"] == pytest.approx(
        binomtest(0, 3).proportion_ci(method="wilson").high
    )
    assert "Big spenders" in table._repr_html_()


def test_html_has_units_intervals_and_reasons(table):
    page = table._repr_html_()
    aov = table.rows("aov").loc["Rest"]
    interval = f"€{aov['low']:.0f} to €{aov['high']:.0f}"  # too wide for cents
    assert f"€8.75<small>{interval}</small>" in page
    assert ">40%<small>" in page  # share of customers, Core
    assert ">2.50<small>" in page  # orders per customer, Core
    assert "n/a<small>nobody to divide by</small>" in page
    assert "KPIs by segment as of 2026-03-31, 95% intervals" in page
    assert "compare the last 30 days with the 30 before" in page
    shown = table.table.groupby("kpi")["value"].apply(lambda values: values.notna().any())
    main, _, rest = page.partition("KPIs could not be computed")
    assert main.count("<tr>") == 1 + shown.sum()
    definitions = rest.partition("How each is defined")[2]
    assert definitions.count("<tr>") == 1 + len(KPIS)
    assert KPIS["aov"].formula in definitions


def test_html_gathers_what_could_not_be_computed():
    asked = ["aov", "clv", "session_conversion", "open_rate"]
    page = kpi_table(ORDERS, SEGMENTS, as_of=AS_OF, kpis=asked)._repr_html_()
    main, _, absent = page.partition("3 KPIs could not be computed")
    assert main.count("<tr>") == 1 + 1
    for reason, label in [
        ("this needs the prediction clv", "Predicted lifetime value"),
        ("this needs the table sessions", "Session conversion rate"),
        ("this needs the table messages", "E-mail open rate"),
    ]:
        assert f"{reason}</th><td>{label}</td>" in absent


def test_html_of_hostile_names_is_escaped(data):
    names = {0: "<script>alert(1)</script>"}
    page = kpi_table(data, SEGMENTS, names, as_of=AS_OF, kpis=["aov"])._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_orders_may_come_as_a_table_or_a_frame(data):
    values = [
        kpi_table(orders, SEGMENTS, as_of=AS_OF, kpis=["aov"]).values()
        for orders in (ORDERS, read_orders(ORDERS), CustomerData(read_orders(ORDERS)), data)
    ]
    for other in values[1:]:
        pd.testing.assert_frame_equal(other, values[0], check_exact=True)


def test_values_that_are_missing_do_not_count_as_nothing() -> None:
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "order_id": ["1", "2", "3"],
            "ordered_at": "2026-01-01",
            "revenue": [100.0, 300.0, 50.0],
            "margin": [40.0, None, None],
        }
    )
    sessions = pd.DataFrame(
        {
            "session_id": ["1", "2", "3"],
            "started_at": "2026-01-01",
            "customer_id": ["a", "a", "b"],
            "purchased": [True, None, None],
        }
    )
    data = CustomerData(read_orders(orders), sessions=read_table(sessions, "sessions"))
    table = kpi_table(
        data, pd.Series({"a": 0, "b": 1}), kpis=["margin_rate", "session_conversion"]
    ).values()
    assert table.loc["margin_rate", "segment 0"] == 0.4
    assert table.loc["session_conversion", "segment 0"] == 1.0
    assert table["segment 1"].isna().all()


def test_arrows_tell_better_from_worse_without_colour():
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{i // 4}" for i in range(160)],
            "order_id": range(160),
            "ordered_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(160) % 4, "D"),
            "revenue": [10.0 + i % 3 + 90 * (i < 80) for i in range(160)],
            "refund": [9.0 * (i < 80) + 0.1 * (i % 5) for i in range(160)],
        }
    )
    segments = pd.Series([0] * 20 + [1] * 20, index=[f"c{i}" for i in range(40)])
    table = kpi_table(orders, segments, {0: "High", 1: "Low"}, kpis=["aov", "refund_rate"])
    page = table._repr_html_()
    for sign, words in {
        "▲": "clearly higher than all customers: better",
        "▽": "clearly lower than all customers: worse",
        "△": "clearly higher than all customers: worse",
    }.items():
        assert f'aria-label="{words}" title="{words}">{sign}</span>' in page
    assert page.count('class="mark"') == 4
    assert '<tr class="group"><th scope="rowgroup" colspan="4"><span>Value</span>' in page
    assert '<i style="width:100%">' in page


def test_names_of_segments_without_customers_are_rows_without_values(data):
    names = NAMES | {2: "Nobody"}
    table = kpi_table(data, SEGMENTS, names, as_of=AS_OF, kpis=["customers", "revenue", "aov",
                      "share_of_customers", "repeat_rate", "days_to_second_purchase"])  # fmt: skip
    values = table.values()["Nobody"]
    assert values[["customers", "share_of_customers"]].tolist() == [0, 0]
    assert values.drop(["customers", "share_of_customers"]).isna().all()
    assert set(table.table.query("name == 'Nobody'")["reason"]) == {
        "", "the segment has no customer"
    }  # fmt: skip
    assert table.rows("aov").loc["Nobody", "n"] == 0


def test_text_ids_of_segments(data):
    words = SEGMENTS.map({0: "core", 1: "rest"})
    table = kpi_table(data, words, as_of=AS_OF, kpis=["aov"])
    assert table.values().columns.tolist() == ["segment core", "segment rest", ALL]
    with pytest.raises(DataError, match="different types"):
        kpi_table(data, words.where(words == "core", 1), kpis=["aov"])


@pytest.mark.parametrize(("bad", "what"), [(["a"], "not a Series"), (SEGMENTS[:0], "no customer")])
def test_segments_that_are_none(data, bad, what):
    with pytest.raises(DataError, match=what):
        kpi_table(data, bad, kpis=["aov"])


def test_periods_without_data_are_missing_with_the_reason(data):
    table = kpi_table(
        data,
        SEGMENTS,
        as_of=AS_OF,
        periods=[("2025-01-01", "2025-01-31"), ("2026-01-01", "2026-01-31"), ("2026-02-01", AS_OF)],
        kpis=["customers", "revenue", "aov", "session_conversion", "growth", "retention_rate"],
    )
    first = table.table[table.table["period"] == "2025-01-01 to 2025-01-31"]
    assert first.loc[first["kpi"] != "customers", "value"].isna().all()
    assert set(first.loc[first["kpi"] == "revenue", "reason"]) == {
        "the table orders has no row in the period"
    }
    assert table.over_time("revenue").iloc[1].tolist() == [160, 20, 180]
    second = table.rows("session_conversion", "2026-01-01 to 2026-01-31")
    assert set(second["reason"]) == {"the table sessions has no row in the period"}
    assert table.rows("session_conversion")["value"].tolist() == [1 / 4, 1, 2 / 5]
    with pytest.raises(ParameterError):
        table.rows("aov", "2024")


def test_periods_count_the_customers_known_by_their_end(data):
    table = kpi_table(
        data, SEGMENTS, as_of=AS_OF, periods=("month", 3), kpis=["customers", "growth"]
    )
    assert table.over_time("customers")[ALL].tolist() == [3, 4, 5]
    growth = table.over_time("growth")[ALL]
    assert growth.iloc[:2].isna().all()  # the orders begin on 5 January
    assert growth.iloc[2] == pytest.approx(90 / 5 - 1)
    page = table._repr_html_()
    assert "KPIs by segment, 2026-03, with 95% intervals" in page
    assert f"{ALL} by period" in page


def test_retained_customers_may_be_those_who_visit(data):
    sessions = pd.DataFrame(
        {
            "session_id": range(4),
            "started_at": ["2026-02-10", "2026-03-10", "2026-02-11", "2026-02-12"],
            "customer_id": ["ann", "ann", "bob", "cem"],
        }
    )
    table = kpi_table(
        replace(data, sessions=read_table(sessions, "sessions")), SEGMENTS, as_of=AS_OF,
        period_days=DAYS, retained="visited", kpis=["retention_rate", "churn_rate"],
    )  # fmt: skip
    assert table.rows("retention_rate")["value"].tolist() == [1 / 2, 0, 1 / 3]
    assert table.rows("churn_rate")["value"].tolist() == [1 / 2, 1, 2 / 3]
    with pytest.raises(ParameterError) as caught:
        kpi_table(data, SEGMENTS, retained="visit")
    assert caught.value.problem.nearest == "visited"


def test_churn_without_a_contract_is_one_less_the_chance_of_being_active(table):
    alive, churn = table.rows("p_alive"), table.rows("expected_churn")
    np.testing.assert_allclose(churn["value"], 1 - alive["value"], rtol=1e-12)
    np.testing.assert_allclose(churn["low"], 1 - alive["high"], rtol=1e-12)
    np.testing.assert_allclose(churn["difference_low"], -alive["difference_high"], atol=1e-12)


def test_the_difference_of_predictions_knows_that_they_rest_on_the_same_parameters(
    table, predictions
):
    clv = predictions["clv"]
    inside = (SEGMENTS == 0).to_numpy()
    lean = clv.jacobian[inside].mean(axis=0) - clv.jacobian.mean(axis=0)
    half = norm.ppf(0.975) * np.sqrt(lean @ clv.covariance @ lean)
    row = table.rows("clv").loc["Core"]
    assert row["difference_high"] - row["difference"] == pytest.approx(half, rel=1e-9)


def test_predictions_are_of_the_last_period(data, predictions):
    table = kpi_table(
        data, SEGMENTS, as_of=AS_OF, periods=("month", 2), kpis=["clv"], predictions=predictions
    )
    assert np.isnan(table.over_time("clv")[ALL].iloc[0])
    assert table.over_time("clv")[ALL].iloc[1] == pytest.approx(33.6)
    assert "end of the last period" in table.rows("clv", "2026-02")["reason"].iloc[0]
