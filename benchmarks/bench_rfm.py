"""The RFM table beside lifetimes, pandas, Polars and SQL by hand, and how time grows with rows.

    python benchmarks/bench_rfm.py            # 1 and 10 million orders
    python benchmarks/bench_rfm.py --large    # 100 million too, free and held within 2 GB

All alternatives do the same job from the same orders: ids are text in all of them (as
segml's are after reading) where the title says so, integers otherwise; money is fixed-point
in the SQL, binary in pandas, Polars and lifetimes. The orders are simulated: half of a
million of them come from a twentieth of the customers.
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

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from timing import compare

from segml.data import read_orders
from segml.engine import DuckEngine, Table
from segml.features.rfm import rfm_table
from segml.features.rfm_compressed import rfm_counts_table
from segml.features.rfm_cutoffs import rfm_summaries_table

FIRST, DAYS = "2022-01-01", 700
CUT, END = "2023-09-01", "2023-11-30"
CUTS = ["2023-04-01", "2023-05-01", "2023-06-01", "2023-07-01", "2023-08-01", "2023-09-01"]
PACKAGES = ("duckdb", "polars", "pandas", "lifetimes")

BY_HAND = """
WITH bought AS (
    SELECT customer_id, CAST(ordered_at AS DATE) AS day,
        sum(CAST(revenue AS DECIMAL(18, 4))) AS spend
    FROM {source}
    WHERE ordered_at < DATE '2023-09-02'
    GROUP BY ALL
)
SELECT customer_id, count(*) - 1 AS frequency, CAST(max(day) - min(day) AS DOUBLE) AS recency,
    CAST(DATE '2023-09-01' - min(day) AS DOUBLE) AS "T",
    CASE WHEN count(*) > 1
        THEN CAST(sum(spend) - min_by(spend, day) AS DOUBLE) / (count(*) - 1) END AS monetary_value
FROM bought GROUP BY customer_id ORDER BY customer_id
"""


def simulate(orders: int, folder: Path, text: bool) -> Path:
    """Write orders of a fifth as many customers, some of whom buy far more than others."""
    path = folder / f"orders_{orders}_{'text' if text else 'integer'}.parquet"
    identifier = f"CAST(floor({orders // 5} * pow(random(), 2)) AS BIGINT)"
    if text:
        identifier = f"'C' || lpad(CAST({identifier} AS VARCHAR), 9, '0')"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SELECT setseed(0.1)")
        connection.execute(
            f"""COPY (SELECT {identifier} AS customer_id, i AS order_id,
            TIMESTAMP '{FIRST}' + to_seconds(CAST(floor(random() * {DAYS * 86_400}) AS BIGINT))
                AS ordered_at,
            round(-40 * ln(1 - random()), 2) AS revenue FROM range({orders}) AS t (i))
            TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
        )
    return path


def plain_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    days = frame[frame["ordered_at"] < "2023-09-02"]
    days = days.assign(day=days["ordered_at"].dt.normalize())
    daily = days.groupby(["customer_id", "day"])["revenue"].sum().reset_index()
    by = daily.groupby("customer_id")
    first, last, count = by["day"].min(), by["day"].max(), by["day"].count()
    repeat = (by["revenue"].sum() - by["revenue"].first()) / (count - 1)
    return pd.DataFrame(
        {
            "frequency": count - 1,
            "recency": (last - first).dt.days,
            "T": (pd.Timestamp(CUT) - first).dt.days,
            "monetary_value": repeat.where(count > 1),
        }
    )


def in_polars(orders: pl.LazyFrame) -> pl.DataFrame:
    day, x = pl.col("day"), pl.len() - 1
    repeat = pl.col("spend").sum() - pl.col("spend").get(day.arg_min())
    return (
        orders.filter(pl.col("ordered_at") < pl.datetime(2023, 9, 2))
        .group_by("customer_id", pl.col("ordered_at").dt.date().alias("day"))
        .agg(pl.col("revenue").sum().alias("spend"))
        .group_by("customer_id")
        .agg(
            x.alias("frequency"),
            (day.max() - day.min()).dt.total_days().alias("recency"),
            (pl.date(2023, 9, 1) - day.min()).dt.total_days().alias("T"),
            pl.when(pl.len() > 1).then(repeat / x).alias("monetary_value"),
        )
        .sort("customer_id")
        .collect(engine="streaming")
    )


def in_lifetimes(frame: pd.DataFrame) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import with current NumPy
        from lifetimes.utils import summary_data_from_transaction_data

        return summary_data_from_transaction_data(
            frame, "customer_id", "ordered_at", "revenue", observation_period_end=CUT
        )


def by_hand(engine: DuckEngine, source: str) -> Table:
    return engine.sql(BY_HAND.replace("{source}", source))


def floor(engine: DuckEngine, source: str) -> object:
    return engine.fetch_row(f"SELECT max(customer_id), max(ordered_at), sum(revenue) FROM {source}")


