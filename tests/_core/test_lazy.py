import sys
import types

import pytest

from segml._core.errors import MissingDependencyError
from segml._core.lazy import lazy_exports, optional_import


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package on disk with a module that notes when it is imported."""
    folder = tmp_path / "lazy_example"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from segml._core.lazy import lazy_exports\n"
        "__getattr__, __dir__ = lazy_exports(__name__, {'answer': 'slow', 'slow': 'slow'})\n"
    )
    (folder / "slow.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "lazy_example"
    for name in [name for name in sys.modules if name.split(".")[0] == "lazy_example"]:
        del sys.modules[name]


def test_a_module_is_imported_when_a_name_of_it_is_used(package) -> None:
    lazy = __import__(package)
    assert f"{package}.slow" not in sys.modules
    assert dir(lazy) == ["answer", "slow"]
    assert f"{package}.slow" not in sys.modules
    assert lazy.answer == 42
    assert f"{package}.slow" in sys.modules


def test_a_name_mapped_to_itself_is_the_module(package) -> None:
    lazy = __import__(package)
    assert isinstance(lazy.slow, types.ModuleType)
    assert lazy.slow.answer == 42


def test_a_name_is_looked_up_once(package) -> None:
    lazy = __import__(package)
    assert "answer" not in vars(lazy)
    assert lazy.answer == 42
    assert vars(lazy)["answer"] == 42


def test_an_unknown_name_is_an_attribute_error() -> None:
    get, names = lazy_exports("json", {"JSONDecoder": "decoder"})
    assert names() == ["JSONDecoder"]
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'nothing'"):
        get("nothing")


def test_optional_import_returns_the_module() -> None:
    assert optional_import("json.decoder", "x").__name__ == "json.decoder"


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        optional_import("no_such_package.sub", "spark")
    assert caught.value.problem.what == (
        "this needs the package no_such_package.sub, which is not installed"
    )
    assert caught.value.problem.hint == 'pip install "segml[spark]"'


def test_a_package_that_lacks_one_of_its_own_is_not_called_missing(package, tmp_path) -> None:
    (tmp_path / package / "broken.py").write_text("import no_such_package\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_package") as caught:
        optional_import(f"{package}.broken", "x")
    assert not isinstance(caught.value, MissingDependencyError)
