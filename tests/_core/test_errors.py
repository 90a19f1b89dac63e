import warnings

import pytest

from segml._core import errors
from segml._core.errors import ParameterError, SegmlError, SegmlWarning


def test_message_has_every_part_in_order() -> None:
    error = ParameterError(
        "unknown feature",
        where="include",
        got="recencey",
        expected="one of recency, orders",
        nearest="recency",
        hint="FEATURES lists them",
    )
    assert str(error).splitlines() == [
        "unknown feature",
        "  where: include",
        "  got: 'recencey'",
        "  expected: one of recency, orders",
        "  did you mean: 'recency'?",
        "  try: FEATURES lists them",
    ]


def test_message_leaves_out_parts_that_are_not_given() -> None:
    assert str(SegmlError("the file is empty")) == "the file is empty"


@pytest.mark.parametrize(
    ("got", "shown"),
    [
        (None, "None"),
        (3, "3"),
        ("a word", "a word"),
        ("word", "'word'"),
        ("", "''"),
        (["a", 1], "['a', 1]"),
    ],
)
def test_got_is_shown_even_when_it_is_none(got: object, shown: str) -> None:
    assert str(SegmlError("x", got=got)) == f"x\n  got: {shown}"


def test_long_values_are_cut() -> None:
    line = str(SegmlError("x", got="y" * 1000)).splitlines()[1]
    assert len(line) == len("  got: ") + 200
    assert line.endswith("y...")


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("DataError", ValueError),
        ("MissingTableError", LookupError),
        ("NotEnoughDataError", ValueError),
        ("ParameterError", ValueError),
        ("MissingDependencyError", ImportError),
        ("ConvergenceError", ArithmeticError),
        ("RunError", RuntimeError),
    ],
)
def test_errors_are_of_the_builtin_type_that_users_catch(name: str, builtin: type) -> None:
    error = getattr(errors, name)("what is wrong", where="here")
    assert isinstance(error, SegmlError)
    assert isinstance(error, builtin)
    assert str(error) == "what is wrong\n  where: here"


@pytest.mark.parametrize("name", ["MissingTableError", "NotEnoughDataError"])
def test_errors_about_data_are_data_errors(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.DataError)


def test_warnings_have_the_same_shape() -> None:
    with pytest.warns(SegmlWarning, match=r"^few rows\n  where: orders\n  got: 3$") as caught:
        warnings.warn(SegmlWarning("few rows", where="orders", got=3), stacklevel=1)
    assert caught[0].message.problem.where == "orders"


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(TypeError, match="hnt"):
        SegmlError("x", hnt="y")