def agree(mine: Table, theirs: Table, frame: pd.DataFrame | None) -> None:
    """Refuse to time what differs."""
    one, other = (table.to_pandas().set_index("customer_id") for table in (mine, theirs))
    pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=1e-12)
    if frame is not None:
        np.testing.assert_allclose(plain_pandas(frame).loc[one.index], one, rtol=1e-9)


def bench(path: Path, title: str, peers: bool, with_lifetimes: bool, repeats: int) -> None:
    engine = DuckEngine()
    file = f"'{path}'"
    raw = engine.register(path)
    read = read_orders(path, engine=engine).table
    memory = engine.sql("SELECT customer_id, ordered_at, revenue FROM {raw}", raw=raw).materialise()
    frame = memory.to_pandas() if peers else None
    agree(rfm_table(raw, CUT), by_hand(engine, file), frame)
    runs: dict[str, Callable[[], object]] = {
        "segml": lambda: rfm_table(raw, CUT).to_arrow(),
        "floor: a scan of the three columns": lambda: floor(engine, file),
        "DuckDB SQL by hand": lambda: by_hand(engine, file).to_arrow(),
        "segml, after read_orders": lambda: rfm_table(read, CUT).to_arrow(),
        "Polars, streaming": lambda: in_polars(pl.scan_parquet(path)),
    }
    compare(f"From Parquet: {title}", runs, repeats=repeats, packages=PACKAGES)
    runs = {
        "segml": lambda: rfm_table(memory, CUT).to_arrow(),
        "floor: a scan of the three columns": lambda: floor(engine, memory.name),
        "DuckDB SQL by hand": lambda: by_hand(engine, memory.name).to_arrow(),
    }
    if frame is not None:
        arrow = pl.from_arrow(memory.to_arrow())
        assert isinstance(arrow, pl.DataFrame)
        runs["Polars"] = lambda: in_polars(arrow.lazy())
        runs["pandas by hand"] = lambda: plain_pandas(frame)
    compare(f"From memory: {title}", runs, repeats=repeats, packages=PACKAGES)
    if frame is not None and with_lifetimes:
        runs = {"segml": runs["segml"], "lifetimes": lambda: in_lifetimes(frame)}
        compare(f"Beside lifetimes, once: {title}", runs, repeats=1, packages=PACKAGES)
    runs = {
        "segml": lambda: rfm_table(raw, CUT).to_arrow(),
        "calibration to the end of the holdout": lambda: rfm_table(raw, END).to_arrow(),
        "calibration and holdout of 90 days": lambda: rfm_table(raw, CUT, "D", END).to_arrow(),
        "with litt": lambda: rfm_table(raw, CUT, litt=True).to_arrow(),
        "counts only": lambda: rfm_counts_table(raw, CUT).to_arrow(),
        "6 cut-offs in one pass": lambda: rfm_summaries_table(raw, CUTS).to_arrow(),
        "6 cut-offs one by one": lambda: [rfm_table(raw, cut).to_arrow() for cut in CUTS],
    }
    compare(f"What is asked, from Parquet: {title}", runs, repeats=repeats, packages=PACKAGES)


def one_run(path: Path, limit: str, target: Path) -> None:
    """Write the table of a file, in a process of its own, and print seconds and memory."""
    engine = DuckEngine()
    if limit != "free":
        engine.execute(f"SET memory_limit = '{limit}'")
        engine.execute(f"SET temp_directory = '{target.parent / 'spill'}'")
        engine.execute("SET preserve_insertion_order = false")
    start = time.perf_counter()
    rfm_table(engine.register(path), CUT).to_parquet(target)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"| {path.stem} | {limit} | {seconds:.1f} | {peak:.2f} |", flush=True)


def growth(paths: list[Path], folder: Path, limits: list[str]) -> None:
    print("\n### Time and memory by rows, Parquet to Parquet, a process each\n")
    print("| orders | memory limit | seconds | peak GB |\n| --- | --- | ---: | ---: |", flush=True)
    for path in paths:
        for limit in limits:
            command = [sys.executable, __file__, "--one", str(path), limit, str(folder / "out.pq")]
            subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="100 million orders (7 GB of disk)")
    parser.add_argument("--only-large", action="store_true", help="nothing but the growth table")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10**6, 10**7], help="orders")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("FILE", "LIMIT", "TARGET"))
    asked = parser.parse_args()
    if asked.one:
        one_run(Path(asked.one[0]), asked.one[1], Path(asked.one[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = asked.sizes
        for orders in [] if asked.only_large else sizes:
            for text in (True, False):
                title = f"{orders:,} orders, ids {'text' if text else 'integers'}"
                path = simulate(orders, folder, text)
                bench(path, title, text or orders <= 10**6, text, asked.repeats)
        if asked.large or asked.only_large:
            sizes = [*sizes, 10**8]
        paths = [simulate(orders, folder, text=False) for orders in sizes]
        growth(paths, folder, ["free", "1700MB"])


if __name__ == "__main__":
    main()
