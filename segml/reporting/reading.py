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
)
from segml.engine import Engine, connect, default_engine

from .artefacts import Artefacts
from .params import DataParams

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


def read_data(asked: DataParams, currency: str, engine: Engine) -> CustomerData:
    """Read and clean the orders of a report.

    Parameters
    ----------
    asked : DataParams
        Which orders and how.
    currency : str
        ISO code; "" when there is none.
    engine : Engine
        Where they are read.

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
    if asked.source in _BUILT_IN:
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
            )
        )
    data, _ = clean(read, asked.cleaning.policy(currency))
    return data


def store_data(artefacts: Artefacts, data: CustomerData) -> None:
    """Store clean orders, the rejected ones and their account, unless they are there."""
    account = data.orders.account.to_dict()
    del account["rows_rejected"]  # follows from the reasons
    artefacts.keep_json("cleaning.json", account)
    artefacts.keep_table("rejected_orders.parquet", data.orders.rejects)
    artefacts.keep_table("orders.parquet", data.orders.table)


def stored_data(artefacts: Artefacts, engine: Engine) -> CustomerData | None:
    """Return what :func:`store_data` stored, None where something of it is not there."""
    orders = artefacts.find("orders.parquet")
    rejects = artefacts.find("rejected_orders.parquet")
    said = artefacts.read_json("cleaning.json")
    if orders is None or rejects is None or said is None:
        return None
    account = RowAccount(**said | {"choices": tuple(said["choices"])})
    return CustomerData(
        DataTable("orders", engine.register(orders), engine.register(rejects), account)
    )
