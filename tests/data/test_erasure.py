import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from segml._core.errors import DataError, ParameterError, RunError, SegmlWarning
from segml._core.files import sha256, write_json
from segml.data import CustomerData, clean, read_orders, read_table
from segml.data.erasure import ERASED, erase

from .samples import frame

DAY = "2026-01-31"
ANN, BOB, EVE = "ann-0001", "bob@example.com", "eve-0003"


def orders() -> pd.DataFrame:
    rows = frame(
        (ANN, "1", DAY, 5.0),
        (ANN, "1", DAY, 6.0),
        (BOB, "2", DAY, 7.0),
        (ANN, "3", DAY, 8.0),
        (ANN, "4", DAY, -1.0),
        (BOB, "5", DAY, -2.0),
        ("", "6", DAY, 3.0),
    )
    rows["note"] = ["", "", "", "", "", "", ANN]
    return rows


@pytest.fixture
def data() -> CustomerData:
    lines = {"order_id": ["1", "2", "3", "9"], "product_id": "p", "quantity": 1, "unit_price": 1.0}
    people = {"customer_id": [ANN, BOB, EVE], "email": ["a@x.org", "b@x.org", "e@x.org"]}
    read = CustomerData(
        read_orders(orders()),
        order_lines=read_table(pd.DataFrame(lines), "order_lines"),
        customers=read_table(pd.DataFrame(people), "customers"),
        costs=read_table(pd.DataFrame({"date": [DAY], "cost": [1.0]}), "costs"),
    )
    return clean(read)[0]


def test_rows_go_from_every_table(data) -> None:
    kept, report = erase(data, [ANN, ANN, "nobody"])
    assert kept.orders.to_pandas()["customer_id"].tolist() == [BOB]
    assert kept.order_lines.to_pandas()["order_id"].tolist() == ["2"]  # 9 is no order's
    assert kept.customers.to_pandas()["customer_id"].tolist() == [BOB, EVE]
    assert kept.costs is data.costs
    # Two orders, the negative one and the one without customer whose note says who it was.
    assert report.rows == {"orders": 4, "order_lines": 2, "customers": 1}
    assert (report.requested, report.found, report.rows_removed) == (2, 1, 7)
    assert report.not_found == ("nobody",)
    assert kept.orders.rejected_rows()["customer_id"].tolist() == [BOB]
    account = kept.orders.account
    assert (account.rows_in, account.rows_used, account.rejected[ERASED]) == (7, 1, 3)
    assert data.orders.account.rows_used == 4


def test_lines_that_were_left_out_with_their_order_go_too() -> None:
    lines = {"order_id": ["4", "5"], "product_id": ["p", "q"], "quantity": 1, "unit_price": 1.0}
    read = CustomerData(
        read_orders(orders()), order_lines=read_table(pd.DataFrame(lines), "order_lines")
    )
    with pytest.warns(SegmlWarning, match="no row is left"):
        data, _ = clean(read)
    assert data.order_lines.rejected_rows()["order_id"].tolist() == ["4", "5"]
    kept, report = erase(data, [ANN])
    assert kept.order_lines.rejected_rows()["order_id"].tolist() == ["5"]
    assert report.rows["order_lines"] == 1


def test_erasing_twice_changes_nothing(data) -> None:
    once, _ = erase(data, [ANN])
    twice, report = erase(once, [ANN])
    assert report.rows == {}
    assert report.not_found == (ANN,)
    assert twice.orders is once.orders


def test_the_last_customer_can_be_erased(data) -> None:
    kept, _ = erase(data, pd.Series([ANN, BOB]))
    assert kept.orders.account.rows_used == 0
    assert kept.orders.to_pandas().empty


def test_ids_may_be_numbers() -> None:
    data = CustomerData(read_orders(frame((17850, "1", DAY, 5.0), (17851, "2", DAY, 5.0))))
    kept, report = erase(data, np.array([17850]))
    assert kept.orders.to_pandas()["customer_id"].tolist() == ["17851"]
    assert report.found == 1


