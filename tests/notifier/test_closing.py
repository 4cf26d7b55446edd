"""A message that crossed with the money is followed by a closure text: once, in hours, if nothing is owed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import msgspec
import pytest

from tests.notifier.world import NOON, World, cured, overdue, settled

Make = Callable[..., Awaitable[World]]


async def written_to(world: Make, **changes: Any) -> World:
    """Somebody who owes and was just written to."""
    it = await world(**changes)
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.send()
    return it


async def told(it: World) -> list[tuple[str, str]]:
    return [(fact["template"], word) for word, fact in await it.facts()]


@pytest.mark.parametrize("end", [cured, settled])
async def test_a_message_that_crossed_with_the_money_is_followed_by_a_closure_text_once(
    world: Make, end: Callable[[str, str], Any]
) -> None:
    it = await written_to(world)
    for early in (True, False):
        await it.take(end("L1", "B1"), seq=2, early=early)
        await it.tick()
        await it.send()
    assert await told(it) == [("s1-warm-sms", "accepted"), ("closure-sms", "accepted")]
    assert "款项我们已经收到" in it.gateway.bodies()[1]


async def test_long_after_the_message_nothing_has_crossed(world: Make) -> None:
    it = await written_to(world)
    it.at(NOON + timedelta(minutes=121))
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert await told(it) == [("s1-warm-sms", "accepted")]


async def test_nobody_who_was_not_written_to_is_told_that_all_is_settled(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert await told(it) == [("s1-warm-sms", "suppressed")]


async def test_a_message_held_back_at_the_last_moment_needs_no_closure(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    reservation = await it.reserve()
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    # What it would answer to is still on its way: nothing is said before that is known.
    assert await it.send() == 0
    for key, messages in reservation.requests.items():
        await it.sender.hand_over(key, messages, committed_at=float("-inf"))
    await it.send()
    assert it.gateway.taken == {}
    rules = {fact["template"]: [rule["id"] for rule in fact["rules"]] for _, fact in await it.facts()}
    assert rules == {"s1-warm-sms": ["FENCE-arrears"], "closure-sms": ["NOTHING-CROSSED"]}


async def test_a_message_of_unknown_outcome_is_followed_once_it_is_known_to_have_gone_out(
    world: Make,
) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.request("R1", "L1", "B1")
    it.gateway.reply = "silent"
    await it.send()
    it.gateway.reply = "accept"
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    assert await it.send_after_its_pause() == 0
    await it.reconcile()
    await it.send()
    assert (await told(it))[1:] == [("s1-warm-sms", "accepted"), ("closure-sms", "accepted")]


async def test_the_closure_text_keeps_the_hours(world: Make) -> None:
    late = datetime(2026, 11, 24, 13, 59, 0, tzinfo=UTC)
    it = await written_to(world, now=late)
    it.at(late + timedelta(minutes=2))
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert (await told(it))[1:] == [("closure-sms", "deferred")]
    it.at(datetime(2026, 11, 25, 0, tzinfo=UTC))
    await it.send()
    assert (await told(it))[2:] == [("closure-sms", "accepted")]


async def test_a_closure_text_that_waits_is_not_sent_when_something_is_owed_again(world: Make) -> None:
    late = datetime(2026, 11, 24, 13, 59, 0, tzinfo=UTC)
    it = await written_to(world, now=late)
    it.at(late + timedelta(minutes=2))
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    await it.overdue("L1", "B1", seq=3)
    it.at(datetime(2026, 11, 25, 0, tzinfo=UTC))
    await it.send()
    assert (await told(it))[2:] == [("closure-sms", "suppressed")]
    assert (await it.rules())[-1] == ["FENCE-in_arrears"]


async def test_thanks_are_said_when_all_is_paid_and_only_then(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B2"))
    await it.take(cured("L1", "B1"), seq=2)
    for n, (loan, borrower) in enumerate((("L1", "B1"), ("L2", "B2"))):
        await it.request(f"T{n}", loan, borrower, purpose="service", template="thanks-sms")
    await it.send()
    found = {fact["loan_id"]: word for word, fact in await it.facts()}
    assert found == {"L1": "accepted", "L2": "suppressed"}


async def test_who_was_told_by_the_closure_text_is_not_thanked_as_well(world: Make) -> None:
    it = await written_to(world)
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.request("T1", "L1", "B1", purpose="service", template="thanks-sms")
    await it.send()
    assert sorted(word for _, word in await told(it)) == ["accepted", "accepted", "suppressed"]
    await it.take(settled("L1", "B1"), seq=3)
    await it.request("T2", "L1", "B1", purpose="service", template="thanks-sms")
    await it.send()
    assert (await told(it))[3:] == [("thanks-sms", "suppressed")]


async def test_collection_never_passes_a_closed_gate_by_calling_itself_a_service(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"))
    await it.take(cured("L1", "B1"), seq=2)
    await it.request("R1", "L1", "B1", purpose="service", template="s1-warm-sms")
    await it.request("R2", "L1", "B1", purpose="collection", template="thanks-sms")
    await it.tick()
    await it.send()
    assert await it.words() == ["suppressed", "suppressed"]


async def test_money_that_bounces_after_a_closure_text_is_put_right_once(world: Make) -> None:
    it = await written_to(world)
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    it.at(NOON + timedelta(days=1))
    for seq in (3, 4):
        await it.overdue("L1", "B1", seq=seq)
        await it.send()
    assert (await told(it))[2:] == [("closure-correction-sms", "accepted")]
    assert "被银行退回" in it.gateway.bodies()[-1]


async def test_the_next_instalment_that_is_not_paid_disproves_nothing(world: Make) -> None:
    it = await written_to(world)
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    it.at(NOON + timedelta(days=27))
    later = msgspec.structs.replace(
        overdue("L1", "B1"), oldest_unpaid_due_on=date(2026, 12, 20), dpd_zero_on=date(2026, 12, 20)
    )
    await it.take(later, seq=3)
    await it.send()
    assert len(await told(it)) == 2


async def test_the_last_look_lets_a_closure_text_through_and_stops_it_when_it_is_no_longer_true(
    world: Make,
) -> None:
    for again, word in ((False, "accepted"), (True, "suppressed")):
        it = await world()
        await it.ready(("L1", "B1"))
        await it.take(cured("L1", "B1"), seq=2)
        await it.request("T1", "L1", "B1", purpose="service", template="thanks-sms")
        reservation = await it.reserve()
        if again:
            await it.overdue("L1", "B1", seq=3)
        for key, messages in reservation.requests.items():
            await it.sender.hand_over(key, messages, committed_at=float("-inf"))
        await it.tick()
        await it.send()
        assert set(await it.words()) == {word}
        assert len(it.gateway.taken) == (word == "accepted")


async def test_one_person_is_told_once_of_all_loans_that_were_paid_together(world: Make) -> None:
    it = await world()
    await it.ready(("L1", "B1"), ("L2", "B1"))
    await it.request("R1", "L1", "B1", covers=("L2",))
    await it.send()
    batch = [it.received(cured(loan, "B1"), seq=2) for loan in ("L1", "L2")]
    await it.runtime.run(lambda tx: it.of("ledger.v1").handler(tx, batch))
    await it.tick()
    await it.send()
    assert [word for word, _ in await told(it)] == ["s1-warm-sms", "closure-sms"]


async def test_policy_may_prefer_silence(world: Make, tmp_path: Any) -> None:
    folder = tmp_path / "policy" / "notifier"
    folder.mkdir(parents=True)
    shipped = resources.files("notifier") / "rules" / "closing.yaml"
    (folder / "closing.yaml").write_text(shipped.read_text().replace("follow: true", "follow: false"))
    it = await written_to(world, policy_dir=tmp_path / "policy")
    await it.take(cured("L1", "B1"), seq=2)
    await it.tick()
    await it.send()
    assert await told(it) == [("s1-warm-sms", "accepted")]
