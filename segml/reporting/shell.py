"""What the commands share: errors told in a line or two, with the code that they mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer

from segml._core.errors import DataError, ParameterError, RunError, SegmlError

OK, FAILED, BAD_INPUT, ALERT, INTERRUPTED = 0, 1, 2, 3, 130


def overrides_of(file: Path, given: list[str] | None, as_of: str | None) -> list[str]:
    """Return what is set on the command line, the report's day among it."""
    found = list(given or [])
    if as_of is not None:
        from .dates import spoken_day
        from .params_file import load_params

        day = spoken_day(as_of, load_params(file, found).data.time_zone)
        found.append(f"dates.as_of={day.isoformat()}")
    return found


@contextlib.contextmanager
def told_errors() -> Iterator[None]:
    """Say errors in a line or two, and end with the code that they mean."""
    from .data_files import display

    try:
        yield
    except RunError as error:
        folder: Any = getattr(error, "run_folder", None)
        _stop(f"{error}\n  run folder: {display(folder)}" if folder else str(error), FAILED)
    except (ParameterError, DataError) as error:
        _stop(str(error), BAD_INPUT)
    except SegmlError as error:
        _stop(str(error), FAILED)
    except KeyboardInterrupt:
        _stop("interrupted", INTERRUPTED)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(f"segml: {message}", err=True)
    raise typer.Exit(code)
