"""Times with and without a zone, and the store's one zone."""

import datetime as dt
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import DataError, ParameterError
from segml.data import Preset, read_orders, read_table

from .samples import CSV_HEADER
from .test_dates import read, times
from .test_presets import sample

LONDON = "Europe/London"
SUMMER = dt.datetime(2026, 7, 1, 10, tzinfo=ZoneInfo("America/New_York"))
ISO = "ordered_at: dates read as ISO 8601 (year-month-day)"
STAND = f"times without a zone are those of {LONDON}, as they stand"


def converted(n: int, zone: str = LONDON, column: str = "ordered_at") -> str:
    were = "1 time with a zone was" if n == 1 else f"{n:,} times with a zone were"
    return f"{column}: {were} converted to {zone}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01T10:00:00Z", dt.datetime(2026, 7, 1, 11)),
        ("2026-07-01 10:00z", dt.datetime(2026, 7, 1, 11)),
        ("2026-01-01 10:00:00 UTC", dt.datetime(2026, 1, 1, 10)),
        ("2026-07-01T10:00:00.25+02:00", dt.datetime(2026, 7, 1, 9, 0, 0, 250_000)),
        ("2026-07-01 10:00:00+0200", dt.datetime(2026, 7, 1, 9)),
        ("2026-07-01 10:00:00 +0200", dt.datetime(2026, 7, 1, 9)),
        ("2026-07-01 00:10:00-03", dt.datetime(2026, 7, 1, 4, 10)),
        ("2026-7-1 23:30:00 -05:00", dt.datetime(2026, 7, 2, 5, 30)),
        ("2026-07-01T10:00:00+02:00[Europe/Berlin]", dt.datetime(2026, 7, 1, 9)),
        ("2026-07-01 10:00:00 Asia/Tokyo", dt.datetime(2026, 7, 1, 2)),
    ],
)
def test_text_with_a_zone(text, expected) -> None:
    orders = read([text], time_zone=LONDON)
    assert times(orders) == [expected]
    assert orders.table.types["ordered_at"] == "TIMESTAMP"
    assert orders.account.choices == (ISO, converted(1))
    utc = expected.replace(tzinfo=ZoneInfo(LONDON)).astimezone(dt.UTC).replace(tzinfo=None)
    assert times(read([text])) == [utc]


