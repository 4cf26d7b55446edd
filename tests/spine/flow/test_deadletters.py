"""Dead letters: replayed when the cause is mended, kept when it is not, resolved once, told every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from spine.database import Tx
from spine.deadletters import Rejected, put_aside, resolve
from spine.deadletters import replay as replay_letter
from spine.errors import BadJson, Conflict, NotFound
from spine.service import Consume, Received, Service
from tests.spine.flow.probe import MakeDatabase, Probe, cured, probe, record, until

_OPEN = "SELECT id FROM dead_letter WHERE resolved_at IS NULL"


async def put_one_aside(p: Probe, *, value: bytes | None = None) -> str:
    """The id of a letter that the running consumer put aside: loan L1, at position 1."""
    p.fail_on.add("L1")
    async with p.consuming():
        await p.broker.publish([record(cured("L1"), 1, value=value)])

        async def aside() -> bool:
            return len(await p.fetch(_OPEN)) == 1

        await until(aside)
    p.fail_on.clear()
    return str((await p.fetch(_OPEN))[0]["id"])


async def replay(p: Probe, service: Service, letter: str) -> None:
    async with p.runtime.transaction() as tx:
        await replay_letter(tx, service, letter)


async def told(p: Probe) -> list[object]:
    return [
        row["type"] for row in await p.fetch("SELECT type FROM outbox WHERE topic = 'stager.v1' ORDER BY id")
    ]


async def test_a_letter_whose_cause_is_mended_is_handled_and_resolved(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        letter = await put_one_aside(p)
        await replay(p, p.service, letter)
        assert await p.seen() == ["L1"]
        assert await p.fetch(_OPEN) == []
        assert await told(p) == ["dead_letter.opened.v1", "dead_letter.resolved.v1"]
        with pytest.raises(Conflict, match="was resolved"):
            await replay(p, p.service, letter)


async def test_a_letter_that_still_fails_stays_open(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        letter = await put_one_aside(p)
        p.fail_on.add("L1")
        with pytest.raises(RuntimeError, match="cannot handle"):
            await replay(p, p.service, letter)
        assert len(await p.fetch(_OPEN)) == 1


async def test_a_letter_that_its_handler_puts_aside_again_stays_open(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        letter = await put_one_aside(p)

        async def refuse(tx: Tx, events: Sequence[Received]) -> None:
            for one in events:
                place = (one.topic, one.partition, one.offset)
                subject = one.event.subject
                await put_aside(
                    tx,
                    p.service,
                    Rejected(*place, one.event.key, subject, None, "conflict", "two truths", b""),
                )

        [consume] = p.service.consumes
        service = replace(p.service, consumes=(Consume(consume.topic, consume.types, refuse),))
        with pytest.raises(Conflict, match="refused again: conflict: two truths"):
            await replay(p, service, letter)
        assert [row["id"] for row in await p.fetch(_OPEN)] == [letter]
        assert await told(p) == ["dead_letter.opened.v1"]


async def test_an_unreadable_letter_stays_open(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        letter = await put_one_aside(p, value=b"{not json")
        with pytest.raises(BadJson):
            await replay(p, p.service, letter)
        assert len(await p.fetch(_OPEN)) == 1


async def test_resolving_releases_without_handling_and_happens_once(make_database: MakeDatabase) -> None:
    async with probe(make_database) as p:
        letter = await put_one_aside(p)
        async with p.runtime.transaction() as tx:
            await resolve(tx, p.service, letter, "sent in error")
        assert await p.seen() == []
        assert await told(p) == ["dead_letter.opened.v1", "dead_letter.resolved.v1"]
        for name, expected in ((letter, Conflict), ("no-such-letter", NotFound)):
            with pytest.raises(expected):
                async with p.runtime.transaction() as tx:
                    await resolve(tx, p.service, name, "again")
