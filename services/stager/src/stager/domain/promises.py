"""Promises to pay: which may be accepted, and what each stands at by the money that came in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from spine.business_days import Calendar, add_business_days
from stager.domain.money import Money
from stager.domain.promise_policy import PromisePolicy

#: Name the rules in this module; making an older decision again under another name may differ.
TERMS_ENGINE: Final = "promise-terms/1"
JUDGING_ENGINE: Final = "promise-judging/1"


class PromiseStatus(StrEnum):
    """What a promise stands at. Kept, partial and broken are revised when money comes late or is taken back."""

    OPEN = "open"
    KEPT = "kept"
    PARTIAL = "partial"
    BROKEN = "broken"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


JUDGED: Final = frozenset({PromiseStatus.KEPT, PromiseStatus.PARTIAL, PromiseStatus.BROKEN})


class PromiseKind(StrEnum):
    """All that is overdue, a part of it now and the rest on a second date, or all of it three days later."""

    FULL = "full"
    PARTIAL = "partial"
    EXTENSION = "extension_3d"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise as it stands; amounts in minor units of `currency`.

    Money value-dated from `counts_from` through `counts_through` counts, less `base_minor`, which belongs to the
    promise that this one `follows`. It is judged once the books of `due_on` are closed. Of a part offer
    `second_minor` is due on `second_on`: the promise for it is opened when this one is kept.
    """

    promise_id: str
    loan_id: str
    borrower_id: str
    case_id: str
    partition: int
    kind: PromiseKind
    status: PromiseStatus
    currency: str
    amount_minor: int
    tolerance_minor: int
    base_minor: int
    counts_from: date
    counts_through: date
    promised_on: date
    due_on: date
    second_on: date | None
    second_minor: int | None
    follows: str | None
    stage: str | None
    made_at: datetime
    verified: bool
    channel: str | None
    contact_id: str | None
    made_by: str | None
    approved_by: str | None
    policy_digest: str
    request_digest: str
    hold_id: str
    received_minor: int | None
    reason: str | None
    changed_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is still waited for."""
        return self.status is PromiseStatus.OPEN


class TermsFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that accepting a promise rests on.

    `arrears_minor`: what is overdue in all; `counting_minor`: of it principal and interest, which make days past
    due. `planned`: a repayment plan is in force. `broken`: promises of this borrower broken in the policy's days.
    `approved`: a supervisor agrees.
    """

    loan_id: str
    product: str
    stage: str | None
    kind: str
    currency: str
    amount_minor: int
    arrears_minor: int
    counting_minor: int
    made_on: date
    promised_on: date
    second_on: date | None
    planned: bool
    broken: int
    approved: bool


#: The verdict on a promise that may be made; every other one is the code of what stands against it.
ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a decision came out, and by which rule."""

    verdict: str
    rule: str


def decide_terms(facts: TermsFacts, policy: PromisePolicy) -> Verdict:
    """Whether a promise may be accepted: ACCEPTED, or the code of what stands against it."""
    terms = policy.terms(facts.stage, facts.product)
    where = f"{facts.stage or 'no-stage'}:{facts.kind}"
    ahead = (facts.promised_on - facts.made_on).days
    if facts.planned:
        return Verdict("plan_in_force", f"plan-in-force/{where}")
    if ahead < 0:
        return Verdict("date_passed", f"date-passed/{where}")
    if facts.kind == PromiseKind.EXTENSION:
        if ahead != policy.extension_days:
            return Verdict("not_the_delay", f"delay-is-{policy.extension_days}-days/{where}")
    elif ahead > terms.horizon_days and not (facts.kind == PromiseKind.PARTIAL and facts.approved):
        return Verdict("horizon_exceeded", f"horizon-{terms.horizon_days}-days/{where}")
    if facts.kind == PromiseKind.PARTIAL:
        if (refused := _refused_part(facts, policy, where)) is not None:
            return refused
    elif facts.amount_minor < facts.counting_minor - policy.tolerance_minor(facts.product, facts.currency):
        return Verdict("below_arrears", f"all-that-counts/{where}")
    if facts.broken >= policy.broken.most and not facts.approved:
        return Verdict(
            "needs_supervisor", f"broken-{facts.broken}-in-{policy.broken.within_days}-days/{where}"
        )
    return Verdict(ACCEPTED, f"accepted/{where}")


def _refused_part(facts: TermsFacts, policy: PromisePolicy, where: str) -> Verdict | None:
    part = policy.terms(facts.stage, facts.product).part
    if facts.amount_minor >= facts.arrears_minor:
        return Verdict("not_a_part", f"all-of-it/{where}")
    if facts.second_on is None or facts.second_on <= facts.promised_on:
        return Verdict("second_date_missing", f"second-date/{where}")
    if facts.approved:
        return None
    if facts.amount_minor * 100 < facts.arrears_minor * part.floor_percent:
        return Verdict("below_floor", f"floor-{part.floor_percent}-percent/{where}")
    if (facts.second_on - facts.made_on).days > part.second_within_days:
        return Verdict("horizon_exceeded", f"second-within-{part.second_within_days}-days/{where}")
    return None


def due_days(promised_on: date, policy: PromisePolicy, calendar: Calendar) -> tuple[date, date]:
    """The last day whose money counts, and the day whose close judges: the promised day and its settlement."""
    due_on = add_business_days(promised_on, policy.settlement.business_days, calendar)
    return (due_on if policy.settlement.money_counts else promised_on), due_on


def delayed_to(made_on: date, policy: PromisePolicy) -> date:
    """The day to which the three-day delay puts payment off."""
    return made_on + timedelta(days=policy.extension_days)


class CountedMoney(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repayment in the days that count."""

    repayment_id: str
    amount_minor: int
    value_date: date
    reversed: bool


class JudgeFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a judgement rests on. `ended`: core banking closed or sold the loan, so nobody pays here any more;
    or a repayment plan took the promise's place.

    `closed_through`: the last business date whose books are closed.
    """

    promise_id: str
    loan_id: str
    was: str
    amount_minor: int
    tolerance_minor: int
    base_minor: int
    counts_from: date
    counts_through: date
    due_on: date
    closed_through: date
    money: tuple[CountedMoney, ...]
    ended: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a promise stands at by its money, and by which rule."""

    status: PromiseStatus
    received_minor: int
    rule: str


def facts_to_judge(
    promise: Promise, money: Iterable[Money], closed_through: date, *, ended: str | None
) -> JudgeFacts:
    """The facts of a promise: the money value-dated in its days, reversed or not."""
    return JudgeFacts(
        promise_id=promise.promise_id,
        loan_id=promise.loan_id,
        was=promise.status,
        amount_minor=promise.amount_minor,
        tolerance_minor=promise.tolerance_minor,
        base_minor=promise.base_minor,
        counts_from=promise.counts_from,
        counts_through=promise.counts_through,
        due_on=promise.due_on,
        closed_through=closed_through,
        money=tuple(
            CountedMoney(
                repayment_id=each.repayment_id,
                amount_minor=each.amount_minor,
                value_date=each.value_date,
                reversed=each.reversed_on is not None,
            )
            for each in money
            if promise.counts_from <= each.value_date <= promise.counts_through
        ),
        ended=ended,
    )


def judge(facts: JudgeFacts) -> Judgement:
    """Kept if received >= promised - tolerance; nothing at all is broken whatever the tolerance.

    An open promise waits for the close of its due day. Cancelled and superseded ones stay what they are.
    """
    came = sum(each.amount_minor for each in facts.money if not each.reversed)
    received = max(0, came - facts.base_minor)
    was = PromiseStatus(facts.was)
    if was in (PromiseStatus.CANCELLED, PromiseStatus.SUPERSEDED):
        return Judgement(was, received, f"final/{was}")
    if was is PromiseStatus.OPEN and facts.closed_through < facts.due_on:
        return Judgement(was, received, f"await-close/{facts.due_on}")
    if received > 0 and received >= facts.amount_minor - facts.tolerance_minor:
        return Judgement(PromiseStatus.KEPT, received, "kept/received")
    if was is PromiseStatus.OPEN and facts.ended is not None:
        return Judgement(PromiseStatus.CANCELLED, received, f"loan-{facts.ended}")
    if received > 0:
        return Judgement(PromiseStatus.PARTIAL, received, "partial/short")
    return Judgement(PromiseStatus.BROKEN, received, "broken/nothing")


def is_met(promise: Promise, money: Iterable[Money]) -> bool:
    """Whether the promised money is here already, so that nobody need be reminded of it."""
    facts = facts_to_judge(promise, money, promise.due_on, ended=None)
    return judge(facts).status is PromiseStatus.KEPT
