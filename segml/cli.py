"""The command `segml`: a thin shell over segml.reporting."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from segml import __version__
from segml._core.errors import RunError, SegmlError
from segml.reporting.shell import ALERT, FAILED, OK, overrides_of, told_errors

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
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
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter in place of the file's."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="The report's day: today, yesterday or a date."),
]

Jobs = Annotated[int, typer.Option(metavar="N", help="Notebooks that run at once.")]


class _WithParameters(TyperCommand):
    """A command whose help lists what a parameter file may say, from the schema."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # of the click within Typer
        """Write the list after the options."""
        from segml.reporting.template import parameter_list

        with formatter.section("Parameters of a file or --set"):
            formatter.write_dl(
                [(f"{key} [{default}]", said) for key, default, said in parameter_list()],
                col_max=46,
            )


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"segml {__version__}")
        raise typer.Exit(OK)


@app.command(cls=_WithParameters)
def run(
    params: ParamsFile,
    set_: Overrides = None,
    as_of: AsOf = None,
    notebooks: NotebooksDir = None,
    reports: ReportsDir = None,
    jobs: Jobs = 1,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End the run after so long.")
    ] = None,
    notebook_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End a notebook after so long.")
    ] = None,
    retry: Annotated[int, typer.Option(metavar="N", help="Start a failed notebook again.")] = 0,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Remove all but so many earlier runs.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Execute every notebook, whatever earlier runs have.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write report.pdf too, by Chromium.")] = False,
    mail: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="Write report.eml to send there.")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Write summary.md, for a chat.")
    ] = False,
) -> None:
    """Run a report; print the path of its page.

    Ends with 0 when it completed, 1 when it failed, 2 when the parameters or the data are wrong
    and nothing was started, 3 when it completed and crossed a threshold for alerts.
    """
    from segml.reporting.data_files import display
    from segml.reporting.mail import write_mail
    from segml.reporting.pdf import write_pdf
    from segml.reporting.progress import progress_for
    from segml.reporting.runner import run_report
    from segml.reporting.summary import write_summary

    with told_errors(), progress_for() as progress:
        result = run_report(
            params,
            overrides_of(params, set_, as_of),
            notebooks_dir=notebooks,
            reports_dir=reports,
            progress=progress,
            jobs=jobs,
            timeout=timeout,
            notebook_timeout=notebook_timeout,
            retry=retry,
            keep=keep,
            fresh=fresh,
        )
    typer.echo(display(result.html))
    try:
        if summary:
            write_summary(result.folder)
        if mail:
            write_mail(result.folder, to=mail)
        if pdf:
            write_pdf(result.folder)
    except SegmlError as error:  # the run has completed all the same
        typer.echo(f"segml: {error}", err=True)
    for alert in result.alerts:
        typer.echo(f"segml: alert: {alert['words']}", err=True)
    if result.alerts:
        raise typer.Exit(ALERT)


@app.command()
def sweep(
    params: ParamsFile,
    vary: Annotated[
        list[str],
        typer.Option(metavar="KEY=[A,B]", help="Values of a parameter; several make a grid."),
    ],
    set_: Overrides = None,
    as_of: AsOf = None,
    notebooks: NotebooksDir = None,
    reports: ReportsDir = None,
    jobs: Jobs = 1,
) -> None:
    """Run a report once with each of several values of parameters; print each page.

    What does not depend on them is done once; a sweep that was stopped goes on where it was.
    Ends with 1 when a member failed.
    """
    from segml.reporting.data_files import display
    from segml.reporting.progress import progress_for
    from segml.reporting.sweep import run_sweep, sweep_members

    with told_errors(), progress_for() as progress:
        given = overrides_of(params, set_, as_of)
        members = sweep_members(params, vary, given)
        results = run_sweep(
            list(members.values()),
            notebooks_dir=notebooks or params.absolute().parents[1] / "notebooks",
            reports_dir=reports or params.absolute().parents[1] / "reports",
            progress=progress,
            jobs=jobs,
        )
    failed = False
    for said, result in zip(members, results, strict=True):
        if isinstance(result, RunError):
            failed = True
            typer.echo(f"segml: {said}: {result}", err=True)
        else:
            typer.echo(f"{said}\t{display(result.html)}")
    if failed:
        raise typer.Exit(FAILED)


@app.command(name="compare-models")
def compare_models(
    params: ParamsFile,
    set_: Overrides = None,
    notebooks: NotebooksDir = None,
    reports: ReportsDir = None,
) -> None:
    """Compare models by backtests: print the leaderboards and the path of the page."""
    from segml.reporting.data_files import display
    from segml.reporting.leaderboard_text import leaderboard_text
    from segml.reporting.progress import progress_for
    from segml.reporting.runner import run_report

    with told_errors(), progress_for() as progress:
        result = run_report(
            params,
            ["notebooks=[01_data_quality, 08_model_comparison]", *(set_ or [])],
            notebooks_dir=notebooks,
            reports_dir=reports,
            progress=progress,
        )
    typer.echo(leaderboard_text(result.folder), err=True)
    typer.echo(display(result.html))


@app.command()
def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Run folder, run id or report.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="The later one.")],
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Where the run folders are.")
    ] = Path("reports"),
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with figures, too.")
    ] = None,
) -> None:
    """Compare two runs: parameters, data, metrics, KPIs, segments."""
    from segml.reporting.compare import compare_runs, run_folder

    with told_errors():
        found = compare_runs(run_folder(run_a, reports), run_folder(run_b, reports))
        if html is not None:
            found.to_html(html)
    if sys.stdout.isatty():
        import rich

        rich.print(found)
    else:
        typer.echo(found.to_text())


@app.command()
def gallery(
    reports: Annotated[Path, typer.Argument(metavar="[REPORTS]", help="The folder.")] = Path(
        "reports"
    ),
) -> None:
    """Write the gallery of all runs again; print its path."""
    from segml.reporting.data_files import display
    from segml.reporting.gallery import build_gallery

    with told_errors():
        typer.echo(display(build_gallery(reports)))


@app.command()
def validate(
    params: ParamsFile,
    set_: Overrides = None,
    as_of: AsOf = None,
    notebooks: NotebooksDir = None,
) -> None:
    """Check a parameter file, the notebooks and the data it names; run nothing."""
    from segml.reporting.preflight import prepare

    with told_errors():
        job = prepare(params, overrides_of(params, set_, as_of), notebooks_dir=notebooks)
    typer.echo(f"{params} is valid; {job.data}", err=True)


@app.command()
def params(
    file: Annotated[
        Path | None, typer.Argument(metavar="[PARAMS]", help="Show what a file comes to.")
    ] = None,
    set_: Overrides = None,
    template: Annotated[
        bool, typer.Option("--template", help="Write every key with its default, explained.")
    ] = False,
) -> None:
    """Print a parameter file: every key with its default, or what a file says."""
    import yaml

    from segml.reporting.params_file import load_params
    from segml.reporting.template import params_template

    with told_errors():
        if file is None or template:
            typer.echo(params_template(), nl=False)
        else:
            asked = load_params(file, set_ or []).as_json()
            typer.echo(yaml.safe_dump(asked, sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your orders: CSV, Excel or Parquet.")
    ] = None,
) -> None:
    """Set up a folder with the notebooks and a parameter file for your own data."""
    from segml.reporting.data_files import display
    from segml.reporting.project import init_project

    values = {} if data is None else {"data.source": str(data.absolute())}
    with told_errors():
        file = init_project(folder, values)
    typer.echo(display(file))


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
    with told_errors():
        typer.echo(describe(load_preset(name)))


def main() -> None:
    """Run the command line."""
    app()
