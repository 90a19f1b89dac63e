"""A lazy table of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .base import Engine


class Table:
    """A named result that is computed when it is fetched.

    Made by :meth:`Engine.register` and :meth:`Engine.sql`, not by hand.

    Attributes
    ----------
    engine : Engine
        Where it lives.
    name : str
        The name that other texts refer to it by.
    types : dict of str to str
        Column name to SQL type, in order.
    """

    def __init__(
        self, engine: Engine, name: str, types: dict[str, str], parents: tuple[Any, ...] = ()
    ) -> None:
        self.engine = engine
        self.name = name
        self.types = types
        self._parents = parents  # what this one reads from lives as long as it does

    @property
    def columns(self) -> list[str]:
        """Column names in order."""
        return list(self.types)

    def __len__(self) -> int:
        """Count the rows (runs a query)."""
        return int(self.scalar("SELECT count(*) FROM {self}"))

    def scalar(self, text: str, /, **values: Any) -> Any:
        """Return the one value of a query over this table, which the text calls ``{self}``."""
        return self.row(text, **values)[0]

    def row(self, text: str, /, **values: Any) -> tuple[Any, ...]:
        """Return the one row of a query over this table, which the text calls ``{self}``."""
        return self.engine.fetch_row(text.replace("{self}", "{_self}"), _self=self, **values)

    def to_arrow(self) -> pa.Table:
        """Fetch as a PyArrow table."""
        return self.engine.fetch_arrow(self)

    def to_pandas(self) -> pd.DataFrame:
        """Fetch as a pandas DataFrame."""
        return self.to_arrow().to_pandas()

    def batches(self, size: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Fetch as Arrow record batches of at most about `size` rows.

        Take them all, or drop the iterator, before the engine is used for something else;
        it refuses other work in between.
        """
        yield from self.engine.fetch_batches(self, size)

    def to_parquet(self, path: str | Path) -> Path:
        """Write as Parquet (zstd, times in microseconds), whole or not at all.

        DuckDB writes one file, Spark a folder of several, without the driver.
        """
        self.engine.write_parquet(self, path)
        return Path(path)

    def materialise(self) -> Table:
        """Compute now and keep the rows in the engine (on disk when memory is short)."""
        return self.engine.materialise(self)

    def __repr__(self) -> str:
        columns = ", ".join(f"{name} {kind}" for name, kind in self.types.items())
        return f"<Table {self.name}: {columns}>"
