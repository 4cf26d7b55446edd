"""A second, plain implementation of the rules: it walks day by day and shares no code with the ledger's fold.

It is slow on purpose: fractions, one day at a time, every rule where it happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from ledger.domain.facts import Instalment, LoanFacts, Pause

DAY = timedelta(days=1)


@dataclass
class Claim:
    """One thing owed; `held` is the rate of the days of grace, which bears on what is unpaid when it ends."""

    rank: int
    key: str
    due: date
    effective: date
    unpaid: dict[str, int]
    accrued: dict[str, Fraction] = field(
        default_factory=lambda: {"penalty": Fraction(0), "compound": Fraction(0)}
    )
    paid: dict[str, int] = field(default_factory=lambda: {"penalty": 0, "compound": 0})
    counted: int = 0
    held: Fraction = Fraction(0)
    prepayable: bool = False

    def rest(self, component: str) -> int:
        rest = self.unpaid[component]
        if component in self.accrued:
            rest += half_up(self.accrued[component]) - self.paid[component]
        return rest

    def pay(self, component: str, amount: int) -> int:
        taken = min(amount, self.rest(component))
        if component in self.accrued:
            from_fixed = min(taken, self.unpaid[component])
            self.unpaid[component] -= from_fixed
            self.paid[component] += taken - from_fixed
        else:
            self.unpaid[component] -= taken
        return amount - taken

    def total(self) -> int:
        return sum(self.rest(component) for component in self.unpaid)


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


class Reference:
    """The loan walked from its first day to the end of `as_of`."""

    def __init__(self, facts: LoanFacts, as_of: date) -> None:
        self.facts, self.as_of = facts, as_of
        self.credit = 0
        self.schedule = facts.schedule
        self.carried: list[tuple[date, int]] = []
        self.claims = self.claims_on(self.schedule, date.min)
        for part in facts.paid_before:
            for claim in self.claims:
                if claim.rank == 2 and claim.key == f"{part.seq:05}":
                    claim.pay("principal", part.principal)
                    claim.pay("interest", part.interest)
                    claim.pay("fee", part.fee)
        day = date(2025, 12, 1)
        while day <= as_of:
            self.live(day)
            day += DAY

    # -- one day -------------------------------------------------------------------------------------------

    def live(self, day: date) -> None:
        for claim in self.claims:
            self.pass_night(claim, day - DAY)
        self.claims += [
            self.claim(3, back.repayment_id, back.on, principal=back.amount)
            for back in self.facts.chargebacks
            if back.on == day
        ]
        changes = [each for each in self.facts.reschedules if each.effective_on == day]
        for change in sorted(changes, key=lambda each: (each.stated_at is not None, each.stated_at)):
            self.reschedule(day, change.keep, change.schedule)
        if any(claim.effective == day for claim in self.claims):
            credit, self.credit = self.credit, 0
            self.receive(day, credit)
        for each in sorted(self.facts.repayments, key=lambda each: (each.posted_at, each.id)):
            if each.value_date == day and self.stands(each.reversed_on):
                self.receive(day, each.amount)

    def stands(self, reversed_on: date | None) -> bool:
        return reversed_on is None or reversed_on > self.as_of

    def pass_night(self, claim: Claim, night: date) -> None:
        if night < claim.effective or self.paused(night):
            return
        terms = self.facts.terms
        claim.counted += 1
        rate = Fraction(0) if self.covers(self.facts.freezes, night) else self.rate(night)
        if claim.counted <= terms.grace_days:
            if terms.grace_rule == "from_due":
                claim.held += rate
            return
        rate, claim.held = rate + claim.held, Fraction(0)
        claim.accrued["penalty"] += claim.unpaid["principal"] * rate
        if terms.penalty.compound_on_interest:
            claim.accrued["compound"] += claim.unpaid["interest"] * rate

    def rate(self, day: date) -> Fraction:
        rule = self.facts.terms.penalty
        yearly = self.facts.annual_rate
        for change in sorted(self.facts.rate_changes, key=lambda each: each.effective_on):
            if change.effective_on <= day:
                yearly = change.annual_rate
        rate = Fraction(yearly) * Fraction(rule.multiplier)
        if rule.annual_rate is not None:
            rate = Fraction(rule.annual_rate)
        if rule.all_in_cap is not None and rate > rule.all_in_cap:
            rate = Fraction(rule.all_in_cap)
        return rate / self.facts.terms.day_count

    @staticmethod
    def covers(pauses: tuple[Pause, ...], day: date) -> bool:
        return any(each.from_on <= day and (each.to_on is None or day < each.to_on) for each in pauses)

    def paused(self, day: date) -> bool:
        running = tuple(
            each
            for each in self.facts.pauses
            if not any(each.from_on <= resumed <= day for resumed in self.facts.resumed_on)
        )
        return self.covers(running, day)

    # -- money ---------------------------------------------------------------------------------------------

    def receive(self, day: date, amount: int) -> None:
        order = [str(component) for component in self.facts.terms.order]
        due = [claim for claim in self.claims if claim.effective <= day]
        due.sort(key=lambda each: (each.due, each.rank, each.key))
        steps = [(claim, component) for claim in due for component in order]
        if self.facts.terms.shape == "vertical":
            steps = [(claim, component) for component in order for claim in due]
        if self.facts.terms.overpayment == "prepay":
            ahead = [claim for claim in self.claims if claim.effective > day and claim.rank == 2]
            ahead.sort(key=lambda each: (each.due, each.key))
            steps += [(claim, component) for claim in ahead for component in order]
        for claim, component in steps:
            amount = claim.pay(component, amount)
        self.credit += amount

    # -- items ---------------------------------------------------------------------------------------------

    def claim(self, rank: int, key: str, due: date, **unpaid: int) -> Claim:
        effective = due
        terms = self.facts.terms
        if terms.holiday_rule == "next_business_day":
            assert terms.calendar is not None
            while not terms.calendar.is_business_day(effective):
                effective += DAY
        empty = dict.fromkeys(("fee", "penalty", "compound", "interest", "principal"), 0)
        return Claim(rank, key, due, effective, {**empty, **unpaid})

    def claims_on(self, schedule: tuple[Instalment, ...], day: date) -> list[Claim]:
        claims = [
            self.claim(0, each.id, each.due_on, **{each.kind: each.amount}) for each in self.facts.charges
        ]
        claims += [self.claim(1, str(n), due, penalty=amount) for n, (due, amount) in enumerate(self.carried)]
        claims += [
            self.claim(
                2, f"{row.seq:05}", row.due_on, principal=row.principal, interest=row.interest, fee=row.fee
            )
            for row in schedule
        ]
        claims += [
            self.claim(3, each.repayment_id, each.on, principal=each.amount)
            for each in self.facts.chargebacks
            if each.on <= day
        ]
        return claims

    def reschedule(self, day: date, keep: tuple[int, ...], schedule: tuple[Instalment, ...]) -> None:
        accrued = sum(half_up(exact) for claim in self.claims for exact in claim.accrued.values())
        self.carried.append((day, accrued))
        self.schedule = tuple(row for row in self.schedule if row.seq in keep) + schedule
        self.claims = self.claims_on(self.schedule, day)
        for claim in self.claims:
            night = claim.effective
            while night < day:
                self.pass_night(claim, night)
                night += DAY
            claim.accrued = {"penalty": Fraction(0), "compound": Fraction(0)}
        received = sum(part.principal + part.interest + part.fee for part in self.facts.paid_before)
        received += sum(
            each.amount
            for each in self.facts.repayments
            if each.value_date < day and self.stands(each.reversed_on)
        )
        self.credit = 0
        self.receive(day, received)

    # -- the answer ----------------------------------------------------------------------------------------

    def position(self) -> dict[str, Any]:
        terms, as_of = self.facts.terms, self.as_of
        late, grace = [0], False
        for claim in self.claims:
            if claim.rest("principal") + claim.rest("interest") <= terms.tolerance:
                continue
            if claim.counted > terms.grace_days:
                late.append(claim.counted - (terms.grace_days if terms.grace_rule == "after_grace" else 0))
            elif claim.counted > 0:
                grace = True
        dpd = max(late)
        past = [claim for claim in self.claims if claim.due < as_of and claim.total()]
        status = "overdue" if dpd else "current"
        if not any(claim.total() for claim in self.claims):
            status = "settled"
        return {
            "dpd": dpd,
            "status": status,
            "in_grace": grace and not dpd,
            "paused": self.paused(as_of),
            "oldest_unpaid_due_on": min((claim.due for claim in past), default=None),
            "past_due_days": max(((as_of - claim.due).days for claim in past), default=0),
            "overdue": tuple(
                sum(claim.rest(component) for claim in past)
                for component in ("fee", "penalty", "compound", "interest", "principal")
            ),
            "outstanding_principal": sum(claim.rest("principal") for claim in self.claims),
            "overpaid": self.credit,
        }
