"""Real invoices: UCI Online Retail, where the file is at hand."""

import os
from pathlib import Path

import pytest

from segml._core.errors import DataError
from segml.data import CleaningPolicy, clean, load_online_retail

FOLDER = Path(os.environ.get("SEGML_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILE = FOLDER / "online_retail.parquet"


@pytest.fixture(scope="module")
def online_retail():
    if not FILE.is_file():
        pytest.skip("the UCI Online Retail file is not in SEGML_DATA or ../shared/data")
    return load_online_retail(FILE)


@pytest.mark.realdata
def test_every_line_is_accounted_for(online_retail) -> None:
    account = online_retail.orders.account
    assert account.rows_in == 541_909
    assert account.rejected == {"no customer_id": 135_080}
    assert account.noted["cancellation (C-number)"] == 8_905
    assert online_retail.order_lines.account.rows_in == 541_909


@pytest.mark.realdata
def test_cancellations_are_netted(online_retail) -> None:
    data, report = clean(online_retail, CleaningPolicy(negative_revenue="net"))
    account = report.accounts["orders"]
    assert account.rejected == {
        "no customer_id": 135_080,
        "exact duplicate": 5_225,
        "returned in full": 2_363,
        "return without an earlier order that covers it": 550,
    }
    assert account.rows_used == 398_691
    orders = data.orders.to_pandas()
    assert len(orders) == 18_393
    assert orders["order_id"].is_unique
    assert (orders["revenue"] >= 0).all()


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match="the file does not exist"):
        load_online_retail(tmp_path / "online_retail.parquet")
