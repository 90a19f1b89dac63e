from __future__ import annotations

import pytest

from segml.data.tables import TABLES
from segml.kpis import KPIS
from segml.kpis.measure import needed_measures
from segml.kpis.registry import MEASURES


@pytest.mark.parametrize("name", MEASURES)
def test_measures_name_columns_of_their_table(name):
    measure = MEASURES[name]
    assert set(measure.columns) <= set(TABLES[measure.table].names)
    assert all(column in measure.sql for column in measure.columns if column != "customer_id")


@pytest.mark.parametrize("name", KPIS)
def test_kpis_are_complete(name):
    kpi = KPIS[name]
    assert kpi.name == name
    assert kpi.label[0].isupper()
    assert kpi.formula.endswith(".")
    assert kpi.unit in ("money", "share", "count")
    if kpi.interval == "model":
        assert (kpi.numerator, kpi.denominator) == ("", "")
        assert kpi.prediction == name
    else:
        assert kpi.numerator
        assert kpi.prediction == ""
        assert (kpi.denominator == "") == (kpi.interval == "none" and name != "customers") or (
            name == "customers"
        )


def test_measures_are_found_as_words_of_the_expressions():
    assert needed_measures(KPIS["aov"]) == ["order_count", "spent"]
    assert needed_measures(KPIS["churn_rate"]) == ["bought_earlier", "bought_later"]
    assert needed_measures(KPIS["repeat_rate"]) == ["order_count"]
    assert needed_measures(KPIS["customers"]) == []
