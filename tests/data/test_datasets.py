"""The facts that the literature states about the data sets."""

import datetime as dt
import subprocess
import sys

import pytest

from segml._core.errors import MissingDependencyError
from segml.data import CleaningPolicy, clean, datasets, load_cdnow, load_donations

PLAN = CleaningPolicy(latest=dt.date(1998, 6, 30))


def test_cdnow_has_the_published_size(cdnow) -> None:
    orders = cdnow.orders
    assert orders.account.rows_in == orders.account.rows_used == 69_659
    assert orders.table.row(
        "SELECT count(*), count(DISTINCT customer_id), min(ordered_at), max(ordered_at),"
        " count(*) FILTER (WHERE revenue = 0), min(revenue), count(DISTINCT order_id)"
        " FROM {self}"
    ) == (
        69_659,
        23_570,
        dt.datetime(1997, 1, 1),
        dt.datetime(1998, 6, 30),
        80,
        0.0,
        69_659,
    )
    assert orders.generated == ("order_id",)
    assert orders.columns == ["customer_id", "ordered_at", "revenue", "quantity", "order_id"]


def test_every_customer_of_cdnow_began_in_the_first_quarter(cdnow) -> None:
    latest_first = cdnow.orders.table.scalar(
        "SELECT max(first) FROM (SELECT min(ordered_at) AS first FROM {self} GROUP BY customer_id)"
    )
    assert latest_first == dt.datetime(1997, 3, 25)


def test_cleaning_cdnow_counts_repeats_and_zeros(cdnow) -> None:
    _, report = clean(cdnow, PLAN)
    account = report.accounts["orders"]
    assert account.rejected == {"exact duplicate": 255}
    assert account.rows_used == 69_659 - 255
    kept, report = clean(
        cdnow, CleaningPolicy(exact_duplicates="keep", latest=dt.date(1998, 6, 30))
    )
    assert report.accounts["orders"].noted == {
        "repeats another row exactly": 255,
        "revenue is zero": 80,
    }
    assert len(kept.orders.table) == 69_659


def test_the_sample_has_the_published_size(cdnow_sample) -> None:
    assert cdnow_sample.orders.table.row(
        "SELECT count(*), count(DISTINCT customer_id), min(customer_id), max(customer_id),"
        " count(DISTINCT master_id) FROM {self}"
    ) == (6919, 2357, "0001", "2357", 2357)


def test_the_sample_is_part_of_the_whole(cdnow, cdnow_sample) -> None:
    columns = "ordered_at, revenue, quantity"
    missing = cdnow.orders.table.scalar(
        f"SELECT count(*) FROM (SELECT master_id, {columns} FROM {{sample}}"
        f" EXCEPT ALL SELECT customer_id, {columns} FROM {{self}})",
        sample=cdnow_sample.orders.table,
    )
    assert missing == 0


def test_donations() -> None:
    donations = load_donations()
    assert donations.columns.tolist() == ["frequency", "recency", "periods", "weights"]
    assert donations["weights"].sum() == 11_104
    assert donations["periods"].unique().tolist() == [6]
    assert (donations["frequency"] <= donations["recency"]).all()
    assert len(donations) == 22


def test_the_engine_can_be_given(engine) -> None:
    assert load_cdnow(engine).orders.table.engine is engine


def test_the_code_of_lifetimes_is_not_run() -> None:
    script = (
        "import sys; from segml.data import load_cdnow; load_cdnow();"
        "print(sorted({'lifetimes', 'pkg_resources'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_lifetimes_is_not_installed(monkeypatch) -> None:
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        load_cdnow()
    assert caught.value.problem.what == (
        "the data file CDNOW_master.txt of the package lifetimes is not installed"
    )
    assert caught.value.problem.hint == "pip install lifetimes"


def test_a_file_that_the_package_does_not_have() -> None:
    with pytest.raises(MissingDependencyError, match=r"the data file none\.csv"):
        datasets.dataset_file("none.csv")