def test_an_order_id_that_customers_share_keeps_its_lines() -> None:
    lines = {"order_id": ["1"], "product_id": "p", "quantity": 1, "unit_price": 1.0}
    data = CustomerData(
        read_orders(frame((ANN, "1", DAY, 5.0), (BOB, "1", DAY, 5.0))),
        order_lines=read_table(pd.DataFrame(lines), "order_lines"),
    )
    assert erase(data, [ANN])[1].rows == {"orders": 1}


def test_the_report_shows_no_id(data) -> None:
    _, report = erase(data, [ANN, "nobody-at-all"])
    shown = repr(report) + report._repr_html_() + json.dumps(report.to_dict())
    assert ANN not in shown
    assert "nobody" not in shown
    assert "1 of 2 customers" in shown


@pytest.mark.parametrize("bad", [[], "", "ann", None, 3, [None], [" "], [1.5], [True], [b"a"]])
def test_bad_ids(data, bad) -> None:
    with pytest.raises(ParameterError):
        erase(data, bad)


def test_bad_target() -> None:
    with pytest.raises(ParameterError, match="nothing to erase from"):
        erase(orders(), [ANN])


@pytest.fixture
def run(tmp_path, data) -> Path:
    """Write what a run leaves behind."""
    folder = tmp_path / "shop" / "run-1"
    artefacts = folder / "artefacts"
    data.orders.table.to_parquet(artefacts / "orders.parquet")
    data.orders.rejects.to_parquet(artefacts / "rejected_orders.parquet")
    said = data.orders.account.to_dict()
    del said["rows_rejected"]
    write_json(artefacts / "cleaning.json", said)
    pd.DataFrame({"customer_id": [ANN, BOB], "segment": [1, 2]}).to_parquet(
        artefacts / "segments.parquet", index=False
    )
    pd.DataFrame({"segment": [1, 2], "size": [1, 1]}).to_parquet(artefacts / "kpis.parquet")
    (folder / "notebooks").mkdir()
    (folder / "report.html").write_text("<p>2 customers; ann-00012 is another</p>")
    manifest = {
        "schema": 1,
        "run_id": "run-1",
        "status": "completed",
        "pid": os.getpid(),
        "started_at": "2026-01-31T00:00:00.000+00:00",
        "params": {"data": {"columns": {}}},
        "artefacts": [
            {"path": f"artefacts/{f.name}", "bytes": f.stat().st_size, "sha256": sha256(f)}
            for f in sorted(artefacts.iterdir())
        ],
    }
    write_json(folder / "manifest.json", manifest)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def test_a_run_loses_the_customer_and_nothing_else(run) -> None:
    before, was = bytes_of(run), manifest_of(run)
    report = erase(run, [ANN, "nobody"])
    assert report.rows == {
        "artefacts/orders.parquet": 2,
        "artefacts/rejected_orders.parquet": 2,
        "artefacts/segments.parquet": 1,
    }
    assert (report.target, report.not_found, report.unsearched) == ("run-1", ("nobody",), 1)
    after, now = bytes_of(run), manifest_of(run)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {*report.rows, "artefacts/cleaning.json", "manifest.json"}
    assert set(after) == set(before)
    for name in report.rows:
        kept = pq.read_table(run / name)
        assert ANN not in kept.to_pandas().to_csv()
        assert kept.num_rows == 1
    for item in now["artefacts"]:
        assert item["sha256"] == sha256(run / item["path"])
        assert item["bytes"] == (run / item["path"]).stat().st_size
    account = json.loads(after["artefacts/cleaning.json"])
    assert (account["rows_used"], account["rejected"][ERASED]) == (1, 3)
    (entry,) = now.pop("erasures")
    assert entry["customers"] == 1
    assert entry["rows"] == report.rows
    assert list(now) == list(was)
    assert ANN.encode() not in after["manifest.json"]


def test_types_and_order_of_an_artefact_stay(run) -> None:
    path = run / "artefacts" / "orders.parquet"
    before = pq.read_table(path)
    erase(run, [ANN])
    after = pq.read_table(path)
    assert after.schema.equals(before.schema)
    assert after.to_pylist() == [row for row in before.to_pylist() if row["customer_id"] != ANN]


