"""Pieces of SQL that several features are made of."""

from __future__ import annotations


def total(column: str, where: str = "") -> str:
    """Return the sum of an amount, exact whatever the order of the rows."""
    return f"sum(fixed({column})){only(where)}"


def only(where: str) -> str:
    """Return the filter of an aggregate, nothing where there is no condition."""
    return f" FILTER (WHERE {where})" if where else ""


def mean(column: str) -> str:
    """Return the mean of an amount over the rows that have it."""
    return f"safe_ratio({total(column)}, count({column}))"


def share(where: str, known: str = "TRUE") -> str:
    """Return the share of rows for which a condition holds, among those where it is known."""
    return (
        f"safe_ratio(count(*) FILTER (WHERE {where} AND {known}), count(*) FILTER (WHERE {known}))"
    )


def circular_mean(value: str, period: int) -> str:
    """Return the circular mean of a value that starts again after `period`.

    It is that of the mean direction on a circle; missing where the values cancel out
    (a mean resultant length of at most 0.01). Sines are summed with 13 decimals.
    """
    angle = f"{value} * 2 * pi() / {period}"
    east, north = (
        f"CAST(sum(fixed(1000000000 * {way}({angle}))) AS DOUBLE)" for way in ("cos", "sin")
    )
    length = f"sqrt({east} * {east} + {north} * {north})"
    back = f"round(atan2({north}, {east}) * {period} / (2 * pi()) + {period}, 6) % {period}"
    return f"CASE WHEN {length} > 10000000 * count({value}) THEN {back} END"


def entropy(counts: str) -> str:
    """Return Shannon's entropy, in nats, of the counts in the rows: ln N - sum(n ln n) / N."""
    logs = f"CAST(sum(fixed(1000000 * {counts} * ln({counts}))) AS DOUBLE) / 1000000"
    return (
        f"CASE WHEN count(*) = 1 THEN CAST(0 AS DOUBLE) WHEN count(*) > 1 THEN"
        f" ln(sum({counts})) - {logs} / sum({counts}) END"
    )


def most(value: str, counts: str) -> str:
    """Return the value with the largest count; the first by name among equals."""
    return f"min_by({value}, (-{counts}, {value}))"
