"""One message about several loans: it is sent only while it may be about each, and tells what they come to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from notifier.store.attempts import may_still_leave
from notifier.store.gates import DebtRow, Fence, Held, joint_debt, joint_fence
from spine.events.ledger import Overdue
from spine.events.registry import Event
from tests.notifier.test_fence import claim, hold
from tests.notifier.world import NOON, World, cured

Make = Callable[..., Awaitable[World]]
DEBT = DebtRow(
    loan_id="L1",
    borrower_id="B1",
    seq=1,
    product="consumer",
    currency="CNY",
    as_of=date(2026, 11, 11),
    dpd_zero_on=date(2026, 11, 10),
    oldest_unpaid_due_on=date(2026, 11, 10),
    overdue=Overdue(
        principal="900.00", interest="100.00", fee="0.00", penalty="1.35", compound="0.00", total="1001.35"
    ),
    outstanding_principal="9000.00",
)


async def about_two(world: Make) -> World:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B1"))
    await it.request("R1", "L1", "B1", covers=("L2",))
    return it


async def test_it_is_one_message_and_one_contact_about_both(world: Make) -> None:
    it = await about_two(world)
    await it.tick()
    await it.send()
    assert await it.words() == ["accepted"]
    async with it.runtime.transaction() as tx:
        rows = list(await tx.execute("SELECT loan_id, covers FROM message"))
    assert [(row.loan_id, list(row.covers)) for row in rows] == [("L1", ["L2"])]


@pytest.mark.parametrize(
    ("stop", "rule"),
    [
        (cured("L2", "B1"), "FENCE-arrears"),
        (claim("L2", "B1"), "HOLD-payment_claim"),
        (hold("L2", "B1"), "HOLD-dispute"),
    ],
)
async def test_what_stops_it_for_one_loan_stops_it(world: Make, stop: Event, rule: str) -> None:
    it = await about_two(world)
    await it.take(stop, seq=2)
    await it.tick()
    await it.send()
    assert (await it.words(), await it.rules()) == (["suppressed"], [[rule]])


async def test_a_loan_that_it_is_not_about_stops_nothing(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B1"))
    await it.request("R1", "L1", "B1")
    await it.take(cured("L2", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert await it.words() == ["accepted"]


async def test_a_cure_after_the_reservation_keeps_the_bytes_here(world: Make) -> None:
    it = await about_two(world)
    await it.tick()
    reservation = await it.reserve()
    refs = [message.client_ref for messages in reservation.requests.values() for message in messages]
    async with it.runtime.transaction() as tx:
        assert await may_still_leave(tx, refs, (), ()) == set(refs) != set()
    await it.take(cured("L2", "B1"), seq=2)
    async with it.runtime.transaction() as tx:
        assert await may_still_leave(tx, refs, (), ()) == set()


def test_a_joint_fence_is_open_where_all_are_and_moves_when_any_does() -> None:
    held = Held("dispute", NOON)
    one, other = Fence((), 3), Fence(("arrears",), 4, (held,))
    assert joint_fence([one]) is one
    assert joint_fence([one, other]) == Fence(("arrears",), 7, (held,))
    assert joint_fence([one, Fence((), None)]).arrears_seq is None


def test_what_is_owed_together_is_the_sum_since_the_oldest_day() -> None:
    older = replace(DEBT, loan_id="L2", oldest_unpaid_due_on=date(2026, 10, 10))
    joint = joint_debt([DEBT, older])
    assert joint is not None
    assert (joint.overdue.total, joint.overdue.penalty) == ("2002.70", "2.70")
    assert joint.oldest_unpaid_due_on == date(2026, 10, 10)


@pytest.mark.parametrize("debts", [[None], [DEBT, None], [DEBT, replace(DEBT, currency="USD")]])
def test_what_cannot_be_added_up_is_not_told(debts: list[DebtRow | None]) -> None:
    assert joint_debt(debts) is None
