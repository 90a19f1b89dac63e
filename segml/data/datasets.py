"""Real data to start with: the public data sets that the lifetimes package ships."""

from __future__ import annotations

import importlib.resources
import importlib.util
import io
import os
from importlib.resources.abc import Traversable
from typing import Any

import pandas as pd

from segml._core.errors import MissingDependencyError
from segml.engine import Engine
from segml.engine.sources import expand

from .bundle import CustomerData
from .excel import is_excel, load_workbooks
from .read import read_orders, read_table


def dataset_file(name: str) -> Traversable:
    """Return a data file of the installed lifetimes package, without importing its code.

    Raises
    ------
    MissingDependencyError
        The package or the file is not installed.
    """
    spec = importlib.util.find_spec("lifetimes")
    if spec is not None:
        # A module made from its spec is enough to find its files; running its code is not needed.
        package = importlib.util.module_from_spec(spec)
        file = importlib.resources.files(package) / "datasets" / name
        if file.is_file():
            return file
    raise MissingDependencyError(
        f"the data file {name} of the package lifetimes is not installed",
        hint="pip install lifetimes",
    )


def load_cdnow(engine: Engine | None = None) -> CustomerData:
    """Load the CDNOW orders: 69,659 purchases of 23,570 customers of an online CD shop.

    All customers made their first purchase in the first quarter of 1997; their
    purchases are followed to 1998-06-30. Revenue is in US dollars. The source has no
    order ids, so each line is an order; 255 lines repeat another exactly and 80 are of
    zero value.

    Parameters
    ----------
    engine : Engine, optional
        Where the table lives.

    Returns
    -------
    CustomerData
        With ``orders``, extra column ``quantity`` (CDs).

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2001). Forecasting repeat sales at CDNOW: a case
    study. Interfaces 31(3), S94-S107.

    Examples
    --------
    >>> load_cdnow().orders.account.rows_used
    69659
    """
    return _cdnow("CDNOW_master.txt", ["customer_id", "date", "quantity", "revenue"], 1, engine)


def load_cdnow_sample(engine: Engine | None = None) -> CustomerData:
    """Load the 1/10 sample of CDNOW that the literature uses: 2,357 customers.

    Customers carry the ids of the sample, 0001 to 2357.

    Parameters
    ----------
    engine : Engine, optional
        Where the table lives.

    Returns
    -------
    CustomerData
        With ``orders``, extra columns ``quantity`` (CDs) and ``master_id`` (the customer's
        id in the full data).

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). "Counting your customers" the
    easy way. Marketing Science 24(2), 275-284.

    Examples
    --------
    >>> load_cdnow_sample().orders.account.rows_used
    6919
    """
    names = ["master_id", "customer_id", "date", "quantity", "revenue"]
    return _cdnow("CDNOW_sample.txt", names, 0, engine)


def load_donations() -> pd.DataFrame:
    """Load the donations of 11,104 supporters who first gave in 1995, six yearly chances each.

    Returns
    -------
    DataFrame
        One row per distinct history: ``frequency`` (repeat years with a gift), ``recency``
        (last such year), ``periods`` (years observed), ``weights`` (supporters).

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010). Customer-base analysis in a
    discrete-time noncontractual setting. Marketing Science 29(6), 1086-1108.

    Examples
    --------
    >>> int(load_donations()["weights"].sum())
    11104
    """
    return pd.read_csv(io.StringIO(dataset_file("donations.csv").read_text()))


def load_online_retail(path: str | os.PathLike[str], engine: Engine | None = None) -> CustomerData:
    """Load the UCI Online Retail invoices: a UK gift wholesaler, 2010-12-01 to 2011-12-09.

    Parameters
    ----------
    path : path
        The file as published (Excel, which takes the extra ``segml[excel]``), or as CSV or
        Parquet, where its columns may all be text. Online Retail II is read as well, all its
        sheets. The file is not part of segml.
    engine : Engine, optional
        Where the tables live.

    Returns
    -------
    CustomerData
        With ``orders`` (a row per invoice line, which `clean` merges by invoice;
        cancellations have negative revenue, in pounds) and ``order_lines``. Of 541,909
        lines 135,080 have no customer.

    Raises
    ------
    DataError
        The file is missing or of another layout.
    MissingDependencyError
        The file is Excel's and the extra ``segml[excel]`` is not installed.

    References
    ----------
    Chen, D. (2015). Online Retail. UCI Machine Learning Repository,
    doi 10.24432/C5BW33 (CC BY 4.0).
    """
    source: Any = path
    if is_excel(os.fspath(path)):  # read once, which takes longer than all that follows
        source = load_workbooks(expand(path)).remove_column(0)
    orders = read_orders(source, preset="invoice_lines", engine=engine)
    lines = read_table(source, "order_lines", preset="invoice_order_lines", engine=engine)
    return CustomerData(orders, order_lines=lines)


def _cdnow(file: str, names: list[str], skip: int, engine: Engine | None) -> CustomerData:
    text = dataset_file(file).read_text(encoding="ascii")
    frame = pd.read_csv(
        io.StringIO(text), sep=r"\s+", header=None, skiprows=skip, names=names, dtype=str
    )
    orders = read_orders(
        frame,
        {"ordered_at": "date", "order_id": None},
        date_format="%Y%m%d",
        engine=engine,
    )
    return CustomerData(orders)
