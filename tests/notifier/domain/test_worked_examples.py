"""The trade's worked examples C1 to C7, asked as anybody asks: one request in, one answer out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notifier.domain.asked import answered, read_asked
from notifier.policy import load_packs
from tests.notifier.domain.test_asked import past, request

NEW_YORK = {"id": "p1", "kind": "debtor", "timezone": "America/New_York"}
US: dict[str, Any] = {
    "actor_role": "agency",
    "jurisdiction": {"country": "US", "state": "CA"},
    "party": NEW_YORK,
    "channel": "call",
}


def asked(pack: str, **changes: Any) -> tuple[str, str | None, list[str]]:
    """Verdict, instant and rules."""
    answer = answered(read_asked(json.dumps(request(**changes)).encode()), load_packs([pack]))
    return answer["verdict"], answer.get("until"), [rule["id"] for rule in answer["rules"]]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("21:59:59", ("allow", None, [])),
        ("21:59:59.999999", ("allow", None, [])),
        ("22:00:00", ("defer", "2026-11-25T08:00:00+08:00", ["CN-T1"])),
        ("22:00:00.000001", ("defer", "2026-11-25T08:00:00+08:00", ["CN-T1"])),
        ("07:59:59", ("defer", "2026-11-24T08:00:00+08:00", ["CN-T1"])),
        ("07:59:59.999999", ("defer", "2026-11-24T08:00:00+08:00", ["CN-T1"])),
        ("08:00:00", ("allow", None, [])),
    ],
)
def test_c1_a_text_between_eight_and_ten(at: str, expected: tuple[str, str | None, list[str]]) -> None:
    assert asked("cn", now=f"2026-11-24T{at}+08:00") == expected


def test_c2_a_seventh_try_at_one_number_needs_a_person() -> None:
    tries = [
        past(f"2026-11-24T{hour:02}:00:00+08:00", channel="call", outcome="no_answer")
        for hour in range(8, 14)
    ]
    call: dict[str, Any] = {"channel": "call", "now": "2026-11-24T15:00:00+08:00", "history": tries}
    assert asked("cn", address="a1", **call) == ("review", None, ["CN-F2"])
    assert asked("cn", address="a2", **call) == ("allow", None, [])
    assert asked("cn", address="a1", **(call | {"history": tries[:5]})) == ("allow", None, [])


def test_c3_a_mother_is_asked_after_three_failures_and_never_after_she_refused() -> None:
    tries = [
        past(f"2026-11-{day}T10:00:00+08:00", channel="call", outcome="no_answer") for day in (21, 22, 23)
    ]
    mother = {"id": "p2", "kind": "unrelated_third_party", "timezone": "Asia/Shanghai"}
    relay: dict[str, Any] = {"channel": "call", "purpose": "relay_only", "debtor_id": "p1", "party": mother}
    assert asked("cn", history=tries[:2], **relay) == ("deny", None, ["CN-P2"])
    assert asked("cn", history=tries, **relay) == ("allow", None, [])
    assert asked("cn", history=tries, **(relay | {"purpose": "collection"}))[0] == "deny"
    refused = relay | {"party": {**mother, "refused": True}}
    assert asked("cn", history=tries, **refused) == ("deny", None, ["CN-P2"])
    assert asked("cn", history=tries, now="2027-11-24T12:00:00+08:00", **refused)[0] == "deny"


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_c4_no_call_within_seven_days_of_a_conversation(direction: str) -> None:
    spoken = past("2026-09-08T15:00:00-04:00", channel="call", outcome="conversation", direction=direction)
    call = US | {"now": "2026-09-10T12:00:00-04:00", "history": [spoken]}
    assert asked("us-reg-f", **call) == ("defer", "2026-09-15T08:00:00-04:00", ["US-F2"])
    assert asked("us-reg-f", **(call | {"debt": "l2"})) == ("allow", None, [])
    both = [{**spoken, "debts": ["l1", "l2"]}]
    assert asked("us-reg-f", **(call | {"debt": "l2", "history": both}))[0] == "defer"
    assert asked("us-reg-f", **(call | {"now": "2026-09-15T08:00:00-04:00"})) == ("allow", None, [])


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [("busy", "allow"), ("not_in_service", "allow"), ("no_answer", "defer"), ("voicemail", "defer")],
)
def test_c5_what_counts_among_seven_calls(outcome: str, verdict: str) -> None:
    calls = [
        past(f"2026-11-{day}T10:00:00-05:00", channel="call", outcome=outcome, address=f"a{day % 2}")
        for day in range(18, 25)
    ]
    call = US | {"now": "2026-11-24T12:00:00-05:00", "history": calls}
    assert asked("us-reg-f", **call)[0] == verdict
    spouse = {"id": "p2", "kind": "spouse", "timezone": "America/New_York"}
    assert asked("us-reg-f", **(call | {"party": spouse, "debtor_id": "p1"})) == ("allow", None, [])


def test_c6_every_text_tells_how_to_opt_out_and_stop_closes_that_address_alone() -> None:
    text = US | {"now": "2026-11-24T12:00:00-05:00", "channel": "sms", "address": "a1"}
    silent = {"text": "Example Agency: please call 555-0100.", "language": "en"}
    told = {"text": "Example Agency: please call 555-0100. Reply STOP to opt out.", "language": "en"}
    assert asked("us-reg-f", content=silent, **text) == ("deny", None, ["US-E1"])
    assert asked("us-reg-f", content=told, **text) == ("allow", None, [])
    stopped = [{"kind": "opt_out", "from": "2026-11-24T11:00:00-05:00", "channel": "sms", "address": "a1"}]
    assert asked("us-reg-f", content=told, holds=stopped, **text) == ("deny", None, ["HOLD-opt_out"])
    other = text | {"address": "a2"}
    assert asked("us-reg-f", content=told, holds=stopped, **other) == ("allow", None, [])
    withdrawn = [
        {
            "channel": "sms",
            "address": "a1",
            "state": "withdrawn",
            "at": "2026-11-24T11:00:00-05:00",
            "source": "sms",
        }
    ]
    assert asked("us-reg-f", content=told, consents=withdrawn, **text)[2] == ["HOLD-opt_out"]
    assert asked("us-reg-f", content=told, consents=withdrawn, **other)[0] == "allow"


def test_c7_two_texts_in_massachusetts_leave_no_call_until_the_next_monday() -> None:
    texts = [past(f"2026-11-{day}T10:00:00-05:00") for day in (23, 24)]
    call: dict[str, Any] = {
        "jurisdiction": {"country": "US", "state": "MA"},
        "party": NEW_YORK,
        "channel": "call",
        "history": texts,
    }
    wednesday = asked("us-ma", now="2026-11-25T12:00:00-05:00", **call)
    assert wednesday == ("defer", "2026-11-30T08:00:00-05:00", ["MA-1"])
    assert asked("us-ma", now="2026-11-30T08:00:00-05:00", **call) == ("allow", None, [])
    assert asked("us-ma", now="2026-11-25T12:00:00-05:00", **(call | {"history": texts[:1]}))[0] == "allow"
