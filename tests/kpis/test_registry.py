from __future__ import annotations

import pytest

from segml._core.errors import DataError, ParameterError
from segml.data.tables import TABLES
from segml.kpis import KPI, KPIS, MEASURES, Measure, kpi_table, register_kpi
from segml.kpis.registry import SOURCES

from .conftest import AS_OF, ORDERS, SEGMENTS

# The KPIs that the field names.
NAMED = [
    "customers", "share_of_customers", "revenue", "share_of_revenue", "growth", "aov",
    "purchase_frequency", "orders_per_customer", "revenue_per_customer", "margin_rate",
    "discount_share", "refund_rate", "historic_clv", "clv", "cac", "clv_cac", "payback_days",
    "roi", "roas", "campaign_roi", "retention_rate", "churn_rate", "expected_churn",
    "repeat_rate", "days_between_purchases", "days_to_second_purchase", "session_conversion",
    "campaign_conversion", "cart_abandonment", "add_to_cart_rate", "checkout_completion",
    "sessions", "bounce_rate", "time_on_site", "pages_per_session", "delivery_rate",
    "open_rate", "click_through_rate", "click_to_open_rate", "email_conversion",
    "unsubscribe_rate", "revenue_per_recipient", "nps", "response_rate", "satisfaction",
]  # fmt: skip


@pytest.fixture
def clean_registry():
    before = dict(KPIS), dict(MEASURES)
    yield
    for registry, known in zip((KPIS, MEASURES), before, strict=True):
        registry.clear()
        registry.update(known)


def test_every_kpi_that_the_field_names_is_there():
    assert set(NAMED) <= set(KPIS)


@pytest.mark.parametrize("name", MEASURES)
def test_measures_name_columns_of_their_table(name):
    measure = MEASURES[name]
    source = SOURCES.get(measure.table)
    table = TABLES[source.table if source else measure.table]
    assert set(measure.columns) <= set(table.names)
    if not source:
        own = [column for column in measure.columns if column != "customer_id"]
        assert all(column in measure.sql for column in own) or measure.sql.startswith("max(CASE")


@pytest.mark.parametrize("name", KPIS)
def test_kpis_are_complete(name):
    kpi = KPIS[name]
    assert kpi.name == name
    assert kpi.label[0].isupper()
    assert kpi.formula.endswith(".")
    known = {*MEASURES, "first_day", "second_day", "start_day", "end_day"}
    words = {"CASE", "WHEN", "THEN", "ELSE", "END", "BETWEEN", "AND", "CAST", "AS", "DOUBLE"}
    assert set(kpi.words) - words - {"safe_ratio"} <= known
    assert kpi.sql.startswith(("WITH", "SELECT segment"))


def test_every_measure_is_used():
    used = {word for kpi in KPIS.values() for word in kpi.words}
    assert set(MEASURES) - used == {"visited_recent", "visited_earlier"}  # take another's place


def test_the_sql_of_a_kpi_can_be_read():
    assert KPIS["aov"].sql == (
        "WITH orders_period AS (\n"
        "  SELECT customer_id, CAST(sum(fixed(revenue)) AS DOUBLE) AS spent,"
        " count(DISTINCT order_id) AS order_count\n"
        "  FROM orders -- of the period\n"
        "  GROUP BY customer_id)\n"
        "SELECT segment, sum(spent) / sum(order_count)\n"
        "FROM segments\n"
        "LEFT JOIN orders_period USING (customer_id)\n"
        "GROUP BY segment"
    )
    assert KPIS["expected_churn"].sql.startswith("SELECT segment, 1 - avg(p_alive)\n")
    assert "median(" in KPIS["days_to_second_purchase"].sql


def test_tables_and_columns_that_a_kpi_needs():
    assert KPIS["aov"].tables == {"orders": ("revenue", "order_id")} or KPIS["aov"].tables == {
        "orders": ("order_id", "revenue")
    }
    assert KPIS["nps"].tables == {"surveys": ("question", "answer")}
    assert set(KPIS["roas"].tables) == {"messages", "costs"}
    assert KPIS["clv"].tables == KPIS["customers"].tables == {}


