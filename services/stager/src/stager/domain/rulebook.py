"""The policies in force: every version of each, and which one a date is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Generic, Protocol, TypeVar

from spine.business_days import Calendar
from spine.policy import Loaded
from stager.domain.contact_policy import ContactPolicy
from stager.domain.cutover import CutoverPolicy
from stager.domain.hold_policy import HoldPolicy
from stager.domain.preparation import PreparationPolicy
from stager.domain.promise_policy import PromisePolicy
from stager.domain.stage_policy import StagePolicy
from stager.domain.strategy import Strategy
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
#: One version of any policy.
Edition = (
    Loaded[StagePolicy]
    | Loaded[Strategy]
    | Loaded[HoldPolicy]
    | Loaded[CutoverPolicy]
    | Loaded[PromisePolicy]
)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[V]):
    """All versions of one policy, oldest first; at least one."""

    editions: tuple[Loaded[V], ...]

    def on(self, day: date) -> Loaded[V]:
        """The version in force on a date; dates before the first version are judged by the first."""
        chosen = self.editions[0]
        for edition in self.editions[1:]:
            if edition.policy.effective_from <= day:
                chosen = edition
        return chosen

    def changes_after(self, day: date) -> date | None:
        """The first date after `day` from which another version is in force."""
        return next(
            (e.policy.effective_from for e in self.editions[1:] if e.policy.effective_from > day), None
        )


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All policies of the stager, and the calendars that they name."""

    stages: Shelf[StagePolicy]
    strategies: Shelf[Strategy]
    holds: Shelf[HoldPolicy]
    cutovers: Shelf[CutoverPolicy]
    contacts: Shelf[ContactPolicy]
    preparations: Shelf[PreparationPolicy]
    promises: Shelf[PromisePolicy]
    work: Shelf[WorkPolicy]
    calendars: Mapping[str, Calendar]

    def edition(self, digest: str) -> Loaded[Any]:
        """The version with this digest, of any policy. Raises KeyError when it is not here any more."""
        for field in fields(self):
            shelf = getattr(self, field.name)
            for edition in shelf.editions if isinstance(shelf, Shelf) else ():
                if edition.digest == digest:
                    return edition
        raise KeyError(digest)

    def reference(self, digest: str) -> str:
        """How events name the policy version of a decision: "stages-cn@1:<digest>"."""
        policy = self.edition(digest).policy
        return f"{policy.name}@{policy.version}:{digest}"
