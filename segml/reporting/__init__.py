"""Reports: parameters, the runner, manifests, pages, the gallery of runs and comparisons."""

from segml._core.lazy import lazy_exports

__all__ = [
    "ReportParams",
    "RunComparison",
    "RunResult",
    "build_gallery",
    "compare_runs",
    "load_params",
    "open_workspace",
    "run_report",
    "run_sweep",
    "write_comparison",
    "write_mail",
    "write_pdf",
    "write_summary",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ReportParams": "params",
        "RunComparison": "compare",
        "RunResult": "runner",
        "build_gallery": "gallery",
        "compare_runs": "compare",
        "load_params": "params_file",
        "open_workspace": "workspace",
        "run_report": "runner",
        "run_sweep": "sweep",
        "write_comparison": "previous",
        "write_mail": "mail",
        "write_pdf": "pdf",
        "write_summary": "summary",
    },
)
