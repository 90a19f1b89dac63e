from __future__ import annotations

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from segml._core.errors import NotEnoughDataError, ParameterError
from segml.kpis.cohorts import CohortRetention, cohort_retention
from segml.plots.card import show
from segml.plots.cohorts import plot_cohort_retention

from .conftest import HOSTILE
from .test_segments import texts, title


def result(n: int = 4, period: str = "month", names: dict | None = None) -> CohortRetention:
    """Return cohorts of 100, 200, ... customers, of whom 1 / (age + 1) come back."""
    frames = []
    for segment in names or {0: ""}:
        for i in range(n):
            age = np.arange(n - i)
            customers = 100 * (i + 1)
            active = customers // (age + 1)
            share = active / customers
            frames.append(
                pd.DataFrame(
                    {
                        "segment": str(segment),
                        "name": (names or {0: ""})[segment],
                        "cohort": f"c{i:03d}",
                        "age": age,
                        "customers": customers,
                        "active": active,
                        "share": share,
                        "low": share - 0.05,
                        "high": share + 0.07,
                    }
                )
            )
    table = pd.concat(frames, ignore_index=True)
    if names is None:
        table = table.drop(columns=["segment", "name"])
    return CohortRetention(table, period, dt.date(2026, 6, 30))


def test_cells_are_the_shares_and_empty_where_not_over():
    ax = Figure().subplots()
    assert plot_cohort_retention(result(), ax) is ax
    cells, together = (mesh.get_array() for mesh in ax.collections)
    assert cells.shape == (3, 3)  # the youngest cohort has no later age
    np.testing.assert_allclose(cells[0], [0.5, 0.33, 0.25])
    assert cells.mask.sum() == 3
    # (50 + 100 + 150) / 600, (33 + 66) / 300, 25 / 100
    np.testing.assert_allclose(together.ravel(), [0.5, 0.33, 0.25])
    assert texts(ax).count("50%") == 4
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["all  (600)", "c000  (100)", "c001  (200)", "c002  (300)"]


def test_all_cohorts_weigh_by_their_customers():
    table = pd.DataFrame(
        {
            "cohort": ["a", "a", "b", "b"],
            "age": [0, 1, 0, 1],
            "customers": [100, 100, 300, 300],
            "active": [100, 50, 300, 30],
            "share": [1, 0.5, 1, 0.1],
            "low": 0.0,
            "high": 1.0,
        }
    )
    ax = plot_cohort_retention(CohortRetention(table, "month", dt.date(2026, 6, 30)))
    assert float(ax.collections[1].get_array().ravel()[0]) == 80 / 400
    assert title(ax) == "Of all customers 20% order again in the month after their first"


def test_the_title_ends_where_half_of_the_customers_have_got_to():
    assert title(plot_cohort_retention(result())) == (
        "Of all customers 50% order again in the month after their first, 33% in month 2 after it"
    )


def test_the_numbers_hold_the_intervals():
    said = show(plot_cohort_retention(result())).description
    assert {"low", "high"} <= set(said.table)
    assert "±6 percentage points" in said.caption
    assert (said.table["age"] > 0).all()


def test_a_segment_is_named():
    both = result(names={0: "Loyal", 1: HOSTILE[0]})
    assert title(plot_cohort_retention(both, segment=0)).startswith("Of “Loyal” 50%")
    assert "<script" not in show(plot_cohort_retention(both, segment=1))._repr_html_()
    with pytest.raises(ParameterError, match="one of 0, 1"):
        plot_cohort_retention(both)


@pytest.mark.parametrize("n", [2, 3, 9, 30, 60])
def test_few_and_many_cohorts_fit(n):
    ax = plot_cohort_retention(result(n, "week"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as that of a layout that fails
        show(ax)
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_no_one_comes_back_and_no_cohort_is_old_enough():
    none = result(3)
    none.table.loc[none.table["age"] > 0, ["active", "share"]] = 0
    assert "0%" in title(plot_cohort_retention(none))
    with pytest.raises(NotEnoughDataError, match="no cohort is a month old"):
        plot_cohort_retention(result(1))


def test_a_result_of_cohort_retention(cdnow_sample):
    found = cohort_retention(cdnow_sample, "month")
    ax = plot_cohort_retention(found)
    wide = found.wide().drop(columns=0)
    np.testing.assert_allclose(ax.collections[0].get_array().filled(np.nan), wide.to_numpy())
