"""What a member of the team asks for with a hold, what there is then, and why it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from spine.errors import BadRequest, Conflict
from stager.domain.cases import Hold
from stager.domain.person_holds import PersonHold


class HoldIncomplete(BadRequest):
    """Something is missing without which this is not done to the hold; it says what."""

    code = "hold_incomplete"


class HoldIsOver(Conflict):
    """The hold has been lifted or has run out; place another one."""

    code = "hold_is_over"


class HoldFixed(Conflict):
    """The hold is not extended: its kind is not, or it has been, or facts say how long it lasts."""

    code = "hold_fixed"


class HoldStands(Conflict):
    """A hold of this kind is in force already: extend or lift that one."""

    code = "hold_stands"


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """A hold as a member asks for it. `key` makes a repeat the same hold: with the subject it gives the id."""

    kind: str
    reason: str
    by: str
    key: str
    until: datetime | None = None
    ground: str | None = None
    treatment_ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as it is now: on a person with those of the loans that follow it, or on a loan alone."""

    person: PersonHold | None
    holds: tuple[Hold, ...]
    is_new: bool = False
