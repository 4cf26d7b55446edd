"""Whatever packs are in force together: the strictest wins, more history never allows more, `until` is least."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.decide import HORIZON, decide
from notifier.domain.decision import STRICTNESS, Decision, Verdict
from notifier.domain.facts import ContactFacts, Hold, Override, Party, PastContact
from notifier.policy import load_packs
from tests.notifier.domain.builders import facts, past

BY_COUNTRY = {
    "CN": (load_packs(["cn", "cn-house"]), ("Asia/Shanghai", "Asia/Urumqi")),
    "US": (load_packs(["us-reg-f", "us-ma", "us-nyc"]), ("America/New_York", "America/Los_Angeles")),
    "GB": (load_packs(["uk"]), ("Europe/London",)),
    "IN": (load_packs(["in"]), ("Asia/Kolkata",)),
    "AU": (load_packs(["au"]), ("Australia/Sydney", "Australia/Lord_Howe")),
}
#: About days on which clocks are moved and about holidays.
DAYS = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 6), (9, 30), (10, 30), (12, 24))]
INSTANTS = st.builds(
    lambda day, ms: day + timedelta(milliseconds=ms), st.sampled_from(DAYS), st.integers(0, 9 * 86_400_000)
)
OUTCOMES = ["no_answer", "busy", "voicemail", "conversation", "unknown", "sent", "delivered", "failed"]
#: Rules of no pack, which fire by what all packs leave.
OF_NO_PACK = {"NO-SLOT", "PARTY-HOURS"}


@st.composite
def situations(draw: st.DrawFn) -> tuple[ContactFacts, datetime]:
    """A contact somewhere, a few earlier ones, and the packs of the place."""
    _, zones = BY_COUNTRY[country := draw(st.sampled_from(sorted(BY_COUNTRY)))]
    now = draw(INSTANTS)
    entries = st.builds(
        past,
        st.integers(0, 31 * 24 * 60).map(lambda minutes: now - timedelta(minutes=minutes)),
        channel=st.sampled_from(["call", "ai_call", "sms", "wechat", "letter"]),
        outcome=st.sampled_from(OUTCOMES),
        address=st.sampled_from(["a1", "a2"]),
        party_id=st.sampled_from(["p1", "p1", "p2"]),
        debts=st.sampled_from([("l1",), ("l2",), ("l1", "l2")]),
        direction=st.sampled_from(["outbound", "outbound", "inbound"]),
        place=st.sampled_from([None, "home", "work"]),
        direct_consent=st.booleans(),
    )
    candidates = tuple(draw(st.lists(st.sampled_from(zones), min_size=1, max_size=2, unique=True)))
    hours = st.sampled_from([(), (("18:00", "22:00"),), (("07:00", "09:30"), ("12:00", "23:00"))])
    types = st.sampled_from([("workday",), ("weekend", "public_holiday")])
    override = st.builds(Override, st.just(("call", "sms")), types, hours)
    changes: dict[str, Any] = {
        "country": country,
        "actor_role": draw(st.sampled_from(["creditor", "agency"])) if country != "US" else "agency",
        "channel": draw(st.sampled_from(["call", "sms", "wechat", "letter"])),
        "stage": draw(st.sampled_from([None, "S1", "S2", "S3"])),
        "place": draw(st.sampled_from([None, "home", "work"])),
        "party": Party(
            "p1",
            candidate_timezones=candidates,
            overrides=tuple(draw(st.lists(override, max_size=1))),
        ),
        "history": tuple(draw(st.lists(entries, max_size=12))),
    }
    return facts(**changes), now


def strictness(decision: Decision) -> int:
    return STRICTNESS[decision.verdict]


@given(situations())
def test_the_strictest_of_the_packs_wins_and_every_rule_that_fired_is_listed(
    situation: tuple[ContactFacts, datetime],
) -> None:
    what, now = situation
    packs, _ = BY_COUNTRY[what.country]
    together = decide(what, packs, now)
    alone = [decide(what, (pack,), now) for pack in packs if pack.ref in together.policy]
    assert strictness(together) >= max(map(strictness, alone))
    ids = {rule.id for rule in together.rules}
    assert ids - OF_NO_PACK == {rule.id for one in alone for rule in one.rules} - OF_NO_PACK
    if "NO-SLOT" not in ids:
        assert strictness(together) == max(map(strictness, alone))
        untils = [one.until for one in alone if one.until is not None]
        assert together.until is None or together.until >= max(untils)
    order = [STRICTNESS[rule.verdict] for rule in together.rules]
    assert order == sorted(order, reverse=True)


@given(situations(), st.data())
def test_more_history_never_allows_more(
    situation: tuple[ContactFacts, datetime], data: st.DataObject
) -> None:
    what, now = situation
    packs, _ = BY_COUNTRY[what.country]
    kept = data.draw(st.lists(st.sampled_from(what.history), unique_by=id) if what.history else st.just([]))
    less = decide(with_history(what, tuple(kept)), packs, now)
    more = decide(what, packs, now)
    assert strictness(more) >= strictness(less)
    assert {rule.id for rule in more.rules} >= {rule.id for rule in less.rules} - OF_NO_PACK
    if more.until is not None and less.until is not None:
        assert more.until >= less.until


@given(situations())
def test_until_is_the_least_instant(situation: tuple[ContactFacts, datetime]) -> None:
    what, now = situation
    packs, _ = BY_COUNTRY[what.country]
    decision = decide(what, packs, now)
    if decision.verdict is Verdict.ALLOW:
        assert (decision.until, decision.rules) == (None, ())
        return
    if decision.until is None:
        assert decision.verdict in (Verdict.DENY, Verdict.REVIEW)
        assert "NO-SLOT" in {rule.id for rule in decision.rules} or decision.verdict is Verdict.REVIEW
        return
    assert now < decision.until <= now + HORIZON
    waits = {Verdict.DEFER}
    assert waits.isdisjoint(rule.verdict for rule in decide(what, packs, decision.until).rules)
    before = [decision.until - timedelta(microseconds=1), now]
    step = max((decision.until - now) / 60, timedelta(minutes=1))
    before += [now + step * n for n in range(60) if now + step * n < decision.until]
    for at in before:
        assert not waits.isdisjoint(rule.verdict for rule in decide(what, packs, at).rules), at


def with_history(what: ContactFacts, history: tuple[PastContact, ...]) -> ContactFacts:
    fields = {name: getattr(what, name) for name in ContactFacts.__dataclass_fields__}
    return ContactFacts(**(fields | {"history": history}))


def test_a_review_never_lifts_a_defer_nor_a_deny() -> None:
    packs, _ = BY_COUNTRY["CN"]
    night = datetime.fromisoformat("2026-11-24T22:00:00+08:00")
    tries = tuple(past(night - timedelta(hours=n), "call", "no_answer") for n in range(1, 7))
    call = facts(channel="call", stage="S3", history=tries)
    decision = decide(call, packs, night)
    assert (decision.verdict, decision.until) == (Verdict.REVIEW, datetime(2026, 11, 25, tzinfo=UTC))
    assert [(rule.id, rule.verdict) for rule in decision.rules] == [
        ("CN-F2", Verdict.REVIEW),
        ("CN-T1", Verdict.DEFER),
    ]
    held = decide(
        facts(channel="call", stage="S3", history=tries, holds=(Hold("dispute", night),)), packs, night
    )
    assert (held.verdict, held.until) == (Verdict.DENY, None)
    assert [rule.id for rule in held.rules] == ["HOLD-dispute", "CN-F2", "CN-T1"]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ({"state": "MA"}, ["us-reg-f", "us-ma"]),
        ({"state": "NY", "city": "NYC"}, ["us-reg-f", "us-nyc"]),
        ({"state": "NY"}, ["us-reg-f", "us-nyc"]),
        ({"state": "NY", "city": "BUF"}, ["us-reg-f"]),
        ({"state": "TX"}, ["us-reg-f"]),
        ({}, ["us-reg-f", "us-ma", "us-nyc"]),
        ({"state": "MA", "actor_role": "creditor"}, ["us-ma"]),
        ({"state": "TX", "actor_role": "creditor"}, []),
    ],
)
def test_packs_apply_themselves_and_what_is_not_known_binds(place: dict[str, str], names: list[str]) -> None:
    packs, _ = BY_COUNTRY["US"]
    call = facts("America/New_York", channel="call", **({"country": "US", "actor_role": "agency"} | place))
    decision = decide(call, packs, datetime.fromisoformat("2026-11-24T12:00:00-05:00"))
    assert [ref.name for ref in decision.policy] == names
    assert (decision.verdict is Verdict.DENY) == (not names)
