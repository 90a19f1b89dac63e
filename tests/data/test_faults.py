from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.data import CleaningPolicy, CustomerData, clean, read_orders, read_table
from segml.data.faults import inject_faults
from segml.data.simulation import simulate_store
from segml.data.simulation_faults import FAULTS
from segml.data.suspicious import suspicious_days

from .samples import frame

LEFT_OUT = "its order is left out"


IGNORE = CleaningPolicy(consent="ignore")


@pytest.fixture(scope="module")
def data():
    return simulate_store(3000, seed=1)[0]


@pytest.fixture(scope="module", params=[3, 4])
def dirty(data, request):
    return inject_faults(data, seed=request.param)


@pytest.fixture(scope="module")
def read(dirty):
    return CustomerData(**{name: read_table(table, name) for name, table in dirty[0].items()})


@pytest.fixture(scope="module")
def cleaned(read):
    return clean(read, IGNORE)


def test_every_kind_is_planted(dirty):
    assert set(dirty[1]["fault"]) == {fault.name for fault in FAULTS}


def test_every_kind_can_be_found():
    assert all(fault.found_as for fault in FAULTS)


def test_the_store_itself_has_no_fault(data):
    _, report = clean(data, IGNORE)
    rejected = {name: set(account.rejected) for name, account in report.accounts.items()}
    assert {name: reasons for name, reasons in rejected.items() if reasons} == {
        "orders": {"no customer_id"},
        "order_lines": {LEFT_OUT},
    }
    for account in report.accounts.values():
        assert account.noted == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_is_found(fault, dirty, cleaned):
    planted = dirty[1]
    mine = planted[(planted["table"] == fault.table) & (planted["found_as"] == fault.found_as)]
    account = cleaned[1].accounts[fault.table]
    assert {**account.rejected, **account.noted}[fault.found_as] == len(mine) > 0


def test_nothing_else_is_found(dirty, cleaned):
    planted = {(table, what) for table, what in dirty[1][["table", "found_as"]].to_numpy()}
    for name, account in cleaned[1].accounts.items():
        for what in {**account.rejected, **account.noted}:
            assert (name, what) in planted | {("order_lines", LEFT_OUT)}


def test_lines_go_with_their_order(dirty, cleaned):
    raw, planted = dirty
    clean_data, report = cleaned
    orders = set(clean_data.orders.to_pandas()["order_id"])
    gone = set(raw["orders"]["order_id"].dropna().astype(str)) - orders
    mine = planted.loc[planted["table"] == "order_lines", "row"].to_numpy(dtype=int) - 1
    sound = raw["order_lines"].drop(index=mine)
    expected = sound["order_id"].isin(gone).sum()
    assert report.accounts["order_lines"].rejected[LEFT_OUT] == expected > 0
    assert clean_data.order_lines.to_pandas()["order_id"].isin(orders).all()


def test_rows_left_out_are_those_that_were_broken(dirty, cleaned):
    planted = dirty[1]
    for name, table in cleaned[0].tables.items():
        mine = planted[planted["table"] == name]
        left_out = table.rejected_rows()
        left_out = left_out[left_out["reason"] != LEFT_OUT]
        reasons = set(table.account.rejected)
        expected = mine[mine["found_as"].isin(reasons)]
        assert dict(zip(left_out["source_row"], left_out["reason"], strict=True)) == dict(
            zip(expected["row"], expected["found_as"], strict=True)
        )


def test_cleaning_again_changes_nothing(cleaned):
    once, report = cleaned
    twice, again = clean(once, IGNORE)
    assert again.to_dict() == report.to_dict()
    for name, table in once.tables.items():
        pd.testing.assert_frame_equal(twice.tables[name].to_pandas(), table.to_pandas())
        assert len(twice.tables[name].rejects) == len(table.rejects)


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
    rest = raw["surveys"].iloc[: len(sound)].drop(index=broken, errors="ignore")
    # Columns with faults hold text.
    sound = sound.drop(index=broken, errors="ignore").astype(str)
    pd.testing.assert_frame_equal(rest.astype(str), sound)


