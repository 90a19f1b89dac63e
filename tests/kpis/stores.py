"""A simulated store with gaps in every table, as real ones have."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from segml.data import CustomerData, read_orders, read_table, simulate_store


@functools.cache
def frames() -> dict[str, pd.DataFrame]:
    """Return the tables: a part of the values is missing, a part of the messages is no e-mail."""
    data, _ = simulate_store(300, seed=11, start="2025-01-01", days=400, survey_share=0.5)
    tables = {name: table.to_pandas() for name, table in data.tables.items()}
    rng = np.random.default_rng(12)
    for name, columns in {
        "orders": ["margin", "discount", "refund"],
        "sessions": ["duration_s", "pageviews", "added_to_cart", "began_checkout", "purchased"],
        "messages": ["channel", "delivered", "opened", "clicked", "converted", "unsubscribed",
                     "revenue"],
        "customers": ["acquisition_cost"],
    }.items():  # fmt: skip
        for column in columns:
            values = tables[name][column].astype(object)
            tables[name][column] = values.mask(rng.random(len(values)) < 0.1, None)
    for column in ("margin", "discount", "refund"):
        tables["orders"][column] = tables["orders"][column].astype(float)
    for column in ("duration_s", "pageviews"):
        tables["sessions"][column] = tables["sessions"][column].astype(float)
    tables["messages"]["revenue"] = tables["messages"]["revenue"].astype(float)
    tables["customers"]["acquisition_cost"] = tables["customers"]["acquisition_cost"].astype(float)
    messages = tables["messages"]
    messages.loc[rng.random(len(messages)) < 0.2, "channel"] = "sms"
    surveys = tables["surveys"]
    again = surveys[surveys["question"] == "nps"].assign(
        answered_at=lambda frame: frame["answered_at"] + pd.Timedelta(days=20),
        answer=lambda frame: ((frame["answer"].astype(int) + 3) % 11).astype(str),
    )
    csat = again.assign(
        question="csat", answer=lambda f: (f["answer"].astype(int) % 5 + 1).astype(str)
    )
    refused = csat.iloc[:7].assign(
        answer="would rather not say", answered_at=pd.Timestamp("2026-01-30")
    )
    tables["surveys"] = pd.concat([surveys, again, csat, refused], ignore_index=True)
    return tables


def store(engine=None) -> CustomerData:
    tables = frames()
    return CustomerData(
        read_orders(tables["orders"], engine=engine),
        **{
            name: read_table(tables[name], name, engine=engine)
            for name in ("customers", "sessions", "messages", "costs", "surveys")
        },
    )


def segments() -> pd.Series:
    ids = sorted(frames()["orders"]["customer_id"].unique())
    return pd.Series([len(ids) % 3 if i % 7 == 0 else i % 3 for i in range(len(ids))], index=ids)
