"""Every state of an attempt against every piece of news: what is final stays, what is proven is told once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notifier.sending.states import Attempt, AttemptState, Message, MessageState
from notifier.sending.transitions import Change, Heard, News, change_of

AT = datetime(2026, 11, 24, tzinfo=UTC)
A, M = AttemptState, MessageState


def message(attempt_no: int = 1) -> Message:
    return Message(
        id="M",
        request_id="R",
        borrower_id="B",
        loan_id="L",
        partition=0,
        channel="sms",
        purpose="collection",
        stage="S1",
        step="first",
        template="t",
        requested_at=AT,
        expires_at=AT,
        received_at=AT,
        state=M.SENDING,
        due_at=AT,
        attempt_no=attempt_no,
        resume=False,
        policy="p",
        cause_id="c",
        cause_source="s",
        correlation_id=None,
        traceparent=None,
    )


def attempt(state: AttemptState, *, told: bool = False) -> Attempt:
    return Attempt(
        client_ref="M-1",
        message_id="M",
        attempt_no=1,
        borrower_id="B",
        loan_id="L",
        channel="sms",
        purpose="collection",
        contact_ref="c",
        address_index=b"i",
        gateway="g",
        idempotency_key="k",
        not_after=AT,
        gate_seq=1,
        state=state,
        at=AT,
        body_cipher=b"b",
        body_sha256="h",
        template_version=1,
        facts_digest="f",
        policy="p",
        unknown_told=told,
    )


@pytest.mark.parametrize(
    ("state", "news", "change"),
    [
        (A.SENDING, News.ACCEPTED, Change(A.ACCEPTED, M.ACCEPTED, (M.ACCEPTED,))),
        (A.SENDING, News.DELIVERED, Change(A.DELIVERED, M.DELIVERED, (M.ACCEPTED, M.DELIVERED))),
        (A.SENDING, News.FAILED, Change(A.FAILED, M.FAILED, (M.ACCEPTED, M.FAILED))),
        (A.SENDING, News.REJECTED, Change(A.REJECTED, M.REJECTED, (M.REJECTED,))),
        (A.SENDING, News.UNKNOWN, Change(A.UNKNOWN, M.UNKNOWN, (M.UNKNOWN,))),
        (A.SENDING, News.HELD_BACK, Change(A.NOT_SENT, M.PLANNED, ())),
        (A.SENDING, News.RESUMABLE, None),
        (A.SENDING, News.GIVEN_UP, None),
        (A.UNKNOWN, News.ACCEPTED, Change(A.ACCEPTED, M.ACCEPTED, (M.ACCEPTED,))),
        (A.UNKNOWN, News.RESUMABLE, Change(A.UNKNOWN, M.PLANNED, (), resume=True)),
        (A.UNKNOWN, News.GIVEN_UP, Change(A.HUMAN, M.HUMAN, ())),
        (A.UNKNOWN, News.UNKNOWN, None),
        (A.UNKNOWN, News.HELD_BACK, None),
        (A.HUMAN, News.DELIVERED, Change(A.DELIVERED, M.DELIVERED, (M.ACCEPTED, M.DELIVERED))),
        (A.NOT_SENT, News.ACCEPTED, Change(A.ACCEPTED, M.ACCEPTED, (M.ACCEPTED,))),
        (A.NOT_SENT, News.REJECTED, None),
        (A.ACCEPTED, News.ACCEPTED, None),
        (A.ACCEPTED, News.DELIVERED, Change(A.DELIVERED, M.DELIVERED, (M.DELIVERED,))),
        (A.ACCEPTED, News.REJECTED, None),
        (A.ACCEPTED, News.UNKNOWN, None),
        (A.ACCEPTED, News.NOT_SENT, None),
        *((final, news, None) for final in (A.DELIVERED, A.FAILED, A.REJECTED) for news in News),
    ],
)
def test_what_news_makes_of_an_attempt(state: AttemptState, news: News, change: Change | None) -> None:
    assert change_of(message(), attempt(state), Heard("M-1", news)) == change


def test_an_unknown_attempt_is_told_as_unknown_once() -> None:
    change = change_of(message(), attempt(A.SENDING, told=True), Heard("M-1", News.UNKNOWN))
    assert change == Change(A.UNKNOWN, M.UNKNOWN, ())


def test_that_a_repetition_did_not_leave_says_nothing_of_the_first_try() -> None:
    change = change_of(message(), attempt(A.SENDING, told=True), Heard("M-1", News.HELD_BACK))
    assert change == Change(A.UNKNOWN, M.UNKNOWN, ())


def test_what_was_told_as_unknown_is_told_when_it_turns_out_not_to_have_gone_out() -> None:
    change = change_of(message(), attempt(A.UNKNOWN, told=True), Heard("M-1", News.NOT_SENT))
    assert change == Change(A.NOT_SENT, M.PLANNED, (M.PLANNED,))


def test_late_news_of_an_earlier_attempt_does_not_overwrite_a_later_one() -> None:
    change = change_of(message(attempt_no=2), attempt(A.NOT_SENT), Heard("M-1", News.DELIVERED))
    assert change == Change(A.DELIVERED, None, (M.ACCEPTED, M.DELIVERED))
