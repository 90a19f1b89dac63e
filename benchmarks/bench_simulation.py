"""A simulated store of a million customers: seconds and peak memory, drawing and reading apart."""

from __future__ import annotations

import resource
import time
from typing import Any

import segml.data.simulation as simulation
from segml.data.read import read_table
from segml.data.simulation import simulate_store


def main() -> None:
    reading: dict[str, float] = {}

    def timed(source: Any, kind: str, **options: Any) -> Any:
        start = time.perf_counter()
        table = read_table(source, kind, **options)
        reading[kind] = time.perf_counter() - start
        return table

    simulation.read_table = timed  # type: ignore[attr-defined]
    print("| customers | rows | draw, s | read, s | peak memory, GB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for n in (10_000, 100_000, 1_000_000):
        reading.clear()
        start = time.perf_counter()
        data, _ = simulate_store(n, seed=1)
        drawing = time.perf_counter() - start - sum(reading.values())
        rows = sum(table.account.rows_in for table in data.tables.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"| {n:,} | {rows:,} | {drawing:.1f} | {sum(reading.values()):.1f} | {peak:.1f} |")
    print("\nReading a million customers, seconds by table:", end=" ")
    print(", ".join(f"{name} {seconds:.1f}" for name, seconds in reading.items()))


if __name__ == "__main__":
    main()
