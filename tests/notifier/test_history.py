"""Contacts made before a loan was taken over use up the same budget, each once, as far as rules look back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.facts import PastContact as Counted
from notifier.handlers.parties import point_ref
from notifier.store import attempts, parties
from spine.events.corebanking import PastContact
from spine.events.ledger import LoanRegistered, TakenOver
from tests.notifier.world import NOON, World, a_vault

Make = Callable[..., Awaitable[World]]

HOUR = timedelta(hours=1)
TOMORROW_AT_EIGHT = "2026-11-25T00:00:00Z"


def texted(at: datetime, **changes: Any) -> PastContact:
    """A text that arrived."""
    given = {"channel": "sms", "direction": "outbound", "outcome": "delivered", **changes}
    return PastContact(at=at, **given)


def registered(*history: PastContact, loan_id: str = "L1", borrower_id: str = "B1") -> LoanRegistered:
    """A loan that came with what had been said."""
    return LoanRegistered(
        borrower_id=borrower_id,
        loan_id=loan_id,
        product="consumer",
        currency="CNY",
        principal="9000.00",
        opened_on=date(2026, 1, 10),
        schedule=(),
        taken_over=TakenOver(as_of=date(2026, 11, 24), paid=(), contact_history=history),
    )


async def history_of(it: World, borrower_id: str = "B1") -> list[Counted]:
    async with it.runtime.transaction() as tx:
        found = await attempts.history_of(tx, [borrower_id])
    return [contact for _, contact in found.get(borrower_id, [])]


async def asked(it: World, *facts: LoanRegistered) -> tuple[str, dict[str, Any]]:
    """What becomes of a text asked for after these loans were registered."""
    for fact in facts:
        await it.take(fact)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    [told] = await it.facts()
    return told


async def test_two_texts_of_the_morning_leave_none_for_today(world: Make) -> None:
    it = await world()
    word, fact = await asked(it, registered(texted(NOON - 3 * HOUR), texted(NOON - 2 * HOUR)))
    assert (word, fact["until"]) == ("deferred", TOMORROW_AT_EIGHT)
    assert [rule["id"] for rule in fact["rules"]] == ["HOUSE-SMS-DAY"]
    it.at(datetime.fromisoformat(TOMORROW_AT_EIGHT))
    await it.tick()
    await it.send()
    assert (await it.words())[-1] == "accepted"


async def test_they_count_over_all_loans_of_the_person(world: Make) -> None:
    it = await world()
    other = registered(texted(NOON - 2 * HOUR), loan_id="L9")
    word, _ = await asked(it, registered(texted(NOON - 3 * HOUR)), other)
    assert word == "deferred"


@pytest.mark.parametrize("times", [1, 2])
async def test_an_entry_counts_once_however_often_it_is_told(world: Make, times: int) -> None:
    it = await world()
    word, _ = await asked(it, *[registered(texted(NOON - 3 * HOUR))] * times)
    assert word == "accepted"
    assert len(await history_of(it)) == 2


async def test_what_another_person_was_told_does_not_count_for_the_borrower(world: Make) -> None:
    it = await world()
    spouse = texted(NOON - 2 * HOUR, party_id="B1-spouse")
    word, _ = await asked(it, registered(texted(NOON - 3 * HOUR), spouse))
    assert word == "accepted"
    assert [contact.party_id for contact in await history_of(it)] == ["B1", "B1-spouse", "B1"]


async def test_a_date_that_has_not_come_counts_as_of_now(world: Make) -> None:
    it = await world()
    wrong_year = datetime(2099, 1, 1, tzinfo=UTC)
    word, fact = await asked(it, registered(texted(wrong_year), texted(NOON + timedelta(seconds=1))))
    assert (word, fact["until"]) == ("deferred", TOMORROW_AT_EIGHT)
    assert {contact.at for contact in await history_of(it)} == {NOON}


async def test_what_is_older_than_rules_look_back_is_not_kept(world: Make) -> None:
    it = await world()
    edge = NOON - attempts.HISTORY
    await it.take(registered(texted(edge), texted(edge + timedelta(seconds=1))))
    async with it.runtime.transaction() as tx:
        kept = (await tx.execute("SELECT entry_no FROM past_contact")).scalars().all()
    assert kept == [1]


async def test_what_an_entry_leaves_out_is_the_collection_of_its_own_loan_and_of_the_unknown_the_most(
    world: Make,
) -> None:
    it = await world()
    call = {"channel": "call", "direction": "inbound", "purpose": "service", "debts": ("L7", "L8")}
    await it.take(
        registered(texted(NOON - 2 * HOUR), texted(NOON - HOUR, outcome="hung up", address="mobile", **call))
    )
    [plain, whole] = await history_of(it)
    assert (plain.purpose, plain.debts, plain.address) == ("collection", ("L1",), "")
    assert (whole.channel, whole.direction, whole.outcome) == ("call", "inbound", "unknown")
    assert (whole.purpose, whole.debts) == ("service", ("L7", "L8"))


async def test_an_address_is_that_of_the_contact_point_of_its_id_whichever_comes_first(world: Make) -> None:
    it = await world()
    call = {"channel": "call", "outcome": "no_answer"}
    await it.take(
        registered(
            texted(NOON - 2 * HOUR, address="mobile", **call), texted(NOON - HOUR, address="desk", **call)
        )
    )
    await it.borrower("B1")
    async with it.runtime.transaction() as tx:
        [point] = (await parties.points_of(tx, ["B1"]))["B1"]
    known, unknown = (contact.address for contact in await history_of(it))
    # In caps an address goes by one name, whatever contact point it is.
    assert point.ref == point_ref(a_vault(), "B1", "mobile")
    assert known == point.address
    assert unknown not in (known, "", "desk")


async def test_that_a_loan_is_registered_opens_nothing(world: Make) -> None:
    it = await world()
    await it.borrower("B1")
    await it.take(registered(), seq=1)
    await it.request("R1", "L1", "B1")
    await it.tick()
    await it.send()
    assert await it.rules() == [["FENCE-arrears"]]
