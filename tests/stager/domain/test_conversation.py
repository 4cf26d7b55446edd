"""Contacts of one person that come due together become one, and only those that can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stager.domain.conversation import Wish, conversations
from stager.domain.strategy import Step

AT = datetime(2026, 11, 11, 2, tzinfo=UTC)


def wish(loan: str, rank: int, step: str = "s", **known: Any) -> Wish:
    channel, purpose = known.pop("channel", "sms"), known.pop("purpose", "collection")
    plan = {"id": step, "channel": channel, "purpose": purpose, "when": {"from_day": 0, "slot": "day"}}
    known = {"borrower_id": "B1", "currency": "CNY", "due_at": AT, **known}
    return Wish(
        key=f"{loan}-{step}",
        loan_id=loan,
        stage=f"S{rank}",
        rank=rank,
        step=msgspec.convert(plan, Step),
        **known,
    )


def joined(*wishes: Wish) -> list[tuple[str, list[str]]]:
    return [(c.lead.key, [other.key for other in c.others]) for c in conversations(wishes)]


def test_the_severest_stage_leads_and_covers_the_others() -> None:
    assert joined(wish("L1", 1), wish("L2", 3), wish("L3", 2)) == [("L2-s", ["L1-s", "L3-s"])]


def test_of_one_stage_the_first_loan_leads() -> None:
    assert joined(wish("L2", 1), wish("L1", 1)) == [("L1-s", ["L2-s"])]


def test_all_steps_of_the_lead_are_done_and_the_first_covers() -> None:
    later = wish("L2", 3, "later", due_at=AT + timedelta(minutes=1))
    assert joined(later, wish("L1", 1), wish("L2", 3, "first")) == [("L2-first", ["L1-s"])]


def test_channels_of_one_kind_are_one_conversation() -> None:
    assert joined(wish("L1", 1), wish("L2", 2, channel="wechat")) == [("L2-s", ["L1-s"])]
    assert joined(wish("L1", 1, channel="ai_call"), wish("L2", 2, channel="call")) == [("L2-s", ["L1-s"])]


def test_what_is_not_of_one_kind_stays_apart() -> None:
    assert joined(wish("L1", 1), wish("L2", 2, channel="call")) == []
    assert joined(wish("L1", 1), wish("L2", 2, channel="sms", purpose="service")) == []
    assert joined(wish("L1", 1), wish("L2", 2, currency="USD")) == []
    assert joined(wish("L1", 1), wish("L2", 2, borrower_id="B2")) == []
    assert joined(wish("L1", 3, channel="letter"), wish("L2", 3, channel="letter")) == []
    assert joined(wish("L1", 1, "a"), wish("L1", 1, "b")) == []
