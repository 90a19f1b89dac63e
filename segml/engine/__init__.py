"""One SQL text on an embedded engine: register a source, run a text lazily, fetch, write.

No domain words here: what a customer or an order is, the layers above know.
"""

from .base import Engine
from .databases import connect, engine_for
from .duck import DuckEngine, default_engine
from .spark import SparkEngine
from .table import Table

__all__ = [
    "DuckEngine",
    "Engine",
    "SparkEngine",
    "Table",
    "connect",
    "default_engine",
    "engine_for",
]
