from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segml._core.errors import NotEnoughDataError
from segml.clustering import KMeansSegmenter
from segml.clustering.overlap import membership_overlap

from .test_segment_map import Labels
from .test_silhouettes import customers


class Soft(Labels):
    """Known labels with known memberships."""

    def __init__(self, labels: pd.Series, memberships: np.ndarray) -> None:
        super().__init__(labels)
        self.memberships = pd.DataFrame(memberships, labels.index, self.segments_.index)

    def predict_membership(self, X):
        return self.memberships.loc[X.index]


FRAME = pd.DataFrame(index=list("abcde"))
LABELS = pd.Series([0, 0, 1, 1, -1], index=FRAME.index)
SOFT = np.array([[0.9, 0.1], [0.4, 0.3], [0.2, 0.8], [0.0, 1.0], [0.1, 0.1]])


def test_matrix_holds_the_means_by_hand():
    overlap = membership_overlap(Soft(LABELS, SOFT), FRAME)
    np.testing.assert_allclose(overlap.matrix, [[0.65, 0.2], [0.1, 0.9]])
    assert overlap.segments["torn"].tolist() == [0.5, 0.0]
    assert overlap.segments["size"].tolist() == [2, 2]
    assert overlap.n_noise == 1


def test_rows_of_k_means_sum_to_one_and_do_not_depend_on_row_order():
    frame = customers(300)
    segmenter = KMeansSegmenter(n_segments=4).fit(frame)
    overlap = membership_overlap(segmenter, frame)
    np.testing.assert_allclose(overlap.matrix.sum(axis=1), 1)
    assert (np.diag(overlap.matrix) == overlap.matrix.max(axis=1)).all()
    again = membership_overlap(segmenter, frame[::-1])
    pd.testing.assert_frame_equal(again.matrix, overlap.matrix, check_exact=True)


def test_a_segment_without_customers_is_missing():
    overlap = membership_overlap(Soft(LABELS, SOFT), FRAME[:2])
    assert overlap.matrix.loc[1].isna().all()
    assert np.isnan(overlap.segments.loc[1, "torn"])


def test_all_noise_is_an_error():
    with pytest.raises(NotEnoughDataError, match="no customer has a segment"):
        membership_overlap(Soft(LABELS, SOFT), FRAME[4:])
