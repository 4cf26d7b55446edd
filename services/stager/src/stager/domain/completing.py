"""A task is done: what may be said of it, and what was wrong with how it was done."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from spine.events.stager import ContactChannel
from spine.events.tasks import TaskOutcome
from stager.domain.task_rules import (
    AgentsMissing,
    NoticeMissing,
    NotVerified,
    OutcomeNotAllowed,
    OutsideHours,
    ResultIncomplete,
    TaskNotClaimed,
)
from stager.domain.tasks import TaskState
from stager.domain.work_policy import ResultRule, WorkPolicy

#: Nobody spoke in these: there is nothing to record.
_UNANSWERED: Final = frozenset({"no_answer", "busy", "not_in_service", "voicemail"})
NONE: Final = "none"
#: What only a promise says; a refused one must not look like one that was taken down.
_OF_A_PROMISE: Final = ("amount", "promised_on", "second_on")


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a task was done. What was a contact has a channel, an outcome and the instant it was made.

    `verified`: by name and one further item, before any figure was spoken. `loan_id`: which of the case's loans the
    result is about. `flags`: what was wrong with it, found by us.
    """

    by: tuple[str, ...]
    loan_id: str
    channel: ContactChannel | None = None
    direction: Literal["outbound", "inbound"] = "outbound"
    outcome: TaskOutcome | None = None
    result: str = NONE
    at: datetime | None = None
    verified: bool = False
    recording_ref: str | None = None
    permit_id: str | None = None
    note: str | None = None
    amount: str | None = None
    promised_on: date | None = None
    second_on: date | None = None
    approved_by: str | None = None
    call_back_at: datetime | None = None
    flags: tuple[str, ...] = ()

    def text(self) -> str:
        """As it is kept."""
        return msgspec.json.encode(self).decode()


def completion_from(text: str) -> Completion:
    """What was kept."""
    return msgspec.json.decode(text, type=Completion)


def check_hands(state: TaskState, by: tuple[str, ...], now: datetime) -> None:
    """Raises TaskNotClaimed unless those who did it have it in hand, AgentsMissing when they are too few."""
    holders = state.holders(now)
    if missing := sorted(set(by) - set(holders)):
        raise TaskNotClaimed(f"not in the hand of {', '.join(missing)}", claimed_by=list(holders))
    if len(set(by)) < state.task.people:
        raise AgentsMissing(
            f"{state.task.people} agents do this together, {len(set(by))} are named", people=state.task.people
        )


def check_notice(state: TaskState, at: datetime, policy: WorkPolicy, zone: ZoneInfo) -> None:
    """Raises NoticeMissing unless the person was told of the visit on an earlier day, local to them."""
    if not policy.kind(state.task.kind).notice_day_before:
        return
    if state.notice_at is None or state.notice_at.astimezone(zone).date() >= at.astimezone(zone).date():
        raise NoticeMissing(
            "the person was not told the day before",
            notice_at=state.notice_at.isoformat() if state.notice_at else None,
        )


def check_said(given: Completion, policy: WorkPolicy, now: datetime, zone: ZoneInfo) -> Completion:
    """What was said of a contact, with its flags.

    Raises OutcomeNotAllowed, ResultIncomplete, OutsideHours (422), NotVerified (409).
    """
    rule = policy.results.get(given.result)
    if rule is None:
        raise OutcomeNotAllowed(f"result: one of {', '.join(policy.results)}", field="result")
    if given.outcome is None or given.at is None or given.channel is None:
        if given.outcome is not None or given.result != NONE:
            raise ResultIncomplete("channel, outcome and at belong together", field="outcome")
        return given
    outcome = policy.outcomes[given.outcome]
    if given.channel not in outcome.channels:
        raise OutcomeNotAllowed(
            f"outcome {given.outcome} does not go with a {given.channel}", field="outcome"
        )
    if given.at > now:
        raise OutcomeNotAllowed("at: a contact is on record after it was made", field="at")
    if outcome.reached and not given.verified:
        raise NotVerified("a conversation is one with the person verified; else the outcome is not_verified")
    _check_result(given, rule, policy, now, zone)
    return msgspec.structs.replace(given, flags=_flags(given, given.at, now, zone))


def _check_result(
    given: Completion, rule: ResultRule, policy: WorkPolicy, now: datetime, zone: ZoneInfo
) -> None:
    if rule.outcomes and given.outcome not in rule.outcomes:
        if rule.leads_to == "promise":
            raise NotVerified(f"nobody promises with the outcome {given.outcome}", outcome=given.outcome)
        raise OutcomeNotAllowed(f"{given.result} does not come of {given.outcome}", field="result")
    for field in _OF_A_PROMISE:
        # Who says that it is paid says how much.
        fits = rule.leads_to == "promise" or (rule.leads_to == "hold" and field == "amount")
        if getattr(given, field) is not None and not fits:
            raise OutcomeNotAllowed(
                f"{field}: goes with a promise, not with the result {given.result}", field=field
            )
    for field in rule.needs:
        if getattr(given, field) is None:
            raise ResultIncomplete(f"{field}: {given.result} needs it", field=field)
    if rule.leads_to == "call_back" and given.call_back_at is not None:
        begin, end = policy.call_back.hours
        if not policy.call_back.admits(given.call_back_at, zone) or given.call_back_at <= now:
            raise OutsideHours(
                f"call_back_at: later, between {begin} and {end} local time", field="call_back_at"
            )
        if given.call_back_at > now + timedelta(days=policy.call_back.horizon_days):
            raise OutsideHours(
                f"call_back_at: within {policy.call_back.horizon_days} days", field="call_back_at"
            )


def _flags(given: Completion, at: datetime, now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    flags = []
    if given.outcome not in _UNANSWERED and given.recording_ref is None:
        flags.append("no_recording")
    if given.direction == "outbound" and given.permit_id is None:
        flags.append("no_permit")
    if given.channel == "visit" and at.astimezone(zone).date() < now.astimezone(zone).date():
        flags.append("form_late")
    return tuple(flags)
