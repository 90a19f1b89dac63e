"""Presets: every layout's sample file, and what is said of one that does not fit."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from segml._core.errors import MissingTableError, ParameterError
from segml.data import PRESETS, Preset, clean, read_orders, read_table
from segml.data.expressions import MEANINGS, TYPES, matching, references
from segml.data.fit import describe, fitting
from segml.data.presets import find_preset, load_preset
from segml.data.tables import TABLES

from .layouts_expected import EXPECTED

LAYOUTS = Path(__file__).parent / "layouts"
VALUES = {"mailchimp": {"sent_at": "2026-03-01 09:00"}}


def sample(name: str) -> Path:
    (path,) = LAYOUTS.glob(f"{name}.*")
    return path


def canonical(table) -> list[dict]:
    names = [name for name in table.columns if name in TABLES[table.name].names]
    rows = table.table.to_arrow().select(names).to_pylist()
    return [
        {key: str(value) if isinstance(value, dt.datetime) else value for key, value in row.items()}
        for row in rows
    ]


def test_every_preset_has_a_sample_and_expected_rows() -> None:
    assert set(PRESETS) == set(EXPECTED) == {path.stem for path in LAYOUTS.iterdir()}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_sample_of_each_layout(name) -> None:
    rows_in, rejected, noted, rows = EXPECTED[name]
    table = read_table(sample(name), PRESETS[name].kind, preset=name, values=VALUES.get(name))
    assert canonical(table) == rows
    account = table.account
    assert (account.rows_in, account.rejected, account.noted) == (rows_in, rejected, noted)
    assert account.choices[0] == f"preset: {name}"
    left_out = table.rejected_rows()
    assert left_out["reason"].value_counts().to_dict() == rejected
    assert left_out["source_row"].between(1, rows_in).all()


@pytest.mark.parametrize("name", EXPECTED)
def test_every_preset_says_what_it_expects(name) -> None:
    preset = PRESETS[name]
    text = describe(preset)
    assert text.startswith(f"{name}: {preset.kind}\n{preset.description}\nwritten from: ")
    assert preset.source
    assert preset.needs
    for item in preset.needs:
        assert item in text


def test_orders_read_by_a_preset_are_cleaned() -> None:
    data, report = clean(read_orders(sample("shopify_orders"), preset="shopify_orders"))
    account = report.accounts["orders"]
    assert account.rows_in == 5 == account.rows_used + account.rows_rejected
    assert len(data.orders.table) == 2


def test_rows_of_a_rejected_group_are_had_one_by_one() -> None:
    orders = read_orders(sample("shopify_orders"), preset="shopify_orders")
    rows = orders.rejected_rows()
    assert rows["source_row"].tolist() == [4, 5]
    assert rows["Lineitem name"].tolist() == ["Cup", "Spoon"]


def test_the_order_of_events_does_not_matter() -> None:
    frame = pd.read_csv(sample("ga4_events"), dtype=str)
    shuffled = read_table(frame.sample(frac=1, random_state=1), "sessions", preset="ga4_events")
    straight = read_table(frame, "sessions", preset="ga4_events")
    rows = sorted(canonical(shuffled), key=lambda row: row["session_id"])
    assert rows == canonical(straight)


def test_ids_that_pandas_made_floats_are_whole() -> None:
    frame = pd.read_csv(sample("invoice_lines")).iloc[:3]
    orders = read_orders(frame, preset="invoice_lines")
    assert orders.to_pandas()["customer_id"].tolist() == ["17850"] * 3


def test_surveymonkey_writes_two_header_lines(tmp_path) -> None:
    path = tmp_path / "survey.csv"
    path.write_text(
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,"
        "Last Name,Custom Data 1,How likely are you to recommend us?,I like novelty\n"
        ",,,,,,,,,Response,Response\n"
        "1,2,2026-03-05 10:00:00,2026-03-05 10:05:00,,ann@example.com,,,,9,4\n"
    )
    table = read_table(path, "surveys", preset="survey_wide")
    assert [row["question"] for row in canonical(table)] == ["nps", "I like novelty"]
    assert {row["answered_at"] for row in canonical(table)} == {"2026-03-05 10:05:00"}
    assert table.account.rejected == {"no customer_id": 2}


def test_the_users_first_source_is_not_that_of_a_session() -> None:
    frame = pd.read_csv(sample("ga4_events"), dtype=str)
    frame = frame.rename(columns={"source": "traffic_source.source"})
    sessions = read_table(frame, "sessions", preset="ga4_events")
    assert "source" not in canonical(sessions)[0]


def test_the_callers_mapping_goes_first() -> None:
    contacts = read_table(
        sample("hubspot_contacts"),
        "customers",
        {"customer_id": "Record ID"},
        preset="hubspot_contacts",
    )
    assert contacts.to_pandas()["customer_id"].tolist() == ["1", "2", "3"]


def test_a_preset_of_ones_own(tmp_path) -> None:
    path = tmp_path / "till.yml"
    path.write_text(
        "kind: orders\ncolumns: {customer_id: Card, order_id: Receipt, ordered_at: Day}\n"
        "derive: {revenue: '\"Net\" + \"Tax\"'}\ndate_format: '%d.%m.%Y'\n"
    )
    frame = pd.DataFrame(
        {"Card": ["a"], "Receipt": [1], "Day": ["01.02.2026"], "Net": [8.0], "Tax": [2.0]}
    )
    for preset in (path, str(path), load_preset(path)):
        orders = read_orders(frame, preset=preset)
        assert canonical(orders) == [
            {
                "customer_id": "a",
                "order_id": "1",
                "ordered_at": "2026-02-01 00:00:00",
                "revenue": 10.0,
            }
        ]


def test_an_unknown_name_has_a_nearest() -> None:
    with pytest.raises(ParameterError, match="unknown value for preset") as caught:
        read_orders(sample("shopify_orders"), preset="shopfy_orders")
    assert caught.value.problem.nearest == "shopify_orders"


def test_a_preset_of_another_table() -> None:
    with pytest.raises(ParameterError, match="reads sessions, not orders") as caught:
        read_orders(sample("ga4_events"), preset="ga4_events")
    assert caught.value.problem.hint == "read_table(source, 'sessions', preset='ga4_events')"
    assert "shopify_orders" in caught.value.problem.expected


@pytest.mark.parametrize("preset", [3, ["shopify_orders"], {"kind": "orders"}])
def test_what_is_no_preset(preset) -> None:
    with pytest.raises(ParameterError, match="this is no preset"):
        find_preset(preset, "orders")


COSTS = "kind: costs\ncolumns: {date: Day, cost: Cost}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "the preset is not plain YAML"),
        ("kind: !!python/object/apply:os.system ['true']", "the preset is not plain YAML"),
        ("kind: !mine costs", "the preset is not plain YAML"),
        ("- a", "the preset is not a mapping"),
        ("columns: {date: Day}", "does not say its kind"),
        (COSTS + "colums: {}", "unknown value for key of"),
        ("kind: cost\n", "unknown value for preset own, kind"),
        (COSTS + "derive: {chanel: '1'}", "unknown value for preset own, derive"),
        (COSTS + "types: {cost: money}", "unknown value for preset own, types.cost"),
        (COSTS + "group_by: Day", "wrong type"),
        (COSTS + "note: 3", "wrong type"),
        (COSTS + "units: [a]", "wrong type"),
        (COSTS + "derive: {channel: 3}", "wrong type"),
        (COSTS + "sessions: {by: x}", "sessions are by, at and gap_minutes"),
        (COSTS + "derive: {cost: '1'}", "comes from two places"),
        (COSTS + "values: {cost: 1}", "comes from two places"),
        ("kind: costs\ncolumns: {date: Day}", "where a required column comes from"),
        (COSTS + "derive: {channel: '(SELECT 1)'}", "more than an expression"),
        (COSTS + "reject: {bad: '1; DROP TABLE x'}", "more than an expression"),
    ],
)
def test_a_file_that_is_no_preset(tmp_path, text, message) -> None:
    path = tmp_path / "own.yml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=message):
        load_preset(path)


def test_a_preset_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(ParameterError, match="the preset file cannot be read"):
        load_preset(tmp_path / "none.yml")


def test_a_source_that_does_not_fit_names_what_is_missing_and_the_nearest() -> None:
    with pytest.raises(MissingTableError) as caught:
        read_orders(sample("invoice_lines"), preset="shopify_orders")
    problem = caught.value.problem
    assert problem.what == (
        "the source does not fit the preset shopify_orders; "
        "missing: Email or Phone, Name, Created at, Subtotal"
    )
    assert problem.got.startswith("columns InvoiceNo, StockCode")
    assert problem.where.endswith("invoice_lines.csv")
    assert problem.nearest == "invoice_lines"
    assert "preset='invoice_lines'" in problem.hint


def test_a_missing_preset_is_hinted_at() -> None:
    with pytest.raises(MissingTableError, match="a required column is missing") as caught:
        read_orders(sample("invoice_lines"))
    assert "preset='invoice_lines'" in caught.value.problem.hint


def test_a_value_that_the_export_lacks_is_asked_for() -> None:
    with pytest.raises(ParameterError, match=r"sent_at \(when the campaign was sent\)") as caught:
        read_table(sample("mailchimp"), "messages", preset="mailchimp")
    assert caught.value.problem.hint == "values={'sent_at': ...}"


def test_a_rule_without_its_column_is_told() -> None:
    frame = pd.read_csv(sample("shopify_orders"), dtype=str).drop(columns="Cancelled at")
    choices = read_orders(frame, preset="shopify_orders").account.choices
    assert "not checked, for lack of a column: cancelled order" in choices


@pytest.mark.parametrize("name", EXPECTED)
def test_each_sample_fits_its_own_preset(name) -> None:
    raw = (
        None
        if sample(name).suffix == ".jsonl"
        else list(pd.read_csv(sample(name), dtype=str, sep=None, engine="python").columns)
    )
    if raw is not None:
        raw[0] = raw[0].removeprefix("\ufeff")
        assert name in fitting(raw, PRESETS[name].kind)


def test_names_match_without_case_and_punctuation() -> None:
    assert matching("device.category", ["Device_Category"]) == "Device_Category"
    assert matching("Amount spent (*)", ["Amount", "Amount spent (USD)"]) == "Amount spent (USD)"
    assert matching("x", ["y"]) is None
    assert references('\'"no"\' || "a""b" || "a""b"') == ['a"b']


def test_every_type_has_a_meaning() -> None:
    assert set(TYPES) == set(MEANINGS)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("seconds", "1767605400.5", "2026-01-05 09:30:00.500000"),
        ("milliseconds", "1767605400000", "2026-01-05 09:30:00"),
        ("microseconds", "1767605400000000", "2026-01-05 09:30:00"),
        ("time", "2026-01-05 10:30:00 +0100", "2026-01-05 09:30:00"),
    ],
)
def test_times(kind, text, expected) -> None:
    preset = Preset("t", "costs", columns={"date": ("at",), "cost": ("c",)}, types={"date": kind})
    table = read_table(pd.DataFrame({"at": [text], "c": [1]}), "costs", preset=preset)
    assert canonical(table)[0]["date"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$1,234.50", 1234.5), ("1,5", None), ("EUR 12", 12.0), ("-1,000", -1000.0), ("12%", None)],
)
def test_amounts(text, expected) -> None:
    preset = Preset(
        "t", "customers", columns={"customer_id": ("c",), "income": ("i",)},
        types={"income": "amount"},
    )  # fmt: skip
    table = read_table(pd.DataFrame({"c": [1], "i": [text]}), "customers", preset=preset)
    assert canonical(table)[0]["income"] == expected
