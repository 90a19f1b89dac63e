import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segml._core.errors import DataError, ParameterError
from segml.data.suppression import DERIVABLE, suppress_small_groups


def equations(rows: int, columns: int, totals: str) -> np.ndarray:
    """Return the sums a reader can use, as a matrix over the table with its totals."""
    cells = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    lines = []
    if totals in ("both", "rows"):
        lines += [cells[i] for i in range(rows + (totals == "both"))]
    if totals in ("both", "columns"):
        lines += [cells[:, j] for j in range(columns + (totals == "both"))]
    matrix = np.zeros((len(lines), cells.size))
    for equation, line in zip(matrix, lines, strict=True):
        equation[line] = 1
        equation[line[-1]] = -1
    return matrix


def full_of(safe, totals: str) -> np.ndarray:
    """Return which cells of the table with its totals are suppressed."""
    hidden = np.zeros(np.add(safe.table.shape, 1), dtype=bool)
    hidden[:-1, :-1] = safe.table.isna()
    if totals in ("both", "rows"):
        hidden[:-1, -1] = safe.row_totals.isna()
    if totals in ("both", "columns"):
        hidden[-1, :-1] = safe.column_totals.isna()
    if totals == "both":
        hidden[-1, -1] = safe.total is None
    return hidden


tables = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(
            st.one_of(st.just(0), st.integers(1, 12), st.integers(0, 400)),
            min_size=shape[1],
            max_size=shape[1],
        ),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@pytest.mark.parametrize("totals", ["both", "rows", "columns", "none"])
@given(counts=tables, zeros=st.sampled_from(["show", "suppress"]), least=st.sampled_from([3, 10]))
def test_no_suppressed_cell_can_be_derived(totals, counts, zeros, least) -> None:
    table = pd.DataFrame(counts)
    safe = suppress_small_groups(table, min_group_size=least, totals=totals, zeros=zeros)
    hidden = full_of(safe, totals).ravel()
    system = equations(*table.shape, totals)[:, hidden]
    rank = np.linalg.matrix_rank(system) if system.size else 0
    for unknown in np.eye(system.shape[1]):
        assert np.linalg.matrix_rank(np.vstack([system, unknown])) == rank + 1
    # What is shown is right and not small; what is small is not shown.
    small = (table < least) & ((table > 0) | (zeros == "suppress"))
    assert safe.table.isna()[small].eq(True).where(small, True).all(axis=None)
    assert (safe.table == table).fillna(True).all(axis=None)
    # No line gives away a small sum of what it hides.
    grid = np.zeros(np.add(table.shape, 1), dtype=int)
    grid[:-1, :-1] = table
    grid[:-1, -1] = table.sum(axis=1)
    grid[-1] = grid[:-1].sum(axis=0)
    for equation in equations(*table.shape, totals):
        line = np.flatnonzero(equation)
        inner, last = line[:-1], line[-1]
        if hidden[inner].any() and not hidden[last]:
            assert grid.ravel()[inner][hidden[inner]].sum() >= least
    # Nothing is suppressed without need.
    if not small.any(axis=None):
        assert not hidden.any() or (grid[grid > 0] < least).any() or zeros == "suppress"


@given(counts=tables)
def test_a_zero_that_is_shown_hides_nothing_and_stays(counts) -> None:
    safe = suppress_small_groups(pd.DataFrame(counts))
    assert not safe.table.isna().to_numpy()[np.array(counts) == 0].any()


def test_a_single_small_cell_takes_a_rectangle_with_it() -> None:
    table = pd.DataFrame(
        {"f": [3, 40, 60], "m": [30, 20, 50]}, index=pd.Index(["a", "b", "c"], name="segment")
    )
    safe = suppress_small_groups(table)
    assert safe.table.isna().to_numpy().tolist() == [[True, True], [True, True], [False, False]]
    assert safe.reasons.loc["a", "f"] == "fewer than 10"
    assert safe.reasons.loc["b", "m"] == DERIVABLE
    assert (safe.n_small, safe.n_complementary) == (1, 3)
    assert safe.row_totals.tolist() == [33, 60, 110]
    assert (safe.total, safe.min_group_size) == (203, 10)
    page = safe._repr_html_()
    assert ">segment<" in page
    assert "fewer than 10" in page
    assert "1 counts are of fewer than 10; 3 more" in page
    assert ">3<" not in page


def test_nothing_small_nothing_suppressed() -> None:
    safe = suppress_small_groups(pd.DataFrame({"f": [10, 0], "m": [11, 40]}))
    assert safe.with_totals().to_numpy().tolist() == [[10, 11, 21], [0, 40, 40], [10, 51, 61]]
    assert safe.n_small == safe.n_complementary == 0
    assert "nothing is suppressed" in safe._repr_html_()


def test_totals_that_nobody_sees_need_no_complement() -> None:
    table = pd.DataFrame({"f": [3, 40], "m": [30, 20]})
    safe = suppress_small_groups(table, totals="none")
    assert safe.table.isna().to_numpy().sum() == 1
    assert safe.row_totals is safe.column_totals is safe.total is None
    assert safe.with_totals().shape == (2, 2)
    rows = suppress_small_groups(table, totals="rows")
    assert rows.table.isna().to_numpy().tolist() == [[True, True], [False, False]]
    assert rows.with_totals().shape == (2, 3)
    columns = suppress_small_groups(table, totals="columns")
    assert columns.table.isna().to_numpy().tolist() == [[True, False], [True, False]]
    assert columns.with_totals().shape == (3, 2)


def test_a_single_group_leaves_nothing() -> None:
    safe = suppress_small_groups(pd.DataFrame({"f": [4]}))
    assert safe.with_totals().isna().all(axis=None)


def test_small_totals_are_small_groups_and_zeros_are_nobody() -> None:
    safe = suppress_small_groups(pd.DataFrame({"f": [0, 50], "m": [0, 60], "x": [0, 70]}))
    assert safe.n_small == 0
    none = suppress_small_groups(
        pd.DataFrame({"f": [0, 50], "m": [20, 60]}), zeros="suppress", min_group_size=5
    )
    assert none.reasons.iloc[0, 0] == "fewer than 5"


def test_labels_may_repeat() -> None:
    table = pd.DataFrame([[3, 30], [40, 20]], index=["a", "a"], columns=["total", "total"])
    safe = suppress_small_groups(table)
    assert safe.table.isna().all(axis=None)
    assert "total" in safe._repr_html_()


def test_a_large_table_is_quick() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.negative_binomial(1, 0.01, size=(300, 6)))
    assert suppress_small_groups(table).n_small > 50


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (pd.DataFrame({"f": [1.5]}), "column f"),
        (pd.DataFrame({"f": [-1]}), "column f"),
        (pd.DataFrame({"f": [1.0, None]}), "column f"),
        (pd.DataFrame({"f": ["a"]}), "column f"),
        (pd.DataFrame({"f": [True]}), "column f"),
        (pd.DataFrame(), "table"),
        ([[1]], "table"),
    ],
)
def test_what_is_not_a_table_of_counts(bad, where) -> None:
    with pytest.raises(DataError) as caught:
        suppress_small_groups(bad)
    assert caught.value.problem.where == where


def test_bad_parameters() -> None:
    table = pd.DataFrame({"f": [1]})
    with pytest.raises(ParameterError, match="min_group_size"):
        suppress_small_groups(table, min_group_size=0)
    with pytest.raises(ParameterError, match="totals"):
        suppress_small_groups(table, totals="all")
    with pytest.raises(ParameterError, match="zeros"):
        suppress_small_groups(table, zeros="hide")
