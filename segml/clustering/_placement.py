"""Where new points go on a map: amid the nearest of those that are on it."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

_SAME = 1e-9  # of the spread of points: nearer than this is the same place
_BLOCK = 20_000  # points whose neighbours are looked up at once


def place_beside(
    points: np.ndarray, coordinates: np.ndarray, new: np.ndarray, k: int
) -> np.ndarray:
    """Return coordinates of new points, each by itself.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_columns)
        Those on the map, all different.
    coordinates : ndarray, shape (n_points, n_components)
        Where they are on it.
    new : ndarray, shape (n_new, n_columns)
        One that is at a point gets its coordinates.
    k : int
        Neighbours amid which the others are put.

    Returns
    -------
    ndarray, shape (n_new, n_components)

    Examples
    --------
    >>> points, coordinates = np.array([[0.0], [1.0], [9.0]]), np.array([[5.0], [6.0], [7.0]])
    >>> place_beside(points, coordinates, np.array([[1.0], [0.5]]), 2).tolist()
    [[6.0], [5.5]]
    """
    tree = cKDTree(points)
    same = _SAME * float(np.sqrt(points.var(axis=0).sum()))
    found = np.empty((len(new), coordinates.shape[1]))
    for start in range(0, len(new), _BLOCK):
        block = new[start : start + _BLOCK]
        distance, twin = tree.query(block)
        here = coordinates[twin]
        if (other := np.flatnonzero(distance > same)).size:
            distances, neighbors = tree.query(block[other], k=k)
            weights = neighbor_weights(np.asarray(distances))
            here[other] = np.einsum("ij,ijk->ik", weights, coordinates[neighbors])
        found[start : start + _BLOCK] = here
    return found


def neighbor_weights(distances: np.ndarray) -> np.ndarray:
    """Return weights of neighbours that decrease with distance and sum to 1.

    Parameters
    ----------
    distances : ndarray, shape (n_points, k)
        In ascending order, not all 0.

    Returns
    -------
    ndarray, shape (n_points, k)
        In proportion to exp(-d / σ), where the weights but the first sum to log2(k).

    Examples
    --------
    >>> neighbor_weights(np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 9.0, 9.0]])).round(3)
    array([[0.25 , 0.25 , 0.25 , 0.25 ],
           [0.3..., 0.3..., 0.1..., 0.1...]])
    """
    relative = distances / distances[:, -1:]
    target = np.log2(distances.shape[1])
    low, high = np.full(len(relative), 1e-3), np.full(len(relative), 1e3)
    for _ in range(64):
        sigma = np.sqrt(low * high)
        over = np.exp(-relative[:, 1:] / sigma[:, None]).sum(axis=1) > target
        high, low = np.where(over, sigma, high), np.where(over, low, sigma)
    weights = np.exp(-(relative - relative[:, :1]) / sigma[:, None])
    return weights / weights.sum(axis=1, keepdims=True)
