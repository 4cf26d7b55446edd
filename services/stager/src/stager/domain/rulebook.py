"""The policies in force: every version of each, and which one a date is judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar

from spine.business_days import Calendar
from spine.policy import Loaded
from stager.domain.clock_policy import ClockPolicy
from stager.domain.contact_policy import ContactPolicy
from stager.domain.cutover import CutoverPolicy
from stager.domain.documents.policy import DocumentPolicy
from stager.domain.hold_policy import HoldPolicy
from stager.domain.plan_policy import PlanPolicy
from stager.domain.preparation import PreparationPolicy
from stager.domain.promise_policy import PromisePolicy
from stager.domain.scopes import ANYONE, Moves, Scope, Subject
from stager.domain.script_policy import ScriptPolicy
from stager.domain.stage_policy import StagePolicy
from stager.domain.strategy import Strategy
from stager.domain.waiver_policy import WaiverPolicy
from stager.domain.work_policy import WorkPolicy


class Versioned(Protocol):
    """What every policy says of itself."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def effective_from(self) -> date: ...


V = TypeVar("V", bound=Versioned)
_A_DAY: Final = timedelta(days=1)
#: So many answers a shelf remembers.
_KNOWN_AT_MOST: Final = 4_096
#: One version of any policy.
Edition = (
    Loaded[StagePolicy]
    | Loaded[Strategy]
    | Loaded[HoldPolicy]
    | Loaded[CutoverPolicy]
    | Loaded[PromisePolicy]
)


@dataclass(frozen=True)
class Shelf(Generic[V]):
    """All versions of policies of one kind, oldest first; at least one.

    Versions of one name follow each other. Policies with a `scope` stand beside the one without, which is for
    all whom no scope fits.
    """

    editions: tuple[Loaded[V], ...]

    def on(self, day: date, subject: Subject = ANYONE, *, since: date | None = None) -> Loaded[V]:
        """The version in force on a date for a loan; dates before the first version are judged by the first.

        `since`: the day from which the loan is in its stage. A version in force later that says
        `moves: next_stage` leaves it with the version of then.
        """
        if len(self.editions) == 1:
            return self.editions[0]
        chosen = self._chosen(day, subject)
        if since is not None and since < chosen.policy.effective_from and moves_of(chosen) == "next_stage":
            return self.on(since, subject)
        return chosen

    def changes_after(
        self, day: date, subject: Subject = ANYONE, *, since: date | None = None
    ) -> date | None:
        """The first date after `day` from which another version is in force for a loan."""
        days = [begins for begins in self._begins if begins > day]
        now = self.on(day, subject, since=since) if days else None
        return next((later for later in days if self.on(later, subject, since=since) is not now), None)

    def takes_over(self, day: date) -> bool:
        """Whether a version takes over running loans at the close before this date.

        Also a day late: it may have been activated after the close of its own day.
        """
        return any(
            edition.policy.effective_from in (day, day - _A_DAY) and moves_of(edition) == "at_once"
            for edition in self.editions
        )

    def in_force(self, day: date) -> list[Loaded[V]]:
        """Of every name the version in force on a date; of those for whom a scope fits none before their first."""
        found = [_newest(line, day) for line in self._lines.values()]
        known = [edition for edition in found if edition is not None]
        if any(scope_of(edition) is None for edition in known):
            return known
        # Before the first version of all, those without a scope judge from the beginning.
        firsts = [line[0] for line in self._lines.values() if scope_of(line[0]) is None]
        return [*known, *firsts[:1]]

    def _chosen(self, day: date, subject: Subject) -> Loaded[V]:
        # A close asks this several times a loan, and has few kinds of loans.
        key = (day, subject.product, subject.region, frozenset(subject.segment.items()))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KNOWN_AT_MOST:
                self._known.clear()
            found = max(self._fitting(day, subject), key=lambda fitting: fitting[0])[1]
            self._known[key] = found
        return found

    def _fitting(self, day: date, subject: Subject) -> Iterator[tuple[tuple[int, int, int], Loaded[V]]]:
        if day not in self._in_force:
            self._in_force[day] = self.in_force(day)
        for edition in self._in_force[day]:
            scope = scope_of(edition)
            rank = (-1, 0, 0) if scope is None else scope.rank_for(subject)
            if rank is not None:
                yield rank, edition

    @cached_property
    def _known(self) -> dict[tuple[object, ...], Loaded[V]]:
        return {}

    @cached_property
    def _begins(self) -> list[date]:
        return sorted({edition.policy.effective_from for edition in self.editions})

    @cached_property
    def _in_force(self) -> dict[date, list[Loaded[V]]]:
        return {}

    @cached_property
    def _lines(self) -> dict[str, list[Loaded[V]]]:
        lines: dict[str, list[Loaded[V]]] = defaultdict(list)
        for edition in self.editions:
            lines[edition.policy.name].append(edition)
        return lines


def scope_of(edition: Loaded[V]) -> Scope | None:
    """For whom a policy version is; None: for all whom no scope fits."""
    scope: Scope | None = getattr(edition.policy, "scope", None)
    return scope


def moves_of(edition: Loaded[V]) -> Moves:
    """When a policy version takes over loans that are in a stage already."""
    moves: Moves = getattr(edition.policy, "moves", "at_once")
    return moves


def _newest(line: Sequence[Loaded[V]], day: date) -> Loaded[V] | None:
    return next((edition for edition in reversed(line) if edition.policy.effective_from <= day), None)


@dataclass(frozen=True)
class Rulebook:
    """All policies of the stager, and the calendars that they name."""

    stages: Shelf[StagePolicy]
    strategies: Shelf[Strategy]
    holds: Shelf[HoldPolicy]
    cutovers: Shelf[CutoverPolicy]
    contacts: Shelf[ContactPolicy]
    preparations: Shelf[PreparationPolicy]
    promises: Shelf[PromisePolicy]
    plans: Shelf[PlanPolicy]
    waivers: Shelf[WaiverPolicy]
    scripts: Shelf[ScriptPolicy]
    documents: Shelf[DocumentPolicy]
    work: Shelf[WorkPolicy]
    clocks: Shelf[ClockPolicy]
    calendars: Mapping[str, Calendar]

    def edition(self, digest: str) -> Loaded[Any]:
        """The version with this digest, of any policy. Raises KeyError when it is not here any more."""
        return self._editions[digest]

    def reference(self, digest: str) -> str:
        """How events name the policy version of a decision: "stages-cn@1:<digest>"."""
        policy = self.edition(digest).policy
        return f"{policy.name}@{policy.version}:{digest}"

    @cached_property
    def _editions(self) -> dict[str, Loaded[Any]]:
        shelves = [getattr(self, field.name) for field in fields(self)]
        return {
            edition.digest: edition
            for shelf in shelves
            if isinstance(shelf, Shelf)
            for edition in reversed(shelf.editions)
        }
