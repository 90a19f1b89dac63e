"""All KPIs and the measures they are made of, by name; and how to add to them.

The definitions are in :mod:`segml.kpis.definitions`.
"""

from __future__ import annotations

from segml._core.errors import ParameterError

from . import definitions
from .kpi import KPI, Measure, Source, check_measure

KPIS: dict[str, KPI] = {}
"""KPIs by name, in the order of the table."""

MEASURES: dict[str, Measure] = {}
"""Measures by name."""

SOURCES: dict[str, Source] = {source.name: source for source in definitions.SOURCES}
"""Sources by name."""


def register_kpi(kpi: KPI, *, replace: bool = False, **measures: Measure) -> KPI:
    """Add a KPI to those that `kpi_table` computes.

    Parameters
    ----------
    kpi : KPI
        Made of measures that are known or given here.
    replace : bool, default False
        Whether it and its measures may take the place of others of the same name.
    **measures : Measure
        New measures by name.

    Returns
    -------
    KPI
        The KPI.

    Raises
    ------
    ParameterError
        It is no KPI, a name is taken, or a measure names what is not known, with the
        nearest spelling. Whether its SQL runs is seen, and said, when it is first computed.

    Examples
    --------
    >>> kpi = register_kpi(
    ...     KPI("big_orders", "Orders of 100 and more", "Orders of 100 and more / orders.",
    ...         "share", "big_order_count", "order_count", "clustered"),
    ...     big_order_count=Measure("count(*) FILTER (WHERE revenue >= 100)"),
    ... )
    >>> "big_orders" in KPIS
    True
    >>> del KPIS["big_orders"], MEASURES["big_order_count"]
    """
    if not isinstance(kpi, KPI):
        raise ParameterError("this is no KPI", got=kpi, expected="a KPI")
    taken = [kpi.name] if kpi.name in KPIS else []
    taken += [name for name in measures if name in MEASURES]
    if taken and not replace:
        raise ParameterError(
            "there is a KPI or a measure of this name",
            where="name",
            got=taken[0],
            expected="another name, or replace=True",
        )
    for name, measure in measures.items():
        check_measure(name, measure, SOURCES)
    MEASURES.update(measures)
    KPIS[kpi.name] = kpi
    return kpi


def needs(kpi: KPI) -> dict[str, tuple[str, ...]]:
    """Return the tables that a KPI needs, each with the columns."""
    found: dict[str, dict[str, None]] = {}
    for measure in kpi.measures.values():
        source = SOURCES.get(measure.table)
        table = source.table if source else measure.table
        columns = (*source.columns, *measure.columns) if source else measure.columns
        found.setdefault(table, {}).update(dict.fromkeys(columns))
        for other, wanted in (source.also if source else {}).items():
            found.setdefault(other, {}).update(dict.fromkeys(wanted))
    return {table: tuple(columns) for table, columns in found.items()}


_WINDOWS = {
    "period": "of the period",
    "recent": "of the period, or of the last days",
    "earlier": "of the window before",
    "so_far": "up to the end of the period",
    "before": "before the period",
}


def described(kpi: KPI) -> str:
    """Return the definition of a KPI as SQL, to be read."""
    if kpi.prediction:
        mean = f"avg({kpi.prediction})"
        mean = f"1 - {mean}" if kpi.complement else mean
        over = f" / ({kpi.denominator})" if kpi.denominator else ""
        return f"SELECT segment, {mean}{over}\nFROM predictions GROUP BY segment"
    groups: dict[tuple[str, str], list[str]] = {}
    for name, measure in kpi.measures.items():
        groups.setdefault((measure.table, measure.window), []).append(f"{measure.sql} AS {name}")
    parts = [
        f"{table}_{window} AS (\n  SELECT customer_id, {', '.join(columns)}\n"
        f"  FROM {table} -- {_WINDOWS[window] if table != 'customers' else 'all'}\n"
        "  GROUP BY customer_id)"
        for (table, window), columns in groups.items()
    ]
    if kpi.interval == "order":
        value = f"median({kpi.numerator})"
    elif kpi.denominator:
        value = f"sum({kpi.numerator}) / sum({kpi.denominator})"
    else:
        value = f"sum({kpi.numerator})"
    head = "WITH " + ",\n".join(parts) + "\n" if parts else ""
    joins = "".join(f"\nLEFT JOIN {table}_{window} USING (customer_id)" for table, window in groups)
    return f"{head}SELECT segment, {value}\nFROM segments{joins}\nGROUP BY segment"


for _name, _measure in definitions.MEASURES.items():
    check_measure(_name, _measure, SOURCES)
    MEASURES[_name] = _measure
for _kpi in definitions.KPIS:
    register_kpi(_kpi)
