"""The house: the stager's policies, read from their files and checked, and the lender's zone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Self, TypeVar
from zoneinfo import ZoneInfo

import structlog

from spine.business_days import business_date
from spine.calendars import Calendars, load_calendars
from spine.policy import BadPolicy, Fault, Loaded, load_policy, read_rule_files, refuse
from stager.domain.clock_policy import ClockPolicy, faults_of_clocks
from stager.domain.contact_policy import ContactPolicy, faults_of_contacts
from stager.domain.cutover import CutoverPolicy
from stager.domain.documents.policy import DocumentPolicy, faults_of_documents
from stager.domain.hold_policy import HoldPolicy, faults_of_holds
from stager.domain.plan_policy import PlanPolicy, faults_of_plans
from stager.domain.preparation import PreparationPolicy, faults_of_preparation
from stager.domain.promise_policy import PromisePolicy, faults_of_promises
from stager.domain.rulebook import Rulebook, Shelf, Versioned, scope_of
from stager.domain.scopes import ties
from stager.domain.script_policy import ScriptPolicy, faults_of_scripts
from stager.domain.stage_policy import StagePolicy, bounds_of, faults_of_stages
from stager.domain.strategy import Strategy, faults_of_strategy
from stager.domain.waiver_policy import WaiverPolicy, faults_of_waivers
from stager.domain.waivers import failed_cases
from stager.domain.work_policy import WorkPolicy, faults_of_work

V = TypeVar("V", bound=Versioned)
log = structlog.get_logger()
#: How the names of policy files begin, by what they are.
KINDS: Final = (
    "stages-",
    "strategy-",
    "clocks-",
    "holds",
    "cutover",
    "contacts",
    "documents",
    "preparation",
    "promises",
    "plans",
    "scripts-",
    "waivers",
    "work",
)


class House:
    """The rules in force and the zone in which business dates roll: what every handler decides by.

    Policies activated while it runs join those of the files: `rulebook` is then another one. What an older one
    had is still in it, so that who has begun with one may end with the other.
    """

    def __init__(self, files: Mapping[str, str], calendars: Calendars, zone: ZoneInfo) -> None:
        """Raises BadPolicy with every fault found in the first bad file."""
        self.files = files
        self.zone = zone
        self.rulebook = rulebook_of(files, calendars)
        #: The newest activation taken up, and why it could not be.
        self.revision = 0
        self.refused: str | None = None
        self._calendars = calendars
        self._activated: dict[str, str] = {}

    @classmethod
    def load(cls, zone: ZoneInfo, policy_dir: Path | None = None) -> Self:
        """The house of the policy files shipped, those in `policy_dir` (TACT_POLICY_DIR) winning."""
        return cls(read_rule_files("stager", policy_dir), load_calendars(policy_dir), zone)

    def today(self, now: datetime) -> date:
        """The business date at an instant."""
        return business_date(now, self.zone)

    def with_activated(self, activated: Mapping[str, str]) -> Rulebook:
        """The rulebook of the files and these texts by name. Raises BadPolicy."""
        return rulebook_of({**self.files, **activated}, self._calendars)

    def with_draft(self, name: str, text: str) -> Rulebook:
        """The rulebook in force with one text more. Raises BadPolicy."""
        return self.with_activated({**self._activated, name: text})

    def take_up(self, revision: int, activated: Mapping[str, str]) -> None:
        """Puts what was activated into force. What does not fit these files never replaces what is in force."""
        self.revision = revision
        try:
            self.rulebook = self.with_activated(activated)
        except BadPolicy as error:
            self.refused = f"activated policies are not in force: {error.detail}"
            log.error("policies refused", revision=revision, reason=error.detail)
        else:
            self._activated, self.refused = dict(activated), None

    def text_of(self, path: str) -> str | None:
        """The text of a policy in force by the path it was loaded with."""
        return self._activated.get(path, self.files.get(path))


def load_rulebook(override: Path | None = None) -> Rulebook:
    """All policies and calendars shipped, files of the same name in `override` (TACT_POLICY_DIR) winning.

    Raises BadPolicy with every fault found in the first bad file.
    """
    return rulebook_of(read_rule_files("stager", override), load_calendars(override))


def rulebook_of(files: Mapping[str, str], calendars: Calendars) -> Rulebook:
    """The policies in these texts by file name: stages-*.yaml, strategy-*.yaml, holds*.yaml, cutover*.yaml."""
    unknown = [name for name in files if not name.startswith(KINDS)]
    if unknown:
        raise BadPolicy(f"{unknown[0]}: no such policy; the stager reads {', '.join(f'{k}*' for k in KINDS)}")
    stages = _shelf(StagePolicy, "stages-", files, faults_of_stages)
    bounds = bounds_of(edition.policy for edition in stages.editions)
    known = set(bounds)
    return Rulebook(
        stages=stages,
        strategies=_shelf(Strategy, "strategy-", files, lambda s: faults_of_strategy(s, bounds)),
        holds=_shelf(HoldPolicy, "holds", files, lambda h: _faults_of_holds(h, calendars)),
        cutovers=_shelf(
            CutoverPolicy, "cutover", files, lambda c: _faults_of_calendar(c.calendar, calendars)
        ),
        promises=_shelf(PromisePolicy, "promises", files, lambda p: _faults_of_promises(p, known, calendars)),
        plans=_shelf(PlanPolicy, "plans", files, lambda p: faults_of_plans(p, known)),
        waivers=_shelf(WaiverPolicy, "waivers", files, lambda w: _faults_of_waivers(w, known)),
        contacts=_shelf(ContactPolicy, "contacts", files, lambda c: _faults_of_contacts(c, calendars)),
        preparations=_shelf(PreparationPolicy, "preparation", files, faults_of_preparation),
        documents=_shelf(DocumentPolicy, "documents", files, lambda d: faults_of_documents(d, known)),
        scripts=_shelf(ScriptPolicy, "scripts-", files, lambda s: faults_of_scripts(s, known)),
        work=_shelf(WorkPolicy, "work", files, lambda w: _faults_of_work(w, known, calendars)),
        clocks=_shelf(ClockPolicy, "clocks-", files, lambda c: _faults_of_clocks(c, calendars)),
        calendars=calendars,
    )


def _faults_of_clocks(policy: ClockPolicy, calendars: Calendars) -> Iterator[Fault | str]:
    yield from faults_of_clocks(policy)
    yield from _faults_of_calendar(policy.calendar, calendars)


def _faults_of_contacts(policy: ContactPolicy, calendars: Calendars) -> Iterator[str]:
    yield from faults_of_contacts(policy)
    yield from _faults_of_calendar(policy.calendar, calendars)


def _faults_of_waivers(policy: WaiverPolicy, known: set[str]) -> Iterator[str]:
    yield from faults_of_waivers(policy, known)
    yield from failed_cases(policy)


def _faults_of_promises(policy: PromisePolicy, known: Collection[str], calendars: Calendars) -> Iterator[str]:
    yield from faults_of_promises(policy, known)
    yield from _faults_of_calendar(policy.calendar, calendars)


def _faults_of_work(policy: WorkPolicy, known: set[str], calendars: Calendars) -> Iterator[str]:
    yield from faults_of_work(policy, known)
    yield from _faults_of_calendar(policy.calendar, calendars)


def _faults_of_holds(policy: HoldPolicy, calendars: Calendars) -> Iterator[str]:
    yield from faults_of_holds(policy)
    if policy.calendar is not None:
        yield from _faults_of_calendar(policy.calendar, calendars)


def _faults_of_calendar(name: str, calendars: Calendars) -> Iterator[str]:
    if name not in calendars:
        yield f"calendar: {calendars.refusal(name)}"


def _shelf(
    kind: type[V], prefix: str, files: Mapping[str, str], faults: Callable[[V], Iterable[Fault | str]]
) -> Shelf[V]:
    editions = []
    for name, text in files.items():
        if not name.startswith(prefix):
            continue
        loaded = load_policy(kind, text, path=name, faults=faults)
        editions.append(loaded)
    if not editions:
        raise BadPolicy(f"{prefix}*.yaml: there is none")
    editions.sort(key=lambda edition: (edition.policy.effective_from, edition.policy.version))
    _refuse_unordered(editions)
    shelf = Shelf(tuple(editions))
    _refuse_choice(shelf)
    return shelf


def _refuse_unordered(editions: list[Loaded[V]]) -> None:
    """Versions of one policy follow each other: which one a date is judged by must never be a guess."""
    for older, newer in pairwise(sorted(editions, key=lambda edition: edition.policy.name)):
        if older.policy.name != newer.policy.name:
            continue
        if older.policy.effective_from == newer.policy.effective_from:
            refuse(newer, [Fault(("effective_from",), f"in force from the same date as {older.path}")])
        if older.policy.version >= newer.policy.version:
            reason = f"version {newer.policy.version} takes force after a later version"
            refuse(newer, [Fault(("version",), reason)])


def _refuse_choice(shelf: Shelf[V]) -> None:
    """On every date one policy has no scope, and no two scopes are equally specific for anyone."""
    for day in sorted({edition.policy.effective_from for edition in shelf.editions}):
        in_force = shelf.in_force(day)
        scopes = {edition.path: scope for edition in in_force if (scope := scope_of(edition)) is not None}
        unscoped = [edition for edition in in_force if edition.path not in scopes]
        by_path = {edition.path: edition for edition in in_force}
        if not unscoped:
            refuse(
                in_force[0],
                [Fault(("scope",), f"on {day} no policy is without a scope, so some loans have none")],
            )
        if len(unscoped) > 1:
            older, newer = unscoped[0], unscoped[1]
            beside = f"policy {newer.policy.name!r} beside {older.policy.name!r} of {older.path}"
            reason = f"{beside}: only one may be without a scope"
            refuse(newer, [Fault(("name",), reason)])
        for one, other, shared in ties(scopes.items()):
            reason = f"as specific as {one} for {shared}: which one is meant must not be a guess"
            refuse(by_path[other], [Fault(("scope",), reason)])
