"""How often the number of segments is found: selection beside the plain silhouette maximum.

The data sets are drawn from recipes: normal lumps of many numbers, dimensions, overlaps and
imbalances, with noise, correlated features and features that say nothing; sets made as the
S, A, Birch, G2, Unbalance and Dim sets of Fränti and Sieranoja (2018), K-means properties on
six clustering benchmark datasets, Applied Intelligence 48; and shapes that k-means cannot
follow. Seeds 0 to 6 were looked at when the rule was made; it is measured on others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

Data = tuple[np.ndarray, int]
Rng = np.random.Generator


def apart(rng: Rng, k: int, d: int, distance: float) -> np.ndarray:
    """Return centres of which no two are nearer than `distance`, in the least cube that has room.

    The cube grows until they fit, so that many lumps lie as close as few do.
    """
    side = distance
    while True:
        centers = [rng.uniform(0, side, d)]
        for _ in range(200 * k):
            one = rng.uniform(0, side, d)
            if min(np.linalg.norm(one - c) for c in centers) >= distance:
                centers.append(one)
            if len(centers) == k:
                return np.array(centers)
        side *= 1.15


def lumps(rng: Rng, centers: np.ndarray, sizes: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return spherical normal lumps."""
    return np.vstack(
        [
            rng.normal(c, s, (n, centers.shape[1]))
            for c, n, s in zip(centers, sizes, sd, strict=True)
        ]
    )


def blobs(rng: Rng, distance: float = 6.0) -> Data:
    """Return lumps of equal spread, `distance` standard deviations apart or more."""
    k, d = int(rng.integers(2, 13)), int(rng.choice([2, 3, 5, 8, 16]))
    sizes = np.full(k, int(rng.choice([60, 150, 400])))
    return lumps(rng, apart(rng, k, d, distance), sizes, np.ones(k)), k


def overlapping(rng: Rng) -> Data:
    """Return lumps four standard deviations apart: borders are crossed."""
    return blobs(rng, 4.0)


def imbalanced(rng: Rng) -> Data:
    """Return lumps of which the largest has up to twenty times the customers of the smallest."""
    k, d = int(rng.integers(3, 11)), int(rng.choice([2, 3, 5, 8]))
    sizes = np.round(2000 * np.geomspace(1, 1 / rng.uniform(4, 20), k)).astype(int)
    return lumps(rng, apart(rng, k, d, 6.5), sizes, np.ones(k)), k


def unequal(rng: Rng) -> Data:
    """Return lumps of which some are up to three times as wide as others."""
    k, d = int(rng.integers(3, 11)), int(rng.choice([2, 3, 5, 8]))
    sd = rng.uniform(0.5, 1.5, k)
    return lumps(rng, apart(rng, k, d, 8.0), np.full(k, 200), sd), k


def correlated(rng: Rng) -> Data:
    """Return lumps whose features are correlated, each in a way of its own."""
    k, d = int(rng.integers(2, 9)), int(rng.choice([2, 3, 5]))
    centers = apart(rng, k, d, 8.0)
    parts = []
    for center in centers:
        q, _ = np.linalg.qr(rng.normal(size=(d, d)))
        parts.append(center + (rng.normal(size=(250, d)) * rng.uniform(0.4, 1.6, d)) @ q)
    return np.vstack(parts), k


def stretched(rng: Rng) -> Data:
    """Return lumps that one linear map has stretched and turned."""
    values, k = blobs(rng, 7.0)
    d = values.shape[1]
    q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return values @ (q * rng.uniform(0.5, 1.5, d)), k


