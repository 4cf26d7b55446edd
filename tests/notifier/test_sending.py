"""A due message goes out once, with the right words, to the right address - and is told as a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from tests.notifier.world import World, request, settled, withdrawn

Make = Callable[..., Awaitable[World]]


async def test_an_overdue_loan_is_reminded_once(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    assert await it.send() == 1
    [message] = it.gateway.taken.values()
    assert message["body"].startswith("【")
    assert "3,259.52" in message["body"]
    assert message["to"].startswith("+86138")
    assert message["not_after"] == "2026-11-24T04:01:00Z"
    [(word, fact)] = await it.facts()
    assert word == "accepted"
    assert fact["client_ref"] == message["client_ref"]
    assert fact["gateway_id"] == f"gw-{message['client_ref']}"
    assert fact["policy"].startswith("cn 2026-11-24")
    assert message["to"] not in str(fact)
    assert await it.send() == 0


async def test_the_same_request_twice_is_one_message(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    now = await it.runtime.clock.now()
    again = request("R1", "L1", "B1", now)
    await it.take(again, again)
    await it.take(again)
    await it.send()
    await it.take(again)
    assert await it.send() == 0
    assert len(it.gateway.taken) == 1


async def test_many_messages_leave_in_few_requests(world: Make) -> None:
    it = await world(batch=50, lanes=2)
    people = [(f"L{n}", f"B{n}") for n in range(120)]
    await it.ready(*people)
    now = await it.runtime.clock.now()
    await it.take(*(request(f"R{loan}", loan, borrower, now) for loan, borrower in people))
    assert await it.send() == 120
    assert len(it.gateway.taken) == 120
    assert it.gateway.requests == 3
    assert await it.words() == ["accepted"] * 120


async def test_a_rejected_message_gives_its_place_in_the_cap_back(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    it.gateway.reply = "reject"
    for n in range(2):
        await it.request(f"R{n}", "L1", "B1")
    await it.send()
    assert await it.words() == ["rejected"] * 2
    it.gateway.reply = "accept"
    for n in range(2, 5):
        await it.request(f"R{n}", "L1", "B1")
    await it.send()
    assert (await it.words())[2:] == ["deferred", "accepted", "accepted"]
    assert len(it.gateway.taken) == 2


async def test_two_loans_of_one_person_never_exceed_the_cap_under_eight_senders(world: Make) -> None:
    it = await world(lanes=8, batch=1)
    people = [f"B{n}" for n in range(4)]
    await it.ready(*((f"L{b}{k}", b) for b in people for k in range(2)))
    now = await it.runtime.clock.now()
    await it.take(
        *(request(f"R{b}{k}{n}", f"L{b}{k}", b, now) for b in people for k in range(2) for n in range(4))
    )
    senders = [it.schedule("send").run for _ in range(8)]
    for _ in range(10):
        await asyncio.gather(*(run() for run in senders))
    by_person: dict[str, int] = {}
    for message in it.gateway.taken.values():
        by_person[message["to"]] = by_person.get(message["to"], 0) + 1
    assert sorted(by_person.values()) == [2, 2, 2, 2]
    words = await it.words()
    assert words.count("accepted") == 8
    assert words.count("deferred") == 24
    assert {rule for rules in await it.rules() for rule in rules} == {"HOUSE-SMS-DAY"}


async def test_messages_of_one_person_in_one_batch_see_each_other(world: Make) -> None:
    it = await world(batch=100)
    await it.ready(("L1", "B1"), ("L2", "B1"))
    now = await it.runtime.clock.now()
    await it.take(*(request(f"R{n}", f"L{1 + n % 2}", "B1", now) for n in range(5)))
    await it.send()
    assert len(it.gateway.taken) == 2


async def test_what_is_withdrawn_is_not_sent(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.take(withdrawn("R1", "L1", "B1"))
    assert await it.send() == 0
    assert await it.words() == ["suppressed"]
    assert await it.rules() == [["FENCE-withdrawn"]]
    await it.take(withdrawn("R1", "L1", "B1"))
    assert await it.words() == ["suppressed"]


async def test_a_withdrawal_that_overtakes_its_request_counts(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(withdrawn("R1", "L1", "B1"), early=True)
    await it.request("R1", "L1", "B1")
    assert await it.send() == 0
    assert it.gateway.requests == 0
    assert await it.words() == ["suppressed"]


async def test_a_message_whose_time_is_over_expires_even_when_sending_is_stopped(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    now = await it.runtime.clock.now()
    await it.request("R1", "L1", "B1", expires_at=now)
    await it.tick(age_s=60)
    async with it.runtime.transaction() as tx:
        await tx.execute("UPDATE freshness SET at = at - interval '1 hour'")
    assert await it.send() == 1
    assert await it.words() == ["expired"]


async def test_without_an_address_nothing_can_be_sent(world: Make) -> None:
    it = await world()
    await it.overdue("L1", "B1")
    await it.request("R1", "L1", "B1")
    await it.tick()
    await it.send()
    assert await it.rules() == [["NO-ADDRESS"]]


async def test_settled_before_the_send_means_no_send(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.take(settled("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert it.gateway.requests == 0
    assert await it.words() == ["suppressed"]
    assert await it.rules() == [["FENCE-arrears"]]


async def test_no_personal_data_is_kept_or_told_in_clear(world: Make) -> None:
    it = await world()
    await it.borrower("B1", phone="13812345678", name="欧阳海棠", id_number="110101199003078515")
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    assert "欧阳" in it.gateway.bodies()[0]
    async with it.runtime.engine.connect() as connection:
        tables = await connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        for (table,) in tables.all():
            dump = await connection.execute(text(f"SELECT string_agg(CAST(t AS text), '') FROM {table} t"))
            row = (dump.scalar_one() or "").replace(r"\x", "")
            for secret in ("13812345678", "欧阳", "海棠", "110101199003078515"):
                assert secret not in row, table
                assert secret.encode().hex() not in row, table
