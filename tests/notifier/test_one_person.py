"""One person under several ids, or behind one telephone: one budget, one word, one lock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.persons import joined
from notifier.store import parties
from notifier.store.stops import has_refused
from spine.events.contact_log import DeathReported, ThirdPartyRefused, WrongNumberReported
from spine.events.parties import BorrowerMerged, BorrowerUpdated, ContactPoint, StatedHours
from tests.notifier.world import NOON, World, borrower, overdue

Make = Callable[..., Awaitable[World]]
PHONE = "138 0013 8000"


def merged(borrower_id: str, into: str) -> BorrowerMerged:
    return BorrowerMerged(borrower_id=borrower_id, into=into)


async def persons(it: World, *ids: str) -> dict[str, tuple[str, str]]:
    """The person and the identity of each borrower."""
    async with it.runtime.transaction() as tx:
        rows = await parties.lock_persons(tx, list(ids))
    return {id_: (rows[id_].person_id, rows[id_].identity_id) for id_ in ids}


async def loans(it: World, **borrowers: BorrowerUpdated) -> None:
    """A loan L-<id> of each, overdue, and fresh ticks."""
    for id_, told in borrowers.items():
        await it.take(told)
        await it.take(overdue(f"L-{id_}", id_), seq=1)
    await it.tick()


async def sent(it: World, *asked: str) -> dict[str, str]:
    """What became of a text to each borrower, asked for in this order."""
    for number, id_ in enumerate(asked):
        await it.request(f"R-{number}-{id_}", f"L-{id_}", id_)
        await it.send()
    return {fact["request_id"]: word for word, fact in await it.facts()}


@given(
    st.sets(st.sampled_from("abcdefgh"), min_size=1),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"))),
)
def test_ids_are_one_when_a_path_of_ties_leads_from_one_to_the_other(
    ids: set[str], ties: list[tuple[str, str]]
) -> None:
    def reached(start: str) -> set[str]:
        seen, new = set(), {start}
        while new:
            seen |= new
            ends = {b for a, b in ties if a in new} | {a for a, b in ties if b in new}
            new = (ends & ids) - seen
        return seen

    assert joined(ids, ties) == {one: min(reached(one)) for one in ids}


@pytest.mark.parametrize("other", ["+86 13800138000", "１３８００１３８０００", "0086-138-0013-8000"])
async def test_a_shared_phone_is_one_budget_however_it_is_written(world: Make, other: str) -> None:
    it = await world()
    await loans(it, B1=borrower("B1", phone=PHONE), B2=borrower("B2", phone=other))
    assert (await persons(it, "B1", "B2")) == {"B1": ("B1", "B1"), "B2": ("B1", "B2")}
    # Two texts a day and person (cn-house): the third waits, whichever id it is asked for under.
    told = await sent(it, "B1", "B2", "B1", "B2")
    assert list(told.values()) == ["accepted", "accepted", "deferred", "deferred"]
    assert len(it.gateway.taken) == 2


async def test_people_with_phones_of_their_own_have_budgets_of_their_own(world: Make) -> None:
    it = await world()
    await loans(it, B1=borrower("B1"), B2=borrower("B2"))
    told = await sent(it, "B1", "B2", "B1", "B2")
    assert set(told.values()) == {"accepted"}


async def test_merged_ids_are_one_budget_also_for_what_was_sent_before(world: Make) -> None:
    it = await world()
    await loans(it, B1=borrower("B1"), B2=borrower("B2"))
    assert list((await sent(it, "B1", "B2")).values()) == ["accepted", "accepted"]
    await it.take(merged("B2", "B1"))
    assert list((await sent(it, "B1", "B2", "B2")).values())[-1] == "deferred"
    assert len(it.gateway.taken) == 2


@pytest.mark.parametrize("order", list(permutations([("A", "B"), ("B", "C"), ("C", "D")]))[:6])
async def test_a_chain_of_merges_is_one_person_in_whatever_order_it_is_told(
    world: Make, order: tuple[tuple[str, str], ...]
) -> None:
    it = await world()
    for pair in order:
        await it.take(merged(*pair))
    assert set((await persons(it, "A", "B", "C", "D")).values()) == {("A", "A")}


async def test_a_cycle_of_merges_told_twice_is_one_person(world: Make) -> None:
    it = await world()
    for pair in (("A", "B"), ("B", "C"), ("C", "A"), ("B", "A"), ("A", "B")):
        await it.take(merged(*pair))
    assert set((await persons(it, "A", "B", "C")).values()) == {("A", "A")}


async def test_a_phone_given_up_no_longer_ties_and_a_merge_does_for_good(world: Make) -> None:
    it = await world()
    await loans(it, B1=borrower("B1", phone=PHONE), B2=borrower("B2", phone=PHONE), B3=borrower("B3"))
    await it.take(merged("B3", "B2"))
    assert set((await persons(it, "B1", "B2", "B3")).values()) == {("B1", "B1"), ("B1", "B2")}
    await it.take(borrower("B2", phone="139 0013 9000"))
    assert await persons(it, "B1", "B2", "B3") == {"B1": ("B1", "B1"), "B2": ("B2", "B2"), "B3": ("B2", "B2")}


async def test_a_merge_ahead_of_the_borrowers_themselves_counts(world: Make) -> None:
    it = await world()
    await it.take(merged("B2", "B1"))
    await loans(it, B1=borrower("B1"), B2=borrower("B2"))
    assert list((await sent(it, "B1", "B2", "B1")).values()) == ["accepted", "accepted", "deferred"]


async def test_two_who_come_at_once_with_one_new_number_are_one(world: Make) -> None:
    it = await world()
    everyone = [f"B{n}" for n in range(8)]
    await asyncio.gather(*(it.take(borrower(id_, phone=PHONE)) for id_ in everyone))
    assert {person for person, _ in (await persons(it, *everyone)).values()} == {"B0"}


async def test_caps_hold_with_many_senders_while_ids_are_merged(world: Make) -> None:
    """Six ids of one human, eight senders, merges in between: after the last merge nothing goes beyond two."""
    it = await world(lanes=8, batch=2)
    ids = [f"B{n}" for n in range(6)]
    await loans(it, **{id_: borrower(id_) for id_ in ids})
    for turn in range(4):
        for id_ in ids:
            await it.request(f"R{turn}-{id_}", f"L-{id_}", id_)
    merges = [it.take(merged(left, right)) for left, right in pairwise(ids)]
    await asyncio.gather(*merges, *(it.reserve() for _ in range(8)))
    assert {person for person, _ in (await persons(it, *ids)).values()} == {"B0"}
    before = len(await attempts(it))
    await it.tick()
    await asyncio.gather(*(it.reserve() for _ in range(8)))
    after = await attempts(it)
    assert len(after) <= max(before, 2)
    # One id alone never had more than its own two.
    assert all(after.count(id_) <= 2 for id_ in ids)


async def test_caps_of_one_person_hold_with_sixteen_senders_on_four_ids(world: Make) -> None:
    it = await world(batch=1)
    ids = ["B1", "B2", "B3", "B4"]
    await loans(it, **{id_: borrower(id_, phone=PHONE) for id_ in ids})
    for turn in range(4):
        for id_ in ids:
            await it.request(f"R{turn}-{id_}", f"L-{id_}", id_)
    await asyncio.gather(*(it.reserve() for _ in range(16)))
    assert len(await attempts(it)) == 2


async def attempts(it: World) -> list[str]:
    """Whom every reservation is for."""
    async with it.runtime.transaction() as tx:
        rows = await tx.execute("SELECT borrower_id FROM attempt WHERE state <> 'not_sent'")
        return [row.borrower_id for row in rows]


async def test_what_is_said_of_one_id_holds_for_the_human_and_not_for_who_shares_the_phone(
    world: Make,
) -> None:
    it = await world()
    await loans(
        it,
        B1=borrower("B1", phone=PHONE),
        B2=borrower("B2", phone=PHONE),
        B3=borrower("B3", phone="13900139000"),
    )
    await it.take(merged("B3", "B1"))
    await it.take(DeathReported(borrower_id="B3", contact_id="C1", at=NOON))
    told = await sent(it, "B1", "B2", "B3")
    assert list(told.values()) == ["suppressed", "accepted", "suppressed"]


async def test_a_number_that_is_wrong_for_one_may_be_right_for_another(world: Make) -> None:
    it = await world()
    await loans(it, B1=borrower("B1", phone=PHONE), B2=borrower("B2", phone=PHONE))
    await it.take(WrongNumberReported(borrower_id="B1", contact_id="C1", at=NOON, channel="sms"))
    assert list((await sent(it, "B1", "B2")).values()) == ["suppressed", "accepted"]
    await it.take(merged("B1", "B2"))
    it.at(NOON + timedelta(days=1))
    await it.tick()
    await it.request("late", "L-B2", "B2")
    await it.send()
    assert (await it.rules())[-1] == ["HOLD-wrong_number"]


async def test_a_refusal_by_a_third_party_is_for_every_id_and_for_ever(world: Make) -> None:
    it = await world()
    await it.take(ThirdPartyRefused(borrower_id="B1", party_id="mother", contact_id="C1", at=NOON))
    await it.take(merged("B2", "B1"))
    async with it.runtime.transaction() as tx:
        assert await has_refused(tx, "B2", "mother")
        assert not await has_refused(tx, "B2", "father")
        assert not await has_refused(tx, "B3", "mother")


async def test_stated_hours_bind_whichever_id_they_were_stated_under(world: Make) -> None:
    it = await world()
    evenings = StatedHours(channels=("sms",), day_types=("workday",), allow=(("18:00", "20:00"),))
    await loans(it, B1=borrower("B1", overrides=(evenings,)), B2=borrower("B2"))
    await it.take(merged("B1", "B2"))
    told = await sent(it, "B2")
    assert list(told.values()) == ["deferred"]
    [(_, fact)] = await it.facts()
    assert fact["until"] == "2026-11-24T10:00:00Z"
    assert [rule["id"] for rule in fact["rules"]] == ["CN-T1"]


async def test_one_address_under_two_names_is_one_address(world: Make) -> None:
    it = await world()
    points = (
        ContactPoint(id="m", channel="sms", address=PHONE, consent="given"),
        ContactPoint(id="c", channel="call", address="+8613800138000"),
    )
    await it.take(borrower("B1", contact_points=points))
    async with it.runtime.transaction() as tx:
        rows = (await parties.points_of(tx, ["B1"]))["B1"]
    assert len({row.ref for row in rows}) == 2
    assert len({row.address for row in rows}) == 1
