"""Runs the cases that stand beside each policy pack: facts in, verdict out, both sides of every edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from notifier.domain.decide import decide
from notifier.domain.decision import Decision, Verdict
from notifier.domain.digest import canonical, restored
from notifier.domain.pack import Pack
from notifier.policy import load_packs
from spine.policy import BadPolicy, load_policy


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One case: `facts` are laid over the file's; `rules` are the ids expected, in order."""

    name: str
    now: Annotated[datetime, Meta(tz=True)]
    facts: dict[str, Any] = {}
    verdict: Verdict
    until: datetime | None = None
    rules: tuple[str, ...] = ()


class VectorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cases of some packs in force together."""

    packs: tuple[str, ...]
    facts: dict[str, Any]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case whose answer is not the expected one."""

    case: str
    expected: str
    got: str


def read_vectors(path: Path) -> VectorFile:
    """The cases of a file; BadPolicy names what is wrong in it."""
    return load_policy(VectorFile, path.read_text(encoding="utf-8"), path=path.name).policy


def run_vectors(path: Path, override_dir: Path | None = None) -> Iterator[Failure]:
    """Every case of a file that fails. BadPolicy when a case states what is no fact."""
    file = read_vectors(path)
    packs = load_packs(file.packs, override_dir)
    for case in file.cases:
        try:
            got = _decided(file, case, packs)
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            raise BadPolicy(f"{path.name}: {case.name}: {error}") from None
        answer = (got.verdict, got.until, tuple(rule.id for rule in got.rules))
        expected = (case.verdict, case.until, case.rules)
        if answer != expected:
            yield Failure(case.name, _shown(*expected), _shown(*answer))


def _decided(file: VectorFile, case: Case, packs: tuple[Pack, ...]) -> Decision:
    given = file.facts | case.facts
    facts = restored(given)
    unknown = sorted(_unknown(given, canonical(facts)))
    if unknown:
        raise ValueError(f"no such fact: {', '.join(unknown)}")
    return decide(facts, packs, case.now)


def _unknown(given: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name not in known:
            yield name
            continue
        parts = value if isinstance(value, list) else [value]
        knowns = known[name] if isinstance(value, list) else [known[name]]
        for part, seen in zip(parts, knowns, strict=True):
            if isinstance(part, dict):
                yield from _unknown(part, seen)


def _shown(verdict: Verdict, until: datetime | None, rules: tuple[str, ...]) -> str:
    return f"{verdict} until {until.isoformat() if until else '-'} by {', '.join(rules) or '-'}"
