"""Which segment the scores for recency, frequency and monetary value say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class RFMRule:
    """Which scores a segment has.

    Parameters
    ----------
    recency : tuple of int
        Lowest and highest score of recency, 5 the most recent.
    frequency_monetary : tuple of int
        Lowest and highest mean of the scores of frequency and monetary value, a half
        rounded up, 5 the best.
    meaning : str
        What these customers are like.

    Examples
    --------
    >>> RFM_SEGMENTS["Champions"]
    RFMRule(recency=(5, 5), frequency_monetary=(4, 5), meaning='bought just now, often, for much')
    """

    recency: tuple[int, int]
    frequency_monetary: tuple[int, int]
    meaning: str

    def holds(self, recency: ArrayLike, frequency: ArrayLike, monetary: ArrayLike) -> np.ndarray:
        """Say whether customers of these scores are in the segment.

        Parameters
        ----------
        recency, frequency, monetary : array of int, shape (n_customers,)
            Scores from 1 to 5.

        Returns
        -------
        ndarray of bool, shape (n_customers,)

        Examples
        --------
        >>> RFM_SEGMENTS["At risk"].holds([1, 5], [4, 4], [3, 3]).tolist()
        [True, False]
        """
        both = (np.asarray(frequency) + np.asarray(monetary) + 1) // 2
        (low, high), (least, most) = self.recency, self.frequency_monetary
        recent = np.asarray(recency)
        return (low <= recent) & (recent <= high) & (least <= both) & (both <= most)


#: Segments by name, from the best to the lost: each of the 125 combinations of scores is in
#: one. The names are those in use since the grid of recency against frequency and monetary
#: value by Putler; its overlapping cells are parted as is usual.
RFM_SEGMENTS: Mapping[str, RFMRule] = MappingProxyType(
    {
        "Champions": RFMRule((5, 5), (4, 5), "bought just now, often, for much"),
        "Loyal": RFMRule((3, 4), (4, 5), "buy often and for much, and not long ago"),
        "Potential loyalists": RFMRule((4, 5), (2, 3), "bought lately, and more than once"),
        "New": RFMRule((5, 5), (1, 1), "bought just now, and little before"),
        "Promising": RFMRule((4, 4), (1, 1), "bought lately, and little before"),
        "Need attention": RFMRule((3, 3), (3, 3), "average in all"),
        "About to sleep": RFMRule((3, 3), (1, 2), "bought little, and not lately"),
        "At risk": RFMRule((1, 2), (3, 4), "bought often and for much, but long ago"),
        "Cannot lose": RFMRule((1, 2), (5, 5), "were the best customers, but long ago"),
        "Hibernating": RFMRule((1, 2), (1, 2), "bought little, and long ago"),
    }
)


def segment_of(scores: np.ndarray) -> np.ndarray:
    """Return places in `RFM_SEGMENTS` by the scores in columns.

    Examples
    --------
    >>> segment_of(np.array([[5, 5, 5], [1, 1, 1]])).tolist()
    [0, 9]
    """
    columns = scores.astype(int).T
    return np.array([rule.holds(*columns) for rule in RFM_SEGMENTS.values()]).argmax(axis=0)


def rule_middles() -> np.ndarray:
    """Return the middle of each segment's scores, for what is nearest to what.

    Examples
    --------
    >>> rule_middles()[1].tolist()
    [3.5, 4.5]
    """
    rules = RFM_SEGMENTS.values()
    return np.array([[np.mean(rule.recency), np.mean(rule.frequency_monetary)] for rule in rules])
