"""What holds for the package as a whole: imports, names, sizes, docstrings."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import segml

ROOT = Path(segml.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
PACKAGES = [
    f"segml.{found.name}"
    for found in pkgutil.iter_modules([str(ROOT)])
    if found.ispkg and not found.name.startswith("_")
]
HEAVY = {"pandas", "duckdb", "sklearn", "matplotlib", "umap", "hdbscan", "papermill", "lifetimes"}


def public(package: str) -> dict[str, object]:
    module = importlib.import_module(package)
    return {name: getattr(module, name) for name in module.__all__}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()} | {
        name for name in done.stdout.split() if name.startswith("segml.")
    }


def test_import_is_light() -> None:
    loaded = loaded_by("import segml")
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("segml.")} <= {
        "segml._core",
        "segml._core.errors",
        "segml._core.lazy",
    }


def test_a_sub_package_loads_when_it_is_first_used() -> None:
    loaded = loaded_by("import segml; segml.data")
    assert "segml.data" in loaded
    assert "segml.features" not in loaded
    assert loaded & {"sklearn", "matplotlib", "umap", "hdbscan", "papermill", "lifetimes"} == set()


@pytest.mark.parametrize("name", segml.__all__)
def test_every_name_of_segml_resolves(name) -> None:
    assert getattr(segml, name) is not None


def test_segml_lists_its_packages() -> None:
    assert set(segml.__all__) - {"__version__"} <= set(dir(segml))
    with pytest.raises(AttributeError, match="module 'segml' has no attribute 'nothing'"):
        _ = segml.nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_resolves_once(package) -> None:
    names = importlib.import_module(package).__all__
    assert len(set(names)) == len(names)
    assert set(public(package)) == set(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_hides_a_module(package) -> None:
    """With ``from .clean import clean`` the module could no longer be reached."""
    module = importlib.import_module(package)
    modules = {found.name for found in pkgutil.iter_modules(module.__path__)}
    for name, value in public(package).items():
        if name in modules:
            assert isinstance(value, types.ModuleType), f"{package}.{name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


PUBLIC = [
    pytest.param(value, id=f"{package}.{name}")
    for package in PACKAGES
    for name, value in public(package).items()
    if inspect.isfunction(value) or inspect.isclass(value)
]


@pytest.mark.parametrize("value", PUBLIC)
def test_public_docstrings_have_their_sections(value) -> None:
    doc = inspect.getdoc(value)
    assert doc
    assert value.__doc__, "the docstring is inherited"
    if inspect.isclass(value):
        assert has_section(doc, "Parameters") or has_section(doc, "Attributes")
        return
    signature = inspect.signature(value)
    if signature.parameters:
        assert has_section(doc, "Parameters")
        section = doc.split("Parameters\n", 1)[1]
        for name in signature.parameters:
            assert name in section, f"{name} is not described"
    if signature.return_annotation not in (None, "None", inspect.Signature.empty):
        assert has_section(doc, "Returns") or has_section(doc, "Yields")


def has_section(doc: str, name: str) -> bool:
    return f"\n{name}\n{'-' * len(name)}\n" in doc
