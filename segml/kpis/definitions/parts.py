"""Pieces of SQL that several measures are made of, and references that several KPIs have."""

from __future__ import annotations

FARRIS = "Farris, Bendle, Pfeifer and Reibstein (2010), Marketing Metrics, 2nd ed."
FADER = "Fader, Hardie and Lee (2005), Journal of Marketing Research 42(4), 415-430."


def total(column: str, where: str = "") -> str:
    """Return the sum of an amount, exact whatever the order of the rows."""
    return f"CAST(sum(fixed({column})){_only(where)} AS DOUBLE)"


def counted(where: str) -> str:
    """Return the number of rows for which a condition holds."""
    return f"count(*){_only(where)}"


def _only(where: str) -> str:
    return f" FILTER (WHERE {where})" if where else ""
