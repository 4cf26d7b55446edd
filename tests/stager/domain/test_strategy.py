"""Strategies and the table of holds: what the shipped ones plan, and what is refused with file and reason."""

from __future__ import annotations

import pytest

from spine.calendars import load_calendars
from spine.policy import BadPolicy, read_rule_files
from stager.policy import load_rulebook, rulebook_of
from tests.stager.conftest import MESSAGES_ONLY

CALENDARS = load_calendars()
SHIPPED = {name: t for name, t in read_rule_files("stager", None).items() if not name.endswith("-us.yaml")}
#: As shipped, but without what the plan does beyond messages.
PLAIN = read_rule_files("stager", MESSAGES_ONLY)["strategy-cn.yaml"]


def plan_of(name: str) -> dict[str, list[tuple[object, ...]]]:
    """Of each stage: step, channel, what is said or made, first day, every how many days or after what."""
    editions = load_rulebook().strategies.editions
    strategy = next(edition.policy for edition in editions if edition.policy.name == name)
    return {
        stage: [
            (
                step.id,
                step.channel,
                step.template or step.document or step.task,
                (step.after.step, step.after.hours) if step.after else (step.from_day, step.every_days),
                strategy.slot_of(step).at,
            )
            for step in steps
        ]
        for stage, steps in strategy.stages.items()
    }


def test_the_shipped_plan_is_staged() -> None:
    assert plan_of("strategy-cn") == {
        "DUE": [],
        "S1": [
            ("warm-reminder", "sms", "s1-warm-sms", (0, None), "10:00"),
            ("first-call", "call", None, ("warm-reminder", 2), "09:00"),
            ("soft-reminder", "sms", "s1-soft-sms", (3, 3), "10:00"),
            ("follow-up-call", "call", None, (2, 2), "14:00"),
        ],
        "S2": [
            ("soft-morning", "wechat", "s2-soft-wechat-morning", (0, 1), "09:00"),
            ("daily-call", "call", None, (0, 1), "14:00"),
            ("soft-evening", "wechat", "s2-soft-wechat-evening", (0, 1), "19:00"),
            ("local-visit", "visit", None, (7, 14), "09:30"),
        ],
        "S3": [
            ("overdue-notice", "letter", "overdue_notice", (0, None), "09:30"),
            ("formal-notice", "sms", "s3-formal-sms", (0, None), "10:00"),
            ("credit-report-notice", "letter", "credit_report_notice", ("overdue-notice", 72), "09:30"),
            ("restructuring-call", "call", None, (2, 3), "14:00"),
            ("visit-after-notice", "visit", None, ("overdue-notice", 120), "09:30"),
            ("formal-reminder", "sms", "s3-formal-sms", (7, 7), "10:00"),
        ],
        "S4": [
            ("legal-pack", "task", "referral", (0, None), "09:30"),
            ("final-reminder", "sms", "s4-formal-sms", (0, 14), "10:00"),
        ],
    }


def test_visits_shipped_are_for_local_people_and_made_by_two() -> None:
    strategies = [edition.policy for edition in load_rulebook().strategies.editions]
    steps = [step for strategy in strategies for stage in strategy.stages.values() for step in stage]
    visits = [step for step in steps if step.channel == "visit"]
    assert [step.id for step in visits] == ["local-visit", "visit-after-notice"]
    assert all(step.people == 2 and [c.local for c in step.only_if] == [True] for step in visits)
    fallbacks = {step.id: step.fallback.template for step in steps if step.fallback is not None}
    assert fallbacks == {"soft-morning": "s2-soft-sms", "soft-evening": "s2-soft-sms"}


def test_calls_in_the_united_states_stay_within_seven_in_seven_days() -> None:
    plan = plan_of("strategy-us")
    assert plan["S1"][0][:3] == ("validation-notice", "letter", "validation_notice")
    assert {channel for steps in plan.values() for _, channel, *_ in steps} == {"letter", "call", "task"}
    for stage, steps in plan.items():
        calls = [timing for _, channel, _, timing, _ in steps if channel == "call"]
        days = {0} if stage == "S1" else set()
        for first, every in (timing for timing in calls if isinstance(timing[0], int)):
            days |= set(range(first, 40, every))
        assert max((len(days & set(range(day, day + 7))) for day in range(40)), default=0) <= 4


def planned(step: str, stage: str = "S2") -> list[str]:
    """The faults of a strategy that has this one step in a stage."""
    text = "name: strategy-x\nversion: 1\neffective_from: 2026-01-01\ncitation: test\n"
    text += 'slots:\n  day: {at: "10:00", until: "18:00"}\nstages:\n'
    for each in ("DUE", "S1", "S2", "S3", "S4"):
        text += f"  {each}:\n    - {step}\n" if each == stage else f"  {each}: []\n"
    try:
        rulebook_of({**SHIPPED, "strategy-cn.yaml": text}, CALENDARS)
    except BadPolicy as refused:
        return [f"{fault.line}: {fault.reason}" for fault in refused.faults]
    return []


