"""Policy files checked before they go live: the stager's by what they say, packs by their vectors too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import yaml

from notifier.domain.asked import answered, read_asked
from notifier.domain.pack import Pack, PackFile
from notifier.policy import HOLDS_FILE, load_packs
from notifier.templates import Templates
from notifier.vectors import read_vectors, run_vectors
from spine.calendars import load_calendars
from spine.marked_yaml import Document
from spine.policy import BadPolicy, Fault, Loaded, Located, load_policy, read_rule_files
from stager.domain.cutover import CutoverPolicy
from stager.domain.feasibility import (
    NO_POLICY,
    Question,
    Reply,
    TemplateKind,
    cadences_of,
    faults_of_templates,
    never_allowed,
    no_policy,
    questions_of,
    too_dense,
    too_often,
)
from stager.domain.hold_policy import HoldPolicy
from stager.domain.rulebook import Rulebook
from stager.domain.strategy import Strategy
from stager.policy import KINDS, House
from tact.template_check import OWN_KEYS, check_template

#: What a file is told by: the keys that only this kind has.
_TOLD_BY: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("strategy-", frozenset({"slots", "stages"})),
    ("stages-", frozenset({"stages", "cases"})),
    ("pack", frozenset({"applies", "zones"})),
    ("contact-holds", frozenset({"holds"})),
    ("template", OWN_KEYS),
    ("cutover", frozenset(CutoverPolicy.__struct_fields__) - frozenset(HoldPolicy.__struct_fields__)),
)


@dataclass(slots=True)
class Report:
    """What was found in one file. `notes` are worth knowing, but no faults."""

    path: str
    what: str
    faults: list[Located] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Given:
    """A file to be checked: its path as given, its text, and what it is."""

    path: Path
    text: str
    kind: str | None


def kind_of(name: str, text: str) -> str | None:
    """What a policy file is, told by its keys, else by its name; None when it is no policy."""
    try:
        root = Document.parse(text).root
    except (yaml.YAMLError, RecursionError):
        root = None
    keys = {str(key.value) for key, _ in root.value} if isinstance(root, yaml.MappingNode) else set()
    told = next((kind for kind, own in _TOLD_BY if own and own <= keys), None)
    return told or next((kind for kind in KINDS if name.startswith(kind)), None)


def check(files: Mapping[Path, str], policy_dir: Path | None, zone: ZoneInfo, today: date) -> list[Report]:
    """A report on each file, in the order given. Files of one call are checked as if in force together."""
    given = [Given(path, text, kind_of(path.name, text)) for path, text in files.items()]
    with TemporaryDirectory(prefix="tact-policy-") as folder:
        packs_dir = _with_packs([g for g in given if g.kind == "pack"], policy_dir, Path(folder))
        found = {g.path: _check_pack(g, packs_dir) for g in given if g.kind == "pack"}
        found |= {g.path: _check_holds(g, policy_dir) for g in given if g.kind == "contact-holds"}
        stager = [g for g in given if g.kind in KINDS]
        found |= _check_stager(stager, policy_dir, zone)
        judge = _Judge.of(packs_dir, zone, today)
        for one in (g for g in given if g.kind == "template"):
            told = check_template(one.path, one.text, packs_dir)
            found[one.path] = (Report(str(one.path), told.what, told.faults), None)
            if told.file is not None:
                judge.templates[told.file.id] = TemplateKind(told.file.channel, told.file.stage)
        for path, (report, loaded) in found.items():
            if loaded is not None and isinstance(loaded.policy, Strategy):
                judge.check(report, replace(loaded, path=str(path)))
    strangers = {
        g.path: Report(str(g.path), "no policy", [Located(str(g.path), 1, "no policy that Tact knows")])
        for g in given
        if g.kind is None
    }
    reports = {path: report for path, (report, _) in found.items()} | strangers
    return [reports[g.path] for g in given]


def _check_stager(
    given: Sequence[Given], policy_dir: Path | None, zone: ZoneInfo
) -> dict[Path, tuple[Report, Loaded[Any] | None]]:
    """All files among those in force; what is bad is reported, left out, and the rest is tried again."""
    shipped, calendars = read_rule_files("stager", policy_dir), load_calendars(policy_dir)
    left = {f"{one.kind}{one.path}": one for one in sorted(given, key=lambda g: KINDS.index(str(g.kind)))}
    found: dict[Path, tuple[Report, Loaded[Any] | None]] = {}
    book = None
    while left and book is None:
        # As at start: only a file of the same name takes the place of one; a version told twice is refused.
        names = {one.path.name for one in left.values()}
        kept = {name: text for name, text in shipped.items() if name not in names}
        try:
            book = House({**kept, **{name: one.text for name, one in left.items()}}, calendars, zone).rulebook
        except BadPolicy as refused:
            located = refused.located(next(iter(left)))
            # A file in force may be at odds with one that is given: that one is meant then.
            name = located[0].file if located[0].file in left else next(iter(left))
            one = left.pop(name)
            paths = {n: each.path for n, each in left.items()} | {name: one.path}
            faults = [_told(fault, paths) for fault in located]
            found[one.path] = (Report(str(one.path), "bad", faults), None)
    for name, one in left.items():
        shelves = (getattr(book, shelf) for shelf in Rulebook.__dataclass_fields__)
        editions = (edition for shelf in shelves for edition in getattr(shelf, "editions", ()))
        loaded = next(edition for edition in editions if edition.path == name)
        what = f"{loaded.policy.name} version {loaded.policy.version}, from {loaded.policy.effective_from}"
        found[one.path] = (Report(str(one.path), what), loaded)
    return found


def _told(fault: Located, names: Mapping[str, Path]) -> Located:
    """A fault under the path that the file was given by."""
    reason = fault.reason
    for name, path in names.items():
        reason = reason.replace(name, str(path))
    return Located(str(names.get(fault.file, fault.file)), fault.line, reason)


def _with_packs(given: Sequence[Given], policy_dir: Path | None, folder: Path) -> Path:
    """A policy folder in which the packs given stand in place of those of the same name."""
    if policy_dir is not None and (policy_dir / "notifier").is_dir():
        shutil.copytree(policy_dir / "notifier", folder / "notifier")
    (folder / "notifier").mkdir(exist_ok=True)
    for one in given:
        (folder / "notifier" / one.path.name).write_text(one.text, encoding="utf-8")
    return folder


def _check_pack(given: Given, packs_dir: Path) -> tuple[Report, Loaded[Any] | None]:
    """A pack by itself, then its vectors: those beside it, else those shipped under its name."""
    report = Report(str(given.path), "contact policy pack")
    try:
        loaded = load_policy(PackFile, given.text, path=str(given.path))
        report.what = f"contact policy pack {loaded.policy.name} version {loaded.policy.version}"
        load_packs([given.path.stem], packs_dir)
    except (BadPolicy, ValueError) as refused:
        located = refused.located(str(given.path)) if isinstance(refused, BadPolicy) else ()
        found = located or (Located(str(given.path), None, str(refused)),)
        report.faults += [_told(fault, {given.path.name: given.path}) for fault in found]
        return report, None
    vectors = next((path for path in _vectors_of(given.path) if path.is_file()), None)
    if vectors is None:
        report.notes.append("no vectors beside it: nothing shows that it decides as meant")
        return report, None
    try:
        report.faults += list(_failed_vectors(vectors, packs_dir))
        report.notes.append(f"{len(read_vectors(vectors).cases)} vectors of {vectors.name} run")
    except BadPolicy as refused:
        report.faults += list(refused.located(str(vectors)))
    return report, None


def _check_holds(given: Given, policy_dir: Path | None) -> tuple[Report, Loaded[Any] | None]:
    """What holds block, by the cases of every pack that is shipped."""
    report = Report(str(given.path), "what holds block")
    try:
        with TemporaryDirectory(prefix="tact-policy-") as folder:
            holds_dir = _with_packs([replace(given, path=Path(HOLDS_FILE))], policy_dir, Path(folder))
            shipped = sorted((Path(str(resources.files("notifier"))) / "rules" / "vectors").glob("*.yaml"))
            for vectors in shipped:
                report.faults += list(_failed_vectors(vectors, holds_dir))
    except BadPolicy as refused:
        report.faults += [
            _told(fault, {HOLDS_FILE: given.path}) for fault in refused.located(str(given.path))
        ]
        return report, None
    report.notes.append(f"vectors of {len(shipped)} packs run")
    return report, None


def _vectors_of(path: Path) -> Iterator[Path]:
    yield path.parent / "vectors" / path.name
    yield Path(str(resources.files("notifier"))) / "rules" / "vectors" / path.name


def _failed_vectors(vectors: Path, packs_dir: Path) -> Iterator[Located]:
    document = Document.parse(vectors.read_text(encoding="utf-8"))
    names = [case.name for case in read_vectors(vectors).cases]
    for failure in run_vectors(vectors, packs_dir):
        line = document.line_of(("cases", names.index(failure.case)))
        reason = f"{failure.case}: expected {failure.expected}, got {failure.got}"
        yield Located(str(vectors), line, reason)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Holds strategies against the templates and the packs."""

    templates: dict[str, TemplateKind]
    packs: tuple[Pack, ...]
    zone: ZoneInfo
    today: date

    @classmethod
    def of(cls, packs_dir: Path, zone: ZoneInfo, today: date) -> _Judge:
        names = [n.removesuffix(".yaml") for n in read_rule_files("notifier", packs_dir) if n != HOLDS_FILE]
        packs: list[Pack] = []
        for name in names:
            try:
                packs += load_packs([name], packs_dir)
            except (BadPolicy, ValueError):
                # Reported as what it is, where it was given.
                continue
        templates = Templates.load(None).by_id
        kinds = {id_: TemplateKind(t.file.channel, t.file.stage) for id_, t in templates.items()}
        return cls(kinds, tuple(packs), zone, today)

    def check(self, report: Report, strategy: Loaded[Strategy]) -> None:
        """Adds to the report what the templates and the packs have against a strategy."""
        faults = list(faults_of_templates(strategy.policy, self.templates))
        for at, questions in questions_of(strategy.policy, self.zone, self.today):
            rules = self._why_never(questions)
            if rules is not None and rules.keys() == {NO_POLICY}:
                note = no_policy(questions[0].country)
                report.notes += [note] if note not in report.notes else []
            elif rules is not None:
                faults.append(Fault(at, never_allowed(questions[0].step, questions[0].country, rules)))
        for at, every, rounds in cadences_of(strategy.policy, self.zone, self.today):
            if broken := self._why_too_often(rounds):
                faults.append(Fault(at, too_dense(rounds[0].step, rounds[0].country, every, broken)))
        report.faults += sorted(strategy.located(fault) for fault in faults)

    def _why_too_often(self, rounds: Sequence[Question]) -> Mapping[str, str]:
        """The rules that keep a step from being done as often as it comes round; none when it can be."""
        asking = too_often(rounds)
        try:
            question = next(asking)
            while True:
                question = asking.send(self._reply(question))
        except StopIteration as end:
            found: Mapping[str, str] = end.value
            return found

    def _reply(self, question: Question) -> Reply:
        answer = answered(read_asked(msgspec.json.encode(question.request)), self.packs)
        until = answer.get("until")
        rules = {rule["id"]: rule.get("citation") or "" for rule in answer["rules"]}
        return Reply(answer["verdict"], datetime.fromisoformat(until) if until else None, rules)

    def _why_never(self, questions: Sequence[Question]) -> dict[str, str] | None:
        """The rules that keep a step from ever happening; None when it can happen on one of the openings."""
        rules: dict[str, str] = {}
        for question in questions:
            reply = self._reply(question)
            if question.is_answered_by(reply.verdict, reply.until):
                return None
            rules |= reply.rules
        return rules
