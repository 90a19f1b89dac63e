from __future__ import annotations

import pandas as pd
import pytest

from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CleaningPolicy, CustomerData, clean, read_orders, read_table
from segml.data.faults import inject_faults
from segml.data.simulation import simulate_store
from segml.data.simulation_faults import FAULTS

from .samples import frame


@pytest.fixture(scope="module")
def data():
    return simulate_store(1000, seed=1)[0]


@pytest.fixture(scope="module")
def dirty(data):
    return inject_faults(data, seed=3)


@pytest.fixture(scope="module")
def read(dirty):
    return CustomerData(**{name: read_table(table, name) for name, table in dirty[0].items()})


@pytest.fixture(scope="module")
def cleaned(read):
    return clean(read, CleaningPolicy(consent="ignore"))


def test_every_kind_is_planted(dirty):
    assert set(dirty[1]["fault"]) == {fault.name for fault in FAULTS}


def test_the_store_itself_has_no_fault(data):
    _, report = clean(data, CleaningPolicy(consent="ignore"))
    assert set(report.accounts["orders"].rejected) == {"no customer_id"}
    for account in report.accounts.values():
        assert account.noted == {}


def test_each_fault_that_can_be_found_is_found(dirty, cleaned):
    planted = dirty[1]
    known = planted[planted["found_as"] != ""]
    expected = known.groupby(["table", "found_as"]).size().to_dict()
    found = {
        (name, reason): n
        for name, account in cleaned[1].accounts.items()
        for reason, n in {**account.rejected, **account.noted}.items()
    }
    assert found == expected


def test_rows_left_out_are_those_that_were_broken(dirty, cleaned):
    planted = dirty[1]
    for name, table in cleaned[0].tables.items():
        mine = planted[planted["table"] == name]
        left_out = table.rejected_rows()
        reasons = set(table.account.rejected)
        expected = mine[mine["found_as"].isin(reasons)]
        assert dict(zip(left_out["source_row"], left_out["reason"], strict=True)) == dict(
            zip(expected["row"], expected["found_as"], strict=True)
        )


def test_zero_revenue_is_found_where_it_is_refused(dirty, read):
    _, report = clean(read, CleaningPolicy(consent="ignore", zero_revenue="reject"))
    planted = (dirty[1]["fault"] == "zero revenue").sum()
    assert report.accounts["orders"].rejected["zero revenue"] == planted


def test_one_fault_a_row(dirty):
    rows = dirty[1].dropna(subset="row")
    assert not rows.duplicated(["table", "row"]).any()


def test_other_rows_are_as_they_were(data, dirty):
    raw, planted = dirty
    sound = data.surveys.to_pandas()
    broken = planted.loc[planted["table"] == "surveys", "row"].to_numpy(dtype=int) - 1
    rest = raw["surveys"].drop(index=broken)
    pd.testing.assert_frame_equal(rest, sound.drop(index=broken), check_dtype=False)


def test_values_are_broken_as_the_list_says(dirty):
    raw, planted = dirty
    for entry in planted.dropna(subset="row").itertuples():
        value = raw[entry.table][entry.column].iloc[entry.row - 1]
        if entry.fault.startswith("missing"):
            assert pd.isna(value)
        if entry.fault == "revenue with a sign":
            assert value.startswith("$")
        if entry.fault == "white space around an id":
            assert value != value.strip()
        if entry.fault == "ambiguous date":
            day, month, _ = value.split("/")
            assert 1 <= int(day) <= 12
            assert 1 <= int(month) <= 12


def test_white_space_is_repaired_and_case_is_not(data, dirty, read):
    known = set(data.orders.to_pandas()["customer_id"])
    strangers = set(read.orders.to_pandas()["customer_id"]) - known
    planted = dirty[1].set_index("fault")
    other_case = dirty[0]["orders"]["customer_id"].iloc[
        planted.loc["other case of an id", "row"].to_numpy(dtype=int) - 1
    ]
    assert strangers == {"nobody-1", "nobody-2", *other_case}


def test_holes_are_days_without_orders(dirty, cleaned):
    holes = dirty[1].loc[dirty[1]["fault"] == "hole in days", "day"]
    days = cleaned[0].orders.to_pandas()["ordered_at"].dt.normalize()
    assert len(holes) == 2
    assert not days.isin(holes).any()


def test_same_seed_same_faults(data, dirty):
    raw, planted = inject_faults(data, seed=3)
    pd.testing.assert_frame_equal(planted, dirty[1])
    for name, table in raw.items():
        pd.testing.assert_frame_equal(table, dirty[0][name])
    assert not inject_faults(data, seed=4)[1]["row"].equals(planted["row"])


def test_only_the_faults_asked_for(data):
    raw, planted = inject_faults(data, faults=["missing answer"], share=0.05)
    assert set(planted["fault"]) == {"missing answer"}
    assert len(planted) == round(0.05 * data.surveys.account.rows_used)
    pd.testing.assert_frame_equal(raw["orders"], data.orders.to_pandas())


def test_no_faults(data):
    raw, planted = inject_faults(data, faults=[])
    assert planted.empty
    assert list(planted.columns) == ["table", "row", "column", "fault", "found_as", "day"]
    pd.testing.assert_frame_equal(raw["costs"], data.costs.to_pandas())


def test_orders_alone():
    orders = frame(*[("1", str(i), f"2025-01-{i:02d}", 10.0) for i in range(1, 31)])
    raw, planted = inject_faults(CustomerData(read_orders(orders)), share=0.02)
    assert set(planted["table"]) == {"orders"}
    # One customer, and an id without letters.
    assert not {"order id of another customer", "other case of an id"} & set(planted["fault"])
    assert len(raw["orders"]) == 30 - 2 + 2


def test_wrong_arguments(data):
    with pytest.raises(ParameterError, match="missing answer"):
        inject_faults(data, faults=["missing answers"])
    with pytest.raises(ParameterError, match="list of names"):
        inject_faults(data, faults="missing answer")
    for share in (0, 0.5, "1%"):
        with pytest.raises(ParameterError, match="share"):
            inject_faults(data, share=share)
    with pytest.raises(ParameterError, match="seed"):
        inject_faults(data, seed=-1)
    with pytest.raises(MissingTableError, match="missing answer"):
        inject_faults(CustomerData(data.orders), faults=["missing answer"])
    with pytest.raises(NotEnoughDataError, match="too few rows"):
        inject_faults(CustomerData(read_orders(frame(("1", "1", "2025-01-01", 5.0)))))
