"""The fence: closed gates and stale ticks stop a send, whatever order the news comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from spine.events.contact_log import ContactRecorded, DisputeRaised, PaymentClaimed
from spine.events.registry import Event, event_class
from spine.events.stager import HoldKind, HoldLifted, HoldPlaced
from spine.health import readiness
from spine.service import DeadLetter
from tests.notifier.world import NOON, World, cured, overdue, settled

Make = Callable[..., Awaitable[World]]


def claim(loan_id: str, borrower_id: str, contact_id: str = "C1") -> PaymentClaimed:
    return PaymentClaimed(borrower_id=borrower_id, loan_id=loan_id, contact_id=contact_id, at=NOON)


def hold(loan_id: str, borrower_id: str) -> HoldPlaced:
    return HoldPlaced(
        borrower_id=borrower_id,
        loan_id=loan_id,
        hold_id="H1",
        kind="dispute",
        placed_at=NOON,
        freezes_interest=False,
        origin="C1",
    )


def lifted(loan_id: str, borrower_id: str, kind: HoldKind = "payment_claim") -> HoldLifted:
    return HoldLifted(
        borrower_id=borrower_id,
        loan_id=loan_id,
        hold_id="H1",
        kind=kind,
        lifted_at=NOON,
        freezes_interest=False,
        ended_by="person",
        origin="C1",
    )


def letter(kind: str, topic: str = "ledger.v1", **named: str) -> Event:
    fields: dict[str, object] = {"dead_letter_id": "D1", "consumer": "ledger", "partition": 0, **named}
    if kind == "opened":
        fields |= {"topic": "corebanking.v1", "offset": 7, "code": "bad_schema"}
    else:
        fields |= {"resolution": "looked at"}
    return event_class(topic, f"dead_letter.{kind}.v1")(**fields)


@pytest.mark.parametrize(
    ("stop", "rule"),
    [
        (cured("L1", "B1"), "FENCE-arrears"),
        (settled("L1", "B1"), "FENCE-arrears"),
        (claim("L1", "B1"), "HOLD-payment_claim"),
        (DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="C1", at=NOON), "HOLD-dispute"),
        (hold("L1", "B1"), "HOLD-dispute"),
        (letter("opened", borrower_id="B1", loan_id="L1"), "FENCE-dead_letter"),
        (letter("opened", borrower_id="B1"), "FENCE-dead_letter"),
        (letter("opened", "contact-log.v1", borrower_id="B1", loan_id="L1"), "FENCE-dead_letter"),
    ],
)
@pytest.mark.parametrize("early", [False, True])
async def test_each_stop_keeps_the_message_back(world: Make, stop: Event, rule: str, early: bool) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B2"))
    await it.request("R1", "L1", "B1")
    await it.request("R2", "L2", "B2")
    await it.take(stop, seq=2, early=early)
    await it.tick()
    await it.send()
    assert sorted(await it.words()) == ["accepted", "suppressed"]
    assert [rules for rules in await it.rules() if rules] == [[rule]]


async def test_an_early_cure_is_not_undone_by_an_older_overdue(world: Make) -> None:
    it = await world()
    await it.borrower("B1")
    await it.take(cured("L1", "B1"), seq=9, early=True)
    await it.take(overdue("L1", "B1"), seq=7)
    await it.take(cured("L1", "B1"), seq=9)
    await it.request("R1", "L1", "B1")
    await it.tick()
    await it.send()
    assert await it.rules() == [["FENCE-arrears"]]


async def test_arrears_that_come_back_open_the_gate_again(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(cured("L1", "B1"), seq=2)
    await it.overdue("L1", "B1", seq=3, total="100.00")
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == ["accepted"]
    assert "100.00" in it.gateway.bodies()[0]


async def test_a_lifted_hold_opens_what_its_contact_had_closed_and_never_closes_again(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(claim("L1", "B1"))
    await it.take(hold("L1", "B1"))
    await it.take(lifted("L1", "B1"))
    await it.take(claim("L1", "B1"))
    await it.take(hold("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == ["accepted"]


async def test_a_claim_that_ends_leaves_the_dispute_of_the_same_contact(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(claim("L1", "B1"))
    await it.take(DisputeRaised(borrower_id="B1", loan_id="L1", contact_id="C1", at=NOON))
    await it.take(lifted("L1", "B1", "payment_claim"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.rules() == [["HOLD-dispute"]]


async def test_a_request_that_overtakes_its_arrears_waits_for_them(world: Make) -> None:
    it = await world()
    await it.borrower("B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    assert await it.send() == 0
    assert await it.words() == []
    await it.overdue("L1", "B1")
    await it.send()
    assert await it.words() == ["accepted"]


async def test_a_partition_with_an_unreadable_record_stays_shut_until_someone_looked(world: Make) -> None:
    it = await world(now=NOON)
    await it.ready(("L1", "B1"))
    own = [
        letter("opened").__class__(
            dead_letter_id="D1",
            consumer="ledger",
            topic="corebanking.v1",
            partition=partition,
            offset=1,
            code="bad_json",
        )
        for partition in range(2)
    ]
    await it.take(*own)
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.rules() == [["FENCE-dead_letter"]]
    await it.take(
        *(
            letter("resolved").__class__(dead_letter_id="D1", consumer="ledger", partition=p, resolution="ok")
            for p in range(2)
        )
    )
    await it.request("R2", "L1", "B1")
    await it.send()
    assert (await it.words())[1:] == ["accepted"]


async def test_our_own_dead_letter_shuts_the_borrower_until_it_is_resolved(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    own = DeadLetter("D9", "corebanking.parties.v1", 0, 3, "B1", "B1", "conflict", "came before")
    assert it.service.on_dead_letter is not None and it.service.on_resolved is not None
    opened, resolved = it.service.on_dead_letter, it.service.on_resolved
    await it.runtime.run(lambda tx: opened(tx, own))
    await it.request("R1", "L1", "B1")
    await it.send()
    await it.runtime.run(lambda tx: resolved(tx, own))
    await it.request("R2", "L1", "B1")
    await it.send()
    assert await it.words() == ["suppressed", "accepted"]


@pytest.mark.parametrize("silent", ["ledger", "stager", "log"])
async def test_a_stale_tick_of_any_topic_stops_sending_and_a_fresh_one_resumes_it(
    world: Make, silent: str
) -> None:
    it = await world(fresh_within_s=30.0)
    await it.ready(("L1", "B1"))
    async with it.runtime.transaction() as tx:
        name = {"ledger": "ledger.v1", "stager": "stager.v1", "log": "contact-log.v1"}[silent]
        await tx.execute("UPDATE freshness SET at = at - interval '40 s' WHERE topic = :name", name=name)
    await it.request("R1", "L1", "B1")
    assert await it.send() == 0
    assert await it.words() == []
    reasons = await readiness(it.service, it.runtime)
    assert any(r.startswith(f"sending is stopped: {name} partitions 0, 1 are stale for 4") for r in reasons)
    async with it.runtime.transaction() as tx:
        assert (await it.service.due(tx)).open == 1
    await it.tick(topics=(silent,))
    assert await it.send() == 1
    assert await it.words() == ["accepted"]
    assert not [r for r in await readiness(it.service, it.runtime) if "sending is stopped" in r]


async def test_a_tick_from_the_future_proves_nothing(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.tick(age_s=-3600, topics=("ledger",))
    await it.request("R1", "L1", "B1")
    assert await it.send() == 0
    assert any("ahead of this clock" in r for r in await readiness(it.service, it.runtime))


async def test_a_cure_that_arrives_while_the_sender_pauses_keeps_the_bytes_back(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B2"))
    await it.request("R1", "L1", "B1")
    await it.request("R2", "L2", "B2")
    reservation = await it.reserve()
    await it.take(cured("L1", "B1"), seq=2)
    for key, messages in reservation.requests.items():
        await it.sender.hand_over(key, messages, committed_at=float("-inf"))
    assert len(it.gateway.taken) == 1
    await it.tick()
    await it.send()
    # The text that would have answered to it has nothing to answer to.
    assert sorted(await it.words()) == ["accepted", "suppressed", "suppressed"]


async def test_a_cure_waits_for_a_reservation_under_way(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.go_on = asyncio.Event()
    sending = asyncio.create_task(it.send())
    await it.gateway.on_request.wait()
    # The reservation is committed and its gate free again: the cure is taken in while the request is out.
    await it.take(cured("L1", "B1"), seq=2)
    it.gateway.go_on.set()
    await sending
    # It had left; the closure text follows it.
    assert [fact["template"] for _, fact in await it.facts()] == ["s1-warm-sms", "closure-sms"]


async def test_calls_on_record_use_up_the_same_budget(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(
        *(
            ContactRecorded(
                borrower_id="B1",
                contact_id=f"C{n}",
                channel="call",
                direction="outbound",
                outcome="conversation",
                at=datetime(2026, 11, 24, n, tzinfo=UTC),
                loan_id="L1",
            )
            for n in range(1, 4)
        )
    )
    await it.request("R1", "L1", "B1")
    await it.request("R2", "L1", "B1")
    await it.request("R3", "L1", "B1")
    await it.send()
    assert sorted(await it.words()) == ["accepted", "accepted", "deferred"]
