"""A due step decided: why it is skipped, when it is tried again, how it is said; both sides of every edge."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from spine.policy import load_policy
from stager.domain.conditions import CaseFacts
from stager.domain.contact_policy import ContactPolicy
from stager.domain.hold_policy import HoldPolicy
from stager.domain.stage_policy import StagePolicy
from stager.domain.steps import Covered, Rules, StepDecision, StepFacts, Verdict, decide_step, followers
from stager.domain.strategy import Strategy
from stager.policy import load_rulebook

SHIPPED = load_rulebook()
FROM_ON = date(2026, 11, 11)
#: 10:00 in Shanghai, and 22:00, when the slot closes.
OPENS = datetime(2026, 11, 11, 2, tzinfo=UTC)
CLOSES = datetime(2026, 11, 11, 14, tzinfo=UTC)
TICK = timedelta(microseconds=1)
STRATEGY = """
name: strategy-test
version: 1
effective_from: 2020-01-01
citation: test
slots:
  day: {at: "10:00", until: "22:00"}
stages:
  DUE: []
  S1:
    - {id: warm, channel: sms, template: s1-warm-sms, purpose: collection, once: episode,
       when: {from_day: 0, slot: day}}
    - {id: call, channel: call, purpose: collection, once: entry, after: {step: warm, hours: 2, slot: day}}
    - {id: soft, channel: sms, template: s1-soft-sms, purpose: collection,
       when: {from_day: 0, every_days: 2, slot: day}}
    - {id: due-note, channel: sms, template: s1-soft-sms, purpose: reminder_due, once: entry,
       when: {from_day: 0, slot: day}}
  S2:
    - {id: chat, channel: wechat, template: s2-soft-wechat-morning, purpose: collection, once: entry,
       when: {from_day: 0, slot: day}, fallback: {channel: sms, template: s1-soft-sms}}
    - {id: visit, channel: visit, purpose: collection, once: entry, people: 2, when: {from_day: 0, slot: day},
       only_if: [{local: true}], stop_if: [{overdue_total: {currency: CNY, below: "100.00"}}]}
  S3: []
  S4: []
