"""What leaves segml: fitted models as files, segments as SQL and as files for marketing tools."""

from .audience import to_audience
from .audience_result import Audience
from .models import load_model, save_model
from .sql_text import to_sql

__all__ = ["Audience", "load_model", "save_model", "to_audience", "to_sql"]
