"""Scores from 1 to 5 for recency, frequency and monetary value, as SQL in the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segml._core.check import nearest, number
from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml.engine import Table
from segml.engine.sql import Fragment, literal

Cuts = Mapping[str, Sequence[float]]

# The higher, the better, so that recency is turned round.
_VALUES = {
    "recency": 'CAST(recency AS DOUBLE) - CAST("T" AS DOUBLE)',
    "frequency": "CAST(frequency AS DOUBLE)",
    "monetary_value": "CAST(monetary_value AS DOUBLE)",
}
_COLUMNS = ("customer_id", "frequency", "recency", "T", "monetary_value")
N_SCORES = 5


def rfm_cuts(rfm: Table) -> dict[str, list[float]]:
    """Compute the values that part customers into fifths.

    Parameters
    ----------
    rfm : Table
        ``customer_id``, ``frequency``, ``recency``, ``T`` and ``monetary_value``, such as
        `segml.features.rfm.rfm_table` defines; on any engine.

    Returns
    -------
    dict of str to list of float
        For ``recency`` (less T: the time since the last purchase, negative), ``frequency``
        and ``monetary_value`` the quantiles 0.2, 0.4, 0.6 and 0.8, each the least value
        that at least this share of customers does not exceed. Missing values do not count.

    Raises
    ------
    MissingTableError
        A column is missing.
    NotEnoughDataError
        A column has no value.

    Examples
    --------
    >>> from segml.engine import connect
    >>> rfm = connect().sql('''SELECT i AS customer_id, i AS frequency, i AS recency, 9 AS "T",
    ...     10.0 * i AS monetary_value FROM range(10) AS t (i)''')
    >>> rfm_cuts(rfm)["monetary_value"]
    [10.0, 30.0, 50.0, 70.0]
    """
    _require(rfm)
    shares = [s / N_SCORES for s in range(1, N_SCORES)]
    quantiles = [
        f"percentile_disc({share}) WITHIN GROUP (ORDER BY {value})"
        for value in _VALUES.values()
        for share in shares
    ]
    found = rfm.row("SELECT {quantiles} FROM {self}", quantiles=Fragment(", ".join(quantiles)))
    cuts = {}
    for i, name in enumerate(_VALUES):
        own = found[i * len(shares) : (i + 1) * len(shares)]
        if None in own:
            raise NotEnoughDataError("no customer has a value to be scored by", where=name)
        cuts[name] = [float(value) for value in own]
    return cuts


def rfm_scores(rfm: Table, cuts: Cuts | None = None) -> Table:
    """Score customers from 1 to 5 for how recently, how often and for how much they buy.

    Parameters
    ----------
    rfm : Table
        As for :func:`rfm_cuts`.
    cuts : mapping of str to four floats, optional
        Where scores part, as :func:`rfm_cuts` computes them, so that customers of another
        day are scored as those of the first; from the customers themselves when not given.

    Returns
    -------
    Table
        Lazy: ``customer_id``, ``recency_score``, ``frequency_score``, ``monetary_score``,
        5 the best, and ``rfm``, the three digits as text.

    Raises
    ------
    MissingTableError, NotEnoughDataError
        As :func:`rfm_cuts`.
    ParameterError
        The cuts are not four numbers in order for each column.

    Notes
    -----
    A score is 1 plus the number of cuts that the value exceeds: it is s or more where at
    least (s - 1)/5 of customers have a lower value. Customers of the same value always
    have the same score. Where many share one, fifths cannot be equal and scores are
    skipped: of customers of whom 60% bought once, those have frequency score 1, and the
    next 4. A customer without a monetary value (no repeat purchase) has monetary score 1.

    Examples
    --------
    >>> from segml.engine import connect
    >>> rfm = connect().sql('''SELECT i AS customer_id, i AS frequency, i AS recency, 9 AS "T",
    ...     10.0 * i AS monetary_value FROM range(10) AS t (i)''')
    >>> rfm_scores(rfm).to_pandas()["rfm"].tolist()[::3]
    ['111', '222', '444', '555']
    """
    _require(rfm)
    cuts = rfm_cuts(rfm) if cuts is None else _checked(cuts)
    scores = {
        name: "1 + "
        + " + ".join(f"CASE WHEN {value} > {literal(cut)} THEN 1 ELSE 0 END" for cut in cuts[name])
        for name, value in _VALUES.items()
    }
    return rfm.engine.sql(
        "WITH scored AS (SELECT customer_id, CAST({recency} AS BIGINT) AS recency_score,"
        " CAST({frequency} AS BIGINT) AS frequency_score,"
        " CAST({monetary_value} AS BIGINT) AS monetary_score FROM {rfm})"
        " SELECT *, CAST(100 * recency_score + 10 * frequency_score + monetary_score AS VARCHAR)"
        " AS rfm FROM scored",
        rfm=rfm,
        **{name: Fragment(sql) for name, sql in scores.items()},
    )


def _checked(cuts: Cuts) -> dict[str, list[float]]:
    found = {
        name: [number(cut, f"cuts[{name!r}]") for cut in cuts.get(name, ())] for name in _VALUES
    }
    for name, own in found.items():
        if len(own) != N_SCORES - 1 or own != sorted(own):
            raise ParameterError(
                "the cuts do not part customers into five",
                where=f"cuts[{name!r}]",
                got=cuts.get(name),
                expected="four numbers from low to high, such as rfm_cuts computes",
            )
    return found


def _require(rfm: Table) -> None:
    for name in _COLUMNS:
        if name not in rfm.types:
            raise MissingTableError(
                "the RFM table lacks a column",
                where=f"column {name}",
                got=", ".join(rfm.columns),
                expected=", ".join(_COLUMNS),
                nearest=nearest(name, rfm.columns),
            )
