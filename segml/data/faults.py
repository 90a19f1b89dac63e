"""Make data as dirty as real ones, with the exact list of what was broken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segml._core.check import number, one_of
from segml._core.errors import MissingTableError, NotEnoughDataError, ParameterError
from segml._core.seeds import generator

from .bundle import CustomerData
from .fault_rows import hit, holes_in
from .similar_ids import UNKNOWN
from .simulation_faults import FAULTS, Fault
from .tables import TABLES

_LOG = ("table", "row", "column", "fault", "found_as", "day")


def inject_faults(
    data: CustomerData,
    seed: int = 0,
    *,
    share: float = 0.01,
    faults: Sequence[str] | None = None,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Break rows on purpose, and say which.

    Parameters
    ----------
    data : CustomerData
        Sound data, such as a simulated store; what reading left out of them is not
        taken along, nor are order lines without an order.
    seed : int, default 0
        The same seed breaks the same rows.
    share : float, default 0.01
        Share of a table's rows that each fault hits, at least one row; a row has one fault.
        Fewer where only some rows can have a fault: one off the scale of ``nps``, and ids
        written in another way, of which other rows must show the usual one.
    faults : sequence of str, optional
        Names of the faults in ``segml.data.simulation_faults.FAULTS``; when not given, all
        whose table and column are in the data.

    Returns
    -------
    tables : dict of str to DataFrame
        Raw tables, as before reading. Columns with faults hold text. Copies that were
        added stand at the end.
    planted : DataFrame
        One row per broken row, by table and row:

        - ``table``, ``row`` (1 for the first, as `DataTable.rejected_rows` counts),
          ``column``, ``fault``
        - ``found_as`` : the reason or note under which :func:`segml.data.read_table` or
          :func:`segml.data.clean` with its default policy, and consent ignored, counts the
          row
        - ``day`` : of a hole, which takes all orders of a day away and has no ``row``

    Notes
    -----
    Holes are at most two days, more than nine weeks apart. A day can be one where
    so many orders are usual, even when the other faults have taken theirs, that cleaning
    does not take none at all for chance: see :func:`segml.data.quality_report`. A store
    without such days (on average, fewer than some 15 orders a day) gets no holes.

    Order lines are not broken with their order; cleaning leaves out those whose order it
    leaves out. Lines of an order that lost its id, or its day, are gone with it.

    Raises
    ------
    ParameterError
        There is no such fault, or `share` is out of range.
    MissingTableError
        A fault was asked for whose table or column is not in the data, or that no row can
        have.
    NotEnoughDataError
        A table has fewer rows than faults to plant.

    Examples
    --------
    >>> from segml.data import clean
    >>> from segml.data.faults import inject_faults
    >>> from segml.data.simulation import simulate_store
    >>> data, truth = simulate_store(100, seed=1)
    >>> raw, planted = inject_faults(data, faults=["missing revenue", "exact duplicate"])
    >>> planted["fault"].value_counts().to_dict()
    {'missing revenue': 5, 'exact duplicate': 5}
    >>> clean(raw["orders"])[1].accounts["orders"].rejected
    {'no revenue': 5, 'exact duplicate': 5}
    """
    number(seed, "seed", low=0, whole=True)
    number(share, "share", low=0, high=0.05, open_low=True)
    chosen = _chosen(data, faults)
    known = None
    if data.customers is not None:
        known = set(data.customers.table.to_arrow()["customer_id"].to_pylist())
    tables: dict[str, pd.DataFrame] = {}
    log: list[pd.DataFrame] = []
    for name, table in data.tables.items():  # orders come first
        mine = [fault for fault in chosen if fault.table == name]
        sound = table.to_pandas()
        if name == "order_lines":
            there = sound["order_id"].isin(set(tables["orders"]["order_id"].astype(str)))
            sound = sound[there].reset_index(drop=True)
        tables[name], planted = (
            _break(sound, mine, int(seed), share, known) if mine else (sound, [])
        )
        log += planted
    joined = pd.concat(log, ignore_index=True) if log else _entries(FAULTS[0], np.empty(0, int))
    if faults is not None:
        for fault in chosen:
            if fault.name not in set(joined["fault"]):
                raise _cannot(fault, data)
    joined["row"] = joined["row"].astype("Int64")
    joined["table"] = pd.Categorical(joined["table"], list(TABLES))
    joined = joined.sort_values(["table", "row"], kind="stable", ignore_index=True)
    return tables, joined.astype({"table": str})


