"""Conditions on a case: both sides of every comparison, and what becomes of what is not known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stager.domain.conditions import CaseFacts, Condition, holds, may_do, must_stop
from stager.domain.contradictions import asks_nothing, why_never

FACTS = CaseFacts(
    stage="S2",
    dpd=40,
    currency="CNY",
    overdue_total_minor=320_000,
    outstanding_minor=5_000_000,
    product="consumer",
    region="CN-3101",
    locale="zh-CN",
    segment={"occupation": "restaurant_owner"},
    flags=("elderly",),
    holds=("dispute",),
    promises_broken_60d=1,
    plan_open=False,
    failed_debit_reason="card_invalid",
    channels=("call", "sms"),
    local=True,
    loans=2,
)
NOTHING = CaseFacts(
    stage=None, dpd=None, currency="CNY", overdue_total_minor=None, outstanding_minor=None, product=None
)


def condition(**named: Any) -> Condition:
    return msgspec.convert(named, Condition, strict=True)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ({"dpd": {"at_least": 40}}, {"dpd": {"at_least": 41}}),
        ({"dpd": {"at_most": 40}}, {"dpd": {"at_most": 39}}),
        ({"dpd": {"equals": 40}}, {"dpd": {"equals": 41}}),
        ({"dpd": {"at_least": 40, "at_most": 40}}, {"dpd": {"at_least": 30, "at_most": 39}}),
        ({"stage": {"is": ["S2"]}}, {"stage": {"is_not": ["S2"]}}),
        (
            {"overdue_total": {"currency": "CNY", "at_least": "3200.00"}},
            {"overdue_total": {"currency": "CNY", "at_least": "3200.01"}},
        ),
        (
            {"overdue_total": {"currency": "CNY", "at_most": "3200"}},
            {"overdue_total": {"currency": "CNY", "at_most": "3199.99"}},
        ),
        (
            {"overdue_total": {"currency": "CNY", "above": "3199.99"}},
            {"overdue_total": {"currency": "CNY", "above": "3200.00"}},
        ),
        (
            {"outstanding": {"currency": "CNY", "below": "50000.01"}},
            {"outstanding": {"currency": "CNY", "below": "50000.00"}},
        ),
        ({"product": {"is": ["card", "consumer"]}}, {"product": {"is": ["card"]}}),
        ({"product": {"is_not": ["card"]}}, {"product": {"is_not": ["consumer"]}}),
        ({"region": {"is": ["CN-31*"]}}, {"region": {"is": ["CN-32*"]}}),
        ({"region": {"is": ["CN-3101"]}}, {"region": {"is": ["CN-31"]}}),
        ({"locale": {"is": ["zh-CN"]}}, {"locale": {"is": ["en"]}}),
        (
            {"segment": {"occupation": {"is": ["restaurant_owner"]}}},
            {"segment": {"occupation": {"is": ["employee"]}}},
        ),
        ({"flags": {"any": ["elderly", "ill"]}}, {"flags": {"any": ["ill"]}}),
        ({"flags": {"all": ["elderly"]}}, {"flags": {"all": ["elderly", "ill"]}}),
        ({"flags": {"none": ["ill"]}}, {"flags": {"none": ["elderly"]}}),
        ({"holds": {"any": ["dispute"]}}, {"holds": {"none": ["dispute"]}}),
        ({"promises_broken_60d": {"at_most": 1}}, {"promises_broken_60d": {"at_least": 2}}),
        ({"plan_open": False}, {"plan_open": True}),
        ({"failed_debit": {"is": ["card_invalid"]}}, {"failed_debit": {"is": ["none"]}}),
        ({"channels": {"all": ["call"]}}, {"channels": {"any": ["wechat"]}}),
        ({"local": True}, {"local": False}),
        ({"loans_in_case": {"at_least": 2}}, {"loans_in_case": {"at_most": 1}}),
        ({"dpd": {"at_least": 40}, "local": True}, {"dpd": {"at_least": 40}, "local": False}),
        (
            {"any_of": [{"local": False}, {"plan_open": False}]},
            {"any_of": [{"local": False}, {"plan_open": True}]},
        ),
    ],
)
def test_both_sides_of_every_comparison(true: dict[str, Any], false: dict[str, Any]) -> None:
    assert holds(condition(**true), FACTS)
    assert not holds(condition(**false), FACTS)


@pytest.mark.parametrize(
    "named",
    [
        {"stage": {"is_not": ["S1"]}},
        {"dpd": {"at_least": 0}},
        {"overdue_total": {"currency": "CNY", "at_least": "0"}},
        {"product": {"is_not": ["card"]}},
        {"region": {"is_not": ["US-*"]}},
        {"locale": {"is_not": ["en"]}},
        {"segment": {"occupation": {"is_not": ["chef"]}}},
        {"channels": {"none": ["wechat"]}},
        {"local": False},
        {"any_of": [{"local": True}, {"region": {"is": ["CN-*"]}}]},
    ],
)
def test_what_is_not_known_comes_to_what_the_condition_or_its_place_says(named: dict[str, Any]) -> None:
    asked = condition(**named)
    assert not may_do((asked,), NOTHING)
    assert must_stop((asked,), NOTHING)
    assert may_do((condition(**named, if_unknown="holds"),), NOTHING)
    assert not must_stop((condition(**named, if_unknown="fails"),), NOTHING)


def test_an_amount_of_another_currency_is_not_known() -> None:
    asked = condition(overdue_total={"currency": "USD", "at_least": "1.00"})
    assert (holds(asked, FACTS), holds(asked, FACTS, unknown=True)) == (False, True)


def test_a_known_fact_decides_whatever_else_is_unknown() -> None:
    assert not holds(condition(plan_open=True, local=True, if_unknown="holds"), NOTHING)
    assert holds(condition(any_of=[{"local": True}, {"plan_open": False}], if_unknown="fails"), NOTHING)


def test_all_of_only_if_and_any_of_stop_if() -> None:
    true, false = condition(local=True), condition(local=False)
    assert may_do((), FACTS)
    assert not must_stop((), FACTS)
    assert may_do((true, true), FACTS)
    assert not may_do((true, false), FACTS)
    assert must_stop((false, true), FACTS)
    assert not must_stop((false, false), FACTS)


@pytest.mark.parametrize(
    "named",
    [
        {"days": {"at_least": 1}},
        {"dpd": {"over": 1}},
        {"dpd": {"at_least": "1"}},
        {"overdue_total": {"at_least": "1.00"}},
        {"overdue_total": {"currency": "CNY", "at_least": 1}},
        {"overdue_total": {"currency": "CNY", "at_least": "1e3"}},
        {"segment": {"shoe_size": {"is": ["44"]}}},
        {"holds": {"any": ["sunshine"]}},
        {"channels": {"any": ["pigeon"]}},
        {"failed_debit": {"is": ["bad_luck"]}},
        {"local": "yes"},
        {"product": {"is": []}},
    ],
)
def test_what_is_not_in_the_vocabulary_is_refused(named: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        condition(**named)


def test_the_same_facts_have_one_canonical_form() -> None:
    assert msgspec.json.decode(FACTS.canonical(), type=CaseFacts) == FACTS
    assert FACTS.canonical() != NOTHING.canonical()


@pytest.mark.parametrize(
    ("never", "sometimes"),
    [
        ([{"dpd": {"at_least": 61}}], [{"dpd": {"at_least": 60}}]),
        ([{"dpd": {"at_most": 30}}], [{"dpd": {"at_most": 31}}]),
        (
            [{"dpd": {"at_least": 41}}, {"dpd": {"at_most": 40}}],
            [{"dpd": {"at_least": 41}}, {"dpd": {"at_most": 41}}],
        ),
        ([{"stage": {"is": ["S1"]}}], [{"stage": {"is": ["S1", "S2"]}}]),
        (
            [{"overdue_total": {"currency": "CNY", "above": "10", "at_most": "10.00"}}],
            [{"overdue_total": {"currency": "CNY", "at_least": "10", "at_most": "10.00"}}],
        ),
        (
            [{"overdue_total": {"currency": c, "at_least": "1"}} for c in ("CNY", "USD")],
            [{"overdue_total": {"currency": "CNY", "at_least": "1"}}],
        ),
        (
            [{"product": {"is": ["a"]}}, {"product": {"is": ["b"]}}],
            [{"product": {"is": ["a"]}}, {"product": {"is": ["a", "b"]}}],
        ),
        (
            [{"region": {"is": ["US-NY"], "is_not": ["US-*"]}}],
            [{"region": {"is": ["US-*"], "is_not": ["US-NY"]}}],
        ),
        (
            [{"flags": {"all": ["a"]}}, {"flags": {"none": ["a"]}}],
            [{"flags": {"all": ["a"]}}, {"flags": {"none": ["b"]}}],
        ),
        (
            [{"holds": {"any": ["dispute"], "none": ["dispute"]}}],
            [{"holds": {"any": ["dispute", "legal"], "none": ["dispute"]}}],
        ),
        ([{"local": True}, {"local": False}], [{"local": True}, {"plan_open": False}]),
        ([{"promises_broken_60d": {"at_most": -1}}], [{"promises_broken_60d": {"at_most": 0}}]),
        (
            [{"any_of": [{"dpd": {"at_least": 99}}]}],
            [{"any_of": [{"dpd": {"at_least": 99}}, {"local": True}]}],
        ),
        (
            [{"segment": {"purpose": {"is": ["a"], "is_not": ["a"]}}}],
            [{"segment": {"purpose": {"is": ["a"], "is_not": ["b"]}}}],
        ),
    ],
)
def test_contradictions_are_found(never: list[dict[str, Any]], sometimes: list[dict[str, Any]]) -> None:
    assert list(why_never([condition(**each) for each in never], "S2", (31, 60)))
    assert not list(why_never([condition(**each) for each in sometimes], "S2", (31, 60)))


def test_conditions_that_ask_nothing_are_found() -> None:
    assert list(asks_nothing(condition()))
    assert list(asks_nothing(condition(dpd={})))
    assert list(asks_nothing(condition(overdue_total={"currency": "CNY"})))
    assert list(asks_nothing(condition(any_of=[{}])))
    assert not list(asks_nothing(condition(local=False)))
    assert not list(asks_nothing(condition(dpd={"at_least": 0})))
