"""All features over all tables of simulated stores: seconds and memory as rows grow.

The stores have ten orders per customer. Each run is a process of its own, so that its peak
memory is its own; it reads the tables from Parquet, computes the features and writes them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

AS_OF = "2025-09-30"


def simulate(customers: int, folder: Path) -> None:
    """Write the tables of a store."""
    from segml.data import simulate_store
    from segml.data.simulation import SEGMENTS
    from segml.engine.sql import Fragment, quote

    busy = [replace(one, alpha=one.alpha / 3.1, b=one.b * 3.1) for one in SEGMENTS]
    data, _ = simulate_store(customers, seed=1, segments=busy, visits_per_order=1.0)
    for name, table in data.tables.items():
        columns = Fragment(", ".join(map(quote, table.columns)))
        rows = table.table.engine.sql("SELECT {c} FROM {t}", c=columns, t=table.table)
        rows.to_parquet(folder / f"{name}.parquet")


def compute(folder: Path, limit: str) -> None:
    """Compute all features of a store and print seconds, features and peak memory in GB."""
    from segml.data import CustomerData, read_table
    from segml.engine import DuckEngine
    from segml.features import build_features

    engine = DuckEngine()
    engine.execute(f"SET temp_directory = '{folder / 'spilled'}'")
    if limit:
        engine.execute(f"SET memory_limit = '{limit}'")
    tables = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
    data = CustomerData(**{n: read_table(path, n, engine=engine) for n, path in tables.items()})
    start = time.perf_counter()
    features = build_features(data, AS_OF)
    built = time.perf_counter()
    features.to_parquet(folder / "features" / "all.parquet")
    written = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(built - start, written - built, len(features.names), peak)


def run(*arguments: str) -> str:
    """Run this file in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(sizes: list[int], limits: list[str]) -> None:
    import pyarrow.parquet as pq

    print("### All features over all tables\n")
    print(
        "| customers | orders | rows | memory limit | define, s | compute and write, s"
        " | s per million rows | peak GB |\n"
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |"
    )
    for place, customers in enumerate(sizes):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "features").mkdir()
            run("--simulate", str(customers), str(folder))
            rows = {f.stem: pq.read_metadata(f).num_rows for f in folder.glob("*.parquet")}
            total = sum(rows.values())
            for limit in ["", *(limits if place == len(sizes) - 1 else [])]:
                define, write, features, peak = map(
                    float, run("--compute", str(folder), limit).split()
                )
                print(
                    f"| {customers:,} | {rows['orders']:,} | {total:,} | {limit or 'none'}"
                    f" | {define:.1f} | {write:.1f} | {(define + write) / total * 1e6:.2f}"
                    f" | {peak:.1f} |",
                    flush=True,
                )
    print(f"\n{features:.0f} features; duckdb {version('duckdb')}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million customers as well")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50_000, 200_000])
    parser.add_argument("--limits", nargs="*", default=["2GB"], help="of the largest run")
    parser.add_argument("--simulate", nargs=2, metavar=("CUSTOMERS", "FOLDER"))
    parser.add_argument("--compute", nargs=2, metavar=("FOLDER", "LIMIT"))
    asked = parser.parse_args()
    if asked.simulate:
        simulate(int(asked.simulate[0]), Path(asked.simulate[1]))
    elif asked.compute:
        compute(Path(asked.compute[0]), asked.compute[1])
    else:
        main([*asked.sizes, *([1_000_000] if asked.large else [])], asked.limits)
