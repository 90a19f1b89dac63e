"""Audiences: who is written, who is not and why, and in which form."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import (
    DataError,
    MissingTableError,
    NotEnoughDataError,
    ParameterError,
)
from segml.clustering import KMeansSegmenter, assign_segments
from segml.data import CustomerData, apply_consent, read_orders, read_table, simulate_store
from segml.data.consent import REFUSED, UNKNOWN
from segml.export import audience as module
from segml.export import audience_rows as rows
from segml.export.audience import to_audience
from segml.export.audience_result import Audience
from segml.export.audience_systems import SYSTEMS

YES, NO = True, False


def _customers(*known: tuple[Any, ...], engine: Any = None, **columns: Any) -> Any:
    """Return the canonical table of (id, consent, address, phone)."""
    frame = pd.DataFrame(
        [(*row, None)[:4] for row in known],
        columns=["customer_id", "consent_marketing", "email", "phone"],
    )
    frame = frame.assign(**columns).astype({"consent_marketing": "boolean"})
    return read_table(frame, "customers", engine=engine)


def _segments(**labels: int) -> pd.Series:
    return pd.Series(labels)


def _written(audience: Audience) -> list[dict[str, str]]:
    found = []
    for name in audience.files["file"]:
        with open(audience.folder / name, encoding="utf-8", newline="") as stream:
            found += list(csv.DictReader(stream))
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _assert_accounted(audience: Audience) -> None:
    account = audience.account
    assert account.rows_in == account.rows_used + sum(account.rejected.values())
    assert audience.files["rows"].sum() == account.rows_used
    assert list(account.rejected) == [r for r in rows.REASONS if r in account.rejected]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "audience.csv"


def test_everyone_is_written_or_left_out_for_a_reason(any_engine, path) -> None:
    customers = _customers(
        ("ok", YES, " Ann@Example.COM ", "+49 30 1234567"),
        ("refused", NO, "bob@example.com"),
        ("unsaid", None, "cay@example.com"),
        ("twice", YES, "dee@example.com"),
        ("twice", NO, "dee@example.com"),
        ("half", YES, "eve@example.com"),
        ("half", None, "eve@example.com"),
        ("control", YES, "fay@example.com"),
        ("no group", YES, "gus@example.com"),
        ("no address", YES, None),
        ("blank", YES, "   "),
        ("invalid", YES, "not an address"),
        ("formula", YES, "=cmd|'/c'!a0@example.com"),
        ("of refuser", YES, "BOB@example.com"),
        ("of control", YES, "fay@Example.com"),
        ("repeated", YES, "ann@example.com"),
        ("noise", YES, "hal@example.com"),
        ("of nobody", YES, "ira@example.com"),
        engine=any_engine,
    )
    segments = pd.Series(
        {"ok": 0, "refused": 0, "unsaid": 0, "twice": 0, "half": 1, "control": 1}
        | {"no group": 1, "no address": 1, "blank": 1, "invalid": 1, "formula": 1}
        | {"of refuser": 1, "of control": 1, "repeated": 0, "noise": -1, "erased": 0}
    )
    groups = pd.Series("test", index=segments.index.drop("no group"))
    groups["control"] = "control"
    audience = to_audience(
        segments, customers, system="klaviyo", path=path, groups=groups, run_id="r", names={1: "B"}
    )
    assert audience.account.rejected == {
        rows.NOISE: 1,
        rows.NO_ROW: 1,
        REFUSED: 2,
        UNKNOWN: 1,
        rows.CONTROL: 1,
        rows.NO_GROUP: 1,
        rows.NO_ADDRESS: 2,
        rows.INVALID: 1,
        rows.LIKE_FORMULA: 1,
        rows.OF_REFUSER: 1,
        rows.OF_CONTROL: 1,
        rows.REPEATED: 1,
    }
    assert path.read_bytes().decode() == (
        '"Email","Phone Number","External ID","Segment","Experiment Group","Segment Run"\n'
        '"eve@example.com",,"half","B","test","r"\n'
        '"ann@example.com","+49301234567","ok","segment 0","test","r"\n'
    )
    assert audience.segments["written"].tolist() == [1, 1]
    assert audience.segments["customers"].tolist() == [6, 9]
    _assert_accounted(audience)


def test_consent_is_that_of_apply_consent(path, tmp_path) -> None:
    data, _ = simulate_store(600, seed=3, campaigns=0)
    kept, report = apply_consent(data, "export")
    ids = data.customers.to_pandas()["customer_id"]
    labels = pd.Series(np.arange(len(ids)) % 3, index=ids)
    audience = to_audience(labels, data, system="hubspot", path=path, run_id="r")
    expected = set(kept.customers.to_pandas()["customer_id"])
    assert {row["Customer ID"] for row in _written(audience)} == expected
    assert len(expected) == report.customers["consented"] > 300
    again = to_audience(labels, kept, system="hubspot", path=tmp_path / "b.csv", run_id="r")
    assert again.files["sha256"].tolist() == audience.files["sha256"].tolist()
    assert again.account.rejected == {rows.NO_ROW: audience.account.rejected[REFUSED]}
    _assert_accounted(audience)


@pytest.mark.parametrize("system", [*SYSTEMS])
def test_the_same_bytes_whatever_the_order_of_rows(system: str, tmp_path) -> None:
    known = [(f"c{i:03}", i % 5 > 0, f"P{i}@gmail.com", f"+4930{i:07}") for i in range(400)]
    labels = pd.Series({row[0]: i % 3 for i, row in enumerate(known)})
    suffix = SYSTEMS[system].suffix
    first = to_audience(
        labels, _customers(*known), system=system, path=tmp_path / f"a{suffix}", run_id="r"
    )
    other = to_audience(
        labels[::-1].astype(float),
        _customers(*known[::-1]),
        system=system,
        path=tmp_path / "b" / f"a{suffix}",
        run_id="r",
    )
    pd.testing.assert_frame_equal(first.files, other.files)
    for name, digest in zip(first.files["file"], first.files["sha256"], strict=True):
        content = (first.folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert content == (other.folder / name).read_bytes()
    assert first.account.rows_used == 320
    _assert_accounted(first)


def test_meta_gets_hashes_by_segment(path) -> None:
    customers = _customers(
        ("a", YES, " Mary.Jane+News@Gmail.com", "+1 (212) 555-0100"),
        ("b", YES, "bob@example.com", "0049 30 123 45 67"),
        ("c", YES, "cay@example.com", "030 1234567"),
        country=["US", " de ", "Germany"],
    )
    labels = _segments(a=0, b=1, c=1)
    audience = to_audience(
        labels, customers, system="meta", path=path, run_id="may", names={0: "At risk!"}
    )
    assert audience.files["file"].tolist() == [
        "audience-may-0-at-risk.csv",
        "audience-may-1-segment-1.csv",
    ]
    first, second, third = _written(audience)
    assert first == {
        "email": _hash("mary.jane+news@gmail.com"),
        "phone": _hash("12125550100"),
        "country": _hash("us"),
    }
    assert (second["phone"], second["country"]) == (_hash("49301234567"), _hash("de"))
    assert (third["phone"], third["country"]) == ("", "")
    assert audience.account.noted == {rows.NO_COUNTRY_CODE: 1, rows.COUNTRY_UNREAD: 1}
    (note,) = audience.notes
    assert note.endswith("at-risk.csv has 1, audience-may-1-segment-1.csv has 2.")


def test_google_gets_the_hashes_that_google_documents(path) -> None:
    customers = _customers(
        ("a", YES, "cloudy.sanfrancisco+shopping@gmail.com", "(800)555-0100"),
        ("b", YES, "user.name+NYC@Example.com", "+1 (800)555-0100"),
        ("c", YES, " C.D + e@GoogleMail.com ", None),
        ("d", YES, "cloudysanfrancisco@gmail.com", None),
    )
    audience = to_audience(
        pd.Series(0, index=list("abcd")), customers, system="google_ads", path=path, run_id="r"
    )
    assert _written(audience) == [
        {"Email": _hash("cloudysanfrancisco@gmail.com"), "Phone": ""},
        {"Email": _hash("user.name+nyc@example.com"), "Phone": _hash("+18005550100")},
        {"Email": _hash("cd@googlemail.com"), "Phone": ""},
    ]
    assert audience.account.rejected == {rows.REPEATED: 1}


def test_segment_gets_identify_calls(tmp_path) -> None:
    customers = _customers(("=1", YES, "=a@example.com", "+493012345"), ('q"\\é', YES, "b@b.de"))
    path = tmp_path / "a.jsonl"
    audience = to_audience(
        pd.Series(0, index=["=1", 'q"\\é']),
        customers,
        system="segment",
        path=path,
        run_id="r",
        names={0: 'The "best"\n=1'},
    )
    first, second = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert first == {
        "type": "identify",
        "userId": "=1",
        "traits": {
            "email": "=a@example.com",
            "phone": "+493012345",
            "segment": 'The "best"\n=1',
            "segment_run": "r",
        },
        "messageId": _hash("r\0=1"),
    }
    assert second["userId"] == 'q"\\é'
    assert "phone" not in second["traits"]
    assert not audience.account.rejected


def test_salesforce_is_keyed_by_customer(path) -> None:
    customers = _customers(("a", YES, "a@example.com"), ("b", YES, "b" * 60 + "@" + "example.com"))
    customers_long = _customers(
        ("a", YES, "a@example.com"), ("b", YES, f"b@{'c' * 70}.example.com")
    )
    labels = _segments(a=0, b=0)
    assert to_audience(labels, customers, system="salesforce", path=path).account.rows_used == 2
    audience = to_audience(labels, customers_long, system="salesforce", path=path)
    assert audience.account.rejected == {rows.TOO_LONG: 1}
    (row,) = _written(audience)
    assert list(row)[:3] == ["Customer_ID__c", "Email", "MobilePhone"]
    assert audience.run_id == row["Segment_Run__c"]


def test_no_cell_begins_like_a_formula(path) -> None:
    names = {0: "=HYPERLINK(1)", 1: "@home", 2: "-5", 3: "\tx", 4: '"quoted", name'}
    ids = ["+a", "-b", "=c", "d", "e"]
    customers = _customers(*((i, YES, f"a{j}@x.de", "+4930123456") for j, i in enumerate(ids)))
    audience = to_audience(
        pd.Series(range(5), index=ids), customers, system="mailchimp", path=path, names=names
    )
    found = _written(audience)
    cells = [cell for row in found for name, cell in row.items() if name != "Phone Number"]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [row["Segment"] for row in found][-1] == '"quoted", name'
    assert found[0]["Phone Number"] == "+4930123456"
    assert audience.account.noted == {rows.PHONE_REPEATED: 4, rows.APOSTROPHE: 3}


def test_a_phone_of_who_must_not_be_reached_is_left_out(path) -> None:
    customers = _customers(
        ("a", YES, "a@x.de", "+49 30 111111"),
        ("b", NO, "b@x.de", "+49-30-111111"),
        ("c", YES, "c@x.de", "0049 30 222222"),
        ("d", YES, "d@x.de", "+4930222222"),
        ("e", YES, "e@x.de", "+4930333333"),
    )
    groups = pd.Series({"a": "A", "c": "A", "d": "control", "e": "A"})
    audience = to_audience(
        pd.Series(0, index=list("ace")), customers, system="klaviyo", path=path, groups=groups
    )
    assert [row["Phone Number"] for row in _written(audience)] == ["", "", "+4930333333"]
    assert audience.account.noted == {rows.PHONE_CLOSED: 2}
    assert audience.notes == ("Customers of the experiment who are in none of these segments: 1.",)


def test_parts_where_a_system_takes_no_more(path, monkeypatch) -> None:
    known = [(f"c{i:05}", YES, f"p{i}@example.com") for i in range(12_001)]
    labels = pd.Series(0, index=[row[0] for row in known])
    monkeypatch.setattr("segml.export.audience_files._ROWS", 1_000)
    parts = {
        "hubspot": replace(SYSTEMS["hubspot"], most_rows=5_000),
        "klaviyo": replace(SYSTEMS["klaviyo"], most_bytes=300_000),
    }
    monkeypatch.setattr(module, "SYSTEMS", parts)
    customers = _customers(*known)
    audience = to_audience(labels, customers, system="hubspot", path=path, run_id="r")
    assert audience.files["rows"].tolist() == [5_000, 5_000, 2_001]
    assert audience.files["file"].tolist() == [
        "audience.csv",
        "audience.part2.csv",
        "audience.part3.csv",
    ]
    assert [row["Customer ID"] for row in _written(audience)] == sorted(labels.index)
    path = path.with_name("b.csv")
    audience = to_audience(labels, customers, system="klaviyo", path=path, run_id="r")
    assert audience.files["bytes"].max() <= 300_000
    assert audience.files["rows"].sum() == 12_001
    assert len(_written(audience)) == 12_001


def test_lists_of_segments_and_groups(path) -> None:
    ids = [f"c{i}" for i in range(12)]
    customers = _customers(*((i, YES, f"{i}@x.de") for i in ids))
    labels = pd.Series(["A/B", "A B", "x"] * 4, index=ids)
    groups = pd.Series(["one", "two", "control", "holdout"] * 3, index=ids)
    audience = to_audience(
        labels, customers, system="google_ads", path=path, run_id="r", groups=groups
    )
    assert sorted(audience.files["file"]) == [
        "audience-r-0-a-b-one.csv",
        "audience-r-0-a-b-two.csv",
        "audience-r-1-a-b-one.csv",
        "audience-r-1-a-b-two.csv",
        "audience-r-x-one.csv",
        "audience-r-x-two.csv",
    ]
    assert audience.account.rejected == {rows.CONTROL: 6}
    for _, row in audience.files.iterrows():
        members = {i for i in ids if labels[i] == row["segment"] and groups[i] == row["group"]}
        lines = path.with_name(row["file"]).read_text("utf-8").splitlines()
        found = {r["Email"] for r in csv.DictReader(lines)}
        assert found == {_hash(f"{i}@x.de") for i in members}


def test_an_assignment_brings_its_control_group(path) -> None:
    assignment = pytest.importorskip("segml.evaluation.assignment")
    ids = [f"c{i:03}" for i in range(300)]
    customers = _customers(*((i, YES, f"{i}@x.de") for i in ids))
    labels = pd.Series(np.arange(300) % 2, index=ids)
    drawn = assignment.assign(
        labels, "spring", shares={"old": 0.5, "new": 0.5}, control="old", holdout=0.1
    )
    audience = to_audience(labels, customers, system="klaviyo", path=path, groups=drawn)
    assert {row["External ID"] for row in _written(audience)} == set(drawn.customers("new"))
    assert set(audience.account.rejected) == {rows.CONTROL}


def test_segments_of_a_segmenter_and_of_the_engine(any_engine, path, tmp_path) -> None:
    ids = [f"c{i:02}" for i in range(40)]
    features = pd.DataFrame(
        {"orders": [1 + i % 3 + 50 * (i % 2) for i in range(40)]},
        index=pd.Index(ids, name="customer_id"),
    )
    segmenter = KMeansSegmenter(2, n_init=1).fit(features)
    customers = _customers(*((i, YES, f"{i}@x.de") for i in ids), engine=any_engine)
    first = to_audience(segmenter, customers, system="hubspot", path=path, run_id="r")
    assert set(first.segments["name"]) == set(segmenter.segments_["name"])
    table = assign_segments(segmenter, any_engine.register(features.reset_index()))
    other = to_audience(table, customers, system="hubspot", path=tmp_path / "b.csv", run_id="r")
    assert first.files["sha256"].tolist() == other.files["sha256"].tolist()
    pd.testing.assert_frame_equal(first.segments, other.segments)


def test_the_record_says_what_was_written_and_nobodys_data(path) -> None:
    customers = _customers(("ann", YES, "ann@x.de", "+4930123456"), ("bob", NO, "bob@y.de"))
    audience = to_audience(_segments(ann=0, bob=0), customers, system="klaviyo", path=path)
    text = audience.record.read_text("utf-8")
    data = json.loads(text)
    assert data["written"] == 1
    assert data["left_out"] == {REFUSED: 1}
    assert data["files"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert data["run_id"] == audience.run_id
    shown = text + audience._repr_html_() + repr(audience)
    for private in ("ann", "bob", "x.de", "+4930123456"):
        assert private not in shown.replace("channel", "")


def test_lists_of_an_earlier_run_are_deleted(path) -> None:
    ids = list("abcd")
    customers = _customers(*((i, YES, f"{i}@x.de") for i in ids))
    labels = pd.Series([0, 0, 1, 1], index=ids)
    to_audience(labels, customers, system="meta", path=path, run_id="r1")
    keep = path.with_name("audience-of-mine.csv")
    keep.write_text("mine")
    to_audience(labels[:2], customers, system="meta", path=path, run_id="r2")
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "audience-of-mine.csv",
        "audience-r2-0-segment-0.csv",
        "audience.json",
    ]


def test_files_appear_whole_or_not_at_all(path, monkeypatch) -> None:
    ids = list("abcd")
    customers = _customers(*((i, YES, f"{i}@x.de") for i in ids))
    labels = pd.Series([0, 0, 1, 1], index=ids)
    calls = []

    def fails(*arguments: Any) -> bytes:
        calls.append(arguments)
        if len(calls) > 1:
            raise OSError("no space left on device")
        return b'"x"\n'

    monkeypatch.setattr("segml.export.audience_files._encoded", fails)
    with pytest.raises(OSError, match="no space"):
        to_audience(labels, customers, system="meta", path=path)
    assert list(path.parent.iterdir()) == []
    monkeypatch.undo()
    assert to_audience(labels, customers, system="meta", path=path).account.rows_used == 4


def test_nobody_to_write_to_is_an_error_with_the_counts_and_no_file(path) -> None:
    customers = _customers(("a", NO, "a@x.de"), ("b", None, "b@x.de"), ("c", YES, None))
    with pytest.raises(NotEnoughDataError, match="consent refused: 1, consent unknown: 1, no e-"):
        to_audience(_segments(a=0, b=0, c=0), customers, system="klaviyo", path=path)
    assert not path.parent.exists()
    with pytest.raises(NotEnoughDataError, match="no customer in a segment"):
        to_audience(pd.Series([], dtype=int), customers, system="klaviyo", path=path)


def test_ids_that_are_not_known(path) -> None:
    customers = _customers(("1", YES, "a@x.de"), ("2", YES, "b@x.de"))
    audience = to_audience(pd.Series(0, index=[1, 3]), customers, system="klaviyo", path=path)
    assert audience.account.rejected == {rows.NO_ROW: 1}
    with pytest.raises(DataError, match="no customer of the segments is in the table"):
        to_audience(_segments(x=0, y=-1), customers, system="klaviyo", path=path)


def test_a_customer_who_is_there_twice(path) -> None:
    customers = _customers(("1", YES, "a@x.de"), ("2", YES, "b@x.de"))
    labels = pd.Series([0, 0], index=["1", "2"])
    with pytest.raises(DataError, match="in two segments"):
        to_audience(pd.Series([0, 1], index=["1", "1"]), customers, system="klaviyo", path=path)
    with pytest.raises(DataError, match="there twice"):
        to_audience(pd.Series([0, 0], index=[1, "1"]), customers, system="klaviyo", path=path)
    with pytest.raises(DataError, match="has no id"):
        to_audience(pd.Series([0, 0], index=["1", None]), customers, system="klaviyo", path=path)
    groups = pd.Series(["control", "test", "test"], index=["1", "1", "2"])
    with pytest.raises(DataError, match="in two groups"):
        to_audience(labels, customers, system="klaviyo", path=path, groups=groups)
    with pytest.raises(DataError, match="has no group"):
        to_audience(
            labels, customers, system="klaviyo", path=path, groups=pd.Series([None], index=["1"])
        )


def test_groups_without_a_control_group(path) -> None:
    customers = _customers(("1", YES, "a@x.de"), ("2", YES, "b@x.de"))
    labels = pd.Series([0, 0], index=["1", "2"])
    groups = pd.Series(["Control", "test"], index=["1", "2"])
    with pytest.raises(ParameterError, match="did you mean: 'Control'"):
        to_audience(labels, customers, system="klaviyo", path=path, groups=groups)
    audience = to_audience(
        labels, customers, system="klaviyo", path=path, groups=groups, control="Control"
    )
    assert [row["External ID"] for row in _written(audience)] == ["2"]
    with pytest.raises(ParameterError, match="not groups"):
        to_audience(labels, customers, system="klaviyo", path=path, groups=["test"])


def test_tables_without_what_is_needed(path) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "consent_marketing": [True], "e_mail": ["a@x.de"]})
    labels = _segments(a=0)
    with pytest.raises(MissingTableError, match=r"customers\.email"):
        to_audience(
            labels, read_table(frame[frame.columns[:2]], "customers"), system="meta", path=path
        )
    without = frame.drop(columns="consent_marketing").rename(columns={"e_mail": "email"})
    with pytest.raises(MissingTableError, match=r"customers\.consent_marketing"):
        to_audience(labels, read_table(without, "customers"), system="meta", path=path)
    orders = read_orders(
        pd.DataFrame(
            {
                "customer_id": ["a"],
                "order_id": ["1"],
                "ordered_at": ["2026-01-31"],
                "revenue": [1.0],
            }
        )
    )
    with pytest.raises(MissingTableError, match="needs the table customers"):
        to_audience(labels, CustomerData(orders), system="meta", path=path)
    for wrong in (frame, orders):
        with pytest.raises(ParameterError, match="not customers"):
            to_audience(labels, wrong, system="meta", path=path)


def test_wrong_arguments(path, tmp_path) -> None:
    customers = _customers(("a", YES, "a@x.de"))
    labels = _segments(a=0)
    with pytest.raises(ParameterError, match="did you mean: 'klaviyo'"):
        to_audience(labels, customers, system="klavyo", path=path)
    with pytest.raises(ParameterError, match="is a folder"):
        to_audience(labels, customers, system="klaviyo", path=tmp_path)
    with pytest.raises(ParameterError, match=r"ends in \.jsonl"):
        to_audience(labels, customers, system="segment", path=path)
    for run_id in ("", "=1", "a b", "x" * 101, 3):
        with pytest.raises(ParameterError, match="stamped"):
            to_audience(labels, customers, system="klaviyo", path=path, run_id=run_id)
    with pytest.raises(ParameterError, match="not segments"):
        to_audience([0], customers, system="klaviyo", path=path)
    with pytest.raises(DataError, match="fraction"):
        to_audience(labels + 0.5, customers, system="klaviyo", path=path)
    assert not path.exists()
    to_audience(labels, customers, system="meta", path=path)
    with pytest.raises(ParameterError, match="a record for meta"):
        to_audience(labels, customers, system="klaviyo", path=path)
    path.with_suffix(".json").write_text("[1]")
    with pytest.raises(ParameterError, match="not the record of an audience"):
        to_audience(labels, customers, system="meta", path=path)