@pytest.mark.parametrize(
    "text",
    ["2026-07-01 10:00 BST", "2026-07-01 10:00 CST", "2026-07-01 10:00 No/Where",
     "2026-07-01 10:00+25:00", "2026-07-01 10:00 PM", "2026-07-01 (BC)", "2026-07-01Z",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"],
)  # fmt: skip
@pytest.mark.parametrize("zone", [None, LONDON])
def test_zones_that_say_nothing_are_not_guessed(text, zone) -> None:
    orders = read([text, "2026-07-01"], time_zone=zone)
    assert orders.account.rejected == {"ordered_at cannot be read": 1}
    assert times(orders) == [dt.datetime(2026, 7, 1)]


def test_a_mixed_column_row_by_row() -> None:
    values = [
        "2026-07-01 10:00",
        "2026-07-01T10:00Z",
        "2026-07-01",
        "soon",
        None,
        "2026-07-02 9:00",
    ]
    orders = read(values, time_zone=LONDON)
    assert times(orders) == [
        dt.datetime(2026, 7, 1, 10),
        dt.datetime(2026, 7, 1, 11),
        dt.datetime(2026, 7, 1),
        dt.datetime(2026, 7, 2, 9),
    ]
    assert orders.account.choices == (f"{ISO}; {STAND}", converted(1))
    assert orders.account.rejected == {"no ordered_at": 1, "ordered_at cannot be read": 1}


def test_a_mixed_column_without_a_zone_is_refused() -> None:
    with pytest.raises(DataError, match="some times in ordered_at have a zone") as caught:
        read(["2026-07-01 10:00", "2026-07-01T10:00Z", "soon"])
    problem = caught.value.problem
    assert problem.where == "column ordered_at"
    assert "'2026-07-01T10:00Z' and '2026-07-01 10:00'" in problem.got
    assert problem.hint.startswith("time_zone='Europe/London'")


@pytest.mark.parametrize("other", ["soon", None, "2026-07-01", "2026-07-01 10:00 BST"])
def test_days_and_unreadable_rows_do_not_make_a_column_mixed(other) -> None:
    orders = read(["2026-07-01T10:00:00Z", other])
    assert times(orders)[0] == dt.datetime(2026, 7, 1, 10)
    assert orders.account.choices == (f"{ISO}; times with a zone are taken in UTC",)


@pytest.mark.parametrize(
    ("values", "choice"),
    [
        (["2026-07-01 10:00"], f"{ISO}; {STAND}"),
        (["2026-07-01"], ISO),
        (["31/07/2026 10:00"], f"ordered_at: dates read as day/month/year; {STAND}"),
        (["31/07/2026"], "ordered_at: dates read as day/month/year"),
        (["20260731"], "ordered_at: dates read as yearmonthday (eight digits)"),
        (pd.to_datetime(["2026-07-01 10:00"]), f"ordered_at: {STAND}"),
        ([dt.date(2026, 7, 1)], None),
    ],
)
def test_times_without_a_zone_and_days_stay(values, choice) -> None:
    declared, plain = read(values, time_zone=LONDON), read(values)
    assert times(declared) == times(plain)
    assert declared.account.choices == (() if choice is None else (choice,))


def test_a_given_format_with_a_zone() -> None:
    options = {"date_format": "%d/%m/%Y %H:%M %z"}
    orders = read(["01/07/2026 10:00 +0200", "x"], time_zone=LONDON, **options)
    assert times(orders) == [dt.datetime(2026, 7, 1, 9)]
    assert orders.table.types["ordered_at"] == "TIMESTAMP"
    assert orders.account.choices[1] == converted(1)
    assert times(read(["01/07/2026 10:00 +0200"], **options)) == [dt.datetime(2026, 7, 1, 8)]
    stay = read(["01/07/2026 10:00"], date_format="%d/%m/%Y %H:%M", time_zone=LONDON)
    assert stay.account.choices[0].endswith(STAND)


def typed(kind: str, tmp_path):
    data = {"customer_id": ["a"], "order_id": ["1"], "ordered_at": [SUMMER], "revenue": [1.0]}
    if kind.startswith("arrow"):
        unit = kind.split()[1]
        at = pa.array([SUMMER]).cast(pa.timestamp(unit, "Asia/Tokyo"))
        return pa.table({**data, "ordered_at": at})
    if kind == "polars":
        return pl.DataFrame(data)
    if kind == "python":
        return pd.DataFrame(data).astype({"ordered_at": object})
    if kind == "relation":
        return duckdb.connect().from_arrow(pa.table(data))
    if kind == "parquet":
        pq.write_table(pa.table(data), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"
    if kind == "json":
        (tmp_path / "a.jsonl").write_text(
            f'{{"customer_id": 1, "order_id": 1, "ordered_at": "{SUMMER.isoformat()}",'
            ' "revenue": 1}\n'
        )
        return tmp_path / "a.jsonl"
    if kind == "csv":
        (tmp_path / "a.csv").write_text(f"{CSV_HEADER}\na,1,{SUMMER.isoformat()},1\n")
        return tmp_path / "a.csv"
    return pd.DataFrame(data)


@pytest.mark.parametrize(
    "kind",
    ["pandas", "python", "polars", "arrow s", "arrow ms", "arrow us", "arrow ns", "relation",
     "parquet", "json", "csv"],
)  # fmt: skip
def test_every_kind_of_source_with_a_zone(kind, tmp_path) -> None:
    source = typed(kind, tmp_path)
    orders = read_orders(source, time_zone=LONDON)
    assert times(orders) == [dt.datetime(2026, 7, 1, 15)]
    assert orders.account.choices[-1] == converted(1)
    assert times(read_orders(source)) == [dt.datetime(2026, 7, 1, 14)]


def test_python_times_of_which_some_have_a_zone() -> None:
    naive = SUMMER.replace(tzinfo=None)
    column = pd.Series([naive, SUMMER, None, pd.NaT], dtype=object)
    orders = read(column, time_zone=LONDON)
    assert times(orders) == [naive, dt.datetime(2026, 7, 1, 15)]
    assert orders.account.rejected == {"no ordered_at": 2}
    with pytest.raises(DataError, match="some times in ordered_at have a zone"):
        read(column)
    assert [type(value) for value in column[:2]] == [dt.datetime] * 2  # the caller's own


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2026-03-29T00:59:59Z", "2026-03-29 00:59:59"),  # before the gap
        ("2026-03-29T01:00:00Z", "2026-03-29 02:00:00"),  # after it
        ("2026-10-25T00:30:00Z", "2026-10-25 01:30:00"),  # the repeated hour, summer time
        ("2026-10-25T01:30:00Z", "2026-10-25 01:30:00"),  # and again
        ("2026-10-25T02:00:00Z", "2026-10-25 02:00:00"),
        ("1970-07-01T12:00:00Z", "1970-07-01 13:00:00"),
        ("1970-01-01T12:00:00Z", "1970-01-01 13:00:00"),  # summer time all year
    ],
)
def test_around_the_change_of_the_clocks(utc, local) -> None:
    typed = pd.Series(pd.to_datetime([utc]))
    for values in ([utc], typed):
        assert times(read(values, time_zone=LONDON)) == [dt.datetime.fromisoformat(local)]


