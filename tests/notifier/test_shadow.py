"""Shadow and allow-list: everything is decided, kept and told, and nobody is reached, or the named ones alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from notifier.gateways.audience import SilentGateway
from notifier.gateways.port import Outcome, OutMessage
from notifier.settings import NotifierSettings
from spine.events.parties import ContactPoint
from spine.settings import BadSettings
from tests.notifier.test_api import door
from tests.notifier.test_one_person import loans, sent
from tests.notifier.world import NOON, World, borrower

Make = Callable[..., Awaitable[World]]


async def test_in_shadow_everything_is_decided_and_nobody_reached(world: Make) -> None:
    it = await world(mode="shadow")
    gone = (ContactPoint(id="m", channel="sms", address="13700137000", consent="withdrawn"),)
    await loans(
        it, B1=borrower("B1"), B2=borrower("B2", vulnerable=("ill",)), B3=borrower("B3", contact_points=gone)
    )
    told = await sent(it, "B1", "B2", "B3")
    assert list(told.values()) == ["suppressed"] * 3
    facts = [fact for _, fact in await it.facts()]
    assert [fact.get("code") for fact in facts] == ["SHADOW", "SHADOW", None]
    assert [rule["id"] for rule in facts[0]["rules"]] == ["SHADOW"]
    assert facts[0]["facts_digest"]
    assert (it.gateway.requests, it.gateway.taken) == (0, {})
    async with door(it) as client:
        why = (await client.get(f"/v1/messages/{facts[0]['message_id']}/why")).json()["decisions"]
    # What is kept is the decision as it was: it would have gone out.
    assert [(each["verdict"], each["agrees"]) for each in why] == [("allow", True)]


async def test_shadow_needs_no_gateway_and_defers_as_the_rules_say(world: Make) -> None:
    it = await world(mode="shadow", gateway_url="", gateway_secret_file=None, now=NOON.replace(hour=15))
    await loans(it, B1=borrower("B1"))
    assert list((await sent(it, "B1")).values()) == ["deferred"]
    it.at(NOON.replace(day=25))
    await it.tick()
    await it.send()
    assert [fact.get("code") for _, fact in await it.facts()][-1] == "SHADOW"


async def test_of_a_list_the_named_addresses_alone_are_reached(world: Make, tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_text("# the desk's own telephones\n+86 138 0013 8000  # front\n\n13900139000\n")
    it = await world(mode="listed", test_addresses_file=file)
    await loans(
        it,
        B1=borrower("B1", phone="13800138000"),
        B2=borrower("B2"),
        B3=borrower("B3", phone="0086 139 0013 9000"),
    )
    assert list((await sent(it, "B1", "B2", "B3")).values()) == ["accepted", "suppressed", "accepted"]
    assert {message["to"] for message in it.gateway.taken.values()} == {"+8613800138000", "+8613900139000"}


async def test_a_message_in_shadow_counts_in_no_cap(world: Make, tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_text("nobody\n")
    it = await world(mode="listed", test_addresses_file=file)
    await loans(it, B1=borrower("B1"))
    assert set((await sent(it, "B1", "B1", "B1")).values()) == {"suppressed"}
    assert [fact.get("code") for _, fact in await it.facts()] == ["SHADOW"] * 3


async def test_the_silent_gateway_hands_nothing_on() -> None:
    gateway = SilentGateway()
    [result] = await gateway.send([OutMessage("m-1", "sms", "+8613800138000", "text", None, NOON)], "k")
    assert result.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("mode", "file"), [("quiet", False), ("listed", False), ("live", True), ("shadow", True)]
)
async def test_settings_that_contradict_each_other_do_not_start(
    world: Make, tmp_path: Path, mode: str, file: bool
) -> None:
    with pytest.raises(BadSettings):
        await world(mode=mode, test_addresses_file=tmp_path / "none" if file else None)


def test_the_mode_is_a_setting() -> None:
    told = NotifierSettings.from_environment({"TACT_NOTIFIER_MODE": "shadow"})
    assert told.mode == "shadow"
    assert NotifierSettings.from_environment({}).mode == "live"