"""
LETTER = """S3:
    - {id: notice, channel: letter, document: overdue-notice, purpose: statutory_notice, once: episode,
       when: {from_day: 0, slot: day}}"""
RULES = Rules(
    load_policy(Strategy, STRATEGY, path="strategy-test.yaml").policy,
    SHIPPED.stages.editions[0].policy,
    SHIPPED.holds.editions[-1].policy,
    SHIPPED.contacts.editions[0].policy,
)


def case(**known: Any) -> CaseFacts:
    return CaseFacts(
        **{
            "stage": "S1",
            "dpd": 1,
            "currency": "CNY",
            "overdue_total_minor": 100_135,
            "outstanding_minor": 900_000,
            "product": "consumer",
            **known,
        }
    )


def due(step: str, stage: str | None = "S1", *, now: datetime = OPENS, **known: Any) -> StepFacts:
    return StepFacts(
        **{
            "step": step,
            "occurrence": 0,
            "due_at": OPENS,
            "now": now,
            "stage": stage,
            "from_on": FROM_ON,
            "zone": "Asia/Shanghai",
            "stopped": False,
            "case": case(stage=stage),
            **known,
        }
    )


def decided(facts: StepFacts, rules: Rules = RULES) -> StepDecision:
    decision = decide_step(facts, rules)
    assert decision is not None
    return decision


def test_a_message_is_asked_for_and_a_call_is_given_to_a_person() -> None:
    assert decided(due("warm")).verdict is Verdict.ASKED
    assert decided(due("call")).verdict is Verdict.TASKED
    assert decided(due("warm")).following is None


@pytest.mark.parametrize("facts", [due("warm", None), due("warm", "S2"), due("gone", "S1")])
def test_what_is_in_no_plan_any_more_is_not_decided(facts: StepFacts) -> None:
    assert decide_step(facts, RULES) is None


def test_a_step_is_wanted_until_its_slot_closes() -> None:
    assert decided(due("warm", now=CLOSES - TICK)).reason is None
    missed = decided(due("warm", now=CLOSES))
    assert (missed.verdict, missed.reason) == (Verdict.SKIPPED, "missed")
    assert missed.following is not None and missed.following.due_at == OPENS + timedelta(days=1)


def test_after_five_days_the_newest_occurrence_is_decided_once() -> None:
    decision = decided(due("soft", now=OPENS + timedelta(days=5)))
    # Every second day from the 11th: the 15th is the newest, and its slot is closed by the 16th.
    assert (decision.due.occurrence, decision.reason) == (2, "missed")
    again = decided(due("soft", now=OPENS + timedelta(days=6)))
    assert (again.due.occurrence, again.reason) == (3, None)
    assert again.following is not None and again.following.occurrence == 4


@pytest.mark.parametrize(("minor", "reason"), [(999, "small_rest"), (1_000, None)])
def test_nobody_is_contacted_about_less_than_the_floor(minor: int, reason: str | None) -> None:
    assert decided(due("warm", case=case(overdue_total_minor=minor))).reason == reason


def test_the_floor_of_a_product_wins() -> None:
    text = yaml.safe_dump(
        {
            **yaml.safe_load(
                "{name: c, version: 1, effective_from: 2020-01-01, citation: t, calendar: CN, "
                'small_rest: {default: "10.00", products: {card: "50.00"}}, after_bounce: {business_days: 1}}'
            )
        }
    )
    policy = load_policy(ContactPolicy, text, path="contacts.yaml").policy
    rules = Rules(RULES.strategy, RULES.stages, RULES.holds, policy)
    small = case(product="card", overdue_total_minor=4_999)
    assert decided(due("warm", case=small), rules).reason == "small_rest"
    assert decided(due("warm", case=case(product="card", overdue_total_minor=5_000)), rules).reason is None
    # Amounts of a currency without minor units are compared as such.
    assert policy.is_small_rest("other", "JPY", 9) and not policy.is_small_rest("other", "JPY", 10)


def test_a_hold_stops_a_channel_and_a_purpose() -> None:
    held = case(holds=("promise_open",))
    assert decided(due("warm", case=held)).reason == "hold_promise_open"
    # The reminder of the day is what a promise still allows.
    assert decided(due("due-note", case=held)).reason is None
    complaint = case(holds=("complaint_open",))
    assert decided(due("warm", case=complaint)).reason is None
    assert decided(due("call", case=complaint)).reason == "hold_complaint_open"


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"local": True}, None),
        ({"local": False}, "only_if_0"),
        ({"local": None}, "only_if_0"),
        ({"local": True, "overdue_total_minor": 9_999}, "stop_if_0"),
        ({"local": True, "overdue_total_minor": 10_000}, None),
    ],
)
def test_conditions_are_decided_when_the_step_is_due(known: dict[str, Any], reason: str | None) -> None:
    decision = decided(due("visit", "S2", case=case(**known)))
    assert decision.reason == reason
    assert decision.following is None
    assert decision.rule == f"S2.visit/{reason or 'tasked'}"


def test_other_contact_waits_for_an_agreed_call_back() -> None:
    agreed = OPENS + timedelta(hours=5)
    decision = decided(due("warm", appointment_at=agreed))
    assert decision.reason == "appointment"
    assert decision.following is not None and decision.following.due_at == OPENS + timedelta(days=1)
    assert decided(due("warm", appointment_at=None)).reason is None
    # A letter disturbs nobody.
    letter = STRATEGY.replace("S3: []", LETTER)
    rules = Rules(
        load_policy(Strategy, letter, path="s.yaml").policy, RULES.stages, RULES.holds, RULES.contacts
    )
    assert decided(due("notice", "S3", appointment_at=agreed), rules).reason is None


def test_what_is_not_prepared_waits_for_the_next_slot() -> None:
    decision = decided(due("warm", unready=("profile", "script")))
    assert (decision.verdict, decision.reason) == (Verdict.SKIPPED, "preparation_profile")
    assert decision.following is not None and decision.following.due_at == OPENS + timedelta(days=1)


def test_what_another_contact_covers_is_through() -> None:
    decision = decided(due("warm", covered_by="R1"))
    assert (decision.reason, decision.rule, decision.following) == (
        "covered_by:R1",
        "S1.warm/covered_by",
        None,
    )
    # One that repeats goes on with its next day.
    assert decided(due("soft", covered_by="R1")).following is not None


def test_a_channel_that_may_not_be_used_falls_back() -> None:
    chat = due("chat", "S2", case=case(channels=("sms",)))
    assert (decided(chat).channel, decided(chat).template) == ("sms", "s1-soft-sms")
    for channels in (None, ("sms", "wechat")):
        decision = decided(due("chat", "S2", case=case(channels=channels)))
        assert (decision.channel, decision.template) == ("wechat", "s2-soft-wechat-morning")


def test_words_follow_the_mildest_stage_and_effort_the_step() -> None:
    covers = (Covered(loan_id="L2", stage="S1", step="soft"),)
    decision = decided(due("chat", "S2", case=case(channels=("sms", "wechat")), covers=covers))
    # The first stage has no words for WeChat, so its own are said by SMS.
    assert (decision.step.id, decision.channel, decision.template) == ("chat", "sms", "s1-soft-sms")
    severer = (Covered(loan_id="L2", stage="S2", step="chat"),)
    assert decided(due("warm", covers=severer)).template == "s1-warm-sms"


def test_the_steps_that_follow_a_step_are_known() -> None:
    assert [step.id for step in followers(RULES.strategy, "S1", "warm")] == ["call"]
    assert list(followers(RULES.strategy, "S1", "soft")) == []


def test_the_kinds_of_policies_are_those_the_rules_are_made_of() -> None:
    kinds = (Strategy, StagePolicy, HoldPolicy, ContactPolicy)
    assert [type(each) for each in (RULES.strategy, RULES.stages, RULES.holds, RULES.contacts)] == list(kinds)
