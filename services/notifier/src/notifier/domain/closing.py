"""What is still said after the money arrived: once, politely, and never while anything is owed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from spine.events.stager import ContactChannel

#: The purpose of all that is said after the end of arrears.
SERVICE = "service"


class FollowUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text of our own and how long it is worth saying. `follow: false` says nothing instead."""

    follow: bool
    channel: ContactChannel
    template: str
    within_hours: Annotated[int, Meta(ge=1, le=168)]


class Overtaken(FollowUp, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The closure text. `handed_over_minutes`: how long before the end of the arrears became known a message may
    have been handed over for the two to have crossed."""

    handed_over_minutes: Annotated[int, Meta(ge=1, le=1440)]

    @property
    def crossing(self) -> timedelta:
        return timedelta(minutes=self.handed_over_minutes)


class ClosingPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`texts`: templates of purpose service that pass when nothing is owed any more, and only then."""

    version: str
    overtaken: Overtaken
    correction: FollowUp
    texts: tuple[str, ...]

    def closes(self, purpose: str, template: str) -> bool:
        """Whether a message says that all is settled: the arrears gate stands the other way round for it."""
        return purpose == SERVICE and template in self.texts
