"""Bundles of canonical tables to test with, on any engine."""

import datetime as dt
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

from segml.data import CustomerData, DataTable, RowAccount, simulate_store
from segml.engine import DuckEngine, Engine


def bundle(tables: Mapping[str, pa.Table | pd.DataFrame], engine: Engine | None = None):
    """Make a bundle of tables in memory, as they are."""
    engine = engine or DuckEngine()
    none = engine.sql("SELECT 1 AS source_row, '' AS reason WHERE 1 = 0")
    made = {}
    for name, rows in tables.items():
        account = RowAccount(name, len(rows), len(rows))
        made[name] = DataTable(name, engine.register(rows), none, account)
    return CustomerData(**made)


@cache
def store(n: int = 250, seed: int = 3) -> dict[str, pa.Table]:
    """Return the tables of a simulated store."""
    data, _ = simulate_store(n, seed, campaigns=6, survey_share=0.5)
    return {name: table.table.to_arrow() for name, table in data.tables.items()}


DIRT = {
    "orders": {
        "revenue": [None, 0.0, -12.5, float("nan")],
        "quantity": [None, 0],
        "discount": [None, 0.00005],
        "refund": [None],
        "margin": [None, -3.0],
        "channel": [None, "  ", "Ünïcode 🛒", 'it\'s \\ "odd" {as_of}'],
        "coupon": [""],
        "country": [None, "côte d'Ivoire"],
    },
    "order_lines": {
        "quantity": [None, -1],
        "unit_price": [None, float("inf")],
        "category": [None, "", "a'b\\c"],
        "product_id": [None],
    },
    "customers": {
        "signed_up_at": [None, dt.datetime(1969, 12, 31, 23, 59, 59)],
        "birth_date": [None, dt.datetime(2090, 1, 1), dt.datetime(1980, 2, 29)],
        "age": [None, 200.0],
        "gender": [None, " female "],
        "income": [None, -1.0],
        "country": [None],
        "city": [None, "Ærø"],
        "postcode": [None, "a", "12 345"],
    },
    "sessions": {
        "duration_s": [None, 0],
        "pageviews": [None, 0],
        "device": [None, "Tablet"],
        "browser": [None, "HeadlessChrome/99", "Mobile Safari", "curl"],
        "os": [None, ""],
        "source": [None],
        "added_to_cart": [None],
        "purchased": [None],
    },
    "messages": {
        "delivered": [None, False],
        "opened": [None],
        "clicked": [None],
        "converted": [None],
        "unsubscribed": [None],
    },
    "surveys": {
        "answer": [None, " 4 ", "five", "5d", "1e1", "11", "3.5", "nan"],
        "question": ["Trust_1", "trust_2_r ", "trust_10", None],
    },
}


@cache
def dirty_store(n: int = 250, seed: int = 3) -> dict[str, pa.Table]:
    """Return a simulated store with what real data have: gaps, odd texts and numbers."""
    rng = np.random.default_rng(seed)
    out = dict(store(n, seed))
    for name, columns in DIRT.items():
        table = out[name]
        for column, values in columns.items():
            old = table[column].to_pylist()
            at = rng.choice(len(old), max(len(old) // 5, len(values)), replace=False)
            for i, place in enumerate(at):
                old[place] = values[i % len(values)]
            kind = table.schema.field(column).type
            kind = pa.string() if pa.types.is_dictionary(kind) else kind
            index = table.schema.get_field_index(column)
            table = table.set_column(index, column, pa.array(old, kind))
        out[name] = table
    return out
