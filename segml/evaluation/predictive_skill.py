"""How well groups of customers predict an outcome: cross-fitted, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from segml._core.seeds import generator
from segml.clustering._separation import means_of_others

_FOLDS = 5
_CELLS = 1_000_000  # resamples times customers that are held at once


@dataclass(frozen=True, eq=False)
class Outcome:
    """What customers did later.

    Parameters
    ----------
    values : ndarray, shape (n_customers,)
        A number of each customer.
    inside : ndarray of bool, shape (n_customers,)
        Of whom it is asked.
    """

    values: np.ndarray
    inside: np.ndarray


def squared_errors(groups: np.ndarray, outcome: Outcome) -> np.ndarray:
    """Return the squared errors of the mean of others; 0 of those who are not asked about.

    The sums of two such columns give the predictive R² of Allen's PRESS, and with values
    of 0 and 1 Brier's skill score.

    Examples
    --------
    >>> outcome = Outcome(np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4, bool))
    >>> squared_errors(np.array([0, 0, 1, 1]), outcome).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    found = np.zeros(len(outcome.values))
    y = outcome.values[outcome.inside]
    y = y - y.mean()  # the sums then lose no digits
    found[outcome.inside] = (y - means_of_others(groups[outcome.inside], y)) ** 2
    return found


@dataclass(frozen=True, eq=False)
class Ranking:
    """Groups in the order of how often something happened to their customers of other folds.

    Parameters
    ----------
    cell : ndarray of int, shape (n_customers,)
        Fold, group and outcome of each customer as one number; -1 where not asked about.
    above : ndarray, shape (n_folds, n_groups, n_groups)
        1 where the first group is ranked above the second, 1/2 where beside it, else 0.
    """

    cell: np.ndarray
    above: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, outcome: Outcome, seed: int) -> Ranking:
        """Rank groups for each fold by the customers of the other folds."""
        inside = outcome.inside
        codes = np.unique(groups[inside], return_inverse=True)[1]
        y = outcome.values[inside].astype(int)
        count = int(codes.max()) + 1
        fold = generator(seed, "folds").permutation(len(y)) % _FOLDS
        cell = (fold * count + codes) * 2 + y
        table = np.bincount(cell, minlength=_FOLDS * count * 2).reshape(_FOLDS, count, 2)
        others = table.sum(axis=0) - table
        n = others.sum(axis=2)
        mean = others[..., 1].sum(axis=1) / np.maximum(n.sum(axis=1), 1)
        rate = np.where(n > 0, others[..., 1] / np.maximum(n, 1), mean[:, None])
        one, other = rate[:, :, None], rate[:, None, :]
        whole = np.full(len(outcome.values), -1)
        whole[inside] = cell
        return cls(whole, np.where(one > other, 1.0, np.where(one == other, 0.5, 0.0)))

    def auc(self, weights: np.ndarray) -> np.ndarray:
        """Return the chance that of two customers of a fold the one it happened to is above.

        Two of one group count one half. Pairs across folds do not count: these have been
        ranked by different customers, and the mean of the others of a group is lower for
        those whom it happened to, which would make the area too small.

        Parameters
        ----------
        weights : ndarray, shape (n_resamples, n_customers)
            How often each customer counts.

        Returns
        -------
        ndarray, shape (n_resamples,)
            NaN where it happened to all or to none.
        """
        n_folds, count, _ = self.above.shape
        asked = np.flatnonzero(self.cell >= 0)
        cells = csr_array(
            (np.ones(len(asked)), (self.cell[asked], asked)),
            shape=(n_folds * count * 2, weights.shape[1]),
        )
        table = (cells @ weights.T).T.reshape(-1, n_folds, count, 2)
        without, with_ = table[..., 0], table[..., 1]
        pairs = (with_.sum(axis=2) * without.sum(axis=2)).sum(axis=1)
        right = np.einsum("rfg,fgh,rfh->r", with_, self.above, without, optimize=True)
        return np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


@dataclass(frozen=True, eq=False)
class Skill:
    """How much better than no groups two groupings predict, and their difference.

    Parameters
    ----------
    value : ndarray, shape (3,)
        Of the first grouping, of the second, and the difference of the two.
    low, high : ndarray, shape (3,)
        Interval of each.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def skills(
    groupings: tuple[np.ndarray, np.ndarray],
    squared: list[Outcome],
    ranked: list[Outcome],
    n_resamples: int,
    level: float,
    seed: int,
) -> tuple[list[Skill], list[Skill]]:
    r"""Compare two groupings by what they predict, on the same resamples of customers.

    Parameters
    ----------
    groupings : tuple of two ndarrays of int, shape (n_customers,)
        The groups to be judged, and those that they are compared with.
    squared : list of Outcome
        Predicted by means of others; not all of the same value.
    ranked : list of Outcome
        Of values 0 and 1, both of them there; predicted by the order of groups.
    n_resamples : int
        Bootstrap samples of customers.
    level : float
        Coverage of the intervals.
    seed : int
        Of folds and resamples.

    Returns
    -------
    two lists of Skill
        Of `squared` :math:`1 - \sum (y - m)^2 / \sum (y - M)^2`, with m the mean of the
        others of the group and M that of all others; of `ranked` the area under the ROC curve.

    Notes
    -----
    Intervals are percentiles over bootstrap samples of customers (Efron and Tibshirani 1993,
    An Introduction to the Bootstrap, section 13.3), the same ones for both groupings. What
    each customer is predicted from is not drawn again: errors are least at the true means,
    so that chance in the means changes their sum by terms of a lower order.
    """
    n = len(groupings[0])
    none = np.zeros(n, dtype=int)
    errors = np.column_stack(
        [squared_errors(groups, one) for one in squared for groups in (none, *groupings)]
        or [np.zeros(n)]
    )
    rankings = [Ranking.of(groups, one, seed) for one in ranked for groups in groupings]

    def judge(weights: np.ndarray) -> np.ndarray:
        """Return skills of first and second grouping and difference: (resample, outcome, 3)."""
        sums = (weights @ errors)[:, : 3 * len(squared)].reshape(len(weights), -1, 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_squares = 1 - sums[..., 1:] / sums[..., :1]
        areas = [one.auc(weights) for one in rankings] or [np.empty((0, len(weights)))]
        of_ranks = np.vstack(areas).T.reshape(len(weights), -1, 2)
        found = np.concatenate([of_squares, of_ranks], axis=1)
        return np.dstack([found, found[..., 0] - found[..., 1]])

    value = judge(np.ones((1, n)))[0]
    rng = generator(seed, "bootstrap", "customers")
    at_once = max(1, _CELLS // n)
    with threadpool_limits(limits=1):  # other sums on several threads
        drawn = np.concatenate(
            [
                judge(_counts(rng.integers(n, size=(min(at_once, n_resamples - done), n))))
                for done in range(0, n_resamples, at_once)
            ]
        )
    drawn[~np.isfinite(drawn)] = np.nan  # a resample in which everyone did the same
    low, high = np.nanquantile(drawn, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    both = [Skill(*rows) for rows in zip(value, low, high, strict=True)]
    return both[: len(squared)], both[len(squared) :]


def _counts(drawn: np.ndarray) -> np.ndarray:
    """Return how often each customer was drawn, a row per resample."""
    rows, n = drawn.shape
    places = drawn + n * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
