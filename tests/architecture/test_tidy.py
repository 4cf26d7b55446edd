"""What a reviewer should never have to say: size, names, clocks, money, commits, left-overs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SERVICES, python_files, shown, text_files, tree

MAX_LINES = 350
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base"}

#: Named in parts, so that this file does not hold what it looks for.
_LEFT_OVERS = re.compile("|".join(rf"\b{a}{b}\b" for a, b in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"))))
_REGISTRIES = re.compile(
    "|".join(
        re.escape(f"{host}.{end}")
        for host, end in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("repo1.maven", "org"),
            ("repo.maven.apache", "org"),
            ("crates", "io"),
            ("rubygems", "org"),
            ("proxy.golang", "org"),
        )
    )
)
_MACHINES = re.compile("|".join(rf"(?<![\w.-])/{place}/" for place in ("work", "root", r"home/\w+")))


def _is_migration(path: Path) -> bool:
    return path.parent.name == "versions"


def test_modules_are_short() -> None:
    sizes = {
        shown(path): sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
        for path in python_files()
        if not _is_migration(path)
    }
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}


def test_modules_are_named_for_what_they_are() -> None:
    names = {
        shown(path)
        for path in python_files()
        if BANNED_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}
    }
    assert names == set()


def test_every_module_says_its_place() -> None:
    silent = [
        shown(path)
        for path in python_files()
        if path.read_text(encoding="utf-8").strip() and ast.get_docstring(tree(path)) is None
    ]
    assert silent == []


def test_no_clock_is_read_without_a_zone() -> None:
    naive = []
    for path in python_files():
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            on = node.func.value
            names = (
                {on.id} if isinstance(on, ast.Name) else {on.attr} if isinstance(on, ast.Attribute) else set()
            )
            if names & {"datetime", "date"} and (
                node.func.attr in ("utcnow", "today", "utcfromtimestamp")
                or (node.func.attr == "now" and not node.args and not node.keywords)
            ):
                naive.append(f"{shown(path)}:{node.lineno}")
    assert naive == []


def test_domains_know_no_binary_floats() -> None:
    floats = [
        f"{shown(path)}:{node.lineno}"
        for package in SERVICES.values()
        for path in python_files(package / "domain")
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    assert floats == []


def test_only_spine_commits() -> None:
    commits = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files(*(ROOT / name for name in ("services", "tact", "dev")))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert commits == []


def test_domains_do_not_wait() -> None:
    waiting = [
        shown(path)
        for package in SERVICES.values()
        for path in python_files(package / "domain")
        if any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree(path)))
    ]
    assert waiting == []


@pytest.mark.parametrize(
    "pattern", [_LEFT_OVERS, _REGISTRIES, _MACHINES], ids=["left-overs", "registries", "machines"]
)
def test_nothing_is_left_lying_about(pattern: re.Pattern[str]) -> None:
    found = [
        f"{shown(path)}:{number}: {match.group()}"
        for path, content in text_files()
        for number, line in enumerate(content.splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert found == []


def test_the_patterns_find_what_they_look_for() -> None:
    assert _LEFT_OVERS.search("# TO" + "DO later")
    assert _REGISTRIES.search("https://pypi" + ".org/simple")
    assert _MACHINES.search("cd /" + "work/main")
    assert not _MACHINES.search("docs" + "/work" + "/notes")
