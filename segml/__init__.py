"""Customer segmentation for e-commerce: features, segments, lifetime value, KPIs and reports.

Sub-packages load when they are first used, so ``import segml`` is quick.

>>> import segml
>>> data = segml.data.load_cdnow_sample()
>>> len(segml.features.rfm_summary(data, as_of="1998-06-30"))
2357
"""

from segml._core.lazy import lazy_exports

__version__ = "0.1.0.dev0"

__all__ = [
    "__version__",
    "clustering",
    "clv",
    "data",
    "evaluation",
    "export",
    "features",
    "kpis",
    "plots",
    "reporting",
]

__getattr__, __dir__ = lazy_exports(__name__, {name: name for name in __all__[1:]})
