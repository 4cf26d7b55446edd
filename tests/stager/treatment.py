"""A plan with calls, visits and steps after steps, for tests of what the shipped one does not show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spine.events.notifier import MessageFact
from tests.stager.stand import Stand

STRATEGY = """
name: strategy-cn
version: 1
effective_from: 2020-01-01
citation: test
slots:
  morning: {at: "09:00", until: "12:00"}
  day: {at: "10:00", until: "22:00"}
stages:
  DUE: []
  S1:
    - {id: warm, channel: sms, template: s1-warm-sms, purpose: collection, once: episode,
       when: {from_day: 0, slot: day}}
    - {id: first-call, channel: call, purpose: collection, once: entry,
       after: {step: warm, hours: 2, slot: day}}
    - {id: soft, channel: sms, template: s1-soft-sms, purpose: collection,
       when: {from_day: 2, every_days: 2, slot: day}}
  S2:
    - {id: chat, channel: sms, template: s2-soft-wechat-morning, purpose: collection,
       when: {from_day: 0, every_days: 1, slot: day},
       stop_if: [{segment: {occupation: {is: [student]}}, if_unknown: fails}]}
    - {id: talk, channel: call, purpose: collection, once: entry, after: {step: chat, hours: 1, slot: day}}
    - {id: visit, channel: visit, purpose: collection, people: 2, skill: visits, once: entry,
       when: {from_day: 1, slot: morning}, only_if: [{local: true}]}
  S3:
    - {id: notice, channel: letter, document: overdue_notice, purpose: statutory_notice, once: episode,
       when: {from_day: 0, slot: day}}
    - {id: formal, channel: sms, template: s3-formal-sms, purpose: collection, once: episode,
       when: {from_day: 0, slot: day}}
  S4: []
"""


def write_strategy(directory: Path) -> Path:
    """A folder of policies with this plan in the place of the shipped one."""
    (directory / "stager").mkdir(parents=True)
    (directory / "stager" / "strategy-cn.yaml").write_text(STRATEGY, encoding="utf-8")
    return directory


async def answer(
    stager: Stand, kind: Callable[..., MessageFact], request: dict[str, object], **known: object
) -> None:
    """The notifier says what became of a request, now unless `at` says otherwise."""
    now = await stager.runtime.clock.now()
    message = {
        "borrower_id": request["borrower_id"],
        "loan_id": request["loan_id"],
        "message_id": f"M-{request['request_id']}",
        "request_id": request["request_id"],
        "channel": request["channel"],
        "purpose": request["purpose"],
        "stage": request["stage"],
        "step": request["step"],
        "template": request["template"],
        "at": now,
        "policy": "cn",
        **known,
    }
    await stager.tell(kind(**message))
