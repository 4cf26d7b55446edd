"""What a portfolio holds before anything runs: days by stage, roll rates and roughly how many contacts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from spine.money import parse_minor
from tact.portfolio.account import Account, Due
from tact.portfolio.published import PublishedEvent, add_months

#: Last days past due of S1, S2, S3; more is S4.
_STAGE_ENDS: Final = (("S1", 30), ("S2", 60), ("S3", 90))
_WORST: Final = 3


@dataclass(slots=True)
class Estimate:
    """`loan_days` by stage, `rolls[before][after]` in loan-months by missed instalments (3 or more: 3).

    `contacts` is rough: a text on day 1 and every third day in S1, two a day in S2, one a week in S3.
    """

    loans: int = 0
    ever_late: int = 0
    loan_days: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)
    rolls: list[list[int]] = field(default_factory=lambda: [[0] * (_WORST + 1) for _ in range(_WORST + 1)])


@dataclass(slots=True)
class _Facts:
    opened: Mapping[str, Any]
    payments: list[tuple[date, int, str]] = field(default_factory=list)
    reversed_on: dict[str, date] = field(default_factory=dict)

    def schedule(self) -> list[Due]:
        currency = self.opened["currency"]
        return [
            Due(
                date.fromisoformat(row["due_on"]),
                parse_minor(row["principal"], currency),
                parse_minor(row["interest"], currency),
            )
            for row in self.opened["schedule"]
        ]

    def account(self, as_of: date) -> Account:
        """The books with what counts on that day."""
        whole, _, hundredths = self.opened["annual_rate"].partition(".")
        account = Account(self.schedule(), int(whole + hundredths.ljust(4, "0")[:4]))
        for value_date, amount, repayment_id in sorted(self.payments):
            taken_back = self.reversed_on.get(repayment_id)
            if value_date <= as_of and (taken_back is None or taken_back > as_of):
                account.pay(value_date, amount)
        return account

    def change_days(self) -> set[date]:
        return {value_date for value_date, _, _ in self.payments} | set(self.reversed_on.values())


def estimate(events: Iterable[PublishedEvent], *, start_on: date, days: int) -> Estimate:
    """Replays a portfolio on its own books at each close from `start_on`, knowing nothing of how it was made."""
    result = Estimate()
    for facts in _collect(events).values():
        result.loans += 1
        _watch(facts, start_on, start_on + timedelta(days=days), result)
    return result


def _collect(events: Iterable[PublishedEvent]) -> dict[str, _Facts]:
    loans: dict[str, _Facts] = {}
    unplaced: defaultdict[str, list[PublishedEvent]] = defaultdict(list)
    for published in events:
        data, kind = published.event["data"], published.event["type"]
        if kind == "loan.opened.v1":
            loans[data["loan_id"]] = _Facts(data)
        elif kind.startswith("repayment."):
            unplaced[data["loan_id"]].append(published)
    for loan_id, facts in loans.items():
        for published in unplaced[loan_id]:
            data = published.event["data"]
            if published.event["type"] == "repayment.posted.v1":
                amount = parse_minor(data["amount"], data["currency"])
                facts.payments.append((date.fromisoformat(data["value_date"]), amount, data["repayment_id"]))
            else:
                facts.reversed_on[data["repayment_id"]] = date.fromisoformat(data["reversed_on"])
    return loans


def _watch(facts: _Facts, start_on: date, end_on: date, result: Estimate) -> None:
    first_due = facts.schedule()[0].on
    eves = _eves(first_due, end_on)
    changes = facts.change_days()
    day, account, before = start_on, facts.account(start_on), None
    late = False
    while day < end_on:
        if day in changes:
            account = facts.account(day)
        oldest, missed = account.overdue(day)
        if oldest is not None:
            late = True
            _count_day(result, (day - oldest).days)
        if day in eves:
            state = min(missed, _WORST)
            if before is not None:
                result.rolls[before][state] += 1
            before = None if account.settled else state
        day += timedelta(days=1)
    result.ever_late += late


def _eves(first_due: date, end_on: date) -> set[date]:
    """The days before each monthly due date, the last instalment's and later ones too."""
    eves, months, due = set(), 0, first_due
    while due <= end_on:
        eves.add(due - timedelta(days=1))
        months += 1
        due = add_months(first_due, months)
    return eves


def _count_day(result: Estimate, days_past_due: int) -> None:
    stage = next((stage for stage, last in _STAGE_ENDS if days_past_due <= last), "S4")
    result.loan_days[stage] += 1
    if stage == "S1":
        result.contacts[stage] += days_past_due % 3 == 1
    elif stage == "S2":
        result.contacts[stage] += 2
    elif stage == "S3":
        result.contacts[stage] += days_past_due % 7 == 5
