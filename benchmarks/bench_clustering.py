"""Segmenters beside scikit-learn, hdbscan and umap on the same data, and at scale.

    python benchmarks/bench_clustering.py            # 20,000 and 100,000 customers, 8 columns
    python benchmarks/bench_clustering.py --large    # 10 million from Parquet as well

The peers do what segml's fit does before it names and sizes segments: standardise, and find
segments with the same options. scikit-learn may use all cores; segml uses one, as sums in
another order differ: what its contract costs is told by the peer on one thread that is given
the rows in segml's order.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from timing import compare

N_COLUMNS, N_SEGMENTS = 8, 5
LARGE = 10_000_000


def simulate(customers: int, seed: int = 1) -> pd.DataFrame:
    """Return customers of six kinds that overlap."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 2, (6, N_COLUMNS))
    values = centers[rng.integers(0, 6, customers)] + rng.normal(size=(customers, N_COLUMNS))
    columns = [f"feature_{j}" for j in range(N_COLUMNS)]
    ids = pd.Index([f"c{i:08}" for i in range(customers)], name="customer_id")
    return pd.DataFrame(values, index=ids, columns=columns)


def plain(estimator: object, frame: pd.DataFrame) -> Callable[[], object]:
    """Return a fit without segml."""
    return lambda: estimator.fit(StandardScaler().fit_transform(frame))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return customers in the order of their values, as segml fits them.

    Starts are drawn by row: in another order they are others, and so are the iterations.
    """
    return frame.iloc[np.lexsort(frame.to_numpy().T[::-1])]


def one_thread(run: Callable[[], object]) -> Callable[[], object]:
    """Return a run that uses one core."""

    def limited() -> object:
        with threadpool_limits(limits=1):
            return run()

    return limited


def fits(sizes: list[int], repeats: int) -> None:
    from segml.clustering import GaussianMixtureSegmenter, KMeansSegmenter

    for customers in sizes:
        frame = simulate(customers)
        kmeans = plain(KMeans(N_SEGMENTS, n_init=10, random_state=0), frame)
        mixture = plain(
            GaussianMixture(N_SEGMENTS, n_init=5, reg_covar=1e-3, max_iter=500, random_state=0),
            frame,
        )
        shape = f"{customers:,} customers, {N_COLUMNS} columns"
        runs = {
            "segml": lambda frame=frame: KMeansSegmenter(N_SEGMENTS).fit(frame),
            "scikit-learn": kmeans,
            "scikit-learn, one thread, rows in the same order": one_thread(
                plain(KMeans(N_SEGMENTS, n_init=10, random_state=0), in_order(frame))
            ),
        }
        compare(f"k-means fit: {shape}", runs, repeats, ("scikit-learn",))
        runs = {
            "segml": lambda frame=frame: GaussianMixtureSegmenter(N_SEGMENTS).fit(frame),
            "scikit-learn": mixture,
            "scikit-learn, one thread, rows in the same order": one_thread(
                plain(
                    GaussianMixture(
                        N_SEGMENTS, n_init=5, reg_covar=1e-3, max_iter=500, random_state=0
                    ),
                    in_order(frame),
                )
            ),
        }
        compare(f"Mixture fit: {shape}", runs, repeats, ("scikit-learn",))
        predictions(frame, shape, repeats)


def predictions(frame: pd.DataFrame, shape: str, repeats: int) -> None:
    from segml.clustering import KMeansSegmenter

    segmenter = KMeansSegmenter(N_SEGMENTS).fit(frame)
    scaler = StandardScaler().fit(frame)
    model = KMeans(N_SEGMENTS, n_init=1, random_state=0).fit(scaler.transform(frame))
    runs = {
        "segml": lambda: segmenter.predict(frame),
        "scikit-learn": lambda: model.predict(scaler.transform(frame)),
    }
    compare(f"k-means predict: {shape}", runs, repeats, ("scikit-learn",))


def density(sizes: list[int], repeats: int) -> None:
    from hdbscan import HDBSCAN

    from segml.clustering import HDBSCANSegmenter

    for customers in sizes:
        frame = simulate(customers)
        peer = HDBSCAN(25, min_samples=10, core_dist_n_jobs=1, prediction_data=True)
        runs = {
            "segml": lambda frame=frame: HDBSCANSegmenter(min_segment_size=25).fit(frame),
            "hdbscan, one job": plain(peer, frame),
        }
        shape = f"{customers:,} customers, {N_COLUMNS} columns"
        compare(f"HDBSCAN fit: {shape}", runs, repeats, ("hdbscan",))


def embeddings(sizes: list[int], repeats: int) -> None:
    from umap import UMAP

    from segml.clustering import umap_embedding

    for customers in sizes:
        frame = simulate(customers)
        runs = {
            "segml": lambda frame=frame: umap_embedding(frame),
            "umap": plain(UMAP(random_state=0, n_jobs=1), frame),
        }
        runs["umap"]()  # it compiles itself in the first fit
        compare(f"UMAP: {customers:,} customers", runs, repeats, ("umap-learn",))


def selection(sizes: list[int]) -> None:
    from segml.clustering import KMeansSegmenter, select_n_segments, stability

    print("\n### Choice of the number of segments and stability\n")
    print("| customers | stability of 5 segments, s | k = 2 to 12 with stability, s |")
    print("| ---: | ---: | ---: |")
    for customers in sizes:
        frame = simulate(customers)
        times = [time.perf_counter()]
        stability(KMeansSegmenter(N_SEGMENTS), frame)
        times.append(time.perf_counter())
        select_n_segments(KMeansSegmenter(), frame, range(2, 13))
        times.append(time.perf_counter())
        taken = " | ".join(f"{seconds:.1f}" for seconds in np.diff(times))
        print(f"| {customers:,} | {taken} |", flush=True)


def write_large(customers: int, path: Path) -> None:
    """Write customers to Parquet without holding them."""
    from segml.engine import DuckEngine

    rng = np.random.default_rng(1)
    centers = rng.normal(0, 2, (6, N_COLUMNS))
    draws = ", ".join(
        # Twelve uniform numbers make one that is nearly normal.
        f"CASE kind {' '.join(f'WHEN {i} THEN {c[j]:.6f}' for i, c in enumerate(centers))} END"
        f" + {' + '.join(['random()'] * 12)} - 6 AS feature_{j}"
        for j in range(N_COLUMNS)
    )
    DuckEngine().execute(
        f"COPY (SELECT customer_id, {draws} FROM (SELECT i AS customer_id,"
        f" CAST(floor(6 * random()) AS INTEGER) AS kind FROM range({customers}) AS t (i)))"
        f" TO '{path}' (FORMAT parquet)"
    )


def fit_large(path: Path) -> None:
    """Fit and assign from Parquet; print seconds of each and the peak memory in GB."""
    from segml.clustering import KMeansSegmenter, assign_segments, fit_segments
    from segml.engine import DuckEngine

    engine = DuckEngine()
    engine.execute("SET memory_limit = '700MB'")
    engine.execute(f"SET temp_directory = '{path.parent / 'spilled'}'")
    table = engine.register(path)
    times = [time.perf_counter()]
    segmenter = fit_segments(KMeansSegmenter(N_SEGMENTS), table)
    times.append(time.perf_counter())
    assign_segments(segmenter, table).to_parquet(path.parent / "labels.parquet")
    times.append(time.perf_counter())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(*np.diff(times), peak)


def large(customers: int) -> None:
    print("\n### k-means from Parquet, in a process of its own\n")
    print("| customers | fit, s | assign and write, s | peak GB |\n| ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.parquet"
        write_large(customers, path)
        command = [sys.executable, __file__, "--fit-large", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        fit, assign, peak = map(float, done.stdout.split())
        print(f"| {customers:,} | {fit:.1f} | {assign:.1f} | {peak:.2f} |", flush=True)


def main(sizes: list[int], repeats: int, parts: list[str], n_large: int) -> None:
    warnings.simplefilter("ignore")  # of umap, on import and on seeds
    if "fits" in parts:
        fits(sizes, repeats)
    if "density" in parts:
        density(sizes[:1], max(1, repeats // 2))
    if "umap" in parts:
        embeddings(sizes[:1], 1)
    if "selection" in parts:
        selection(sizes[:1])
    if n_large:
        large(n_large)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--repeats", type=int, default=5)
    known = ["fits", "density", "umap", "selection"]
    parser.add_argument("--parts", nargs="*", choices=known, default=known)
    parser.add_argument("--large", type=int, nargs="?", const=LARGE, default=0)
    parser.add_argument("--fit-large", type=Path, metavar="PARQUET")
    asked = parser.parse_args()
    if asked.fit_large:
        fit_large(asked.fit_large)
    else:
        main(asked.sizes, asked.repeats, asked.parts, asked.large)
