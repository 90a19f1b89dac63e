from __future__ import annotations

import datetime as dt

import pytest

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.kpis.periods import as_periods, last_complete, period_label, so_far

D = dt.date
FIRST, AS_OF = D(2024, 11, 20), D(2026, 3, 30)


def spans(periods):
    return [(p.start.isoformat(), p.end.isoformat()) for p in periods]


def test_calendar_months_that_are_over():
    months = as_periods(("month", 3), FIRST, AS_OF)
    assert spans(months) == [
        ("2025-12-01", "2025-12-31"), ("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"),
    ]  # fmt: skip
    assert [p.label for p in months] == ["2025-12", "2026-01", "2026-02"]
    assert [p.earlier for p in months] == [D(2025, 11, 1), D(2025, 12, 1), D(2026, 1, 1)]
    assert as_periods(["month", 3], FIRST, AS_OF) == months  # as YAML has it
    assert as_periods(("month", 1), FIRST, D(2026, 3, 31))[0].label == "2026-03"


@pytest.mark.parametrize(
    ("word", "labels"),
    [
        ("quarter", ["2024-Q4", "2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"]),
        ("year", ["2024", "2025"]),
    ],
)
def test_a_word_alone_means_all_since_the_first_order(word, labels):
    assert [p.label for p in as_periods(word, FIRST, AS_OF)] == labels


def test_weeks_run_from_monday_to_sunday():
    (week,) = as_periods(("week", 1), FIRST, D(2026, 2, 8))  # a Sunday
    assert spans([week]) == [("2026-02-02", "2026-02-08")]
    assert week.label == "2026-02-02"


def test_pairs_of_dates_come_in_order_of_time_and_compare_with_as_many_days():
    one, two = as_periods(
        [("2026-02-01", "2026-02-10"), (D(2026, 1, 1), "2026-01-05")], FIRST, None
    )
    assert spans([one, two]) == [("2026-01-01", "2026-01-05"), ("2026-02-01", "2026-02-10")]
    assert (one.earlier, two.earlier) == (D(2025, 12, 27), D(2026, 1, 22))
    assert one.recent == one.start
    assert two.window("earlier")[1] - two.window("earlier")[0] == 9


def test_windows_of_all_that_is_known():
    period = so_far(FIRST, AS_OF, 30)
    low, high = period.window("recent")
    assert high - low == 29
    assert period.window("earlier") == (low - 30, low - 1)
    assert period.window("period") == (period.window("before")[1] + 1, high)


@pytest.mark.parametrize(
    ("periods", "what"),
    [
        ([("2026-01-01", "2026-01-31"), ("2026-01-31", "2026-02-28")], "two periods overlap"),
        ([("2026-02-01", "2026-01-31")], "ends before it starts"),
        ([("2026-03-01", "2026-03-31")], "after the last day that counts"),
        ([("2026-03-01",)], "not a pair"),
        (["2026-03-01"], "not a pair"),
        ([("2026-03-01", "soon")], "not a date"),
        ([], "no periods"),
        (7, "no periods"),
        (("month", 0), "out of range"),
    ],
)
def test_bad_periods(periods, what):
    with pytest.raises(ParameterError, match=what):
        as_periods(periods, FIRST, AS_OF)


def test_unknown_words_name_the_nearest():
    with pytest.raises(ParameterError) as caught:
        as_periods("months", FIRST, AS_OF)
    assert caught.value.problem.nearest == "month"


def test_no_period_is_over():
    with pytest.raises(NotEnoughDataError, match="no year is over"):
        as_periods("year", D(2026, 1, 5), AS_OF)


def test_labels_and_last_complete():
    assert last_complete(D(2026, 2, 28), "month") == last_complete(D(2026, 3, 1), "month") == 673
    assert period_label(673, "month") == "2026-02"