def test_a_time_that_the_clocks_leave_out_stays_as_it_stands() -> None:
    orders = read(["2026-03-29 01:30", "2026-03-29T01:30:00Z"], time_zone=LONDON)
    assert times(orders) == [dt.datetime(2026, 3, 29, 1, 30), dt.datetime(2026, 3, 29, 2, 30)]


@pytest.mark.parametrize(
    ("zone", "years", "rejected"),
    [
        (None, [1, 9999, 2026], 4),
        ("Asia/Tokyo", [1, 2026], 5),
        ("America/New_York", [9999, 2026], 5),
    ],
)
def test_far_times_with_a_zone(zone, years, rejected) -> None:
    at = ["0001-01-01", "9999-12-31 23:59:59", "10000-01-02", "290000-01-01", "infinity",
          "-infinity", "2026-07-01"]  # fmt: skip
    relation = duckdb.connect().sql(
        "SELECT 'a' AS customer_id, unnest(?::TIMESTAMPTZ[]) AS ordered_at, 1 AS revenue",
        params=[at],
    )
    orders = read_orders(relation, {"order_id": None}, time_zone=zone)
    assert [time.year for time in times(orders)] == years
    assert orders.account.rejected == {"ordered_at cannot be read": rejected}


@pytest.mark.parametrize(
    ("zone", "nearest"),
    [("europe/london", LONDON), ("Europe/Londn", LONDON), ("London", LONDON),
     ("New York", "America/New_York"), ("localtime", None), ("+02:00", None), (3, None)],
)  # fmt: skip
def test_an_unknown_zone_has_a_nearest(zone, nearest) -> None:
    with pytest.raises(ParameterError, match="unknown value for time_zone") as caught:
        read(["2026-07-01"], time_zone=zone)
    assert caught.value.problem.where == "time_zone"
    if nearest:
        assert caught.value.problem.nearest == nearest


EPOCH = {"seconds": "1782900000.5", "milliseconds": "1782900000500",
         "microseconds": "1782900000500000"}  # fmt: skip


@pytest.mark.parametrize("kind", EPOCH)
@pytest.mark.parametrize("make", [str, float, int])
def test_times_since_1970_are_moments(kind, make) -> None:
    if kind == "seconds" and make is int:
        return
    preset = Preset(
        "t", "orders", types={"ordered_at": kind},
        columns={"customer_id": ("c",), "order_id": ("o",), "ordered_at": ("at",),
                 "revenue": ("r",)},
    )  # fmt: skip
    frame = pd.DataFrame({"c": ["a", "b"], "o": [1, 2], "r": [1.0, 2.0]})
    at = [make(EPOCH[kind]), "9" * 30 if make is str else None]
    orders = read_orders(frame.assign(at=at), preset=preset, time_zone=LONDON)
    assert times(orders) == [dt.datetime(2026, 7, 1, 11, 0, 0, 500_000)]
    assert sum(orders.account.rejected.values()) == 1
    assert orders.account.choices[-1] == converted(1)


