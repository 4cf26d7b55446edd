"""The same fact has the same id whenever it is told; different facts have different ones."""

from __future__ import annotations

from datetime import timedelta

from contact_log.domain.message import message_contact_id, message_entry
from spine.events.notifier import (
    FiredRule,
    MessageAccepted,
    MessageDeferred,
    MessageDelivered,
    MessageSuppressed,
)
from tests.contact_log.building import NOON, fact


def test_the_same_fact_told_again_is_the_same_contact() -> None:
    first = fact(MessageAccepted, attempt_no=1)
    later = fact(MessageAccepted, attempt_no=1, at=NOON + timedelta(seconds=3))
    assert message_contact_id(first) == message_contact_id(later)


def test_kind_attempt_and_message_tell_facts_apart() -> None:
    facts = [
        fact(MessageAccepted, attempt_no=1),
        fact(MessageDelivered, attempt_no=1),
        fact(MessageAccepted, attempt_no=2),
        fact(MessageAccepted, "m-2", attempt_no=1),
    ]
    assert len({message_contact_id(f) for f in facts}) == 4


def test_each_deferral_of_a_message_is_a_contact_of_its_own() -> None:
    first, second = fact(MessageDeferred), fact(MessageDeferred, at=NOON + timedelta(hours=8))
    assert message_contact_id(first) != message_contact_id(second)


def test_an_entry_keeps_the_whole_decision() -> None:
    rule = FiredRule(id="CN-T1", verdict="defer", until=NOON)
    entry = message_entry(
        fact(MessageSuppressed, code="gate_closed", rules=(rule,), facts_digest="ab"),
        source="tact/notifier",
        source_id="e-1",
    )
    assert (entry.outcome, entry.code, entry.rules, entry.facts_digest) == (
        "suppressed",
        "gate_closed",
        (rule,),
        "ab",
    )
    assert (entry.source, entry.source_id, entry.policy) == ("tact/notifier", "e-1", "cn 1 0123456789ab")