def test_values_are_broken_as_the_list_says(dirty):
    raw, planted = dirty
    for entry in planted.dropna(subset="row").itertuples():
        value = raw[entry.table][entry.column].iloc[entry.row - 1]
        if entry.fault.startswith("missing"):
            assert pd.isna(value)
        if entry.fault == "revenue with a sign":
            assert value.startswith("$")
        if entry.fault == "white space in an id":
            assert len(value.split()) == 2
        if entry.fault == "ambiguous date":
            day, month, _ = value.split("/")
            assert 1 <= int(day) <= 12
            assert 1 <= int(month) <= 12


def test_ids_written_in_another_way_can_be_folded(data, dirty, read):
    known = set(data.customers.to_pandas()["customer_id"])
    assert set(read.orders.to_pandas()["customer_id"]) - known > {"nobody-1", "nobody-2"}
    folded, report = clean(read, CleaningPolicy(consent="ignore", similar_ids="fold"))
    assert set(folded.orders.to_pandas()["customer_id"]) - known == {"nobody-1", "nobody-2"}
    noted = report.accounts["orders"].noted
    planted = dirty[1]["fault"].value_counts()
    assert (
        noted["customer_id differs from another only by case, set to it"]
        == (planted["other case of an id"])
    )
    assert (
        noted["customer_id differs from another by white space, set to it"]
        == (planted["white space in an id"])
    )


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_orders_alone_tell_how_an_id_is_written(data, share):
    raw, planted = inject_faults(CustomerData(data.orders), seed=5, share=share)
    _, report = clean(raw["orders"])
    found = {**report.accounts["orders"].rejected, **report.accounts["orders"].noted}
    assert found == planted["found_as"].value_counts().to_dict()


def test_holes_are_days_without_orders(dirty, cleaned):
    holes = dirty[1].loc[dirty[1]["fault"] == "hole in days", "day"]
    days = cleaned[0].orders.to_pandas()["ordered_at"].dt.normalize()
    assert len(holes) == 2
    assert not days.isin(holes).any()
    assert holes.diff().iloc[1] > pd.Timedelta(weeks=9)
    found = suspicious_days(cleaned[0].orders)
    found = pd.to_datetime(found.loc[found["kind"] == "hole", "day"])
    assert sorted(found) == sorted(holes)


def test_a_store_with_few_orders_has_no_holes():
    small = simulate_store(300, seed=1)[0]
    raw, planted = inject_faults(small, seed=1)
    assert "hole in days" not in set(planted["fault"])
    _, report = clean(CustomerData(read_orders(raw["orders"])))
    assert not any("busy days" in what for what in report.accounts["orders"].noted)
    with pytest.raises(MissingTableError, match="hole in days"):
        inject_faults(small, faults=["hole in days"])


@pytest.mark.parametrize("mean", [4.0, 8.0, 11.0])
def test_days_without_orders_by_chance_are_no_holes(mean):
    # About one in a hundred such stores may have one.
    rng = np.random.default_rng(7)
    holes = 0
    for _ in range(20):
        counts = rng.poisson(mean, 730)
        days = np.repeat(pd.date_range("2024-01-01", periods=730), counts)
        orders = pd.DataFrame(
            {"customer_id": "a", "order_id": range(len(days)), "ordered_at": days, "revenue": 1.0}
        )
        holes += (suspicious_days(read_orders(orders))["kind"] == "hole").sum()
    assert holes <= 1


def test_same_seed_same_faults(data):
    raw, planted = inject_faults(data, seed=3)
    raw_again, again = inject_faults(data, seed=3)
    pd.testing.assert_frame_equal(planted, again)
    for name, table in raw.items():
        pd.testing.assert_frame_equal(table, raw_again[name])
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
    # One customer, an id without letters and of one character, and an order a day.
    assert not {
        "order id of another customer",
        "other case of an id",
        "white space in an id",
        "unknown customer",
        "hole in days",
    } & set(planted["fault"])
    assert len(raw["orders"]) == 30 + 2
    _, report = clean(raw["orders"])
    found = {**report.accounts["orders"].rejected, **report.accounts["orders"].noted}
    assert found == planted["found_as"].value_counts().to_dict()


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
