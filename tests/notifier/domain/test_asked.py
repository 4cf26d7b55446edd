"""Decisions asked for with all their facts: read strictly, answered as data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notifier.domain.asked import answered, read_asked
from notifier.domain.digest import canonical, digest, restored
from notifier.policy import load_packs
from spine.errors import BadJson, BadSchema

PACKS = load_packs(("cn", "cn-house"))


def request(**changes: Any) -> dict[str, Any]:
    """A text about one debt at noon on a Tuesday."""
    given: dict[str, Any] = {
        "now": "2026-11-24T12:00:00+08:00",
        "actor_role": "creditor",
        "jurisdiction": {"country": "CN"},
        "stage": "S3",
        "debt": "l1",
        "channel": "sms",
        "direction": "outbound",
        "purpose": "collection",
        "party": {"id": "p1", "kind": "debtor", "timezone": "Asia/Shanghai"},
        **changes,
    }
    return {name: value for name, value in given.items() if value is not ...}


def past(at: str, **changes: Any) -> dict[str, Any]:
    return {
        "at": at,
        "channel": "sms",
        "direction": "outbound",
        "outcome": "delivered",
        "address": "a1",
        "debts": ["l1"],
        "party_id": "p1",
        "purpose": "collection",
        **changes,
    }


def decide(**changes: Any) -> dict[str, Any]:
    return answered(read_asked(json.dumps(request(**changes)).encode()), PACKS)


def test_what_may_happen_is_answered_with_policy_and_digest_and_no_rules() -> None:
    answer = decide()
    assert (answer["verdict"], answer["rules"]) == ("allow", [])
    assert [pack["name"] for pack in answer["policy"]["packs"]] == ["cn", "cn-house"]
    assert len(answer["facts_digest"]) == 64 and "until" not in answer


def test_what_may_happen_later_tells_when_in_the_zone_of_the_person() -> None:
    answer = decide(now="2026-11-24T23:00:00+08:00")
    assert (answer["verdict"], answer["until"]) == ("defer", "2026-11-25T08:00:00+08:00")
    [rule] = answer["rules"]
    assert (rule["id"], rule["until"]) == ("CN-T1", "2026-11-25T08:00:00+08:00")
    assert rule["citation"]
    tokyo = decide(
        now="2026-11-24T23:00:00+08:00", party={"id": "p1", "kind": "debtor", "timezone": "Asia/Tokyo"}
    )
    assert tokyo["until"] == "2026-11-25T09:00:00+09:00"


def test_every_group_of_facts_reaches_the_decision() -> None:
    def rules(**changes: Any) -> list[str]:
        return [rule["id"] for rule in decide(**changes)["rules"]]

    hold = {"kind": "dispute", "from": "2026-11-01T00:00:00Z"}
    assert rules(holds=[hold]) == ["HOLD-dispute"]
    assert rules(holds=[{**hold, "until": "2026-11-24T04:00:00Z"}]) == []
    consent = {
        "channel": "sms",
        "address": "a1",
        "state": "withdrawn",
        "at": "2026-11-01T00:00:00Z",
        "source": "sms",
    }
    assert rules(consents=[consent], address="a1") == ["HOLD-opt_out"]
    assert rules(content={"text": "您好", "language": "zh-CN"}) == ["CN-C1"]
    two = [past("2026-11-24T01:00:00Z"), past("2026-11-24T02:00:00Z")]
    assert rules(history=two) == ["HOUSE-SMS-DAY"]
    assert rules(channel="visit") == ["CN-V1", "HOUSE-VISIT-NOTICE"]
    notice = "2026-11-23T10:00:00+08:00"
    assert rules(channel="visit", agents=["c1", "c2"], visit_notice_at=notice) == []
    stated = {"channels": ["sms"], "day_types": ["workday"], "allow": [["18:00", "20:00"]]}
    person = {"id": "p1", "kind": "debtor", "timezone": "Asia/Shanghai", "overrides": [stated]}
    assert rules(party=person) == ["CN-T1"]
    vulnerable = {"id": "p1", "kind": "debtor", "vulnerable": ["illness"]}
    assert rules(party=vulnerable, automated=True) == []
    assert rules(party=vulnerable, channel="ai_call", automated=True) == ["HOLD-vulnerable"]
    held = {"kind": "vulnerable", "from": "2026-11-01T00:00:00Z"}
    assert rules(holds=[held], automated=True) == ["HOLD-vulnerable"]
    assert rules(holds=[held]) == []
    refused = {"id": "p2", "kind": "unrelated_third_party", "refused": True}
    assert rules(party=refused, debtor_id="p1", purpose="location_only") == ["CN-P2"]
    assert rules(jurisdiction={"country": "US", "state": "MA"}) == ["NO-POLICY"]
    assert rules(party={"id": "p1", "kind": "debtor", "timezone": "Asia/Nowhere"}) == ["ZONE"]


def test_the_digest_names_the_facts_and_nothing_else() -> None:
    first, later = decide(), decide(now="2026-11-24T13:00:00+08:00")
    assert first["facts_digest"] == later["facts_digest"] != decide(debt="l2")["facts_digest"]
    facts = read_asked(json.dumps(request(history=[past("2026-11-24T01:00:00Z")])).encode()).facts()
    assert digest(restored(canonical(facts))) == digest(facts)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mood": "good"}, "mood"),
        ({"now": ...}, "now"),
        ({"now": "2026-11-24T12:00:00"}, "now"),
        ({"now": "9999-12-31T23:59:59Z"}, "now"),
        ({"actor_role": "owner"}, "actor_role"),
        ({"jurisdiction": {"country": "cn"}}, "country"),
        ({"jurisdiction": {}}, "country"),
        ({"debt": ""}, "debt"),
        ({"stage": "S5"}, "stage"),
        ({"direction": "inbound"}, "direction"),
        ({"automated": "yes"}, "automated"),
        ({"party": {"id": "p1"}}, "kind"),
        ({"party": {"id": "p1", "kind": "debtor", "phone": "1"}}, "phone"),
        ({"holds": [{"kind": "mood", "from": "2026-11-01T00:00:00Z"}]}, "kind"),
        ({"holds": [{"kind": "dispute"}]}, "from"),
        ({"history": [past("2026-11-24T01:00:00Z", outcome="shouted")]}, "outcome"),
        ({"history": [{"at": "2026-11-24T01:00:00Z"}]}, "channel"),
        (
            {
                "party": {
                    "id": "p1",
                    "kind": "debtor",
                    "overrides": [
                        {"channels": ["sms"], "day_types": ["workday"], "allow": [["20:00", "18:00"]]}
                    ],
                }
            },
            "overrides",
        ),
    ],
)
def test_what_is_not_a_request_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSchema, match=field):
        decide(**changes)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"debt": "\\ud800"}', b"nonsense"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_asked(body)
