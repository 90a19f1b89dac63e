"""The same job on one machine by DuckDB and by a local Spark, and the scoring of many customers.

    python benchmarks/bench_spark.py               # 1 million orders
    python benchmarks/bench_spark.py --orders 10   # 10 million

Both engines read the same Parquet file, on the same two cores: Spark shows its overhead
here, and what a cluster adds is arithmetic (docs/spark.md).
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from bench_rfm import CUT, simulate
from timing import compare

from segml.clustering import KMeansSegmenter, assign_segments
from segml.clv import BetaGeoModel, GammaGammaModel, score_customers
from segml.data import CustomerData, read_orders
from segml.engine import DuckEngine, Engine, connect
from segml.features import build_features, make_preprocessor
from segml.features.rfm import rfm_table

NAMES = ["recency_days", "orders", "aov", "revenue", "tenure_days"]
PACKAGES = ("duckdb", "pyspark", "pandas", "pyarrow")


def alternatives(engines: dict[str, Engine], work: Callable[[Engine], object]) -> dict:
    return {name: lambda engine=engine: work(engine) for name, engine in engines.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1, help="in millions")
    parser.add_argument("--customers", type=int, default=10, help="to score, in millions")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    start = time.perf_counter()
    spark = connect("spark://local[2]")
    print(f"A local Spark was ready after {time.perf_counter() - start:.1f} s.")
    engines = {"segml": DuckEngine(), "segml on Spark, local[2]": spark}
    for engine in engines.values():
        if engine.kind == "duckdb":
            engine.execute("SET threads = 2")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = simulate(asked.orders * 1_000_000, folder, text=True)
        data = {
            engine.kind: CustomerData(read_orders(str(path), engine=engine))
            for engine in engines.values()
        }
        million = f"{asked.orders} million orders in Parquet"

        def rfm(engine: Engine) -> object:
            table = rfm_table(data[engine.kind].orders.table, CUT, time_unit="W")
            return table.to_parquet(folder / f"rfm_{engine.kind}")

        def features(engine: Engine) -> object:
            return build_features(data[engine.kind], CUT, NAMES).to_parquet(
                folder / f"features_{engine.kind}"
            )

        compare(
            f"RFM table to Parquet: {million}", alternatives(engines, rfm), asked.repeats, PACKAGES
        )
        compare(
            f"Five features to Parquet: {million}",
            alternatives(engines, features),
            asked.repeats,
            PACKAGES,
        )

        table = build_features(data["duckdb"], CUT, NAMES)
        segmenter = KMeansSegmenter(5, make_preprocessor(table), n_init=1).fit(table)
        fitted = rfm_table(data["duckdb"].orders.table, CUT, time_unit="W").to_pandas()
        fitted = fitted.set_index("customer_id")
        model = BetaGeoModel().fit(fitted)
        spend = GammaGammaModel(non_positive="leave_out").fit(fitted)

        def segments(engine: Engine) -> object:
            stored = engine.register(folder / f"features_{engine.kind}")
            return assign_segments(segmenter, stored).to_parquet(folder / f"labels_{engine.kind}")

        def value(engine: Engine) -> object:
            stored = engine.register(folder / f"rfm_{engine.kind}")
            return score_customers(model, stored, 52, spend).to_parquet(
                folder / f"scores_{engine.kind}"
            )

        customers = f"{len(fitted):,} customers, Parquet to Parquet"
        compare(
            f"k-means assignment: {customers}",
            alternatives(engines, segments),
            asked.repeats,
            PACKAGES,
        )
        compare(
            f"Lifetime value with intervals and churn: {customers}",
            alternatives(engines, value),
            asked.repeats,
            PACKAGES,
        )
        many_customers(asked.customers * 1_000_000, folder, asked.repeats)


def many_customers(n: int, folder: Path, repeats: int) -> None:
    """Assign many customers by eight features, beside scikit-learn on an array of them."""
    rng = np.random.default_rng(1)
    names = [f"x{j}" for j in range(8)]
    sample = pd.DataFrame(rng.lognormal(2, 1, (20_000, 8)), columns=names)
    segmenter = KMeansSegmenter(5, n_init=1).fit(sample)
    engine = DuckEngine()
    engine.execute("SET threads = 2")
    drawn = ", ".join(f"exp(2 + 3 * (random() - 0.5)) AS {name}" for name in names)
    path = engine.sql(f"SELECT i AS customer_id, {drawn} FROM range({n}) AS t (i)").to_parquet(
        folder / "customers.parquet"
    )
    frame = pd.read_parquet(path, columns=names)
    compare(
        f"k-means assignment: {n:,} customers by 8 features",
        {
            "segml": lambda: assign_segments(segmenter, engine.register(path)).to_parquet(
                folder / "labels.parquet"
            ),
            "predict, from memory": lambda: segmenter.predict(frame),
        },
        repeats,
        PACKAGES,
    )


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        main()
