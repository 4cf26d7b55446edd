"""Someone who knows nothing but what the ledger says, and takes it at its word: what the stager relies on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from spine.events.ledger import (
    Arrears,
    BusinessDateClosed,
    LedgerRepaymentChargedBack,
    LedgerRepaymentReversed,
    LoanCured,
    LoanOverdue,
    LoanSettled,
    Overdue,
    RepaymentReceived,
)
from spine.events.registry import Event


@dataclass(slots=True)
class Heard:
    """The last word about one loan. `over`: it was said to be settled, and nothing else since."""

    in_arrears: bool = False
    over: bool = False
    as_of: date | None = None
    dpd: int = 0
    dpd_zero_on: date | None = None
    resumes_on: date | None = None
    oldest_unpaid_due_on: date | None = None
    overdue: Overdue | None = None
    outstanding_principal: str = ""
    written_off: bool = False
    money: dict[str, str] = field(default_factory=dict)
    taken_back: dict[str, date] = field(default_factory=dict)
    charged_back: list[tuple[str, str, date]] = field(default_factory=list)

    def dpd_on(self, day: date) -> int:
        if not self.in_arrears:
            return 0
        return (day - self.dpd_zero_on).days if self.dpd_zero_on else self.dpd


@dataclass(slots=True)
class Listener:
    loans: defaultdict[str, Heard] = field(default_factory=lambda: defaultdict(Heard))
    closed: list[date] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        if isinstance(event, BusinessDateClosed):
            self.closed.append(event.date)
            return
        heard = self.loans[event.subject or ""]
        match event:
            case Arrears():
                self._arrears(heard, event)
            case LoanCured():
                assert heard.in_arrears, "cured of arrears that nobody told of"
                heard.in_arrears = False
            case RepaymentReceived(repayment_id=id, amount=amount):
                assert id not in heard.money, "money is received once"
                heard.money[id] = amount
            case LedgerRepaymentReversed(repayment_id=id, amount=amount, reversed_on=on):
                assert heard.money[id] == amount and id not in heard.taken_back
                heard.taken_back[id] = on
            case LedgerRepaymentChargedBack(repayment_id=id, amount=amount, charged_back_on=on):
                heard.charged_back.append((id, amount, on))
            case LoanSettled():
                assert not heard.in_arrears, "settled in the middle of an episode"
                heard.over = True
            case _:
                return

    @staticmethod
    def _arrears(heard: Heard, event: Arrears) -> None:
        assert heard.in_arrears != isinstance(event, LoanOverdue), "episodes begin once"
        assert heard.as_of is None or heard.as_of <= event.as_of, "time goes back"
        assert event.dpd > 0
        assert event.dpd_zero_on is None or (event.as_of - event.dpd_zero_on).days == event.dpd
        heard.in_arrears, heard.over = True, False
        heard.as_of, heard.dpd, heard.dpd_zero_on = event.as_of, event.dpd, event.dpd_zero_on
        heard.resumes_on, heard.oldest_unpaid_due_on = event.resumes_on, event.oldest_unpaid_due_on
        heard.overdue, heard.outstanding_principal = event.overdue, event.outstanding_principal
        heard.written_off = event.status == "written_off"
