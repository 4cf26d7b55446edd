"""A decision's `until` is the least instant at which the same contact is allowed, by a count of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.decide import HORIZON, decide, next_window_end
from notifier.domain.decision import Verdict
from notifier.domain.digest import canonical, digest, restored
from notifier.domain.facts import ContactFacts, Content, Hold, Party, PastContact
from notifier.domain.pack import CapKey, CapWindow, Counted, Pack, Zones
from notifier.policy import load_packs
from tests.notifier.domain.builders import NOON, cap, facts, gap, pack, past, window

PACKS = load_packs(["cn", "cn-house"])
ZONES = ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe"]
#: Around days on which clocks are moved in one of the zones.
INSTANTS = st.builds(
    lambda day, ms: day + timedelta(milliseconds=ms),
    st.sampled_from([datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)]),
    st.integers(0, 34 * 86_400_000),
)
PAIRS = st.sampled_from(
    [
        (("08:00", "22:00"),),
        (("08:00", "12:00"), ("18:00", "22:00")),
        (("01:30", "02:30"),),
        (("00:00", "24:00"),),
    ]
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[ContactFacts, Pack, datetime]:
    """A window, a cap and a gap over a few days of history."""
    now = draw(INSTANTS)
    ago = st.integers(0, 4 * 24 * 60).map(lambda minutes: now - timedelta(minutes=minutes))
    entries = st.builds(
        past,
        ago,
        channel=st.sampled_from(["sms", "wechat"]),
        outcome=st.sampled_from(["delivered", "unknown", "failed"]),
        address=st.sampled_from(["a1", "a2"]),
        party_id=st.sampled_from(["p1", "p2"]),
        debts=st.sampled_from([("l1",), ("l2",), ("l1", "l2")]),
    )
    per: CapKey = draw(st.sampled_from(["person", "debt", "person_and_debt", "address"]))
    days = st.builds(CapWindow, calendar_days=st.integers(1, 3))
    span = draw(days | st.builds(CapWindow, hours=st.integers(1, 60)))
    rules = (
        window(*draw(PAIRS)),
        cap(draw(st.integers(1, 3)), per=per, window=span, counts=(Counted(channels=("sms",)),)),
        gap(draw(st.integers(1, 600)), after=(Counted(outcomes=("delivered", "unknown")),)),
    )
    history = tuple(draw(st.lists(entries, max_size=6)))
    return facts(draw(st.sampled_from(ZONES)), history=history), pack(*rules), now


def allowed_by_hand(what: ContactFacts, policy: Pack, at: datetime) -> bool:
    """The same three rules, judged for one instant in the plainest way."""
    zone = ZoneInfo(what.party.timezone or "")
    file = policy.file
    shown = at.astimezone(zone).strftime("%H:%M:%S")
    if not any(begin <= shown < end for begin, end in file.windows[0].days["every_day"]):
        return False
    rule = file.caps[0]
    keys: dict[str, Callable[[PastContact], bool]] = {
        "person": lambda e: e.party_id == "p1",
        "debt": lambda e: "l1" in e.debts,
        "person_and_debt": lambda e: e.party_id == "p1" and "l1" in e.debts,
        "address": lambda e: e.address == "a1",
    }
    mine = [e for e in what.history if e.channel == "sms" and keys[rule.per](e)]
    if rule.window.hours is not None:
        recent = [e for e in mine if (at - e.at).total_seconds() < rule.window.hours * 3600]
    else:
        today = at.astimezone(zone).date().toordinal()
        days = rule.window.calendar_days or 1
        recent = [e for e in mine if e.at.astimezone(zone).date().toordinal() > today - days]
    if len(recent) >= rule.limit:
        return False
    since = [e.at for e in what.history if e.party_id == "p1" and e.outcome != "failed"]
    return all((at - e).total_seconds() >= file.gaps[0].minutes * 60 for e in since)


@given(situations())
def test_until_is_the_least_instant_that_satisfies_every_rule(
    situation: tuple[ContactFacts, Pack, datetime],
) -> None:
    what, policy, now = situation
    decision = decide(what, (policy,), now)
    if decision.verdict is Verdict.ALLOW:
        assert allowed_by_hand(what, policy, now)
        return
    until = decision.until
    assert decision.verdict is Verdict.DEFER
    assert until is not None
    assert now < until <= now + HORIZON
    assert decide(what, (policy,), until).verdict is Verdict.ALLOW
    assert allowed_by_hand(what, policy, until)
    assert not allowed_by_hand(what, policy, until - timedelta(microseconds=1))
    minute = now
    while minute < until:
        assert not allowed_by_hand(what, policy, minute)
        minute += timedelta(minutes=7)


@given(situations())
def test_a_window_that_is_open_stays_so_until_its_end_and_not_longer(
    situation: tuple[ContactFacts, Pack, datetime],
) -> None:
    what, policy, now = situation
    alone = pack(policy.file.windows[0])
    end = next_window_end(what, (alone,), now)
    if policy.file.windows[0].days["every_day"] == (("00:00", "24:00"),):
        assert end is None
    elif decide(what, (alone,), now).verdict is Verdict.ALLOW:
        assert end is not None
        assert end > now
        assert decide(what, (alone,), end - timedelta(microseconds=1)).verdict is Verdict.ALLOW
        assert decide(what, (alone,), end).verdict is Verdict.DEFER
    else:
        assert end == now


@given(INSTANTS, st.sampled_from([*ZONES, "Asia/Urumqi", "Asia/Tokyo", None]), st.sampled_from(["S1", "S2"]))
def test_nothing_is_ever_allowed_outside_8_to_22_in_the_borrowers_zone_or_in_shanghai(
    now: datetime, zone: str | None, stage: str
) -> None:
    decision = decide(facts(zone, stage=stage, channel="wechat"), PACKS, now)
    at = now if decision.verdict is Verdict.ALLOW else decision.until
    if at is not None:
        for name in {zone or "Asia/Shanghai", "Asia/Shanghai"}:
            assert 8 <= at.astimezone(ZoneInfo(name)).hour < 22


@pytest.mark.parametrize("rule", ["party", "all_candidates"])
def test_without_any_zone_a_pack_that_fixes_none_denies(rule: Literal["party", "all_candidates"]) -> None:
    policy = pack(window(("08:00", "22:00")), zones=Zones(rule=rule))
    decision = decide(facts(None), (policy,), NOON)
    assert (decision.verdict, [fired.id for fired in decision.rules]) == (Verdict.DENY, ["ZONE"])
    assert next_window_end(facts(None), (policy,), NOON) == NOON


def test_all_candidates_bind_even_beside_a_stated_zone() -> None:
    policy = pack(window(("08:00", "22:00")), zones=Zones(rule="all_candidates"))
    both = Party("p1", timezone="Asia/Shanghai", candidate_timezones=("Europe/London",))
    decision = decide(facts(party=both), (policy,), NOON)
    assert decision.until == datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_what_cannot_happen_within_30_days_is_denied() -> None:
    recent = facts(history=(past(NOON - timedelta(hours=1)),))
    near = decide(recent, (pack(cap(1, window=CapWindow(hours=721))),), NOON)
    assert (near.verdict, near.until) == (Verdict.DEFER, NOON + timedelta(hours=720))
    far = decide(recent, (pack(cap(1, window=CapWindow(hours=722))),), NOON)
    assert (far.verdict, far.until, [r.id for r in far.rules]) == (Verdict.DENY, None, ["NO-SLOT", "C"])


def test_a_contact_another_process_reserved_an_instant_later_counts() -> None:
    ahead = facts(history=(past(NOON + timedelta(seconds=1), outcome="unknown"),))
    assert decide(ahead, (pack(cap(1)),), NOON).verdict is Verdict.DEFER


def test_an_address_that_is_not_known_may_be_any_of_them() -> None:
    policy = pack(cap(1, per="address"))
    history = (past(NOON - timedelta(hours=1), address="a2"),)
    assert decide(facts(history=history), (policy,), NOON).verdict is Verdict.ALLOW
    assert decide(facts(history=history, address=None), (policy,), NOON).verdict is Verdict.DEFER


def test_no_pack_at_all_denies() -> None:
    assert [rule.id for rule in decide(facts(), (), NOON).rules] == ["NO-POLICY"]


def test_a_decision_names_its_policy_and_its_rules_cite_their_source() -> None:
    decision = decide(facts(), PACKS, datetime(2026, 11, 24, 15, tzinfo=UTC))
    assert [(ref.name, len(ref.digest)) for ref in decision.policy] == [("cn", 64), ("cn-house", 64)]
    assert "GB/T 45251-2025" in decision.rules[0].citation
    assert decision.rules[0].until == decision.until == datetime(2026, 11, 25, 0, tzinfo=UTC)


def test_stored_facts_come_back_the_same_and_have_the_same_digest() -> None:
    full = facts(
        history=(past(NOON),), holds=(Hold("dispute", NOON),), content=Content("【示例银行】您好", "zh-CN")
    )
    again = restored(canonical(full))
    assert again == full
    assert digest(again) == decide(full, PACKS, NOON).facts_digest
    assert digest(facts()) != digest(facts(stage="S2"))
