"""The holds of some borrowers at hand: which are active, and what the ledger's facts place, move and end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from spine.events.ledger import PaymentInTransit, PaymentTransitEnded, StatementMatched, StatementMismatch
from stager.domain.cases import Hold, said_hold_id, stable_id
from stager.domain.hold_policy import HoldPolicy
from stager.domain.person_holds import PersonHold, following

#: The origin of the one hold of a loan whose figures core banking states otherwise.
STATEMENT: Final = "statement"
#: What holds a loan while a promise, its origin, is waited for.
PROMISE_OPEN: Final = "promise_open"

#: What places a hold, and with it what ends one.
StopFact = StatementMismatch | PaymentInTransit
HoldFact = StopFact | StatementMatched | PaymentTransitEnded


def origin_of(fact: HoldFact) -> str:
    """The origin of the hold that a fact is about; of a claim the recorded contact in which it was made."""
    match fact:
        case StatementMismatch() | StatementMatched():
            return STATEMENT
        case PaymentTransitEnded(kind="claim", origin=str(contact_id)):
            return contact_id
        case _:
            return fact.transit_id


class HoldBook:
    """A unit of work in memory. Facts may come twice, and stops ahead of their turn: of one origin the newest
    number counts, and a hold that has ended is never the same hold again."""

    def __init__(
        self,
        policy: HoldPolicy,
        now: datetime,
        holds: Iterable[Hold],
        persons: Iterable[PersonHold] = (),
        promised: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`holds`: all that are not lifted, and of those lifted the ones that facts will name. `persons`: what
        holds the people at this instant. `promised`: the open promises of loans, by loan."""
        self._policy = policy
        self._promised = promised
        self._persons: dict[str, list[PersonHold]] = defaultdict(list)
        for person in persons:
            self._persons[person.borrower_id].append(person)
        self._now = now
        self._active: dict[str, dict[str, Hold]] = defaultdict(dict)
        self._by_id: dict[str, Hold] = {}
        self._newest: dict[tuple[str, str], Hold] = {}
        #: Holds that are new or changed, by id.
        self.changed: dict[str, Hold] = {}
        for hold in sorted(holds, key=lambda each: each.ledger_seq or 0):
            self._note(hold)

    def kinds(self, loan_id: str) -> list[str]:
        """The kinds that hold the loan at this instant."""
        return [hold.kind for hold in self._active[loan_id].values() if hold.is_active(self._now)]

    def is_open(self, hold_id: str) -> bool:
        """Whether a hold is here and not lifted."""
        return hold_id in self._by_id and self._by_id[hold_id].lifted_at is None

    def take(self, fact: HoldFact, seq: int) -> list[Hold]:
        """Applies a fact with its number in the loan; returns what is to be told: holds placed, moved, lifted."""
        match fact:
            case StatementMismatch():
                why = f"{fact.as_of}: {', '.join(fact.differences)}"
                return self._stop(fact, "verification", seq, until=None, reason=why)
            case PaymentInTransit(kind="claim"):
                # Known from where it was made, and held from then on.
                return []
            case PaymentInTransit():
                return self._stop(fact, "payment_claim", seq, until=fact.until, reason=None)
            case StatementMatched():
                return self._release(fact, seq, fact.resolution)
            case PaymentTransitEnded(kind="claim"):
                return self._claim_ended(fact) if fact.outcome == "posted" else []
            case PaymentTransitEnded():
                return self._release(fact, seq, fact.reason)

    def follow(self, borrower_id: str, loan_id: str, cause_id: str) -> list[Hold]:
        """A loan whose arrears begin is held as its borrower is, and again while what was promised on it is waited
        for; returns the holds that are new."""
        holds = [following(person, loan_id, self._policy) for person in self._persons[borrower_id]]
        promise_id = self._promised.get(loan_id)
        if promise_id is not None and all(
            each.origin != promise_id for each in self._active[loan_id].values()
        ):
            holds.append(self._promise_again(promise_id, borrower_id, loan_id, cause_id))
        return [self._keep(hold) for hold in holds if hold.hold_id not in self._by_id]

    def _promise_again(self, promise_id: str, borrower_id: str, loan_id: str, cause_id: str) -> Hold:
        """The cure had ended the hold of this promise; arrears that begin are no reason to press before its day."""
        return Hold(
            hold_id=stable_id("hold", PROMISE_OPEN, promise_id, cause_id),
            loan_id=loan_id,
            borrower_id=borrower_id,
            kind=PROMISE_OPEN,
            placed_at=self._now,
            until=None,
            freezes_interest=self._policy.kinds[PROMISE_OPEN].freezes_interest,
            origin=promise_id,
            reason=None,
        )

    def lift_answered(self, loan_id: str) -> list[Hold]:
        """Ends what the end of the arrears answers; money on its way is waited for all the same."""
        answered = [
            hold
            for hold in self._active[loan_id].values()
            if hold.ledger_seq is None and self._policy.kinds[hold.kind].ends_with_arrears
        ]
        return [self._lift(hold, "arrears_ended") for hold in answered]

    def _stop(
        self, fact: StopFact, kind: str, seq: int, *, until: datetime | None, reason: str | None
    ) -> list[Hold]:
        origin = origin_of(fact)
        known = self._newest.get((fact.loan_id, origin))
        if known is not None and _is_heard(known, seq):
            return []
        if known is not None and known.lifted_at is None:
            moved = self._keep(replace(known, until=until, reason=reason, ledger_seq=seq))
            return [moved] if until != known.until else []
        if until is not None and until <= self._now:
            return []
        hold = Hold(
            hold_id=stable_id("hold", fact.loan_id, origin, seq),
            loan_id=fact.loan_id,
            borrower_id=fact.borrower_id,
            kind=kind,
            placed_at=self._now,
            until=until,
            freezes_interest=self._policy.kinds[kind].freezes_interest,
            origin=origin,
            reason=reason,
            ledger_seq=seq,
        )
        return [self._keep(hold)]

    def _release(self, fact: HoldFact, seq: int, reason: str | None) -> list[Hold]:
        known = self._newest.get((fact.loan_id, origin_of(fact)))
        if known is None or _is_heard(known, seq):
            return []
        if known.lifted_at is not None:
            self._keep(replace(known, ledger_seq=seq))
            return []
        return [self._lift(replace(known, ledger_seq=seq), "facts", reason)]

    def _claim_ended(self, fact: PaymentTransitEnded) -> list[Hold]:
        """The claimed money is here. Where the claim itself is not known yet, its hold has ended before it began:
        told so, it opens what the claim closes elsewhere, and is not placed when the claim comes."""
        contact_id = origin_of(fact)
        known = self._by_id.get(said_hold_id("payment_claim", contact_id))
        if known is not None:
            return [] if known.lifted_at is not None else [self._lift(known, "facts")]
        placed = Hold(
            hold_id=said_hold_id("payment_claim", contact_id),
            loan_id=fact.loan_id,
            borrower_id=fact.borrower_id,
            kind="payment_claim",
            placed_at=self._now,
            until=None,
            freezes_interest=self._policy.kinds["payment_claim"].freezes_interest,
            origin=contact_id,
            reason=None,
        )
        return [placed, self._lift(placed, "facts")]

    def _lift(self, hold: Hold, ended_by: str, reason: str | None = None) -> Hold:
        return self._keep(replace(hold, lifted_at=self._now, ended_by=ended_by, lift_reason=reason))

    def _keep(self, hold: Hold) -> Hold:
        self._note(hold)
        self.changed[hold.hold_id] = hold
        return hold

    def _note(self, hold: Hold) -> None:
        self._by_id[hold.hold_id] = hold
        if hold.lifted_at is None:
            self._active[hold.loan_id][hold.hold_id] = hold
        else:
            self._active[hold.loan_id].pop(hold.hold_id, None)
        if hold.ledger_seq is not None and hold.origin is not None:
            self._newest[hold.loan_id, hold.origin] = hold


def _is_heard(known: Hold, seq: int) -> bool:
    """Whether this or a newer fact of the same origin is in already."""
    return known.ledger_seq is not None and seq <= known.ledger_seq