BIG = KPI(
    "big_orders", "Big orders", "Orders of 50 and more / orders.", "share",
    "big_order_count", "order_count", "clustered",
)  # fmt: skip


@pytest.mark.usefixtures("clean_registry")
def test_a_user_adds_a_kpi():
    big = Measure("count(*) FILTER (WHERE revenue >= 50)")
    assert register_kpi(BIG, big_order_count=big) is BIG
    rows = kpi_table(ORDERS, SEGMENTS, as_of=AS_OF, kpis=["big_orders"]).rows("big_orders")
    assert rows["value"].tolist() == [2 / 5, 0, 2 / 9]
    with pytest.raises(ParameterError, match="of this name"):
        register_kpi(BIG)
    with pytest.raises(ParameterError, match="of this name") as caught:
        register_kpi(KPI("other", "Other", "Other.", "count", "spent", interval="none"), spent=big)
    assert caught.value.problem.got == "spent"
    assert "other" not in KPIS
    assert register_kpi(BIG, replace=True, big_order_count=big) is BIG


@pytest.mark.usefixtures("clean_registry")
def test_sql_that_cannot_run_names_the_measure_or_the_kpi():
    register_kpi(BIG, big_order_count=Measure("count(*) FILTER (WHERE revenu >= 50)"))
    with pytest.raises(DataError, match="the measure big_order_count cannot be run"):
        kpi_table(ORDERS, SEGMENTS, kpis=["aov", "big_orders"])
    bad = KPI("bad", "Bad", "Bad.", "count", "spnt", interval="none")
    register_kpi(bad)
    with pytest.raises(DataError, match="expressions of a KPI") as caught:
        kpi_table(ORDERS, SEGMENTS, kpis=["bad"])
    assert caught.value.problem.where == "bad"


@pytest.mark.parametrize(
    ("measure", "nearest"),
    [
        (Measure("count(*)", "oders"), "orders"),
        (Measure("count(*)", columns=("revenu",)), "revenue"),
        (Measure("count(*)", window="perod"), "period"),
    ],
)
def test_measures_that_name_what_is_not_known(measure, nearest):
    with pytest.raises(ParameterError) as caught:
        register_kpi(BIG, big_order_count=measure)
    assert caught.value.problem.nearest == nearest
    assert "big_orders" not in KPIS


@pytest.mark.parametrize("table", ["costs", "order_lines"])
def test_measures_of_rows_without_customers_are_refused(table):
    with pytest.raises(ParameterError, match="no customer"):
        register_kpi(BIG, big_order_count=Measure("count(*)", table))


@pytest.mark.parametrize("name", ["first_day", "Big", "a b"])
def test_names_of_measures(name):
    with pytest.raises(ParameterError, match="cannot have this name"):
        register_kpi(BIG, **{name: Measure("count(*)")})


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"name": "Big Orders"}, "its name is not"),
        ({"label": ""}, "no label"),
        ({"numerator": ""}, "no numerator"),
        ({"denominator": ""}, "needs a denominator"),
        ({"interval": "none"}, "do not go together"),
        ({"interval": "model"}, "go together"),
        ({"prediction": "clv"}, "go together"),
        ({"unit": "money"}, "one of shares"),
    ],
)
def test_kpis_that_are_not_complete(parts, what):
    parts = {
        "name": "big",
        "label": "Big",
        "formula": "Big / all.",
        "unit": "share",
        "numerator": "a",
        "denominator": "b",
        "interval": "clustered",
    } | parts
    with pytest.raises(ParameterError) as caught:
        KPI(**parts)
    assert what in caught.value.problem.got


def test_only_kpis_are_registered():
    with pytest.raises(ParameterError, match="no KPI"):
        register_kpi("aov")
