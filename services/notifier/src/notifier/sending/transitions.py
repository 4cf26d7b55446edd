"""What news of an attempt makes of it and of its message: pure, the same for replies, queries and receipts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notifier.sending.states import OPEN, Attempt, AttemptState, Message, MessageState


class News(StrEnum):
    """What came to be known of an attempt."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    #: The gateway says that it has it not, or did not hand it on.
    NOT_SENT = "not_sent"
    #: The sender itself knows that no byte left in this request.
    HELD_BACK = "held_back"
    DELIVERED = "delivered"
    FAILED = "failed"
    #: Asked for too long without an answer.
    GIVEN_UP = "given_up"
    #: The gateway does not know it and its key still lives: the gate may let it go out again as it is.
    RESUMABLE = "resumable"


@dataclass(frozen=True, slots=True)
class Heard:
    """News of one attempt; `gateway_id` and `code` as the gateway gave them."""

    client_ref: str
    news: News
    gateway_id: str | None = None
    code: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """New states, and the facts to tell, in order. None for what stays."""

    attempt: AttemptState
    message: MessageState | None
    facts: tuple[MessageState, ...]
    resume: bool = False


_FINAL = {News.DELIVERED: AttemptState.DELIVERED, News.FAILED: AttemptState.FAILED}


def change_of(message: Message, attempt: Attempt, heard: Heard) -> Change | None:
    """What `heard` changes, None when it tells nothing new. A receipt is also the proof of acceptance."""
    match heard.news:
        case News.ACCEPTED | News.DELIVERED | News.FAILED:
            return _taken(message, attempt, heard.news)
        case News.REJECTED if attempt.state in OPEN:
            return Change(
                AttemptState.REJECTED,
                _of_current(message, attempt, MessageState.REJECTED),
                (MessageState.REJECTED,),
            )
        case News.UNKNOWN if attempt.state is AttemptState.SENDING:
            told: tuple[MessageState, ...] = () if attempt.unknown_told else (MessageState.UNKNOWN,)
            return Change(AttemptState.UNKNOWN, MessageState.UNKNOWN, told)
        case News.HELD_BACK if attempt.state is AttemptState.SENDING and attempt.unknown_told:
            # That a repetition did not leave says nothing of the request it repeats.
            return Change(AttemptState.UNKNOWN, MessageState.UNKNOWN, ())
        case News.HELD_BACK if attempt.state is AttemptState.SENDING:
            return Change(AttemptState.NOT_SENT, MessageState.PLANNED, ())
        case News.NOT_SENT if attempt.state in OPEN:
            # Told only if it was told as unknown before: otherwise nothing happened that anyone heard of.
            told = (MessageState.PLANNED,) if attempt.unknown_told else ()
            return Change(AttemptState.NOT_SENT, _of_current(message, attempt, MessageState.PLANNED), told)
        case News.RESUMABLE if attempt.state is AttemptState.UNKNOWN:
            return Change(AttemptState.UNKNOWN, MessageState.PLANNED, (), resume=True)
        case News.GIVEN_UP if attempt.state is AttemptState.UNKNOWN:
            return Change(AttemptState.HUMAN, MessageState.HUMAN, ())
        case _:
            return None


def _taken(message: Message, attempt: Attempt, news: News) -> Change | None:
    final = _FINAL.get(news)
    if attempt.state in OPEN or attempt.state is AttemptState.NOT_SENT:
        state = final or AttemptState.ACCEPTED
        facts = (MessageState.ACCEPTED, MessageState(final)) if final else (MessageState.ACCEPTED,)
        return Change(state, _of_current(message, attempt, MessageState(state)), facts)
    if attempt.state is AttemptState.ACCEPTED and final is not None:
        return Change(final, _of_current(message, attempt, MessageState(final)), (MessageState(final),))
    return None


def _of_current(message: Message, attempt: Attempt, state: MessageState) -> MessageState | None:
    """Late news of an attempt given up long ago must not overwrite what a later one did."""
    return state if message.attempt_no == attempt.attempt_no else None
