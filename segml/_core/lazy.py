"""Load modules when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType

from .errors import MissingDependencyError


def lazy_exports(
    package: str, where: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Build the module-level ``__getattr__`` and ``__dir__`` (PEP 562) of a package.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    where : mapping of str to str
        Public name to the module below the package that defines it; a name
        mapped to itself stands for the module.

    Examples
    --------
    >>> get, names = lazy_exports("json", {"JSONDecoder": "decoder"})
    >>> get("JSONDecoder").__name__, names()
    ('JSONDecoder', ['JSONDecoder'])
    """

    def get(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{where[name]}")
        value = module if where[name] == name else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(where)


def optional_import(module: str, extra: str) -> ModuleType:
    """Import a package that only some users have.

    Raises
    ------
    MissingDependencyError
        Names the extra that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingDependencyError(
            f"this needs the package {module}, which is not installed",
            hint=f'pip install "segml[{extra}]"',
        ) from error
