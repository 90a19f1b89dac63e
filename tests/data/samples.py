"""Small orders to test with."""

import pandas as pd

COLUMNS = ("customer_id", "order_id", "ordered_at", "revenue")
CSV_HEADER = ",".join(COLUMNS)


def frame(*rows: tuple) -> pd.DataFrame:
    """Make orders of (customer_id, order_id, ordered_at, revenue)."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS))
