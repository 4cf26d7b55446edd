"""Promises judged as facts come in stand where a simple reference puts them that sees all facts at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from spine.calendars import load_calendars
from stager.domain.money import Money
from stager.domain.promises import JUDGED, Promise, PromiseStatus, due_days, facts_to_judge, judge
from tests.stager.domain.test_promises import POLICY, promise

FIRST = date(2026, 9, 21)
DAYS = st.integers(0, 30).map(lambda n: FIRST + timedelta(days=n))
AMOUNTS = st.sampled_from([1, 99_999, 100_000, 150_000, 200_000])
CHINA = load_calendars()["CN"]
AT = datetime(2026, 12, 1, tzinfo=UTC)


class Promises(RuleBasedStateMachine):
    """One loan: closes come in order, money and its reversals whenever they like."""

    kept = Bundle("kept")

    def __init__(self) -> None:
        super().__init__()
        self.closed = FIRST - timedelta(days=1)
        self.money: dict[str, Money] = {}
        self.promises: dict[str, Promise] = {}

    def judge(self, waiting: bool) -> None:
        """What the close (of those waited for) and moved money (of those judged) do."""
        for id_, each in self.promises.items():
            if each.is_open != waiting or (not waiting and each.status not in JUDGED):
                continue
            through = self.closed if waiting else each.due_on
            found = judge(facts_to_judge(each, self.money.values(), through, ended=None))
            self.promises[id_] = replace(each, status=found.status, received_minor=found.received_minor)

    @rule(amount=AMOUNTS, tolerance=st.sampled_from([0, 1, 1_000]), ahead=st.integers(0, 7))
    def promises_to_pay(self, amount: int, tolerance: int, ahead: int) -> None:
        today = self.closed + timedelta(days=1)
        through, due_on = due_days(today + timedelta(days=ahead), POLICY, CHINA)
        for id_, each in self.promises.items():
            if each.is_open:
                self.promises[id_] = replace(each, status=PromiseStatus.SUPERSEDED)
        id_ = f"P{len(self.promises)}"
        self.promises[id_] = promise(
            promise_id=id_,
            amount_minor=amount,
            tolerance_minor=tolerance,
            counts_from=today,
            counts_through=through,
            promised_on=today + timedelta(days=ahead),
            due_on=due_on,
        )

    @rule(target=kept, amount=AMOUNTS, on=DAYS)
    def money_comes(self, amount: int, on: date) -> str:
        id_ = f"R{len(self.money)}"
        self.money[id_] = Money("L1", id_, "B1", "CNY", amount, on, AT)
        self.judge(waiting=False)
        return id_

    @rule(id_=consumes(kept))
    def money_is_taken_back(self, id_: str) -> None:
        self.money[id_] = replace(self.money[id_], reversed_on=self.closed)
        self.judge(waiting=False)

    @rule(days=st.integers(1, 4))
    def books_close(self, days: int) -> None:
        self.closed += timedelta(days=days)
        self.judge(waiting=True)

    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        waiting = sorted(id_ for id_, each in self.promises.items() if each.is_open)
        if waiting:
            id_ = data.draw(st.sampled_from(waiting))
            self.promises[id_] = replace(self.promises[id_], status=PromiseStatus.CANCELLED)

    @invariant()
    def stands_as_all_facts_say(self) -> None:
        for each in self.promises.values():
            if each.status in (PromiseStatus.CANCELLED, PromiseStatus.SUPERSEDED):
                continue
            came = sum(
                one.amount_minor
                for one in self.money.values()
                if one.reversed_on is None and each.counts_from <= one.value_date <= each.due_on
            )
            if self.closed < each.due_on:
                expected = "open"
            elif came and came + each.tolerance_minor >= each.amount_minor:
                expected = "kept"
            else:
                expected = "partial" if came else "broken"
            assert each.status == expected

    @invariant()
    def one_is_open_at_most(self) -> None:
        assert sum(each.is_open for each in self.promises.values()) <= 1


Promises.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPromises = Promises.TestCase
