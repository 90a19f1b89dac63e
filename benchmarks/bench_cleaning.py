"""Read, clean and account for 10 million orders in Parquet: segml beside one query and pandera.

Each alternative runs in a process of its own, in turn, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ORDERS = """
COPY (
    SELECT
        CASE WHEN h % 1000 = 0 THEN NULL ELSE h % {customers} + 1 END AS customer_id,
        CASE WHEN h % 5000 = 3 THEN i - 1 ELSE i END AS order_id,
        TIMESTAMP '2024-01-01' + to_seconds(CAST(hash(i * 7 + 3) % 63072000 AS BIGINT))
            AS ordered_at,
        CASE WHEN h % 2000 = 1 THEN -1 ELSE 1 END * round((hash(i * 13) % 100000) / 500.0, 2)
            AS revenue,
        CAST(h % 5 + 1 AS INTEGER) AS quantity,
        CASE WHEN h % 2 = 0 THEN 'DE' ELSE 'FR' END AS country
    FROM (SELECT range AS i, hash(range) AS h FROM range({orders}))
) TO '{path}' (FORMAT parquet)
"""

# What an analyst who knows DuckDB would write: reasons, counts, and the merged orders.
BY_HAND = """
CREATE TEMP TABLE judged AS
WITH numbered AS (SELECT row_number() OVER () AS source_row, * FROM '{path}'),
copies AS (
    SELECT *, row_number() OVER (
        PARTITION BY customer_id, order_id, ordered_at, revenue, quantity, country
        ORDER BY source_row
    ) AS copy
    FROM numbered
)
SELECT * EXCLUDE (copy), CASE
    WHEN customer_id IS NULL THEN 'no customer_id'
    WHEN copy > 1 THEN 'exact duplicate'
    WHEN ordered_at >= TIMESTAMP '2026-11-01' THEN 'future date'
    WHEN revenue < 0 THEN 'negative revenue'
END AS reason
FROM copies;
SELECT reason, count(*) FROM judged GROUP BY reason;
CREATE TEMP TABLE orders AS
SELECT
    CAST(customer_id AS VARCHAR) AS customer_id, CAST(order_id AS VARCHAR) AS order_id,
    min(ordered_at) AS ordered_at,
    CAST(sum(CAST(revenue AS DECIMAL(18, 4))) AS DOUBLE) AS revenue,
    sum(quantity) AS quantity, arg_min(country, source_row) AS country, count(*) AS lines
FROM judged WHERE reason IS NULL
GROUP BY customer_id, order_id
"""


def run_segml(path: str) -> None:
    from segml.data import CleaningPolicy, clean, read_orders

    clean(read_orders(path), CleaningPolicy(latest=dt.date(2026, 10, 31)))


def run_by_hand(path: str) -> None:
    import duckdb

    duckdb.execute(BY_HAND.format(path=path))


def run_pandera(path: str) -> None:
    """Check only: pandera neither merges nor hands out what it left in."""
    import pandas as pd
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "customer_id": pa.Column(float, nullable=False),
            "order_id": pa.Column(int),
            "ordered_at": pa.Column(checks=pa.Check.lt(pd.Timestamp("2026-11-01"))),
            "revenue": pa.Column(float, pa.Check.ge(0)),
        },
        unique=["customer_id", "order_id", "ordered_at", "revenue", "quantity", "country"],
    )
    with contextlib.suppress(pa.errors.SchemaErrors):  # what it found
        schema.validate(pd.read_parquet(path), lazy=True)


RUNS = {"segml": run_segml, "DuckDB by hand": run_by_hand, "pandera": run_pandera}


def child(name: str, path: str) -> None:
    import duckdb
    import pandas  # noqa: F401  what each imports before it starts

    if name == "segml":
        pass
    duckdb.execute("SELECT 1")
    start = time.perf_counter()
    RUNS[name](path)
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


def main(orders: int, repeats: int) -> None:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        duckdb.execute(ORDERS.format(orders=orders, customers=orders // 5, path=path))
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in RUNS}
        for _ in range(repeats):
            for name in RUNS:
                done = subprocess.run(
                    [sys.executable, __file__, "--run", name, "--path", path],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                seconds, memory = map(float, done.stdout.split())
                measured[name].append((seconds, memory))
    base = statistics.median(seconds for seconds, _ in measured["segml"])
    print(f"\n### Read, clean, account: {orders:,} orders in Parquet\n")
    print("| | median seconds | times segml | peak GB |\n| --- | ---: | ---: | ---: |")
    for name, runs in measured.items():
        middle = statistics.median(seconds for seconds, _ in runs)
        memory = max(memory for _, memory in runs)
        print(f"| {name} | {middle:.3g} | {middle / base:.1f} | {memory:.2g} |")
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pandera"))
    print(f"\nMedian of {repeats}; {versions}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", choices=RUNS)
    parser.add_argument("--path")
    given = parser.parse_args()
    if given.run:
        child(given.run, given.path)
    else:
        main(given.orders, given.repeats)
