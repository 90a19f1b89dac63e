import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segml.clv._unique import unique_rows

columns = st.integers(1, 30).flatmap(
    lambda n: st.lists(
        arrays(float, n, elements=st.sampled_from([0.0, 1.0, 2.0, 0.5, 1 / 7, 1e9, 3e12])),
        min_size=1,
        max_size=4,
    )
)


@given(columns)
def test_same_as_numpy_unique(table):
    kinds = unique_rows(table)
    expected, inverse, counts = np.unique(
        np.column_stack(table), axis=0, return_inverse=True, return_counts=True
    )
    np.testing.assert_array_equal(np.column_stack(table)[kinds.first], expected)
    np.testing.assert_array_equal(kinds.inverse, inverse.ravel())
    np.testing.assert_array_equal(kinds.counts, counts)
    assert len(kinds) == len(expected)


def test_first_is_the_first_row_of_its_kind():
    kinds = unique_rows([np.array([5.0, 3.0, 5.0, 3.0])])
    assert kinds.first.tolist() == [1, 0]


def test_weights_are_summed():
    kinds = unique_rows([np.array([5.0, 3.0, 5.0])], np.array([0.5, 2.0, 1.0]))
    assert kinds.counts.tolist() == [2.0, 1.5]


@pytest.mark.parametrize("span", [2.0**30, 2.0**52])
def test_codes_that_do_not_fit_into_one_integer(span):
    rng = np.random.default_rng(0)
    table = [np.floor(rng.random(50) * span) for _ in range(6)]
    table = [np.concatenate([column, column[::-1]]) for column in table]
    kinds = unique_rows(table)
    np.testing.assert_array_equal(
        np.column_stack(table)[kinds.first], np.unique(np.column_stack(table), axis=0)
    )
    assert kinds.counts.tolist() == [2.0] * 50
