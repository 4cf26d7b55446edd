"""Imports point inward: the contracts of pyproject.toml, and who may know whom within a service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SERVICES, imports, python_files, shown

every_service = pytest.mark.parametrize("package", SERVICES.values(), ids=list(SERVICES))


def test_the_import_contracts_are_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_service
def test_only_the_store_knows_the_tables(package: Path) -> None:
    knowing = {
        shown(path)
        for path in python_files(package)
        if f"{package.name}.tables" in imports(path)
        and not _is_store(package, path)
        and "tables" not in path.relative_to(package).parts
    }
    assert knowing == set()


@every_service
def test_nothing_knows_the_composition_root(package: Path) -> None:
    knowing = {shown(path) for path in python_files(package) if f"{package.name}.app" in imports(path)}
    assert knowing == set()


@every_service
def test_the_domain_knows_nothing_around_it(package: Path) -> None:
    """Not the doors, not the store, not the clock of the machine: `now` is an argument."""
    allowed = {f"{package.name}.domain"}
    knowing = {
        f"{shown(path)}: {name}"
        for path in python_files(package / "domain")
        for name in imports(path)
        if name.startswith(f"{package.name}.") and not any(name.startswith(ok) for ok in allowed)
    }
    assert knowing == set()


@every_service
def test_the_store_knows_no_door(package: Path) -> None:
    doors = {f"{package.name}.{name}" for name in ("api", "consumes", "schedule", "handlers", "emits")}
    knowing = {
        f"{shown(path)}: {name}"
        for path in python_files(package)
        if _is_store(package, path)
        for name in imports(path)
        if any(name == door or name.startswith(f"{door}.") for door in doors)
    }
    assert knowing == set()


def _is_store(package: Path, path: Path) -> bool:
    top = path.relative_to(package).parts[0]
    return top in ("store", "store.py")
