"""The files that other tools install from say the same as pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [
    Requirement(text)
    for text in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def lock_entries() -> list[str]:
    """Return the entries of the lock file, each with its hashes on one line."""
    lines = [line for line in LOCK.replace("\\\n", " ").splitlines() if line.strip()]
    return [line for line in lines if not line.lstrip().startswith("#")]


def pinned() -> dict[str, list[tuple[Version, Marker | None]]]:
    found: dict[str, list[tuple[Version, Marker | None]]] = {}
    for entry in lock_entries():
        requirement = Requirement(entry.split("--hash")[0].strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", entry
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append((Version(pin.version), requirement.marker))
    return found


def make_recipe() -> list[str]:
    """Return the arguments with which `make environment` calls pyproject2conda."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^(\w+)\s*\??=\s*(.*)$", text, re.MULTILINE))
    (line,) = re.findall(r"^\t\$\(BIN\)/pyproject2conda (.*)$", text, re.MULTILINE)
    line = line.replace("$(CONDA)", variables["CONDA"])
    return [part.strip('"') for part in re.findall(r'"[^"]*"|\S+', line)]


def test_environment_yml_is_what_make_environment_writes(tmp_path):
    tool = shutil.which("pyproject2conda", path=str(Path(sys.executable).parent))
    assert tool, "pyproject2conda is a dependency of development"
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    arguments = make_recipe()
    assert arguments[-2:] == ["--output", "environment.yml"]
    subprocess.run([tool, *arguments], cwd=tmp_path, check=True, capture_output=True)
    made = (tmp_path / "environment.yml").read_text(encoding="utf-8")
    assert made == (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_environment_yml_names_every_dependency():
    listed = (ROOT / "environment.yml").read_text(encoding="utf-8")
    names = set(re.findall(r"^ +- ([A-Za-z0-9_.-]+)", listed, re.MULTILINE))
    names = {canonicalize_name(name) for name in names}
    conda = {"duckdb": "python-duckdb"}
    for requirement in WANTED:
        name = canonicalize_name(requirement.name)
        assert conda.get(name, name) in names


@pytest.mark.parametrize("requirement", WANTED, ids=lambda requirement: requirement.name)
def test_lock_pins_every_dependency_within_its_bounds(requirement):
    pins = pinned()[canonicalize_name(requirement.name)]
    for version, _ in pins:
        assert requirement.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_lock_has_one_version_of_each_dependency_for_each_python(python):
    here = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    pins = pinned()
    for requirement in WANTED:
        fitting = [
            version
            for version, marker in pins[canonicalize_name(requirement.name)]
            if marker is None or marker.evaluate(here)
        ]
        assert len(fitting) == 1, requirement.name


def test_every_entry_of_the_lock_has_hashes():
    entries = lock_entries()
    assert len(entries) > len(WANTED)
    for entry in entries:
        hashes = re.findall(r"--hash=(\S+)", entry)
        assert hashes, entry
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), entry


@pytest.mark.parametrize(
    "word", ["://", "--index", "--extra-index", "--find-links", "file:", "@", "-e "]
)
def test_lock_names_no_place_to_install_from(word):
    assert word not in LOCK


def test_python_versions_agree():
    lowest = PROJECT["project"]["requires-python"]
    assert lowest == ">=3.11"
    assert PROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py311"
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.search(r"- python<3\.14,>=3\.11$", environment, re.MULTILINE)
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]
