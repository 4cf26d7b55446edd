"""What the documents say exists: links, commands, targets, settings, routes, examples and code paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from contact_log.settings import ContactLogSettings
from ledger.settings import LedgerSettings
from notifier.settings import NotifierSettings
from spine.envelope import parse_structured
from spine.failpoints import NAMES as FAILPOINTS
from spine.settings import _SHARED, PORTS, BadSettings
from stager.settings import StagerSettings
from tact.cli import app
from tact.portfolio.published import topic_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "spine/*.md", "tact/*.md", "services/*/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SETTINGS = (
    LedgerSettings.from_environment,
    StagerSettings.from_environment,
    NotifierSettings.from_environment,
    ContactLogSettings.from_environment,
)


def each(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def all_documents(pattern: str) -> Iterator[tuple[str, str]]:
    """Every match of the pattern's only group, with the document it stands in."""
    for path in DOCUMENTS:
        for found in re.finditer(pattern, text_of(path)):
            yield each(path), found.group(1)


def anchors_of(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    outside_code = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", outside_code, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=each)
def test_relative_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(text_of(document)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_commands_are_ones_the_program_has() -> None:
    group: Any = typer.main.get_command(app)
    known = {*group.commands, *(f"dlq {name}" for name in group.commands["dlq"].commands)}
    # In prose `tact` is a word as well; a command stands in backticks or begins a line of a shell block.
    named = list(all_documents(r"`(?:\.venv/bin/)?tact ((?:dlq )?[a-z]+)"))
    named += list(all_documents(r"(?m)^ *(?:\.venv/bin/|tools )?tact ((?:dlq )?[a-z]+)"))
    assert len(named) > 20
    assert [(document, words) for document, words in named if words not in known] == []


def test_options_are_ones_the_program_has() -> None:
    group: Any = typer.main.get_command(app)
    for command in ("doctor", "demo"):
        known = {option for parameter in group.commands[command].params for option in parameter.opts}
        for document, option in all_documents(rf"tact {command} (--[a-z-]+)"):
            assert option in known, (document, option)


def test_make_targets_are_ones_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    named = list(all_documents(r"`make ([a-z-]+)")) + list(all_documents(r"(?m)^make ([a-z-]+)"))
    assert named
    assert [(document, target) for document, target in named if target not in targets] == []


def known_settings() -> set[str]:
    """Every variable the code reads; a service tells its own when it is given one it does not know."""
    known = set(_SHARED)
    for service, read in zip(PORTS, _SETTINGS, strict=True):
        prefix = f"TACT_{service.upper().replace('-', '_')}_"
        with pytest.raises(BadSettings) as refused:
            read({f"{prefix}NO_SUCH_SETTING": "1"})
        known |= set(re.findall(rf"{prefix}[A-Z_]+", refused.value.detail.partition(" knows ")[2]))
    return known


def test_settings_are_ones_the_code_knows() -> None:
    known = known_settings()
    for document, name in all_documents(r"\b(TACT_[A-Z_]*[A-Z])\b"):
        # `TACT_KAFKA_SECURITY_*` and `TACT_STAGER_…` stand for several.
        assert name in known or any(other.startswith(f"{name}_") for other in known), (document, name)


def routes_of(service: str) -> list[tuple[set[str], re.Pattern[str]]]:
    router = import_module(f"{service.replace('-', '_')}.api").router
    return [
        (route.methods, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", route.path) + "$"))
        for route in router.routes
    ]


def test_routes_are_ones_the_services_have() -> None:
    of_port: Mapping[str, str] = {str(port): service for service, port in PORTS.items()}
    called = list(all_documents(r"localhost:(81\d\d/v1/[\w{}/.-]+)"))
    assert called
    for document, where in called:
        port, _, route = where.partition("/")
        assert any(p.match(f"/{route}") for _, p in routes_of(of_port[port])), (document, where)
    everywhere = [route for service in PORTS for route in routes_of(service)]
    for document, words in all_documents(r"`((?:GET|POST) /v1/[\w{}/.-]+)"):
        method, _, route = words.partition(" ")
        # The simulator's own doors stand in the same words.
        ours = any(method in methods and p.match(route) for methods, p in everywhere)
        assert ours or route == "/v1/behaviour", (document, words)


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "README.zh-CN.md"], ids=each)
def test_events_shown_are_ones_the_services_take(document: Path) -> None:
    shown = re.findall(r"```json\n(.*?)```", text_of(document), flags=re.DOTALL)
    assert len(shown) == 2
    for example in shown:
        structured = parse_structured(json.dumps(json.loads(example)).encode())
        event = structured.event(topic_of(structured.envelope.type))
        assert structured.envelope.type == event.TYPE


def test_both_languages_show_the_same_commands_and_settings() -> None:
    def shown(document: Path) -> list[str]:
        text = text_of(document)
        blocks = re.findall(r"```(?:sh|json)\n(.*?)```", text, flags=re.DOTALL)
        code = [re.sub(r"\s*[#┐┘].*", "", line).rstrip() for block in blocks for line in block.splitlines()]
        return code + re.findall(r"^\| `?(TACT_[A-Z_]+)", text, flags=re.MULTILINE)

    assert shown(ROOT / "README.md") == shown(ROOT / "README.zh-CN.md")


def test_failpoints_named_exist() -> None:
    for document, name in all_documents(r'FAILPOINTS="([a-z_.]+)='):
        assert name in FAILPOINTS, document


def test_modules_named_exist() -> None:
    for document, name in all_documents(r"`(spine\.[a-z_.]+)`"):
        module = Path("spine/src/spine", *name.split(".")[1:])
        assert (ROOT / module).is_dir() or (ROOT / module).with_suffix(".py").is_file(), (document, name)
    for document, name in all_documents(r"`(tests/[\w/]+(?:\.py)?)`"):
        assert (ROOT / name).exists(), (document, name)


def test_nothing_points_outside_the_repository() -> None:
    for document, place in all_documents(r"((?:^|[\s(`\"])(?:/work|/root|\.\./shared)\b)"):
        pytest.fail(f"{document}: {place}")
