"""Where customers stand in the hierarchy of densities that HDBSCAN builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.spatial import cKDTree

_SAME = 1e-9  # of the spread of customers: nearer than this is the same place
_BLOCK = 20_000  # customers whose neighbours are looked up at once


@dataclass(frozen=True)
class DensityTree:
    """The condensed tree of HDBSCAN with what it takes to place others in it.

    Densities are λ = 1 / distance. Node 0 of the tree is all customers.

    Parameters
    ----------
    points : ndarray, shape (n_customers, n_columns)
        Customers of the fit.
    labels : ndarray, shape (n_customers,)
        Their segments, -1 for noise; the same for customers at the same place.
    node : ndarray, shape (n_customers,)
        Node that each leaves last.
    density : ndarray, shape (n_customers,)
        λ at which it leaves.
    exemplar : ndarray, shape (n_customers,)
        Segment of which one is among the densest, else -1.
    parent : ndarray, shape (n_nodes,)
        Of each node; node 0 is its own.
    born : ndarray, shape (n_nodes,)
        λ at which a node splits off its parent.
    top : ndarray, shape (n_nodes,)
        Largest λ at which something leaves a node.
    selected : ndarray, shape (n_segments,)
        Nodes that are segments.
    min_samples : int
        Neighbours that make a place dense.
    """

    points: np.ndarray
    labels: np.ndarray
    node: np.ndarray
    density: np.ndarray
    exemplar: np.ndarray
    parent: np.ndarray
    born: np.ndarray
    top: np.ndarray
    selected: np.ndarray
    min_samples: int

    @classmethod
    def of(cls, fitted: Any, points: np.ndarray, min_samples: int) -> Self:
        """Take over a fitted ``hdbscan.HDBSCAN``; points are in the order of their values.

        Where `min_samples` customers are at one place, λ is infinite. It counts as the
        largest finite one of the node, so that the others keep a membership.
        """
        raw = fitted.condensed_tree_.to_numpy()
        n = len(points)
        parents, children = raw["parent"] - n, raw["child"] - n
        density = raw["lambda_val"].astype(float)
        inner = children >= 0
        count = int(parents.max()) + 1
        parent, born, top = np.zeros(count, dtype=int), np.zeros(count), np.zeros(count)
        finite = np.isfinite(density)
        np.maximum.at(top, parents[finite], density[finite])
        np.copyto(density, top[parents], where=~finite)
        parent[children[inner]] = parents[inner]
        born[children[inner]] = density[inner]
        # Of a node of customers at one place nothing leaves but at infinity.
        top = np.where(top > 0, top, np.maximum(born, 1.0))
        leaving = children[~inner] + n
        node, left = np.empty(n, dtype=int), np.empty(n)
        node[leaving] = parents[~inner]
        left[leaving] = np.where(finite[~inner], density[~inner], top[parents[~inner]])
        labels = np.asarray(fitted.labels_, dtype=int)
        selected = np.array(
            [_lowest_common(parent, node[labels == j]) for j in range(labels.max() + 1)], dtype=int
        )
        leaf = np.ones(count, dtype=bool)
        leaf[parent[1:]] = False
        exemplar = np.where(leaf[node] & (left == top[node]), labels, -1)
        # Customers at the same place may leave to either side of a tie: the first decides.
        new = np.ones(n, dtype=bool)
        new[1:] = (points[1:] != points[:-1]).any(axis=1)
        first = np.flatnonzero(new)[np.cumsum(new) - 1]
        labels = labels[first]
        there = np.unique(labels[labels >= 0])  # a segment may consist of such customers alone
        number = np.full(len(selected) + 1, -1)
        number[there] = np.arange(len(there))
        return cls(
            points=points,
            labels=number[labels],
            node=node[first],
            density=left[first],
            exemplar=number[exemplar],
            parent=parent,
            born=born,
            top=top,
            selected=selected[there],
            min_samples=min_samples,
        )

    def label(self, points: np.ndarray) -> np.ndarray:
        """Return segments: those of the fit for its customers, -1 for noise."""
        if np.array_equal(points, self.points):
            return self.labels
        found = np.empty(len(points), dtype=int)
        segment = self._segment_of_node()
        for rows, twin, node, _ in self._placed(points):
            found[rows] = np.where(twin >= 0, self.labels[twin], segment[node])
        return found

    def nearest_label(self, points: np.ndarray) -> np.ndarray:
        """Return segments of the nearest customers of the fit who have one."""
        inside = np.flatnonzero(self.labels >= 0)
        tree, found = cKDTree(self.points[inside]), np.empty(len(points), dtype=int)
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, start + _BLOCK)
            found[rows] = self.labels[inside[tree.query(points[rows], workers=-1)[1]]]
        return found

    def soft(self, points: np.ndarray) -> np.ndarray:
        """Return memberships, shape (n_points, n_segments)."""
        found = np.empty((len(points), len(self.selected)))
        segments = range(len(self.selected))
        exemplars = [cKDTree(self.points[self.exemplar == j]) for j in segments]
        for rows, _, node, density in self._placed(points):
            distances = np.hstack([_nearest(one, points[rows], 1)[0] for one in exemplars])
            nearest = distances.min(axis=1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                close = np.where(nearest > 0, nearest / distances, distances == 0)
            close /= close.sum(axis=1, keepdims=True)
            nodes, place = np.unique(node, return_inverse=True)
            heights = self._split(nodes)[place]
            heights = np.where(np.isnan(heights), density[:, None], heights)
            score = np.exp(np.exp(-self.top[node][:, None] / heights))
            both = close * score
            best = heights.max(axis=1)
            top = np.maximum(self.top[self.selected[heights.argmax(axis=1)]], density)
            both *= (best / top / both.sum(axis=1))[:, None]
            found[rows] = both
        return found

    def _placed(self, points: np.ndarray) -> Any:
        """Yield, by blocks: rows, the customer of the fit at the same place or -1, node, λ."""
        tree = cKDTree(self.points)
        same = _SAME * float(np.sqrt(self.points.var(axis=0).sum()))
        core = np.full(len(self.points), np.nan)
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, min(start + _BLOCK, len(points)))
            distance, neighbor = _nearest(tree, points[rows], self.min_samples + 1)
            twin = _first(neighbor, distance == distance[:, :1])
            node, density = self.node[twin], self.density[twin]
            if (new := np.flatnonzero(distance[:, 0] > same)).size:
                asked = points[rows][new]
                beside, reach = self._beside(tree, core, asked, distance[new], neighbor[new])
                node[new], density[new] = self._attach(beside, reach)
            twin[new] = -1
            yield rows, twin, node, density

    def _beside(
        self,
        tree: Any,
        core: np.ndarray,
        points: np.ndarray,
        distance: np.ndarray,
        neighbor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return who is nearest to new points by mutual reachability, and how near.

        It is sought among twice as many neighbours as make a place dense, the nearer and then
        the lower place deciding ties. Nearly always one of the nearer half is as near as the
        point itself is sparse, which no further one can be below: the others need no search.
        """
        own = distance[:, -1:]
        apart = self._core(tree, core, neighbor)
        beside, reach = _least(np.maximum(apart, np.maximum(own, distance)), distance, neighbor)
        found = ((distance < own) & (apart <= own)).any(axis=1)
        if (far := np.flatnonzero(~found)).size:
            distance, neighbor = _nearest(tree, points[far], 2 * self.min_samples)
            apart = np.maximum(self._core(tree, core, neighbor), own[far])
            beside[far], reach[far] = _least(np.maximum(apart, distance), distance, neighbor)
        return beside, reach

    def _core(self, tree: Any, core: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the core distances of customers of the fit; `core` holds those known so far."""
        asked = np.unique(places)
        if (unknown := asked[np.isnan(core[asked])]).size:
            core[unknown] = _nearest(tree, self.points[unknown], self.min_samples)[0][:, -1]
        return core[places]

    def _attach(self, beside: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return node and λ of new points that reach the tree at these of its customers."""
        with np.errstate(over="ignore"):
            density = 1 / reach
        earlier = density < self.density[beside]
        density = np.where(earlier, density, self.density[beside])
        node = self.node[beside]
        while (outside := earlier & (self.born[node] >= density) & (node > 0)).any():
            node = np.where(outside, self.parent[node], node)
        return node, density

    def _segment_of_node(self) -> np.ndarray:
        segment = np.full(len(self.parent), -1)
        segment[self.selected] = np.arange(len(self.selected))
        for node in range(1, len(segment)):  # parents come before their children
            if segment[node] < 0:
                segment[node] = segment[self.parent[node]]
        return segment

    def _split(self, nodes: np.ndarray) -> np.ndarray:
        """Return λ at which nodes part from segments, NaN where one holds the other."""
        left, right = (a.copy() for a in np.broadcast_arrays(nodes[:, None], self.selected))
        last = np.zeros_like(left)
        moved = [np.zeros(left.shape, dtype=bool) for _ in range(2)]
        while (apart := left != right).any():
            for own, other, did in ((left, right, moved[0]), (right, left, moved[1])):
                up = apart & (own > other)
                last[up] = own[up]
                own[up] = self.parent[own[up]]
                did |= up
                apart = apart & ~up
        return np.where(moved[0] & moved[1], self.born[last], np.nan)


def _nearest(tree: Any, points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and places of the nearest so many, or all, the nearest first.

    Each point is looked up by itself: on how many threads changes nothing.
    """
    distance, place = tree.query(points, k=range(1, min(count, tree.n) + 1), workers=-1)
    return distance, place


def _least(
    reach: np.ndarray, distance: np.ndarray, neighbor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return by row the neighbour of the least reach, the nearest and lowest of several."""
    least = reach.min(axis=1)
    tied = reach == least[:, None]
    nearest = np.where(tied, distance, np.inf)
    return _first(neighbor, tied & (nearest == nearest.min(axis=1, keepdims=True))), least


def _first(places: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return by row the lowest of some places.

    Examples
    --------
    >>> _first(np.array([[5, 2, 7]]), np.array([[True, False, True]])).tolist()
    [5]
    """
    return np.where(among, places, np.iinfo(places.dtype).max).min(axis=1)


def _lowest_common(parent: np.ndarray, nodes: np.ndarray) -> int:
    """Return the lowest node that holds all of these.

    hdbscan takes the first of them, which is wrong where nobody leaves the common one itself.

    Examples
    --------
    >>> _lowest_common(np.array([0, 0, 0, 1, 1]), np.array([3, 4]))
    1
    """
    left = {int(node) for node in nodes}
    while len(left) > 1:
        left.remove(last := max(left))  # parents come before their children
        left.add(int(parent[last]))
    return left.pop()