@pytest.mark.parametrize(
    ("name", "kind", "column", "first"),
    [
        ("ga4_events", "sessions", "started_at", "2026-01-05 10:30:00"),
        ("segment_events", "sessions", "started_at", "2026-01-05 11:00:00"),
        ("segment_orders", "orders", "ordered_at", "2026-01-05 13:10:00"),
        ("segment_identify", "customers", "signed_up_at", "2026-01-01 01:00:00"),
        ("klaviyo", "messages", "sent_at", "2026-03-01 10:00:00"),
        ("constant_contact", "messages", "sent_at", "2026-03-01 10:00:00"),
        ("salesforce_contacts", "customers", "signed_up_at", "2025-12-01 09:00:00"),
        ("shopify_orders", "orders", "ordered_at", "2026-01-05 09:30:00"),
    ],
)
def test_presets_whose_times_have_a_zone(name, kind, column, first) -> None:
    table = read_table(sample(name), kind, preset=name, time_zone="Europe/Berlin")
    found = table.table.to_arrow()[column].to_pylist()
    assert str(found[0]) == first
    n = sum(time is not None for time in found)
    assert converted(n, "Europe/Berlin", column) in table.account.choices
    plain = read_table(sample(name), kind, preset=name)
    assert table.account.rejected == plain.account.rejected
    hour = dt.timedelta(hours=1)
    assert [time and time - hour for time in found] == plain.table.to_arrow()[column].to_pylist()
    assert (table.to_pandas().drop(columns=column)).equals(plain.to_pandas().drop(columns=column))


def test_days_are_not_moved_to_the_day_before() -> None:
    zone = "America/New_York"
    for at in (["2026-03-01T00:00:00Z", "2026-03-02T02:00:00Z"],
               pd.to_datetime(["2026-03-01T00:00:00Z", "2026-03-02T02:00:00Z"])):  # fmt: skip
        costs = read_table(pd.DataFrame({"date": at, "cost": 1}), "costs", time_zone=zone)
        assert costs.to_pandas()["date"].astype(str).tolist() == [
            "2026-03-01 00:00:00",
            "2026-03-01 21:00:00",
        ]
        assert costs.account.choices[-1] == converted(1, zone, "date")


@pytest.mark.parametrize("preset", [None, "mailchimp"])
def test_a_value_with_a_zone(preset) -> None:
    frame = pd.DataFrame({"message_id": [1], "customer_id": [1], "campaign_id": [1]})
    source = frame if preset is None else sample(preset)
    values = {"sent_at": SUMMER}
    messages = read_table(source, "messages", preset=preset, values=values, time_zone=LONDON)
    assert messages.to_pandas()["sent_at"].unique().tolist() == [pd.Timestamp("2026-07-01 15:00")]


ZONES = [LONDON, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
moments = st.datetimes(
    dt.datetime(1975, 1, 1), dt.datetime(2035, 1, 1), timezones=st.sampled_from(ZONES).map(ZoneInfo)
)


@settings(max_examples=30)
@given(st.lists(moments | st.datetimes(dt.datetime(1975, 1, 1)), min_size=1, max_size=20),
       st.sampled_from(ZONES))  # fmt: skip
def test_conversion_is_that_of_python(values: list[dt.datetime], zone: str) -> None:
    def local(value: dt.datetime) -> dt.datetime:
        # By way of UTC: within one zone Python keeps a time that the clocks leave out.
        utc = value.astimezone(dt.UTC)
        return utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if value.tzinfo else value

    expected = [local(value) for value in values]
    assert times(read([value.isoformat() for value in values], time_zone=zone)) == expected
    aware = [value.astimezone(dt.UTC) for value in values if value.tzinfo]
    if aware:
        column = pd.Series(aware, dtype="datetime64[us, UTC]")
        assert times(read(column, time_zone=zone)) == [local(value) for value in aware]
