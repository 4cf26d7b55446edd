"""What a repayment plan stands at: judged by money in time order, whose value dates decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import msgspec

from stager.domain.plans import Instalment, PlanState

#: Changes when the same facts would be judged otherwise.
ENGINE: Final = "plans/1"


class PlanMoney(msgspec.Struct, frozen=True, kw_only=True):
    """Money of the loan that stands: it was not taken back."""

    repayment_id: str
    amount_minor: int
    value_date: date


class PlanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a judgement of a plan rests on; `closed_through` is the last business date that is closed.

    `ended`: how the loan ended, when nothing is owed on it here any more.
    """

    instalments: tuple[Instalment, ...]
    grace_days: int
    tolerance_minor: int
    signed_on: date
    closed_through: date
    money: tuple[PlanMoney, ...]
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a plan stands at. `judge_on`: the date whose close can next change it by itself, None if none can."""

    state: PlanState
    rule: str
    received_minor: int
    paid_through_seq: int
    breached_seq: int | None = None
    short_minor: int | None = None
    judge_on: date | None = None


def judge_by_money(facts: PlanFacts) -> Judgement:
    """What money says of a plan: each instalment is due with all before it, by the end of its grace.

    Money counts from the day of signature by its value date, whenever it was posted. An instalment is broken only
    when the last day of its grace is closed; the first one broken ends the plan, whatever comes later.
    """
    counting = sorted(
        (each.value_date, each.amount_minor) for each in facts.money if each.value_date >= facts.signed_on
    )
    # Money that is known already begins to count on a later date.
    ahead = min((day for day, _ in counting if day > facts.closed_through), default=None)
    due = paid_through = received = taken = 0
    for each in facts.instalments:
        due += each.total
        last_day = each.due_on + timedelta(days=facts.grace_days)
        until = min(last_day, facts.closed_through)
        while taken < len(counting) and counting[taken][0] <= until:
            received += counting[taken][1]
            taken += 1
        if received >= due - facts.tolerance_minor:
            paid_through = each.seq
        elif facts.closed_through >= last_day:
            short = due - received
            return Judgement(
                PlanState.BREACHED, "unpaid_after_grace", received, paid_through, each.seq, short, ahead
            )
        else:
            judge_on = min(last_day, ahead or last_day)
            return Judgement(PlanState.ACTIVE, "in_time", received, paid_through, judge_on=judge_on)
    return Judgement(PlanState.COMPLETED, "all_paid", received, paid_through, judge_on=ahead)


def judge_plan(facts: PlanFacts) -> Judgement:
    """What a plan stands at: what money says of it, until nothing is owed on the loan itself.

    Then a plan that was in time is complete when the loan is paid, and over when the loan went elsewhere.
    """
    by_money = judge_by_money(facts)
    if facts.ended is None or by_money.state is not PlanState.ACTIVE:
        return by_money
    state = PlanState.COMPLETED if facts.ended == "settled" else PlanState.CANCELLED
    return Judgement(state, f"loan_{facts.ended}", by_money.received_minor, by_money.paid_through_seq)
