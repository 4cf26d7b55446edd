"""What documents are composed from: frozen facts as ledger and stager state them; None is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stager.domain.plans import Plan
from stager.domain.waivers import Waiver


@dataclass(frozen=True, slots=True)
class LoanFacts:
    """The loan of a document. Amounts in minor units of `currency`."""

    loan_id: str
    product: str | None
    currency: str
    disbursed_minor: int | None
    disbursed_on: date | None
    status: str


@dataclass(frozen=True, slots=True)
class OverdueItem:
    """One item that is due, and what is unpaid of it by component. `seq`: of an instalment, else None."""

    seq: str | None
    due_on: date
    principal: int
    interest: int
    penalty: int
    compound: int
    fee: int

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.penalty + self.compound + self.fee


@dataclass(frozen=True, slots=True)
class Itemisation:
    """From what fell due since the oldest item still unpaid to what is owed; `paid` with what was waived."""

    since_on: date
    fell_due: int
    interest_added: int
    fees_added: int
    paid: int


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What is overdue, as notices state it; `formula` are the ledger's lines in the document's language."""

    loan: LoanFacts
    stage: str | None
    as_of: date
    dpd: int
    items: tuple[OverdueItem, ...]
    principal: int
    interest: int
    penalty: int
    compound: int
    fee: int
    total: int
    formula: tuple[str, ...]
    itemised: Itemisation | None = None


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a repayment plan states: the plan with the waivers that go with it."""

    loan: LoanFacts
    plan: Plan
    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a settlement certificate states."""

    loan: LoanFacts
    settled_on: date | None


@dataclass(frozen=True, slots=True)
class ClosureFacts:
    """What a closure letter states: when the arrears ended, and what is still to come of the loan."""

    loan: LoanFacts
    ended_on: date | None
    outstanding_minor: int | None
