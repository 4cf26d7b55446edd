"""A second, plain implementation of the rules: it walks day by day and shares no code with the ledger's fold.

It is slow on purpose: fractions, one day at a time, every rule where it happens. Only what is the same for all
items of a night, and a walk that can simply go on, are not done twice.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from ledger.domain.facts import Chargeback, Instalment, LoanFacts, Pause, Waiver
from tests.ledger.domain.claims import Claim, daily, half_up

DAY = timedelta(days=1)
COMPONENTS = ("fee", "penalty", "compound", "interest", "principal")


class Days:
    """The reference on any number of dates: a walk goes on while no reversal makes another past of it."""

    def __init__(self, facts: LoanFacts) -> None:
        self.facts = facts
        self.reversals = [each.reversed_on for each in facts.repayments if each.reversed_on is not None]
        self.known: dict[date, dict[str, Any]] = {}
        self.walk: Reference | None = None

    def on(self, day: date) -> dict[str, Any]:
        if day not in self.known:
            walk = self.walk
            if walk is None or day < walk.as_of or any(walk.as_of < gone <= day for gone in self.reversals):
                self.walk = walk = Reference(self.facts, day)
            walk.go_on_to(day)
            self.known[day] = walk.position()
        return self.known[day]


class Reference:
    """The loan walked from its first day to the end of `as_of`."""

    def __init__(self, facts: LoanFacts, as_of: date) -> None:
        self.facts, self.as_of = facts, as_of
        self.credit = 0
        self.schedule = facts.schedule
        self.carried: list[tuple[date, int]] = []
        self.waived: list[tuple[Waiver, dict[str, int]]] = []
        self.claims = self.claims_on(self.schedule, date.min)
        for part in facts.paid_before:
            for claim in self.claims:
                if claim.rank == 2 and claim.key == f"{part.seq:05}":
                    claim.pay("principal", part.principal)
                    claim.pay("interest", part.interest)
                    claim.pay("fee", part.fee)
        self.closed_as: str | None = None
        self.nights: dict[date, Fraction | None] = {}
        self.day = self.first_day()
        self.go_on_to(as_of)

    def go_on_to(self, as_of: date) -> None:
        self.as_of = as_of
        while self.day <= as_of:
            self.live(self.day)
            self.day += DAY

    def first_day(self) -> date:
        """Nothing happens before the first date that any fact names."""
        facts = self.facts
        return min(
            *(row.due_on for row in facts.schedule),
            *(row.due_on for change in facts.reschedules for row in change.schedule),
            *(change.effective_on for change in facts.reschedules),
            *(each.value_date for each in facts.repayments),
            *(each.due_on for each in facts.charges),
            *(each.on for each in facts.chargebacks),
            *(each.closed_on for each in facts.closures),
            *(each.effective_on for each in facts.waivers if each.effective_on is not None),
            date.max,
        )

    # -- one day -------------------------------------------------------------------------------------------

    def live(self, day: date) -> None:
        for claim in self.claims:
            self.pass_night(claim, day - DAY)
        for back in self.facts.chargebacks:
            if back.on == day:
                self.claims.append(self.chargeback(back))
        changes = [each for each in self.facts.reschedules if each.effective_on == day]
        changes.sort(key=lambda each: (each.stated_at is not None, each.stated_at, each.schedule))
        for change in changes:
            self.reschedule(day, change.keep, change.schedule)
        if any(claim.effective == day for claim in self.claims):
            credit, self.credit = self.credit, 0
            self.receive(day, credit)
        money = [
            each for each in self.facts.repayments if each.value_date == day and self.stands(each.reversed_on)
        ]
        coming = sum(each.amount for each in money)
        waivers = [each for each in self.facts.waivers if each.effective_on == day]
        for waiver in sorted(waivers, key=lambda each: (each.at, each.id)):
            asked = dict(zip(COMPONENTS, waiver.amounts, strict=True))
            self.waived.append((waiver, self.waive(day, asked, coming, ahead=waiver.settlement)))
        for each in sorted(money, key=lambda each: (each.posted_at, each.id)):
            self.receive(day, each.amount)
        reasons = {str(each.reason) for each in self.facts.closures if each.closed_on == day}
        for reason in ("settled", "written_off", "sold"):
            if reason in reasons:
                self.closed_as = reason

    def stands(self, reversed_on: date | None) -> bool:
        return reversed_on is None or reversed_on > self.as_of

    def pass_night(self, claim: Claim, night: date) -> None:
        if night < claim.effective:
            return
        rate = self.rate(night)
        if rate is None:
            return
        terms = self.facts.terms
        claim.counted += 1
        if claim.counted <= terms.grace_days:
            if terms.grace_rule == "from_due":
                claim.held += rate
            return
        if claim.held:
            rate, claim.held = rate + claim.held, Fraction(0)
        if claim.unpaid["principal"]:
            claim.accrued["penalty"] += claim.unpaid["principal"] * rate
        if terms.penalty.compound_on_interest and claim.unpaid["interest"]:
            claim.accrued["compound"] += claim.unpaid["interest"] * rate

    def rate(self, night: date) -> Fraction | None:
        """The rate of a night; None if it is paused and does not count at all."""
        if night not in self.nights:
            self.nights[night] = self.rate_of(night)
        return self.nights[night]

    def rate_of(self, night: date) -> Fraction | None:
        if self.paused(night):
            return None
        if self.covers(self.facts.freezes, night):
            return Fraction(0)
        yearly = self.facts.annual_rate
        changes = [each for each in self.facts.rate_changes if each.effective_on <= night]
        if changes:
            # Of several on one day the later stated holds, of those the higher.
            yearly = max(
                changes,
                key=lambda each: (
                    each.effective_on,
                    each.stated_at is not None,
                    each.stated_at,
                    each.annual_rate,
                ),
            ).annual_rate
        return daily(yearly, self.facts.terms.penalty, self.facts.terms.day_count)

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

    def resumes_on(self) -> date | None:
        """The next day that counts, if one is known."""
        day = self.as_of
        if not self.paused(day):
            return None
        ends = [each.to_on for each in self.facts.pauses if each.to_on is not None]
        last = max((*ends, *self.facts.resumed_on), default=day)
        while day < last and self.paused(day):
            day += DAY
        return None if self.paused(day) else day

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

    def waive(self, day: date, asked: dict[str, int], coming: int, *, ahead: bool) -> dict[str, int]:
        """Takes off at most what is owed when the money that is coming is in; returns what it was."""
        claims = [claim for claim in self.claims if claim.effective <= day]
        claims.sort(key=lambda each: (each.due, each.rank, each.key))
        if ahead:
            later = [claim for claim in self.claims if claim.effective > day and claim.rank == 2]
            claims += sorted(later, key=lambda each: (each.due, each.key), reverse=True)
        owed = sum(sum(claim.rests().values()) for claim in claims)
        limit = max(0, owed - coming - self.credit)
        taken = dict.fromkeys(COMPONENTS, 0)
        for component in COMPONENTS:
            for claim in claims:
                wanted = min(asked[component] - taken[component], limit)
                paid = wanted - claim.pay(component, wanted)
                taken[component] += paid
                limit -= paid
        return taken

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
        claims += [self.chargeback(each) for each in self.facts.chargebacks if each.on <= day]
        return claims

    def chargeback(self, back: Chargeback) -> Claim:
        return self.claim(3, f"{back.repayment_id} {back.amount:012}", back.on, principal=back.amount)

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
        for number, (waiver, taken) in enumerate(self.waived):
            anew = {**taken, "penalty": taken["penalty"] + taken["compound"], "compound": 0}
            self.waived[number] = (waiver, self.waive(day, anew, received, ahead=True))
        self.receive(day, received)

    # -- the answer ----------------------------------------------------------------------------------------

    def position(self) -> dict[str, Any]:
        terms, as_of = self.facts.terms, self.as_of
        if self.closed_as in ("settled", "sold"):
            return self.closed_position(self.closed_as)
        late, grace = [0], False
        claims = [(claim, claim.rests()) for claim in self.claims]
        unpaid = [(claim, rests) for claim, rests in claims if any(rests.values())]
        for claim, rests in unpaid:
            if rests["principal"] + rests["interest"] <= terms.tolerance:
                continue
            if claim.counted > terms.grace_days:
                late.append(claim.counted - (terms.grace_days if terms.grace_rule == "after_grace" else 0))
            elif claim.counted > 0:
                grace = True
        dpd = max(late)
        past = [(claim, rests) for claim, rests in unpaid if claim.due < as_of]
        status = "overdue" if dpd else "current"
        if not unpaid:
            status = "settled"
        if self.closed_as == "written_off":
            status = "written_off"
        return {
            "dpd": dpd,
            "status": status,
            "in_grace": grace and not dpd,
            "paused": self.paused(as_of),
            "resumes_on": self.resumes_on(),
            "oldest_unpaid_due_on": min((claim.due for claim, _ in past), default=None),
            "past_due_days": max(((as_of - claim.due).days for claim, _ in past), default=0),
            "overdue": tuple(
                sum(rests[component] for _, rests in past)
                for component in ("fee", "penalty", "compound", "interest", "principal")
            ),
            "outstanding_principal": sum(rests["principal"] for _, rests in unpaid),
            "overpaid": self.credit,
        }

    def closed_position(self, status: str) -> dict[str, Any]:
        """Nothing is owed here any more; credit beyond all that was still to come is the customer's."""
        return {
            "dpd": 0,
            "status": status,
            "in_grace": False,
            "paused": self.paused(self.as_of),
            "resumes_on": self.resumes_on(),
            "oldest_unpaid_due_on": None,
            "past_due_days": 0,
            "overdue": (0, 0, 0, 0, 0),
            "outstanding_principal": 0,
            "overpaid": max(0, self.credit - sum(sum(claim.rests().values()) for claim in self.claims)),
        }
