"""Windows at delivery: both sides of every edge, in the borrower's zone, and what waits is decided anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.notifier.world import World, settled

Make = Callable[..., Awaitable[World]]


def shanghai(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute, second, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (shanghai(7, 59, 59), "deferred"),
        (shanghai(8), "accepted"),
        (shanghai(21, 59, 59), "accepted"),
        (shanghai(22), "deferred"),
    ],
)
async def test_the_edges_of_the_window_without_a_margin(world: Make, now: datetime, word: str) -> None:
    it = await world(now=now, window_margin_s=0.0)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == [word]


@pytest.mark.parametrize(
    ("now", "word"), [(shanghai(21, 59, 44), "accepted"), (shanghai(21, 59, 45), "deferred")]
)
async def test_the_sender_keeps_a_margin_before_the_end(world: Make, now: datetime, word: str) -> None:
    it = await world(now=now, window_margin_s=15.0)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == [word]
    if word == "accepted":
        [message] = it.gateway.taken.values()
        assert message["not_after"] == "2026-11-24T13:59:45Z"
    else:
        [(_, fact)] = await it.facts()
        assert fact["until"] == "2026-11-25T00:00:00Z"
        assert [rule["id"] for rule in fact["rules"]] == ["CN-T1"]


async def test_what_waited_for_the_morning_is_decided_by_what_is_true_then(world: Make) -> None:
    it = await world(now=shanghai(22, 30))
    await it.ready(("L1", "B1"), ("L2", "B2"))
    await it.request("R1", "L1", "B1")
    await it.request("R2", "L2", "B2")
    await it.send()
    assert await it.words() == ["deferred", "deferred"]
    async with it.runtime.transaction() as tx:
        due = await it.service.due(tx)
    assert (due.open, due.next_at) == (0, shanghai(8) + timedelta(days=1))
    await it.take(settled("L1", "B1"), seq=2)
    it.at(shanghai(8) + timedelta(days=1))
    await it.tick()
    await it.send()
    assert sorted((await it.words())[2:]) == ["accepted", "suppressed"]


async def test_a_message_deferred_beyond_its_time_expires(world: Make) -> None:
    it = await world(now=shanghai(23))
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1", expires_at=shanghai(23, 30))
    await it.send()
    it.at(shanghai(23, 30))
    await it.send()
    assert await it.words() == ["deferred", "expired"]


async def test_the_borrowers_own_zone_narrows_the_window(world: Make) -> None:
    it = await world(now=shanghai(9))
    await it.borrower("B1", timezone="Asia/Kolkata")
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    [(word, fact)] = await it.facts()
    assert (word, fact["until"]) == ("deferred", "2026-11-24T02:30:00Z")


async def test_a_zone_that_does_not_exist_stops_everything(world: Make) -> None:
    it = await world()
    await it.borrower("B1", timezone="Asia/Atlantis")
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.words() == ["suppressed"]
    assert await it.rules() == [["ZONE"]]


async def test_without_any_zone_a_pack_that_asks_for_the_partys_denies(world: Make, tmp_path: Path) -> None:
    rules = tmp_path / "notifier"
    rules.mkdir()
    (rules / "abroad.yaml").write_text(
        "name: abroad\nversion: '1'\napplies: {country: CN, effective_from: 2025-01-01}\n"
        "force: house\nzones: {rule: party}\nwindows:\n  - id: ABROAD\n    citation: test\n"
        "    days: {every_day: [['08:00', '22:00']]}\n"
    )
    it = await world(policy_dir=tmp_path, packs=("abroad",))
    await it.borrower("B1", timezone=None)
    await it.overdue("L1", "B1")
    await it.tick()
    await it.request("R1", "L1", "B1")
    await it.send()
    assert await it.rules() == [["ZONE"]]


async def test_a_morning_opens_by_and_by_the_urgent_first(world: Make) -> None:
    it = await world(now=datetime(2026, 11, 24, 15, tzinfo=UTC), opening_spread_s=120.0)
    people = [(f"L{n}", f"B{n}") for n in range(20)]
    await it.ready(*people)
    for loan, borrower in people:
        await it.request(f"R{loan}", loan, borrower)
    await it.request("RS", "L0", "B0", purpose="service", template="payment-claim-sms")
    await it.send()
    assert await it.words() == ["deferred"] * 21
    opens = datetime(2026, 11, 25, tzinfo=UTC)
    assert {fact["until"] for _, fact in await it.facts()} == {"2026-11-25T00:00:00Z"}
    gone = []
    for seconds in (0, 30, 60, 90, 119):
        it.at(opens + timedelta(seconds=seconds))
        await it.tick()
        await it.send()
        gone.append(len(it.gateway.taken))
    assert (await it.facts())[21][1]["purpose"] == "service"
    assert gone[0] < gone[1] < gone[3] and gone[-1] == 21
