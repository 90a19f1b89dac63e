from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml.data.simulation_draws import choose, labels, moments, numbered, prefixed, taken


def test_choices_follow_the_weights_of_their_row():
    weights = np.array([[1, 2, 1], [0, 1, 0], [3, 0, 0]])
    row = np.repeat([0, 1, 2], 10_000)
    chosen = choose(np.random.default_rng(1), weights, row)
    assert (chosen[row == 1] == 1).all()
    assert (chosen[row == 2] == 0).all()
    assert np.bincount(chosen[row == 0]) / 10_000 == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_many_labels():
    names = [f"name {i}" for i in range(300)]
    assert labels(np.array([299, -1, 0]), names).to_pylist() == ["name 299", None, "name 0"]


def test_ids_have_one_width():
    ids = prefixed("C", numbered(99))
    assert ids[0].as_py() == "C101"
    assert len({len(text) for text in ids.to_pylist()}) == 1
    assert taken(ids, np.array([-1, 1])).to_pylist() == [None, "C102"]


def test_moments_before_the_start():
    found = moments(np.array([-0.5, 0.0]), pd.Timestamp("1970-01-01"))
    assert [at.as_py().isoformat() for at in found] == [
        "1969-12-31T12:00:00",
        "1970-01-01T00:00:00",
    ]