def test_a_second_time_nothing_changes(run) -> None:
    erase(run, [ANN])
    before = bytes_of(run)
    report = erase(str(run), [ANN])
    assert report.rows == {}
    assert bytes_of(run) == before


def test_an_erasure_that_was_killed_is_completed(run, monkeypatch) -> None:
    from segml.data import erasure_run

    rewrite, calls = erasure_run._rewrite, []

    def dies(*arguments):
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        rewrite(*arguments)

    monkeypatch.setattr(erasure_run, "_rewrite", dies)
    with pytest.raises(KeyboardInterrupt):
        erase(run, [ANN])
    monkeypatch.undo()
    (run / "artefacts" / ".orders.parquet.x1.parquet").write_bytes(b"PAR1 half")
    erase(run, [ANN])
    now = manifest_of(run)
    assert "erasure_under_way" not in now
    for item in now["artefacts"]:
        assert item["sha256"] == sha256(run / item["path"])
    account = json.loads((run / "artefacts" / "cleaning.json").read_text())
    assert (account["rows_used"], account["rejected"][ERASED]) == (1, 3)
    assert not [f for f in (run / "artefacts").iterdir() if f.name.startswith(".")]


def test_the_name_that_the_source_gave_the_customer(run) -> None:
    rejected = run / "artefacts" / "rejected_orders.parquet"
    pd.DataFrame({"source_row": [1, 2], "reason": "x", "client": ["7.0", "8.0"]}).to_parquet(
        rejected
    )
    manifest = manifest_of(run)
    manifest["params"]["data"]["columns"] = {"customer_id": "client"}
    write_json(run / "manifest.json", manifest)
    assert erase(run, [7]).rows == {"artefacts/rejected_orders.parquet": 1}


@pytest.mark.parametrize(
    "text", [ANN, "x\\n" + ANN, ANN.upper(), "bob%40example.com", "BOB@example.com"]
)
def test_a_page_that_names_the_customer_is_told(run, text) -> None:
    (run / "notebooks" / "01.ipynb").write_text(text)
    with pytest.raises(RunError, match="still name a customer") as caught:
        erase(run, [ANN, BOB])
    assert caught.value.problem.got == "notebooks/01.ipynb"
    assert ANN not in str(caught.value)
    assert pq.read_table(run / "artefacts" / "segments.parquet").num_rows == 0
    (run / "notebooks" / "01.ipynb").unlink()
    assert erase(run, [ANN, BOB]).rows == {}


def test_a_table_that_names_the_customer_elsewhere_is_told(run) -> None:
    pd.DataFrame({"largest": [BOB]}).to_parquet(run / "artefacts" / "kpis.parquet")
    with pytest.raises(RunError) as caught:
        erase(run, [BOB])
    assert caught.value.problem.got == "artefacts/kpis.parquet"


def test_a_run_under_way_is_refused(run) -> None:
    manifest = manifest_of(run)
    write_json(run / "manifest.json", manifest | {"status": "running", "started_at": "2999-01-01"})
    before = bytes_of(run)
    with pytest.raises(RunError, match="still running"):
        erase(run, [ANN])
    assert bytes_of(run) == before
    # Its process is younger than it: it was killed.
    write_json(run / "manifest.json", manifest | {"status": "running", "started_at": "1999-01-01"})
    assert erase(run, [ANN]).found == 1


def test_what_is_not_a_run(run, tmp_path) -> None:
    with pytest.raises(DataError, match="not the folder of a run") as caught:
        erase(run.parent, [ANN])
    assert "shop/run-1" in caught.value.problem.hint
    with pytest.raises(DataError, match="not the folder of a run"):
        erase(tmp_path / "none", [ANN])
    (run / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match="not the folder of a run"):
        erase(run, [ANN])


def test_an_artefact_that_cannot_be_read_is_named(run) -> None:
    (run / "artefacts" / "segments.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match="cannot be read") as caught:
        erase(run, [ANN])
    assert caught.value.problem.where == "segments.parquet"
