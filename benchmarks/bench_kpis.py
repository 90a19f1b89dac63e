"""KPIs by segment beside the RFM table, SQL by hand and pandas, from the same Parquet file.

    python benchmarks/bench_kpis.py               # 10 million orders of 1 million customers
    python benchmarks/bench_kpis.py --orders 1000000

SQL by hand and pandas compute values only; segml adds intervals, differences and reasons, and
reads the file as `read_orders` hands it on.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from timing import compare

from segml.data import CustomerData, read_orders
from segml.engine import DuckEngine
from segml.features import rfm_summary
from segml.kpis import cohort_retention, concentration, kpi_table

PACKAGES = ("duckdb", "pandas")
BY_HAND = """
WITH mine AS (
    SELECT customer_id, count(DISTINCT order_id) AS orders, sum(CAST(revenue AS DECIMAL(18, 4)))
        AS spent
    FROM {orders} GROUP BY customer_id
)
SELECT segment, CAST(sum(spent) AS DOUBLE) / sum(orders) AS aov,
    count(*) FILTER (WHERE orders >= 2) / count(*) AS repeat_rate
FROM mine JOIN {segments} USING (customer_id) GROUP BY segment ORDER BY segment
"""


def simulate(orders: int, folder: Path) -> Path:
    """Write orders of a tenth as many customers, some of whom buy far more than others."""
    path = folder / "orders.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SELECT setseed(0.1)")
        connection.execute(
            f"""COPY (SELECT 'C' || lpad(CAST(CAST(floor({orders // 10} * pow(random(), 2)) AS
                BIGINT) AS VARCHAR), 9, '0') AS customer_id, i AS order_id,
            TIMESTAMP '2022-01-01' + to_seconds(CAST(floor(random() * {700 * 86_400}) AS BIGINT))
                AS ordered_at,
            round(-40 * ln(1 - random()), 2) AS revenue FROM range({orders}) AS t (i))
            TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
        )
    return path


def in_pandas(path: Path, segments: pd.Series) -> pd.DataFrame:
    frame = pd.read_parquet(path, columns=["customer_id", "order_id", "revenue"])
    by = frame.groupby("customer_id")
    mine = pd.DataFrame({"orders": by["order_id"].nunique(), "spent": by["revenue"].sum()})
    found = mine.assign(repeats=mine["orders"] >= 2).groupby(segments.reindex(mine.index))
    sums = found.sum()
    return pd.DataFrame(
        {"aov": sums["spent"] / sums["orders"], "repeat_rate": sums["repeats"] / found.size()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10**7)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = simulate(asked.orders, Path(name))
        engine = DuckEngine()
        data = CustomerData(read_orders(path, engine=engine))
        ids = data.orders.table.engine.sql(
            "SELECT DISTINCT customer_id FROM {orders} ORDER BY customer_id",
            orders=data.orders.table,
        ).to_pandas()["customer_id"]
        segments = pd.Series(np.arange(len(ids)) % 6, index=pd.Index(ids))
        known = engine.register(segments.rename("segment").rename_axis("customer_id").reset_index())

        def by_hand() -> pd.DataFrame:
            found = engine.sql(BY_HAND, orders=data.orders.table, segments=known)
            return found.to_pandas().set_index("segment")

        two = ["aov", "repeat_rate"]
        mine = kpi_table(data, segments, kpis=two).values().T.iloc[:-1]
        for theirs in (by_hand(), in_pandas(path, segments)):  # refuse to time what differs
            np.testing.assert_allclose(mine, theirs[two], rtol=1e-9)
        runs: dict[str, Callable[[], object]] = {
            "segml": lambda: kpi_table(data, segments, kpis=two),
            "DuckDB SQL by hand": by_hand,
            "pandas": lambda: in_pandas(path, segments),
            "rfm_summary": lambda: rfm_summary(data),
            "AOV alone": lambda: kpi_table(data, segments, kpis=["aov"]),
            "every KPI that orders allow": lambda: kpi_table(data, segments),
            "cohort_retention": lambda: cohort_retention(data, "month", segments),
            "concentration": lambda: concentration(data, segments),
        }
        title = f"AOV and repeat rate by segment: {asked.orders:,} orders, {len(ids):,} customers"
        compare(title, runs, repeats=asked.repeats, packages=PACKAGES)


if __name__ == "__main__":
    main()
