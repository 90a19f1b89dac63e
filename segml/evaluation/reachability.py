"""Who of a segment can be written to: an e-mail address and consent to marketing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from segml._core.errors import MissingTableError
from segml.data import CustomerData
from segml.kpis.intervals import wilson

# Of several rows of a customer, one refusal is a refusal, as in apply_consent.
_REACHABLE = """
SELECT a.segment, count(*) AS customers, sum(coalesce(c.reachable, 0)) AS reachable
FROM {assigned} a LEFT JOIN (
    SELECT customer_id, min(CASE WHEN consent_marketing THEN 1 ELSE 0 END)
        * max(CASE WHEN trim(email) <> '' THEN 1 ELSE 0 END) AS reachable
    FROM {customers} GROUP BY customer_id
) c ON c.customer_id = a.customer_id
GROUP BY a.segment
ORDER BY a.segment
"""


def reachability(
    data: CustomerData, segments: pd.Series, level: float = 0.95
) -> tuple[pd.DataFrame, str]:
    """Compute the share of each segment that has an e-mail address and has consented.

    Parameters
    ----------
    data : CustomerData
        Its table customers with ``email`` and ``consent_marketing``; no address is fetched.
    segments : Series of int
        Segment ids indexed by customer, each once.
    level : float, default 0.95
        Coverage of Wilson's intervals.

    Returns
    -------
    table : DataFrame
        By segment id: ``customers``, ``reachable`` (how many), ``share``, ``low``, ``high``.
        All but the first are missing where it cannot be told.
    reason : str
        Why it cannot be told; empty where it can.

    Notes
    -----
    Who has no row in the table, or of whom consent is not known, is not reachable.

    Examples
    --------
    >>> from segml.data import simulate_store
    >>> data, truth = simulate_store(200, seed=1)
    >>> table, reason = reachability(data, pd.Series(0, index=truth.customers.index))
    >>> table["share"].round(2).tolist()
    [0.72]
    """
    sizes = segments.value_counts().sort_index()
    table = pd.DataFrame({"customers": sizes.astype(int)}).rename_axis("segment")
    columns = ["reachable", "share", "low", "high"]
    try:
        source = data.require("customers", "email", "consent_marketing").table
    except MissingTableError as error:
        return table.assign(**dict.fromkeys(columns, np.nan)), error.problem.what
    for column in ("email", "consent_marketing"):
        if not source.scalar(f"SELECT count({column}) FROM {{self}}"):
            reason = f"the column {column} of the table customers has no values"
            return table.assign(**dict.fromkeys(columns, np.nan)), reason
    assigned = pa.table(
        {
            "customer_id": pa.array(segments.index.astype(str), pa.string()),
            "segment": pa.array(segments.to_numpy(dtype=int), pa.int64()),
        }
    )
    found = source.engine.sql(
        _REACHABLE, assigned=source.engine.register(assigned), customers=source
    ).to_pandas()
    reachable = found.set_index("segment")["reachable"].astype(int)
    intervals = [wilson(reachable[i], sizes[i], level) for i in table.index]
    return (
        table.assign(
            reachable=reachable,
            share=reachable / sizes,
            low=[low for low, _ in intervals],
            high=[high for _, high in intervals],
        ),
        "",
    )
