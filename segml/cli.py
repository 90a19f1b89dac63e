"""The command `segml`: a thin shell over segml.reporting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from segml import __version__
from segml._core.errors import DataError, ParameterError, RunError

if TYPE_CHECKING:
    from segml.reporting.manifest import NotebookRun

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Customer segmentation reports from a parameter file.",
)

ParamsFile = Annotated[Path, typer.Argument(metavar="PARAMS", help="YAML parameter file.")]
NotebooksDir = Annotated[
    Path | None,
    typer.Option("--notebooks", metavar="DIR", help="Where the notebooks are."),
]
ReportsDir = Annotated[
    Path | None,
    typer.Option("--reports", metavar="DIR", help="Where the run folder goes."),
]


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"segml {__version__}")
        raise typer.Exit(OK)


@app.command()
def run(params: ParamsFile, notebooks: NotebooksDir = None, reports: ReportsDir = None) -> None:
    """Run a report; print the path of its page.

    Ends with 0 when it completed, 1 when it failed, 2 when the parameters or the data file are
    wrong and nothing was started.
    """
    from segml.reporting.preflight import display
    from segml.reporting.runner import FailedRunError, run_report

    try:
        result = run_report(
            params, notebooks_dir=notebooks, reports_dir=reports, progress=_progress
        )
    except FailedRunError as error:
        _stop(f"{error}\n  run folder: {display(error.run_folder)}", FAILED)
    except RunError as error:
        _stop(str(error), FAILED)
    except (ParameterError, DataError) as error:
        _stop(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        _stop("interrupted", INTERRUPTED)
    typer.echo(display(result.html))


@app.command()
def validate(params: ParamsFile, notebooks: NotebooksDir = None) -> None:
    """Check a parameter file, the notebooks and the data file it names; run nothing."""
    from segml.reporting.preflight import prepare

    try:
        prepare(params, notebooks_dir=notebooks)
    except (ParameterError, DataError) as error:
        _stop(str(error), BAD_INPUT)
    typer.echo(f"{params} is valid", err=True)


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Or a YAML file.")] = None,
) -> None:
    """List the export layouts that segml reads, or show what one expects."""
    from segml.data.fit import describe
    from segml.data.presets import PRESETS, load_preset

    if name is None:
        width = max(len(known) for known in PRESETS)
        for preset in PRESETS.values():
            typer.echo(f"{preset.name:<{width}}  {preset.kind:<11}  {preset.description}")
        return
    try:
        typer.echo(describe(load_preset(name)))
    except ParameterError as error:
        _stop(str(error), BAD_INPUT)


def _progress(position: int, total: int, notebook: NotebookRun) -> None:
    if notebook.status == "running":
        typer.echo(f"[{position}/{total}] {notebook.name} ... ", nl=False, err=True)
    else:
        outcome = "" if notebook.status == "completed" else f"{notebook.status} after "
        typer.echo(f"{outcome}{notebook.seconds or 0:.1f} s", err=True)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(f"segml: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    app()