def noisy(rng: Rng) -> Data:
    """Return lumps with a tenth of customers strewn all over."""
    k, d = int(rng.integers(2, 11)), int(rng.choice([2, 3, 5]))
    values = lumps(rng, apart(rng, k, d, 7.0), np.full(k, 250), np.ones(k))
    low, high = values.min(axis=0), values.max(axis=0)
    return np.vstack([values, rng.uniform(low, high, (len(values) // 10, d))]), k


def idle_features(rng: Rng) -> Data:
    """Return lumps with some features that say nothing of them."""
    k, d = int(rng.integers(2, 9)), int(rng.choice([2, 3, 5]))
    values = lumps(rng, apart(rng, k, d, 7.0), np.full(k, 250), np.ones(k))
    return np.hstack([values, rng.normal(size=(len(values), int(rng.integers(1, 4))))]), k


def heavy_tails(rng: Rng) -> Data:
    """Return lumps of Student's t with five degrees of freedom."""
    k, d = int(rng.integers(2, 11)), int(rng.choice([2, 3, 5]))
    centers = apart(rng, k, d, 8.0)
    return np.vstack([c + rng.standard_t(5, (300, d)) for c in centers]), k


def s_set(rng: Rng) -> Data:
    """Return fifteen lumps in two dimensions, 5,000 points, of four degrees of overlap."""
    centers = apart(rng, 15, 2, 1.0)
    sd = rng.choice([0.11, 0.15, 0.19, 0.22]) * rng.uniform(0.8, 1.2, 15)
    return lumps(rng, centers, np.full(15, 333), sd), 15


def a_set(rng: Rng) -> Data:
    """Return many lumps of 150 points in two dimensions."""
    k = int(rng.integers(10, 16))
    return lumps(rng, apart(rng, k, 2, 5.0), np.full(k, 150), np.ones(k)), k


def birch(rng: Rng) -> Data:
    """Return lumps on a grid (Birch1) or along a sine (Birch2)."""
    if rng.random() < 0.5:
        rows, columns = rng.integers(2, 4), rng.integers(2, 6)
        centers = np.array([(i, j) for i in range(rows) for j in range(columns)]) * 4 * np.sqrt(2)
    else:
        t = np.arange(int(rng.integers(5, 16)))
        centers = np.column_stack([t * 6.0, 12 * np.sin(t / 2)])
    return lumps(rng, centers, np.full(len(centers), 300), np.ones(len(centers))), len(centers)


def g2(rng: Rng) -> Data:
    """Return two lumps at 500 and 600 in every dimension, with a spread of 10 to 60."""
    d, sd = int(rng.choice([2, 4, 8, 16, 32])), float(rng.choice([10, 20, 30, 40, 50, 60]))
    sd = min(sd, 100 * np.sqrt(d) / 3.5)  # nearer than that they are one
    return lumps(rng, np.array([[500.0] * d, [600.0] * d]), np.full(2, 1024), np.full(2, sd)), 2


def unbalance(rng: Rng) -> Data:
    """Return three dense lumps of 2,000 and five of 100, far from each other."""
    dense = np.array([[0.0, 0.0], [0.0, 1.5], [1.5, 0.75]]) + rng.normal(0, 0.1, (3, 2))
    sparse = np.array([[8.0, 0], [8, 3], [8, -3], [11, 1.5], [11, -1.5]])
    centers = np.vstack([dense, sparse + rng.normal(0, 0.2, (5, 2))])
    sd = np.array([0.2] * 3 + [0.5] * 5)
    return lumps(rng, centers, np.array([2000] * 3 + [100] * 5), sd), 8


def dim(rng: Rng) -> Data:
    """Return lumps far apart in 32 dimensions, 64 points each."""
    k = int(rng.integers(8, 16))
    return lumps(rng, rng.uniform(0, 100, (k, 32)), np.full(k, 64), np.full(k, 5.0)), k


def boxes(rng: Rng) -> Data:
    """Return even rectangles with gaps between them."""
    k = int(rng.integers(2, 10))
    centers = apart(rng, k, 2, 3.2)
    return np.vstack([c + rng.uniform(-1, 1, (250, 2)) for c in centers]), k


def nested(rng: Rng) -> Data:
    """Return groups of lumps: the lumps of a group are near each other, the groups are far."""
    groups, d = int(rng.integers(2, 5)), int(rng.choice([2, 3, 5]))
    inside = [apart(rng, int(rng.integers(2, 5)), d, 5.0) for _ in range(groups)]
    far = apart(rng, groups, d, 30.0)
    centers = np.vstack([f + c - c.mean(axis=0) for f, c in zip(far, inside, strict=True)])
    return lumps(rng, centers, np.full(len(centers), 200), np.ones(len(centers))), len(centers)


def far_off(rng: Rng) -> Data:
    """Return lumps near each other, and one far from them all."""
    k, d = int(rng.integers(3, 9)), int(rng.choice([2, 3, 5]))
    centers = apart(rng, k - 1, d, 5.0)
    centers = np.vstack([centers, centers.max(axis=0) + 25])
    return lumps(rng, centers, np.full(k, 200), np.ones(k)), k


def skewed(rng: Rng) -> Data:
    """Return lumps with a long tail in every feature, as amounts have."""
    k, d = int(rng.integers(2, 9)), int(rng.choice([2, 3, 5]))
    centers = apart(rng, k, d, 6.0)
    return np.vstack([c + 0.8 * rng.gamma(2.0, 1.0, (250, d)) for c in centers]), k


def shapes(rng: Rng) -> Data:
    """Return what k-means cannot follow: moons, rings, long and short, as often in suites."""
    kind = rng.integers(3)
    angle = rng.uniform(0, np.pi, 400)
    if kind == 0:
        upper = np.column_stack([np.cos(angle), np.sin(angle)])
        lower = np.column_stack([1 - np.cos(angle), 0.4 - np.sin(angle)])
        return np.vstack([upper, lower]) + rng.normal(0, 0.08, (800, 2)), 2
    if kind == 1:
        ring = 4 * np.column_stack([np.cos(2 * angle), np.sin(2 * angle)])
        return np.vstack([ring + rng.normal(0, 0.3, (400, 2)), rng.normal(0, 0.6, (400, 2))]), 2
    long = np.array([[0, 0], [0, 3], [5, 1.5]])[:, None] + rng.normal(size=(3, 250, 2)) * [2, 0.3]
    return long.reshape(-1, 2), 3


RECIPES: dict[str, Callable[[Rng], Data]] = {
    one.__name__: one
    for one in (
        blobs, overlapping, imbalanced, unequal, correlated, stretched, noisy, idle_features,
        heavy_tails, s_set, a_set, birch, g2, unbalance, dim, boxes, nested, far_off, skewed,
        shapes,
    )
}  # fmt: skip
CANDIDATES = range(2, 16)


def draw(recipe: str, seed: int) -> Data:
    """Return data set `seed` of a recipe, shuffled, and its number of lumps."""
    rng = np.random.default_rng([seed, *recipe.encode()])
    values, k = RECIPES[recipe](rng)
    return rng.permutation(values), k


def main(seeds: list[int], recipes: list[str]) -> None:
    from segml.clustering import KMeansSegmenter, select_n_segments

    print("### Share of data sets whose number of lumps is found, k-means, k from 2 to 15\n")
    print("| recipe | sets | select_n_segments | silhouette | Calinski-Harabasz | Davies-Bouldin |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    total = np.zeros(4)
    began = time.perf_counter()
    for recipe in recipes:
        right = np.zeros(4)
        for seed in seeds:
            values, k = draw(recipe, seed)
            found = select_n_segments(KMeansSegmenter(), values, CANDIDATES)
            by = found.table.set_index("k")
            picks = [
                found.recommended,
                by["silhouette"].idxmax(),
                by["calinski_harabasz"].idxmax(),
                by["davies_bouldin"].idxmin(),
            ]
            right += [pick == k for pick in picks]
        total += right / len(seeds)
        shares = " | ".join(f"{share:.0%}" for share in right / len(seeds))
        print(f"| {recipe} | {len(seeds)} | {shares} |", flush=True)
    shares = " | ".join(f"{share:.0%}" for share in total / len(recipes))
    print(f"| all | {len(seeds) * len(recipes)} | {shares} |")
    print(
        f"\nSeeds {', '.join(map(str, seeds))}; {time.perf_counter() - began:.0f} s;"
        f" scikit-learn {version('scikit-learn')}."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[100, 101, 102, 103])
    parser.add_argument("--recipes", nargs="*", choices=list(RECIPES), default=list(RECIPES))
    asked = parser.parse_args()
    main(asked.seeds, asked.recipes)
