"""What the stager says: its decisions as events of stager.v1."""

from __future__ import annotations

from typing import Final

from spine.events.agreements import (
    PlanActivated,
    PlanBreached,
    PlanCompleted,
    PromiseBroken,
    PromiseKept,
    PromiseOpened,
    PromisePartial,
    PromiseRevised,
    WaiverApproved,
    WaiverLapsed,
)
from spine.events.registry import Event, event_class
from spine.events.stager import (
    STAGER,
    CaseClosed,
    ContactRequested,
    ContactWithdrawn,
    HoldLifted,
    HoldPlaced,
    StageEntered,
    StagerTick,
)
from spine.events.tasks import TaskClosed, TaskOpened

EMITS: Final[tuple[type[Event], ...]] = (
    StageEntered,
    ContactRequested,
    ContactWithdrawn,
    TaskOpened,
    TaskClosed,
    HoldPlaced,
    HoldLifted,
    WaiverApproved,
    WaiverLapsed,
    PromiseOpened,
    PromiseKept,
    PromisePartial,
    PromiseBroken,
    PromiseRevised,
    PlanActivated,
    PlanBreached,
    PlanCompleted,
    CaseClosed,
    StagerTick,
    event_class(STAGER, "dead_letter.opened.v1"),
    event_class(STAGER, "dead_letter.resolved.v1"),
)
