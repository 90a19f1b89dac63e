"""What leaves segml: fitted models as files."""

from .models import load_model, save_model

__all__ = ["load_model", "save_model"]
