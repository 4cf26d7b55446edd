"""Each kind of rule a pack may hold, on both sides of its edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.clock_rules import CapWindow, CoolOffRule, GapRule, WindowRule
from notifier.domain.decide import decide
from notifier.domain.decision import Verdict
from notifier.domain.facts import Consent, ContactFacts, Content, Override, Party
from notifier.domain.pack import Pack, PackFile
from notifier.domain.stated_rules import ConsentRule, ContentRule, GateRule, PartyRule
from notifier.domain.vocabulary import Counted, When
from tests.notifier.domain.builders import NOON, cap, facts, pack, past, window

DAY = timedelta(days=1)


def with_rules(**sections: Any) -> Pack:
    plain = pack()
    fields = {name: getattr(plain.file, name) for name in PackFile.__struct_fields__}
    return replace(plain, file=PackFile(**(fields | sections)))


def verdict(what: ContactFacts, policy: Pack, now: datetime = NOON) -> Verdict:
    return decide(what, (policy,), now).verdict


def until(what: ContactFacts, policy: Pack, now: datetime = NOON) -> str:
    decision = decide(what, (policy,), now)
    assert decision.verdict is Verdict.DEFER
    assert decision.until is not None
    return (decision.until + timedelta(hours=8)).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("span", "frees"),
    [
        (CapWindow(calendar="week"), "11-30 00:00"),
        (CapWindow(calendar="month"), "12-01 00:00"),
        (CapWindow(calendar_days=2), "11-26 00:00"),
        (CapWindow(hours=30), "11-25 17:00"),
        (CapWindow(slots=(("08:00", "11:30"), ("18:00", "22:00"))), "11-24 11:30"),
    ],
)
def test_a_cap_frees_when_its_window_has_passed(span: CapWindow, frees: str) -> None:
    tuesday = datetime(2026, 11, 24, 3, tzinfo=UTC)
    what = facts(history=(past(tuesday),))
    assert until(what, pack(cap(1, window=span)), tuesday) == frees


def test_a_month_ends_with_the_year() -> None:
    silvester = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    what = facts(history=(past(silvester),))
    assert until(what, pack(cap(1, window=CapWindow(calendar="month"))), silvester) == "01-01 00:00"
    assert verdict(
        what, pack(cap(1, window=CapWindow(calendar="month"))), silvester + timedelta(seconds=1)
    ) == (Verdict.ALLOW)


def test_what_may_happen_once_in_a_life_is_denied_the_second_time() -> None:
    policy = pack(cap(1, window=CapWindow(lifetime=True)))
    assert verdict(facts(), policy) is Verdict.ALLOW
    again = decide(facts(history=(past(NOON - 900 * DAY),)), (policy,), NOON)
    assert (again.verdict, [rule.id for rule in again.rules]) == (Verdict.DENY, ["NO-SLOT", "C"])
    assert [rule.until for rule in again.rules] == [None, None]


@pytest.mark.parametrize(("first", "frees"), [(True, "11-27 00:00"), (False, "11-28 00:00")])
def test_a_cool_off_begins_with_the_day_of_its_trigger_or_after_it(first: bool, frees: str) -> None:
    rule = CoolOffRule(
        id="O", citation="test", after=(Counted(),), per="person", days=3, trigger_day_is_day_1=first
    )
    policy = with_rules(cool_offs=(rule,))
    assert verdict(facts(), policy) is Verdict.ALLOW
    assert until(facts(history=(past(NOON),)), policy) == frees


def test_what_is_counted_may_be_told_by_purpose_place_and_consent() -> None:
    history = (
        past(NOON, "call", "no_answer", purpose="service", place="work"),
        past(NOON, "call", "busy", direct_consent=True),
    )

    def stops(**fields: Any) -> bool:
        policy = pack(cap(1, counts=(Counted(**fields),)))
        return verdict(facts(history=history), policy) is Verdict.DEFER

    assert stops(purposes=("service",)) and not stops(purposes=("reminder_due",))
    assert stops(except_purposes=("service",)) and not stops(except_purposes=("service", "collection"))
    assert stops(places=("work",)) and stops(places=("mobile",)) and not stops(places=("home",))
    assert stops(except_outcomes=("busy",)) and not stops(except_outcomes=("busy", "no_answer"))
    assert not stops(outcomes=("busy",), under_consent=False)


def test_a_soft_rule_asks_a_person_whatever_its_kind() -> None:
    soft = pack(window(("08:00", "09:00"), soft=True), cap(1, soft=True))
    decision = decide(facts(history=(past(NOON),)), (soft,), NOON)
    assert (decision.verdict, decision.until) == (Verdict.REVIEW, None)
    assert [(rule.id, rule.verdict.value) for rule in decision.rules] == [("W", "review"), ("C", "review")]
    party = PartyRule(
        id="P", citation="test", when=When(parties=("spouse",)), only_purposes=("service",), soft=True
    )
    assert verdict(facts(party=Party("p2", "spouse", "UTC")), with_rules(parties=(party,))) is Verdict.REVIEW


def test_a_consent_is_needed_lives_so_long_and_may_be_withdrawn() -> None:
    policy = with_rules(consents=(ConsentRule(id="K", citation="test", max_age_days=30),))

    def said(state: str, ago: timedelta, address: str = "a1") -> ContactFacts:
        return facts(consents=(Consent("sms", address, state, NOON - ago, "app"),))

    assert verdict(facts(), policy) is Verdict.DENY
    assert verdict(said("unknown", DAY), policy) is Verdict.DENY
    assert verdict(said("given", DAY, "a2"), policy) is Verdict.DENY
    assert verdict(said("given", -DAY), policy) is Verdict.DENY
    assert verdict(said("given", 30 * DAY), policy) is Verdict.DENY
    assert verdict(said("given", 30 * DAY - timedelta(microseconds=1)), policy) is Verdict.ALLOW
    assert [rule.id for rule in decide(said("withdrawn", DAY), (policy,), NOON).rules] == [
        "HOLD-opt_out",
        "K",
    ]


@pytest.mark.parametrize(
    ("fields", "good", "bad"),
    [
        ({"contains": ("(?i)stop", "退订")}, "reply STOP", "reply"),
        ({"starts_with": "【"}, "【示例】", "示例"),
        ({"max_characters": 4}, "four", "fours"),
        ({"forbidden": ("违约",)}, "守约", "违 约"),
    ],
)
def test_a_text_says_what_it_must_and_no_more(fields: dict[str, Any], good: str, bad: str) -> None:
    policy = with_rules(content=(ContentRule(id="T", citation="test", **fields),))
    assert verdict(facts(), policy) is Verdict.ALLOW
    assert verdict(facts(content=Content(good, "zh-CN")), policy) is Verdict.ALLOW
    assert verdict(facts(content=Content(bad, "zh-CN")), policy) is Verdict.DENY


@pytest.mark.parametrize(
    ("language", "right"), [("en", True), ("en-US", True), ("EN_us", True), ("eng", False)]
)
def test_a_text_is_in_one_of_the_languages(language: str, right: bool) -> None:
    policy = with_rules(content=(ContentRule(id="T", citation="test", languages=("en", "zh-CN")),))
    told = verdict(facts(content=Content("hello", language)), policy)
    assert (told is Verdict.ALLOW) == right


@pytest.mark.parametrize(("absent", "expected"), [("denies", Verdict.DENY), ("not_judged", Verdict.ALLOW)])
def test_an_earlier_step_must_have_been_made(absent: Any, expected: Verdict) -> None:
    policy = with_rules(gates=(GateRule(id="N", citation="test", needs="overdue_notice", absent=absent),))
    assert verdict(facts(), policy) is expected
    assert verdict(facts(overdue_notice_delivered_at=NOON), policy) is Verdict.ALLOW
    assert verdict(facts(overdue_notice_delivered_at=NOON + timedelta(seconds=1)), policy) is Verdict.DENY


def test_a_rule_binds_within_its_own_dates_and_to_whom_it_names() -> None:
    rule = window(("08:00", "09:00"), effective_from=date(2026, 11, 24), effective_until=date(2026, 11, 26))
    policy = pack(rule)
    day = datetime(2026, 11, 24, 4, tzinfo=UTC)
    told = [verdict(facts(), policy, day + n * DAY).value for n in (-1, 0, 1, 2)]
    assert told == ["allow", "defer", "defer", "allow"]

    def binds(when: When, **fields: Any) -> bool:
        policy = pack(window(("08:00", "09:00"), when=when))
        return "W" in {rule.id for rule in decide(facts(**fields), (policy,), NOON).rules}

    ill = Party("p1", timezone="Asia/Shanghai", vulnerable=("illness",))
    assert binds(When(flags=("illness",)), party=ill) and not binds(When(flags=("illness",)))
    assert binds(When(roles=("agency",)), actor_role="agency") and not binds(When(roles=("agency",)))
    assert binds(When(products=("card",)), product="card") and not binds(
        When(products=("card",)), product="car"
    )
    assert binds(When(products=("card",)))
    assert binds(When(places=("mobile",))) and not binds(When(places=("work",)))
    assert not binds(When(places=("work",)), place="home") and binds(When(places=("work",)), channel="letter")


def test_a_gap_and_a_cap_together_open_when_both_do() -> None:
    gap = GapRule(id="G", citation="test", after=(Counted(),), per="person", minutes=90)
    both = pack(window(("12:00", "13:00")), gap, cap(2))
    one = facts(history=(past(NOON),))
    assert until(one, both, NOON) == "11-25 12:00"
    assert until(one, pack(window(("12:00", "14:00")), gap, cap(2)), NOON) == "11-24 13:30"


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"workday": (("08:00", "09:00"),)}, "every day"),
        ({"workday": (("08:00", "09:00"),), "weekend": ()}, "every day"),
        ({"every_day": (), "workday": ()}, "two things"),
        ({"every_day": (("09:00", "09:00"),)}, "not empty"),
        ({"every_day": (("09:00", "12:00"), ("12:00", "13:00"))}, "apart"),
    ],
)
def test_a_window_that_leaves_a_day_out_or_says_two_things_is_refused(days: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WindowRule(id="W", citation="test", days=days)


def test_stated_hours_narrow_the_windows_there_are_and_bind_alone_where_there_is_none() -> None:
    evening = Override(("sms",), ("workday", "weekend", "public_holiday"), (("18:00", "20:00"),))
    party = Party("p1", timezone="Asia/Shanghai", overrides=(evening,))

    def told(policy: Pack) -> list[str]:
        return [rule.id for rule in decide(facts(party=party), (policy,), NOON).rules]

    assert told(pack(window(("08:00", "22:00")))) == ["W"]
    assert told(pack(cap(3))) == ["PARTY-HOURS"]
    assert until(facts(party=party), pack(cap(3))) == "11-24 18:00"
    assert until(facts(party=party), pack(window(("08:00", "12:00"), ("19:00", "22:00")))) == "11-24 19:00"
    closed = Party("p1", timezone="Asia/Shanghai", overrides=(replace(evening, allow=()),))
    never = decide(facts(party=closed), (pack(window(("08:00", "22:00"))),), NOON)
    assert [rule.id for rule in never.rules] == ["NO-SLOT", "W"]
