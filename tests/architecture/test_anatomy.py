"""Knowing one service is knowing all: the same names in each, and every other name said here with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SERVICES

#: What every service has.
ALWAYS = {
    "__init__.py",
    "py.typed",
    "app.py",
    "settings.py",
    "consumes.py",
    "api.py",
    "emits.py",
    "domain",
    "migrations",
}
#: Without imports: a composition root puts together, it decides nothing.
MAX_ROOT_LINES = 70
#: What a service has when it does that; a module that outgrew its file is a package of the same name.
SOMETIMES = {"schedule", "handlers", "rules", "policy", "store", "tables", "views"}
#: What only one service does, and why it stands beside the shared names.
OWN: dict[str, dict[str, str]] = {
    "ledger": {
        "account": "a loan at hand while facts are booked",
        "applying": "what is stated of a loan becomes part of its facts, in the service and for a file",
        "books": "one fact after another becomes what is true of the loans at hand",
        "bulk": "the streamed door: NDJSON in, an answer a line out",
        "classes": "asset classification by tables that are data",
        "closing": "the day close, batch by batch",
        "contract": "a loan as core banking states it becomes the domain's facts",
        "door": "what comes over REST becomes the events a consumer would hand on",
        "figures": "the figures of a loan, the same for REST and the command line",
        "identity": "an event is known again by its id and by what it says",
        "itemised": "the breakdown of a loan as data",
        "loan_log": "what a file states of each loan, packed until the file's end is known",
        "offline": "a file of events becomes loans without a database",
        "phrases": "the words of a breakdown, language by language",
        "reach": "which dates can be a loan's at all",
        "sentences": "the breakdown of a loan in words that a borrower can follow",
        "statements": "core banking's own figures against the ledger's",
        "standing": "what was last said of a loan, and what is new",
        "transits": "money that may be on its way",
    },
    "stager": {
        "books": "asks the ledger how an amount came about",
        "gate": "asks the notifier what may be said and done, and when",
        "remote": "another service asked over REST, whatever it answers",
    },
    "notifier": {
        "gateway_health": "how each gateway fares, for probes and metrics",
        "gateways": "the port to those who hand messages on, and its adapters",
        "sending": "the send state machine: reserve, hand over, reconcile",
        "template_values": "the whitelist of what may be filled into a text",
        "templates": "the words that are sent, as versioned data",
        "vault": "personal data, encrypted under a key per person",
        "vectors": "the cases beside each policy pack",
        "why": "a stored decision made again",
        "wording": "the texts themselves",
    },
}

every_service = pytest.mark.parametrize("name", list(SERVICES))


def _names(package: Path) -> set[str]:
    return {path.name for path in package.iterdir() if path.name != "__pycache__"}


@every_service
def test_a_service_has_what_every_service_has(name: str) -> None:
    here = {n.removesuffix(".py") for n in _names(SERVICES[name])}
    assert {n.removesuffix(".py") for n in ALWAYS} - here == set()


@every_service
def test_a_service_has_no_name_of_another_kind(name: str) -> None:
    known = {n.removesuffix(".py") for n in ALWAYS | SOMETIMES} | OWN.get(name, {}).keys()
    unknown = {n.removesuffix(".py") for n in _names(SERVICES[name])} - known
    assert unknown == set(), f"say in OWN what these are for, or find them a place: {sorted(unknown)}"


@every_service
def test_no_own_name_is_left_over(name: str) -> None:
    here = {n.removesuffix(".py") for n in _names(SERVICES[name])}
    assert OWN.get(name, {}).keys() - here == set()


@every_service
def test_the_composition_root_is_short(name: str) -> None:
    lines = (SERVICES[name] / "app.py").read_text(encoding="utf-8").splitlines()
    body = [line for line in lines if line.strip() and not line.startswith(("from ", "import ", "    #"))]
    assert len(body) <= MAX_ROOT_LINES


@every_service
def test_a_service_says_what_it_is_and_numbers_its_migrations(name: str) -> None:
    root = ROOT / "services" / name
    assert (root / "pyproject.toml").exists()
    assert len((root / "README.md").read_text(encoding="utf-8").split()) > 100
    migrations = SERVICES[name] / "migrations"
    assert (migrations / "script.py.mako").exists()
    numbers = [path.stem.split("_")[1] for path in sorted((migrations / "versions").glob("*.py"))]
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]


@every_service
def test_every_service_has_tests_that_mirror_it(name: str) -> None:
    tests = ROOT / "tests" / name.replace("-", "_")
    assert list(tests.rglob("test_*.py"))
