"""Whatever a request holds, it is decided or refused by name: nothing crashes, nothing is searched without end."""

from __future__ import annotations

import json
import zoneinfo
from typing import Any

import pytest

from notifier.domain.asked import answered, read_asked
from notifier.policy import load_packs
from spine.errors import BadJson, BadSchema
from tests.notifier.domain.test_asked import past, request

US = load_packs(["us-reg-f", "us-ma", "us-nyc"])
NAMES = ["cn", "cn-house", "us-reg-f", "us-ma", "us-nyc", "uk", "in", "au"]
HERE: dict[str, Any] = {
    "jurisdiction": {"country": "US"},
    "actor_role": "agency",
    "party": {"id": "p1", "kind": "debtor", "timezone": "America/New_York"},
    "now": "2026-11-24T12:00:00-05:00",
    "channel": "call",
}


def decide(**changes: Any) -> dict[str, Any]:
    return answered(read_asked(json.dumps(request(**(HERE | changes))).encode()), US)


def ids(**changes: Any) -> list[str]:
    return [rule["id"] for rule in decide(**changes)["rules"]]


def test_no_history_is_no_contact() -> None:
    assert decide(history=[])["verdict"] == decide(history=...)["verdict"] == "allow"


def test_ten_thousand_earlier_contacts_are_counted() -> None:
    history = [
        past(f"2026-11-{1 + n % 24:02}T{n % 24:02}:00:00-05:00", channel="call") for n in range(10_000)
    ]
    answer = decide(history=history)
    # The newest are of the 24th: seven days of it on, a text or call is possible again.
    assert (answer["verdict"], answer["until"]) == ("defer", "2026-12-01T08:00:00-05:00")
    assert [rule["id"] for rule in answer["rules"]] == ["MA-1", "NYC-1", "US-F1"]


@pytest.mark.parametrize(
    "at", ["1971-01-01T00:00:00Z", "2037-12-31T23:59:59Z", "8999-12-31T23:59:59.999999Z"]
)
@pytest.mark.parametrize("names", NAMES)
def test_dates_far_away_are_decided(at: str, names: str) -> None:
    country = {"cn": "CN", "cn-house": "CN", "uk": "GB", "in": "IN", "au": "AU"}.get(names, "US")
    stated = {"channels": ["call"], "day_types": ["workday"], "allow": [["09:00", "10:00"]]}
    given = request(
        **(HERE | {"now": at, "jurisdiction": {"country": country}, "history": [past(at, channel="call")]}),
    )
    given["party"] = {**HERE["party"], "overrides": [stated]}
    answer = answered(read_asked(json.dumps(given).encode()), load_packs([names]))
    assert answer["verdict"] in ("allow", "defer", "deny")


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "2026-11-24T12:00:00",
        "2026-11-24",
        "2026-02-30T12:00:00Z",
        "2026-11-24T24:00:00Z",
        "",
        1_764_000_000,
        None,
        True,
    ],
)
def test_what_is_no_instant_is_refused_where_it_stands(at: object) -> None:
    for changes, field in (
        ({"now": at}, "now"),
        ({"history": [{**past(""), "at": at}]}, "history.*at"),
        ({"holds": [{"kind": "dispute", "from": at}]}, "holds.*from"),
    ):
        with pytest.raises(BadSchema, match=field):
            decide(**changes)


@pytest.mark.parametrize(
    "zone",
    [
        "Mars/Olympus",
        "",
        "..",
        "../../etc/passwd",
        "America",
        "America/New_York\x00",
        " America/New_York",
        "localtime",
        "posixrules",
        "Factory",
        "right/UTC",
        "zone.tab",
        "x" * 5_000,
    ],
)
def test_a_zone_that_is_no_place_denies(zone: str) -> None:
    assert ids(party={**HERE["party"], "timezone": zone}) == ["ZONE"]
    candidates = ["America/New_York", zone]
    assert ids(party={"id": "p1", "kind": "debtor", "candidate_timezones": candidates}) == ["ZONE"]


def test_who_may_be_anywhere_on_earth_is_never_called() -> None:
    everywhere = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    someone = {"id": "p1", "kind": "debtor", "candidate_timezones": everywhere}
    assert ids(party=someone)[0] == "NO-SLOT"


@pytest.mark.parametrize("fraction", ["", ".000001", ".999999"])
def test_edges_hold_to_the_microsecond(fraction: str) -> None:
    assert decide(now=f"2026-11-24T20:59:59{fraction}-05:00")["verdict"] == "allow"
    late = decide(now=f"2026-11-24T21:00:00{fraction}-05:00")
    assert (late["verdict"], late["until"]) == ("defer", "2026-11-25T08:00:00-05:00")
    early = decide(now=f"2026-11-24T07:59:59{fraction}-05:00")
    assert (early["verdict"], early["until"]) == ("defer", "2026-11-24T08:00:00-05:00")


def test_a_gap_keeps_its_fraction_of_a_second() -> None:
    sms = past("2026-11-24T10:00:00.250000+08:00")
    call = request(channel="call", stage="S1", now="2026-11-24T12:00:00.249999+08:00", history=[sms])
    packs = load_packs(["cn", "cn-house"])
    answer = answered(read_asked(json.dumps(call).encode()), packs)
    assert (answer["verdict"], answer["until"]) == ("defer", "2026-11-24T12:00:00.250000+08:00")
    call["now"] = answer["until"]
    assert answered(read_asked(json.dumps(call).encode()), packs)["verdict"] == "allow"


@pytest.mark.parametrize("version", [-1, 2**53, 10**30, 1.5, "1"])
def test_a_number_no_digest_can_name_is_refused(version: object) -> None:
    with pytest.raises(BadSchema, match="template_version"):
        decide(content={"text": "x", "language": "en", "template_version": version})


@pytest.mark.parametrize("body", [b"[1,2", b'{"now": 5', b'{"now": 5} x', b"[" * 100_000, b"\x00"])
def test_what_is_no_json_is_told_so_even_where_its_shape_is_wrong_first(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_asked(body)


def test_a_waived_window_does_not_open_a_day_of_which_nothing_was_said() -> None:
    stated = {"channels": ["call"], "day_types": ["workday"], "allow": [["18:00", "23:00"]]}
    someone = {**HERE["party"], "overrides": [stated]}
    agency = {"jurisdiction": {"country": "US", "state": "TX"}, "party": someone}
    assert decide(now="2026-11-24T22:59:59-06:00", **agency)["verdict"] == "defer"
    assert decide(now="2026-11-24T22:59:59-05:00", **agency)["verdict"] == "allow"
    # A Saturday: the rule's own hours.
    assert ids(now="2026-11-28T21:00:00-05:00", **agency) == ["US-T1"]
    # Nobody waives what Massachusetts says.
    massachusetts = agency | {"jurisdiction": {"country": "US", "state": "MA"}}
    assert ids(now="2026-11-24T22:00:00-05:00", **massachusetts) == ["MA-T1"]