WHEN = "purpose: collection, when: {from_day: 0, every_days: 1, slot: day}"


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("channel: call", "channel: fax", "fax"),
        ("channel: call, skill: hardship", "channel: call, skill: Hard ship", "skill"),
        ("channel: call", "channel: call, document: notice", ".document: channel call has none"),
        ("channel: call, template: s2-script", "channel: visit, people: 2, template: s2-script", "has none"),
        ("channel: visit, people: 2", "channel: visit", "made by 2 people or more"),
        ("channel: letter, document: overdue_notice", "channel: letter", "needs a document"),
        (
            "channel: letter, document: closure_letter",
            "channel: letter, document: overdue-notice",
            "document: no such document 'overdue-notice', known are overdue_notice, repayment_plan",
        ),
        ("channel: sms, template: s2-soft", "channel: sms", "needs a template"),
        ("channel: task, task: referral", "channel: task", "needs a task"),
        ("channel: task, task: referral", "channel: task, task: call", "call"),
        (
            "channel: wechat, template: a, fallback: {channel: sms, template: b}",
            "channel: sms, template: a, fallback: {channel: sms, template: b}",
            "needs none",
        ),
        ("channel: call, only_if: [{local: true}]", "channel: call, only_if: [{near: true}]", "near"),
        (
            "channel: call, only_if: [{dpd: {at_least: 60}}]",
            "channel: call, only_if: [{dpd: {at_least: 61}}]",
            "only_if: contradictory, dpd cannot be at least 61 and at most 60",
        ),
        (
            "channel: call, stop_if: [{dpd: {at_most: 31}}]",
            "channel: call, stop_if: [{dpd: {at_most: 30}}]",
            "stop_if: never holds",
        ),
        (
            "channel: call, only_if: [{local: true}], stop_if: [{local: false}]",
            "channel: call, only_if: [{local: true}], stop_if: [{local: true}]",
            "never done",
        ),
        (
            "channel: call, stop_if: [{dpd: {at_most: 31}}]",
            "channel: call, stop_if: [{dpd: {}}]",
            "nothing is asked",
        ),
    ],
)
def test_steps_of_every_channel(good: str, bad: str, reason: str) -> None:
    assert planned(f"{{id: a, {good}, {WHEN}}}") == []
    [fault, *_] = planned(f"{{id: a, {bad}, {WHEN}}}")
    assert fault.startswith("11: ")
    assert reason in fault


FIRST = (
    "{id: a, channel: sms, template: t, purpose: collection, when: {from_day: 0, slot: day}, once: episode}"
)


@pytest.mark.parametrize(
    ("after", "line", "reason"),
    [
        ("{step: a, hours: 2, slot: day}", None, ""),
        ("{step: z, hours: 2, slot: day}", 12, "the stage has no step 'z'"),
        ("{step: a, hours: 2, slot: night}", 12, "there is no slot 'night'"),
        ("{step: b, hours: 2, slot: day}", 12, "in a circle, b after b"),
        ("{step: c, hours: 2, slot: day}", 12, "in a circle, b after c after b"),
        ("{step: a, hours: -1, slot: day}", 12, ">= 0"),
    ],
)
def test_steps_after_steps(after: str, line: int | None, reason: str) -> None:
    second = f"{{id: b, channel: call, purpose: collection, after: {after}}}"
    third = "{id: c, channel: call, purpose: collection, after: {step: b, hours: 24, slot: day}}"
    faults = planned(f"{FIRST}\n    - {second}\n    - {third}")
    if line is None:
        assert faults == []
    else:
        assert faults[0].startswith(f"{line}: ")
        assert reason in faults[0]


def test_a_step_is_timed_by_one_thing() -> None:
    both = "when: {from_day: 0, slot: day}, once: entry, after: {step: a, hours: 2, slot: day}"
    [fault] = planned(f"{FIRST}\n    - {{id: b, channel: call, purpose: collection, {both}}}")
    assert fault.endswith("say either when or after")
    [fault] = planned(f"{FIRST}\n    - {{id: b, channel: call, purpose: collection}}")
    assert fault.endswith("say either when or after")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("slot: evening}", "slot: night}", "there is no slot 'night'"),
        ('until: "12:00"', 'until: "09:00"', "not after"),
        ('at: "09:00"', 'at: "9:00"', "slots"),
        ("id: soft-evening", "id: soft-morning", "given twice"),
        ("  S4:\n", "  S5:\n", "no stage policy knows this stage"),
        ("  DUE: []\n", "", "stages.DUE: missing"),
        ("every_days: 14, slot", "slot", "say every_days"),
        ("once: episode\n      when: {", "once: episode\n      when: {every_days: 1, ", "cannot also repeat"),
        ("channel: wechat", "channel: pigeon", "pigeon"),
        ("every_days: 14", "every_days: 0", ">= 1"),
        ("citation:", "reference:", "reference"),
    ],
)  # fmt: skip
def test_a_wrong_strategy_is_refused_with_file_and_reason(old: str, new: str, reason: str) -> None:
    text = PLAIN
    assert old in text
    with pytest.raises(BadPolicy) as refused:
        rulebook_of({**SHIPPED, "strategy-cn.yaml": text.replace(old, new)}, CALENDARS)
    assert refused.value.detail.startswith("strategy-cn.yaml: ")
    assert reason in refused.value.detail


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  attorney:", "  lawyer:", "kinds.lawyer: there is no such hold"),
        ("{business_days: 3}", "{}", "either days or business_days"),
        ("{business_days: 3}", "{business_days: 3, days: 3}", "either days or business_days"),
        ("blocks: [call,", "blocks: [telegraph,", "telegraph"),
        ("calendar: CN\n", "", "calendar: business days are counted, but of which calendar is not said"),
        ("calendar: CN\n", "calendar: CN-GD\n", "calendar: no calendar 'CN-GD'"),
    ],
)
def test_a_wrong_table_of_holds_is_refused(old: str, new: str, reason: str) -> None:
    text = SHIPPED["holds.yaml"]
    assert old in text
    with pytest.raises(BadPolicy) as refused:
        rulebook_of({**SHIPPED, "holds.yaml": text.replace(old, new)}, CALENDARS)
    assert refused.value.detail.startswith("holds.yaml: ")
    assert reason in refused.value.detail
