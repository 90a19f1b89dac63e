"""What a fit would cost, so that one that would not finish is not begun."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from segml._core.errors import DataError

_LONGEST = 3600.0  # seconds
_MEMORY_SHARE = 0.8  # of what is available
_GB = 1e9


@dataclass(frozen=True)
class Cost:
    """What a fit is estimated to take.

    Parameters
    ----------
    seconds : float
        Of one processor core.
    memory : float
        Bytes, beside those of the features themselves.
    """

    seconds: float
    memory: float


def hdbscan_cost(n_customers: int, n_columns: int) -> Cost:
    """Estimate what HDBSCAN takes.

    Parameters
    ----------
    n_customers, n_columns : int
        Shape of the points that are clustered.

    Returns
    -------
    Cost

    Notes
    -----
    The spanning tree is found by way of k-d trees, which help little in many columns: the
    time grows about as n^(1 + p / 10) in p columns, up to n² in ten or more. This is a
    power law through times for normally distributed customers, who have no segments and
    are the slowest; where there are segments it is several times faster.

    Examples
    --------
    >>> hdbscan_cost(1_000_000, 20).seconds > 3600 > hdbscan_cost(1_000_000, 2).seconds
    True
    """
    seconds = 0.6 * n_columns * _growth(n_customers, n_columns)
    return Cost(seconds, n_customers * (600.0 + 50.0 * n_columns))


def umap_cost(n_customers: int, n_columns: int, n_neighbors: int) -> Cost:
    """Estimate what UMAP takes.

    Parameters
    ----------
    n_customers, n_columns : int
        Shape of the points that are embedded.
    n_neighbors : int
        As of `UmapEmbedding`.

    Returns
    -------
    Cost

    Notes
    -----
    Neighbours take time as in `hdbscan_cost`; the layout takes steps for each neighbour
    in each of 200 epochs (500 for up to 10,000 customers). The compilation of umap, half
    a minute in a new process, is counted in.

    Examples
    --------
    >>> umap_cost(2_000_000, 8, 15).seconds > 3600 > umap_cost(100_000, 8, 15).seconds
    True
    """
    epochs = 500 if n_customers <= 10_000 else 200
    layout = 2e-7 * n_customers * n_neighbors * epochs
    neighbors = 0.25 * min(n_columns, 10) * _growth(n_customers, n_columns)
    return Cost(30.0 + layout + neighbors, n_customers * (500.0 + 100.0 * n_neighbors))


def check_cost(cost: Cost, what: str, n_customers: int, n_columns: int, instead: str) -> None:
    """Refuse a fit that would take more than an hour or most of the memory.

    Parameters
    ----------
    cost : Cost
        Estimate.
    what : str
        Name of the method.
    n_customers, n_columns : int
        Shape of the points.
    instead : str
        What to try.

    Raises
    ------
    DataError
        Says what the fit would take, what there is, and what to try.
    """
    available = _MEMORY_SHARE * psutil.virtual_memory().available
    if cost.seconds <= _LONGEST and cost.memory <= available:
        return
    raise DataError(
        f"{what} would not finish on so many customers",
        got=f"{n_customers:,} customers x {n_columns} columns, for which it takes about "
        f"{_hours(cost.seconds)} and {cost.memory / _GB:,.1f} GB of memory",
        expected=f"at most {_hours(_LONGEST)} and {available / _GB:,.1f} GB, "
        f"{_MEMORY_SHARE:.0%} of what is available",
        hint=instead,
    )


def _growth(n_customers: int, n_columns: int) -> float:
    """Return how the search for neighbours grows, 1 for 20,000 customers."""
    return (n_customers / 20_000) ** (1 + min(n_columns, 10) / 10)


def _hours(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> _hours(3600), _hours(90), _hours(30)
    ('1 hour', '2 minutes', '1 minute')
    """
    count, unit = max(1, round(seconds / 60)), "minute"
    if seconds >= 3600:
        count, unit = round(seconds / 3600), "hour"
    return f"{count:,} {unit}{'s' * (count > 1)}"
