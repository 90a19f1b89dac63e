"""One SQL text on an embedded engine: register a source, run a text lazily, fetch, write.

No domain words here: what a customer or an order is, the layers above know.
"""

from .databases import connect
from .duck import Engine, default_engine
from .table import Table

__all__ = ["Engine", "Table", "connect", "default_engine"]
