"""The RFM table: segml beside lifetimes and plain pandas, on CDNOW and on simulated orders."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from timing import compare

from segml.data import load_cdnow, read_orders
from segml.features import rfm_summary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # lifetimes warns on import with current NumPy
    from lifetimes.utils import summary_data_from_transaction_data


def plain_pandas(frame: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    days = frame.assign(day=frame["ordered_at"].dt.normalize())
    daily = days.groupby(["customer_id", "day"])["revenue"].sum().reset_index()
    by = daily.groupby("customer_id")
    first, last, count = by["day"].min(), by["day"].max(), by["day"].count()
    repeat = (by["revenue"].sum() - by["revenue"].first()) / (count - 1)
    return pd.DataFrame(
        {
            "frequency": count - 1,
            "recency": (last - first).dt.days,
            "T": (end - first).dt.days,
            "monetary_value": repeat.where(count > 1),
        }
    )


def simulated(orders: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "customer_id": rng.zipf(1.3, orders).clip(max=orders // 5).astype(str),
            "order_id": np.arange(orders).astype(str),
            "ordered_at": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(rng.integers(0, 700 * 86_400, orders), unit="s"),
            "revenue": rng.gamma(2.0, 20.0, orders).round(2),
        }
    )


def main() -> None:
    sources = {
        "CDNOW, 69,659 orders in memory": load_cdnow().orders,
        "1 million simulated orders in memory": read_orders(simulated(1_000_000)),
    }
    for title, orders in sources.items():
        orders = type(orders)(
            orders.name, orders.table.materialise(), orders.rejects, orders.account
        )
        frame = orders.to_pandas()
        end = frame["ordered_at"].max().normalize()
        mine = rfm_summary(orders).fillna(0)
        theirs = plain_pandas(frame, end).fillna(0)
        assert np.allclose(mine.to_numpy(float), theirs.loc[mine.index].to_numpy(float))
        compare(
            f"RFM table: {title}",
            {
                "segml": lambda orders=orders: rfm_summary(orders),
                "pandas by hand": lambda frame=frame, end=end: plain_pandas(frame, end),
                "lifetimes": lambda frame=frame: summary_data_from_transaction_data(
                    frame, "customer_id", "ordered_at", "revenue"
                ),
            },
            repeats=5,
            packages=("duckdb", "pandas", "lifetimes"),
        )


if __name__ == "__main__":
    main()
