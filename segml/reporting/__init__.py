"""Reports: parameters, the runner, the manifest of a run, its page, and the gallery of runs."""

from segml._core.lazy import lazy_exports

__all__ = [
    "ReportParams",
    "RunResult",
    "build_gallery",
    "load_params",
    "open_workspace",
    "run_report",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ReportParams": "params",
        "RunResult": "runner",
        "build_gallery": "gallery",
        "load_params": "params_file",
        "open_workspace": "workspace",
        "run_report": "runner",
    },
)
