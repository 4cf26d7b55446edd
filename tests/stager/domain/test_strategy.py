"""Strategies and the table of holds: what the shipped ones plan, and what is refused with file and reason."""

from __future__ import annotations

import pytest

from spine.calendars import load_calendars
from spine.policy import BadPolicy, read_rule_files
from stager.policy import load_rulebook, rulebook_of

CALENDARS = load_calendars()
SHIPPED = read_rule_files("stager", None)


def test_the_shipped_plan_is_staged() -> None:
    strategy = load_rulebook().strategies.editions[0].policy
    plan = {
        stage: [(s.id, s.channel, s.once, s.from_day, s.every_days, strategy.slot_of(s).at) for s in steps]
        for stage, steps in strategy.stages.items()
    }
    assert plan == {
        "DUE": [],
        "S1": [
            ("warm-reminder", "sms", "episode", 0, None, "10:00"),
            ("soft-reminder", "sms", None, 3, 3, "10:00"),
        ],
        "S2": [
            ("soft-morning", "wechat", None, 0, 2, "09:00"),
            ("soft-evening", "wechat", None, 0, 2, "19:00"),
        ],
        "S3": [
            ("formal-notice", "sms", "episode", 0, None, "10:00"),
            ("formal-reminder", "sms", None, 7, 7, "10:00"),
        ],
        "S4": [("final-reminder", "sms", None, 0, 14, "10:00")],
    }


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
    text = SHIPPED["strategy-cn.yaml"]
    assert old in text
    with pytest.raises(BadPolicy) as refused:
        rulebook_of({**SHIPPED, "strategy-cn.yaml": text.replace(old, new)}, CALENDARS)
    assert refused.value.detail.startswith("strategy-cn.yaml: ")
    assert reason in refused.value.detail


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  attorney: {blocks: all}\n", "", "kinds.attorney: missing"),
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
