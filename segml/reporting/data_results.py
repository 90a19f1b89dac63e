"""The data of a report, and what they are like."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from segml.data import CustomerData, QualityReport, quality_report
from segml.engine import Engine
from segml.features.dates import last_day

from .artefacts import Artefacts
from .params import ReportParams
from .reading import open_engine, read_data, store_data, stored_data


class DataResults:
    """Results of one report; see :func:`segml.reporting.open_workspace`.

    Parameters
    ----------
    params : ReportParams
        What the report is asked to do.
    run_dir : Path or None
        Its run folder.
    """

    def __init__(self, params: ReportParams, run_dir: Path | None) -> None:
        self.params = params
        self.artefacts = Artefacts(run_dir)

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self.params.data)

    @cached_property
    def data(self) -> CustomerData:
        """The clean orders, with the account of every row."""
        if (stored := stored_data(self.artefacts, self._engine)) is not None:
            return stored
        data = read_data(self.params.data, self.params.currency, self._engine, self.params.seed)
        store_data(self.artefacts, data)
        return data

    @cached_property
    def as_of(self) -> dt.date:
        """The report's day: as asked, or that of the last order."""
        return self.params.dates.as_of or last_day(self.data.orders.table)

    @cached_property
    def quality(self) -> QualityReport:
        """What the data are like and what they are enough for."""
        report = quality_report(self.data, self.as_of)
        self.artefacts.keep_json("quality.json", report.to_dict())
        return report

    @cached_property
    def _known(self) -> CustomerData:
        """The orders up to the report's day; the period it falls in may go on after it."""
        orders = self.data.orders
        table = orders.table.engine.sql(
            "SELECT * FROM {orders} WHERE day_index(ordered_at) <= day_index({as_of})",
            orders=orders.table,
            as_of=self.as_of,
        )
        return replace(self.data, orders=replace(orders, table=table))
