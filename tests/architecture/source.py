"""Finds and parses what the architecture tests look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    path.name: path / "src" / path.name.replace("-", "_")
    for path in sorted((ROOT / "services").iterdir())
    if (path / "src" / path.name.replace("-", "_") / "app.py").exists()
}
PYTHON_ROOTS = ("spine", "tact", "services", "dev", "tests")
TEXT_ROOTS = (*PYTHON_ROOTS, "contracts", "deploy", "docs", ".ci", ".github")
_SKIPPED = frozenset({"__pycache__", ".venv", "node_modules"})


def python_files(*below: Path) -> list[Path]:
    """Every module below the given folders; of the whole repository without any."""
    roots = below or tuple(ROOT / name for name in PYTHON_ROOTS)
    return sorted(path for root in roots for path in root.rglob("*.py") if not _SKIPPED & set(path.parts))


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file of the repository and what is in it."""
    tops = [path for path in ROOT.iterdir() if path.is_file()]
    nested = [path for name in TEXT_ROOTS for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in sorted(tops + nested):
        if _SKIPPED & set(path.parts):
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def shown(path: Path) -> str:
    """A path as a failing test tells it."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> set[str]:
    """The full names of the modules and names a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