def _chosen(data: CustomerData, faults: Sequence[str] | None) -> list[Fault]:
    def there(fault: Fault) -> bool:
        if fault.table not in data.tables or fault.column not in data.tables[fault.table].columns:
            return False
        if fault.found_as == UNKNOWN:
            return data.customers is not None
        if fault.action != "share":
            return True
        # It takes another customer to share an order id with.
        return bool(data.orders.table.scalar("SELECT count(DISTINCT customer_id) > 1 FROM {self}"))

    if faults is None:
        return [fault for fault in FAULTS if there(fault)]
    if isinstance(faults, str):
        raise ParameterError(
            "faults is not a list of names", where="faults", got=faults, expected=f"[{faults!r}]"
        )
    names = [one_of(name, [fault.name for fault in FAULTS], "faults") for name in faults]
    chosen = [fault for fault in FAULTS if fault.name in names]
    for fault in chosen:
        if not there(fault):
            raise _cannot(fault, data)
    return chosen


def _cannot(fault: Fault, data: CustomerData) -> MissingTableError:
    return MissingTableError(
        f"the fault {fault.name!r} cannot be planted in {fault.table}.{fault.column}",
        where=fault.table,
        got=f"tables: {', '.join(data.tables)}",
    )


def _break(
    sound: pd.DataFrame, faults: list[Fault], seed: int, share: float, known: set[str] | None
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Give each fault rows of its own: the next ones of one random permutation."""
    name = faults[0].table
    rng = generator(seed, "faults", name)
    log = []
    holes = [fault for fault in faults if fault.action == "remove"]
    faults = [fault for fault in faults if fault.action != "remove"]
    for fault in holes:
        days = sound[fault.column].dt.normalize()
        gone = holes_in(days, rng, 1 - share * len(faults))
        sound = sound[~days.isin(gone)].reset_index(drop=True)
        entries = _entries(fault, np.full(len(gone), -1))
        entries["row"], entries["day"] = pd.NA, gone
        log.append(entries)
    size = max(1, round(share * len(sound)))
    if size * len(faults) > len(sound):
        raise NotEnoughDataError(
            f"the table {name} has too few rows for so many faults",
            where=name,
            got=f"{len(sound):,} rows for {len(faults)} faults",
            expected=f"at least {size * len(faults):,} rows",
            hint="fewer faults, or a smaller share",
        )
    pool = rng.permutation(len(sound))
    raw = sound.copy()
    for column in {fault.column for fault in faults}:
        raw[column] = _as_text(sound[column])
    copies, total = [], len(raw)
    # What not every row can have is chosen from the rows that all other faults leave sound.
    for fault in sorted(faults, key=lambda fault: fault.among != "all"):
        rows, pool = hit(sound, fault, pool, size, known)
        broken = _broken(sound[fault.column], fault, rows)
        if fault.action == "change":
            values = raw[fault.column].to_numpy(dtype=object, copy=True)
            values[rows] = broken.to_numpy()
            raw[fault.column] = values
            # Nothing is broken where the value is missing, or has no letters to change.
            rows = rows[sound[fault.column].iloc[rows].notna() & _differ(sound, broken, fault)]
        else:
            copies.append(raw.iloc[rows].assign(**{fault.column: broken.to_numpy()}))
            rows = np.arange(total, total + len(rows))
            total += len(rows)
        log.append(_entries(fault, rows + 1))
    return pd.concat([raw, *copies], ignore_index=True), log


def _broken(values: pd.Series, fault: Fault, rows: np.ndarray) -> pd.Series:
    sound = values.iloc[rows]
    if fault.action == "share":
        codes, customers = pd.factorize(values, sort=True)
        return pd.Series(customers[(codes[rows] + 1) % len(customers)], sound.index, dtype=object)
    broken = _as_text(sound) if fault.change is None else fault.change(sound).astype(object)
    return broken.where(sound.notna(), None)


def _differ(sound: pd.DataFrame, broken: pd.Series, fault: Fault) -> np.ndarray:
    return (_as_text(sound[fault.column]).loc[broken.index] != broken).to_numpy()


def _as_text(values: pd.Series) -> pd.Series:
    return values.astype(str).astype(object).where(values.notna(), None)


def _entries(fault: Fault, rows: np.ndarray) -> pd.DataFrame:
    row = pd.array(rows, dtype="Int64")
    values = (fault.table, row, fault.column, fault.name, fault.found_as, pd.NaT)
    return pd.DataFrame(dict(zip(_LOG, values, strict=True)), index=range(len(rows)))
