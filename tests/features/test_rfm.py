"""The RFM table against lifetimes, the literature, hand computation and plain Python."""

import datetime as dt
import io
import warnings
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.data import read_orders
from segml.data.datasets import dataset_file
from segml.features import rfm_summary
from segml.features.rfm import rfm_table

COLUMNS = ["frequency", "recency", "T", "monetary_value"]
HOLDOUT = ["frequency_holdout", "monetary_value_holdout", "duration_holdout"]


def orders(*rows: tuple) -> pd.DataFrame:
    """Make orders of (customer, time, revenue)."""
    made = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue"])
    return made.assign(order_id=[str(i) for i in range(len(made))])


@pytest.fixture(scope="module")
def lifetimes_summary():
    """Summarise orders with lifetimes, which warns when it is imported and used."""

    def summarise(frame: pd.DataFrame, cut: str, period: str) -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from lifetimes.utils import summary_data_from_transaction_data

            return summary_data_from_transaction_data(
                frame,
                "customer_id",
                "ordered_at",
                "revenue",
                observation_period_end=cut,
                freq=period,
            )

    return summarise


def assert_equals_lifetimes(rfm: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert rfm.index.tolist() == expected.index.tolist()
    for column in ("frequency", "recency", "T"):
        np.testing.assert_array_equal(rfm[column], expected[column], err_msg=column)
    money = rfm["monetary_value"]
    assert (money.isna() == (rfm["frequency"] == 0)).all()
    np.testing.assert_allclose(money.fillna(0), expected["monetary_value"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("period", ["D", "W"])
@pytest.mark.parametrize("cut", ["1997-02-01", "1997-09-30", "1997-10-05", "1998-06-30"])
def test_the_sample_equals_lifetimes(cdnow_sample, lifetimes_summary, cut, period) -> None:
    frame = cdnow_sample.orders.to_pandas()
    rfm = rfm_summary(cdnow_sample, cut, period)
    assert rfm.columns.tolist() == COLUMNS
    assert_equals_lifetimes(rfm, lifetimes_summary(frame, cut, period))


@pytest.mark.parametrize(("cut", "period"), [("1998-06-30", "D"), ("1997-09-30", "W")])
def test_the_whole_equals_lifetimes(cdnow, lifetimes_summary, cut, period) -> None:
    frame = cdnow.orders.to_pandas()
    assert_equals_lifetimes(rfm_summary(cdnow, cut, period), lifetimes_summary(frame, cut, period))


def test_the_sample_equals_the_published_table(cdnow_sample) -> None:
    """x, t_x and T in weeks at the end of week 39, as in Fader, Hardie and Lee (2005)."""
    text = dataset_file("cdnow_customers_summary.csv").read_text()
    published = pd.read_csv(io.StringIO(text), index_col="ID")
    rfm = rfm_summary(cdnow_sample, "1997-09-30", time_unit="W")
    assert rfm.index.astype(int).tolist() == published.index.tolist()
    assert len(rfm) == 2357
    assert rfm["frequency"].tolist() == published["frequency"].tolist()
    for column in ("recency", "T"):
        # The table gives two digits; halves are rounded either way.
        assert np.abs(rfm[column].to_numpy() - published[column]).max() <= 0.005 + 1e-9


HISTORY = orders(
    ("a", "1997-01-31 23:30", 10.0),
    ("a", "1997-01-31 23:50", 1.0),  # the same hour
    ("a", "1997-02-01 00:10", 2.0),  # the next day and month, the same week
    ("a", "1997-02-03 12:00", 4.0),  # the next week
    ("a", "1997-04-01 00:00", 8.0),  # the next quarter
    ("a", "1998-01-01 05:00", 16.0),  # the next year
    ("b", "1997-12-31 22:00", 5.0),
    ("c", "1998-01-02 00:00", 9.0),  # after the cut-off by day
)


@pytest.mark.parametrize(
    ("period", "a", "b"),
    [
        # Hours of 1998-01-01 end with 23:00, 23 h + 334 * 24 h + 1 h after 1997-01-31 23:00.
        ("h", (4, 334 * 24 + 6.0, 335 * 24.0, 30 / 4), (0, 0.0, 25.0, np.nan)),
        ("D", (4, 335.0, 335.0, 30 / 4), (0, 0.0, 1.0, np.nan)),
        ("W", (3, 48.0, 48.0, 28 / 3), (0, 0.0, 0.0, np.nan)),
        ("M", (3, 12.0, 12.0, 30 / 3), (0, 0.0, 1.0, np.nan)),
        ("Q", (2, 4.0, 4.0, 24 / 2), (0, 0.0, 1.0, np.nan)),
        ("Y", (1, 1.0, 1.0, 16.0), (0, 0.0, 1.0, np.nan)),
    ],
)
def test_every_period_by_hand(period, a, b) -> None:
    rfm = rfm_summary(HISTORY, "1998-01-01", period)
    expected = pd.DataFrame([a, b], columns=COLUMNS, index=["a", "b"])
    if period in "WMQY":  # the period of the cut-off is known as a whole
        expected.loc["c"] = (0, 0.0, 0.0, np.nan)
    assert rfm.index.tolist() == expected.index.tolist()
    assert rfm.index.name == "customer_id"
    for column in COLUMNS:
        np.testing.assert_allclose(rfm[column], expected[column].astype(float), rtol=1e-12)
    assert rfm["frequency"].dtype == "int64"


@pytest.mark.parametrize("period", ["h", "D"])
def test_a_purchase_on_the_evening_of_the_cut_off_is_known(period) -> None:
    frame = orders(("a", "1997-01-01 08:00", 1.0), ("a", "1997-01-02 23:59:59.999999", 2.0))
    assert rfm_summary(frame, "1997-01-02", period).loc["a", "frequency"] == 1
    assert rfm_summary(frame, "1997-01-02 06:00", period).loc["a", "frequency"] == 1
    assert rfm_summary(frame, None, period).loc["a", "frequency"] == 1
    assert rfm_summary(frame, "1997-01-01", period).loc["a", "frequency"] == 0


def test_holdout_by_hand() -> None:
    frame = orders(
        ("a", "1997-01-01", 10.0),
        ("a", "1997-01-10", 2.0),
        ("a", "1997-01-11", 3.0),  # holdout from here
        ("a", "1997-01-11", 4.0),  # the same day
        ("a", "1997-01-20", 5.0),
        ("a", "1997-01-21", 6.0),  # after the holdout
        ("b", "1997-01-05", 7.0),
        ("c", "1997-01-15", 8.0),  # unknown by the cut-off
    )
    rfm = rfm_summary(frame, "1997-01-10", "D", "1997-01-20")
    assert rfm.columns.tolist() == [*COLUMNS, *HOLDOUT]
    assert rfm.index.tolist() == ["a", "b"]
    assert rfm.loc["a"].tolist() == [1, 9.0, 9.0, 2.0, 2, 6.0, 10.0]
    assert rfm.loc["b"].fillna(-1).tolist() == [0, 0.0, 5.0, -1, 0, -1, 10.0]


def test_the_holdout_leaves_calibration_as_it_is(cdnow_sample) -> None:
    both = rfm_summary(cdnow_sample, "1997-09-30", "W", "1998-06-30", time_unit="D")
    alone = rfm_summary(cdnow_sample, "1997-09-30", "W", time_unit="D")
    pd.testing.assert_frame_equal(both[COLUMNS], alone)
    assert both["duration_holdout"].unique().tolist() == [39 * 7.0]


INDEX = {
    "h": lambda t: int((t - dt.datetime(1970, 1, 1)).total_seconds() // 3600),
    "D": lambda t: t.toordinal(),
    "W": lambda t: (t.toordinal() - 1) // 7,  # 0001-01-01 was a Monday
    "M": lambda t: t.year * 12 + t.month,
    "Q": lambda t: t.year * 4 + (t.month - 1) // 3,
    "Y": lambda t: t.year,
}


def reference(rows: list, period: str, cut: dt.date, end: dt.date | None) -> dict[str, list]:
    """Summarise in plain Python."""
    index = INDEX[period]
    known = index(dt.datetime.combine(cut, dt.time(23, 59)))
    last = index(dt.datetime.combine(end or cut, dt.time(23, 59)))
    spent: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for customer, moment, cents in rows:
        if index(moment) <= last:
            spent[customer][index(moment)] += cents
    out = {}
    for customer in sorted(spent):
        before = sorted(p for p in spent[customer] if p <= known)
        after = [p for p in spent[customer] if p > known]
        if not before:
            continue
        first, *repeat = before
        money = sum(spent[customer][p] for p in repeat) / 100
        row = [
            len(repeat),
            float(before[-1] - first),
            float(known - first),
            money / len(repeat) if repeat else np.nan,
        ]
        if end is not None:
            money = sum(spent[customer][p] for p in after) / 100
            row += [len(after), money / len(after) if after else np.nan, float(last - known)]
        out[customer] = row
    return out


DAYS = st.dates(dt.date(1968, 12, 1), dt.date(1971, 2, 1))
MOMENTS = st.datetimes(dt.datetime(1968, 12, 1), dt.datetime(1971, 2, 1))
HISTORIES = st.lists(
    st.tuples(st.sampled_from("abcd"), MOMENTS, st.integers(-500, 100_000)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40)
@given(HISTORIES, st.sampled_from(list(INDEX)), DAYS, st.none() | DAYS)
def test_against_plain_python(rows, period, cut, end) -> None:
    frame = orders(*[(customer, moment, cents / 100) for customer, moment, cents in rows])
    index = {day: INDEX[period](dt.datetime.combine(day, dt.time())) for day in (cut, end) if day}
    if end is not None and (end <= cut or index[end] == index[cut]):
        with pytest.raises(ParameterError, match="holdout_end"):
            rfm_summary(frame, cut, period, end)
        return
    if min(moment for _, moment, _ in rows).date() > cut:
        with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of"):
            rfm_summary(frame, cut, period, end)
        return
    rfm = rfm_summary(frame, cut, period, end)
    expected = reference(rows, period, cut, end)
    assert rfm.index.tolist() == list(expected)
    for customer, values in expected.items():
        assert rfm.loc[customer].tolist() == pytest.approx(values, rel=1e-12, nan_ok=True)


@settings(max_examples=12)
@given(HISTORIES, HISTORIES, st.sampled_from(["h", "D"]), DAYS)
def test_nothing_after_the_cut_off_counts(rows, later, period, cut) -> None:
    known = [row for row in rows if row[1].date() <= cut]
    known.append(("a", dt.datetime.combine(cut, dt.time(12)), 100))
    after = [row for row in [*rows, *later] if row[1].date() > cut]
    pd.testing.assert_frame_equal(
        rfm_summary(orders(*known), cut, period), rfm_summary(orders(*known, *after), cut, period)
    )


def test_the_order_of_rows_does_not_matter(cdnow_sample) -> None:
    frame = cdnow_sample.orders.to_pandas()
    shuffled = frame.sample(frac=1, random_state=1)
    for options in ({"period": "D"}, {"period": "W", "holdout_end": "1998-06-30"}):
        pd.testing.assert_frame_equal(
            rfm_summary(frame, "1997-09-30", **options),
            rfm_summary(shuffled, "1997-09-30", **options),
            check_exact=True,
        )


def test_what_it_takes() -> None:
    frame = orders(("a", "1997-01-01", 1.0), ("a", "1997-02-01", 2.0))
    table = read_orders(frame)
    for source in (frame, table, table.table.to_arrow().drop_columns("_source_row")):
        assert rfm_summary(source).loc["a"].tolist() == [1, 31.0, 31.0, 2.0]


def test_one_customer_with_one_order() -> None:
    rfm = rfm_summary(orders(("a", "1997-01-01", 5.0)))
    assert rfm.loc["a"].fillna(-1).tolist() == [0, 0.0, 0.0, -1]


def test_nobody_came_back() -> None:
    frame = orders(("a", "1997-01-01", 5.0), ("b", "1997-01-05", 6.0))
    rfm = rfm_summary(frame, "1997-01-31", "D", "1997-02-28")
    assert rfm["monetary_value"].isna().all()
    assert rfm["monetary_value_holdout"].isna().all()
    assert rfm["monetary_value"].dtype == "float64"
    assert rfm["T"].tolist() == [30.0, 26.0]


def test_purchases_of_nothing_are_purchases() -> None:
    frame = orders(("a", "1997-01-01", 5.0), ("a", "1997-01-05", 0.0))
    assert rfm_summary(frame).loc["a"].tolist() == [1, 4.0, 4.0, 0.0]


def test_the_last_order_is_the_cut_off_when_none_is_given() -> None:
    rfm = rfm_summary(HISTORY)
    assert rfm.loc["c"].fillna(-1).tolist() == [0, 0.0, 0.0, -1]
    assert rfm.loc["b", "T"] == 2.0


def test_a_cut_off_before_the_first_order() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of") as caught:
        rfm_summary(HISTORY, "1997-01-30")
    problem = caught.value.problem
    assert problem.where == "as_of"
    assert problem.got == "1997-01-30"
    assert problem.expected == "a day on or after the first order, 1997-01-31"


@pytest.mark.parametrize(("period", "near"), [("d", "D"), ("w", "W"), ("month", None), ("", None)])
def test_an_unknown_period(period, near) -> None:
    with pytest.raises(ParameterError, match="unknown value for period") as caught:
        rfm_summary(HISTORY, "1998-01-01", period)
    assert caught.value.problem.expected == "one of h, D, W, M, Q, Y"
    assert caught.value.problem.nearest == near


@pytest.mark.parametrize("end", ["1998-01-01", "1997-12-31"])
def test_a_holdout_ends_after_the_cut_off(end) -> None:
    with pytest.raises(ParameterError, match="holdout_end is not after as_of") as caught:
        rfm_summary(HISTORY, "1998-01-01", holdout_end=end)
    assert caught.value.problem.got == end
    assert caught.value.problem.expected == "a day after 1998-01-01"


def test_a_holdout_is_a_period_long() -> None:
    with pytest.raises(ParameterError, match="falls into the same period M") as caught:
        rfm_summary(HISTORY, "1997-12-01", "M", "1997-12-31")
    assert caught.value.problem.where == "holdout_end"
    assert caught.value.problem.got == "1997-12-31"


@pytest.mark.parametrize(
    ("period", "time_unit", "factor"),
    [("D", "W", 1 / 7), ("W", "D", 7), ("D", "h", 24), ("h", "D", 1 / 24), ("M", "M", 1)],
)
def test_time_units(period, time_unit, factor) -> None:
    plain = rfm_summary(HISTORY, "1997-12-31", period, "1998-06-30")
    other = rfm_summary(HISTORY, "1997-12-31", period, "1998-06-30", time_unit=time_unit)
    for column in ("recency", "T", "duration_holdout"):
        np.testing.assert_allclose(other[column], plain[column] * factor, rtol=1e-15)
    rest = ["frequency", "monetary_value", "frequency_holdout", "monetary_value_holdout"]
    pd.testing.assert_frame_equal(other[rest], plain[rest])


@pytest.mark.parametrize(("period", "time_unit"), [("M", "W"), ("D", "M"), ("Y", "Q")])
def test_months_have_no_fixed_length(period, time_unit) -> None:
    with pytest.raises(ParameterError, match=f"period {period} has no fixed length in {time_unit}"):
        rfm_summary(HISTORY, "1998-01-01", period, time_unit=time_unit)


def test_an_unknown_time_unit() -> None:
    with pytest.raises(ParameterError, match="unknown value for time_unit"):
        rfm_summary(HISTORY, "1998-01-01", time_unit="weeks")


def test_no_orders(engine) -> None:
    with pytest.raises(NotEnoughDataError, match="the source has no rows"):
        rfm_summary(HISTORY.head(0))
    columns = "'a' AS customer_id, TIMESTAMP '1997-01-01' AS ordered_at, 1.0 AS revenue"
    empty = engine.sql(f"SELECT {columns} WHERE false")
    with pytest.raises(NotEnoughDataError, match="there are no orders"):
        rfm_table(empty)
    with pytest.raises(NotEnoughDataError, match="nobody has bought by as_of") as caught:
        rfm_table(empty, "1998-06-30")
    assert caught.value.problem.expected == "a day on or after the first order"


def test_days_are_those_of_the_store() -> None:
    """23:30 and 00:30 in London are two days, though one in UTC in summer."""
    sold = orders(("a", "1997-07-01T22:30:00Z", 1.0), ("a", "1997-07-01T23:30:00Z", 2.0))
    assert rfm_summary(read_orders(sold)).loc["a", "frequency"] == 0
    in_london = read_orders(sold, time_zone="Europe/London")
    assert rfm_summary(in_london).loc["a"].tolist() == [1, 1.0, 1.0, 2.0]
    assert rfm_summary(in_london, "1997-07-01").loc["a", "frequency"] == 0
