"""The data of a report: read by the engine that its parameters name, and cleaned."""

from __future__ import annotations

from segml.data import (
    CustomerData,
    DataTable,
    RowAccount,
    clean,
    load_cdnow,
    load_cdnow_sample,
    read_orders,
    read_table,
    simulate_store,
)
from segml.data.tables import TABLES
from segml.engine import Engine, Table, connect, default_engine
from segml.engine.sql import Fragment, quote

from .artefacts import Artefacts
from .data_params import DataParams

_ADDRESSES = ("email", "phone")
_BUILT_IN = {"cdnow": load_cdnow, "cdnow_sample": load_cdnow_sample}


def open_engine(asked: DataParams) -> Engine:
    """Return the engine that a report is computed with.

    Raises
    ------
    DataError
        Spark cannot be started or reached.
    MissingDependencyError
        PySpark or Java is not installed.

    Examples
    --------
    >>> open_engine(DataParams(source="cdnow")).kind
    'duckdb'
    """
    if asked.backend == "duckdb":
        return default_engine()
    return connect(asked.spark if "://" in asked.spark else f"spark://{asked.spark}")


def read_data(asked: DataParams, currency: str, engine: Engine, seed: int = 0) -> CustomerData:
    """Read and clean the orders of a report, and its other tables.

    Parameters
    ----------
    asked : DataParams
        Which tables and how.
    currency : str
        ISO code; "" when there is none.
    engine : Engine
        Where they are read.
    seed : int, default 0
        Of a simulated store.

    Returns
    -------
    CustomerData
        Clean, with the account of every row.

    Examples
    --------
    >>> asked = DataParams(source="cdnow_sample")
    >>> read_data(asked, "USD", open_engine(asked)).orders.account.rows_in
    6919
    """
    if asked.source == "simulated_store":
        read, _ = simulate_store(asked.simulated_customers, seed, engine=engine)
    elif asked.source in _BUILT_IN:
        read = _BUILT_IN[asked.source](engine)
    else:
        read = CustomerData(
            read_orders(
                asked.source,
                asked.columns or None,
                preset=asked.preset,
                date_format=asked.date_format,
                time_zone=asked.time_zone,
                separator=asked.separator,
                encoding=asked.encoding,
                engine=engine,
            ),
            **{
                name: read_table(
                    table.source,
                    name,
                    table.columns or None,
                    preset=table.preset,
                    date_format=table.date_format,
                    time_zone=asked.time_zone,
                    separator=table.separator,
                    encoding=table.encoding,
                    engine=engine,
                )
                for name, table in asked.tables.items()
            },
        )
    data, _ = clean(read, asked.cleaning.policy(currency))
    return data


def store_data(artefacts: Artefacts, data: CustomerData) -> None:
    """Store clean tables, their accounts and the rejected rows, unless they are there.

    Orders come last: with them the data are complete. Of the other tables' rejected rows
    only their numbers and reasons are kept, and of addresses only that there is one.
    """
    for name, found in reversed(data.tables.items()):
        account = found.account.to_dict()
        del account["rows_rejected"]  # follows from the reasons
        table, rejects = found.table, found.rejects
        if name != "orders":
            rejects = rejects.engine.sql(
                "SELECT source_row, reason FROM {rejects}", rejects=rejects
            )
        artefacts.keep_json(_file(name, "cleaning", "json"), account)
        artefacts.keep_table(_file(name, "rejected", "parquet"), rejects)
        artefacts.keep_table(_file(name, "clean", "parquet"), _without_addresses(table))


def stored_data(artefacts: Artefacts, engine: Engine) -> CustomerData | None:
    """Return what :func:`store_data` stored, None where it is not complete."""
    tables = {name: found for name in TABLES if (found := _stored_table(artefacts, engine, name))}
    return CustomerData(**tables) if "orders" in tables else None


def _stored_table(artefacts: Artefacts, engine: Engine, name: str) -> DataTable | None:
    table = artefacts.find(_file(name, "clean", "parquet"))
    rejects = artefacts.find(_file(name, "rejected", "parquet"))
    said = artefacts.read_json(_file(name, "cleaning", "json"))
    if table is None or rejects is None or said is None:
        return None
    account = RowAccount(**said | {"choices": tuple(said["choices"])})
    return DataTable(name, engine.register(table), engine.register(rejects), account)


def _file(name: str, what: str, kind: str) -> str:
    """Return the artefact of a table; those of orders are the best known and named shortly."""
    if name == "orders":
        return {"clean": "orders", "rejected": "rejected_orders", "cleaning": "cleaning"}[what] + (
            f".{kind}"
        )
    return f"{what}_{name}.{kind}"


def _without_addresses(table: Table) -> Table:
    hidden = [name for name in _ADDRESSES if name in table.columns]
    if not hidden:
        return table
    columns = ", ".join(
        f"CASE WHEN {quote(name)} IS NOT NULL THEN 'known' END AS {quote(name)}"
        if name in hidden
        else quote(name)
        for name in table.columns
    )
    return table.engine.sql("SELECT {columns} FROM {table}", columns=Fragment(columns), table=table)
