"""Opt-outs: in force at once, for that address alone, for whoever has it; consent anew; texts that people send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from notifier.gateways.signatures import new_secret, sign
from spine.clock import wall_now
from spine.events.parties import ContactPoint
from spine.events.stager import ContactPurpose
from tests.notifier.test_api import door
from tests.notifier.test_one_person import loans, sent
from tests.notifier.world import NOON, SECRET, World, borrower
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]
A, B = "13800138000", "13900139000"


def with_points(borrower_id: str = "B1", *extra: ContactPoint, consent: str = "given") -> Any:
    own = ContactPoint(id="a", channel="sms", address=A, consent=consent)  # type: ignore[arg-type]
    return borrower(borrower_id, contact_points=(own, *extra))


async def opt_out(it: World, key: str | None = None, **said: Any) -> httpx.Response:
    given = {"borrower_id": "B1", "channel": "sms", "address": A, "keyword": "TD", **said}
    body = {name: value for name, value in given.items() if value is not None}
    async with door(it) as client:
        return await client.post("/v1/opt-outs", json=body, headers={"Idempotency-Key": key} if key else {})


async def text_us(
    it: World, text: str, *, sender: str = A, id: str = "m1", webhook: str | None = None, secret: str = SECRET
) -> httpx.Response:
    message = {"gateway_id": id, "channel": "sms", "from": sender, "body": text, "at": "2026-11-24T03:59:00Z"}
    body = json.dumps({"messages": [message]}).encode()
    headers = sign(secret, webhook or f"hook-{id}", wall_now(), body)
    async with door(it) as client:
        return await client.post(
            "/v1/gateways/reference/inbound", content=body, headers={**headers, "authorization": ""}
        )


async def last(it: World, request_id: str = "R", loan_id: str = "L-B1", **changes: Any) -> list[str]:
    """What becomes of a text now: the word and its rules."""
    await it.tick()
    await it.request(request_id, loan_id, loan_id.removeprefix("L-"), **changes)
    await it.send()
    word, fact = (await it.facts())[-1]
    return [word, *(rule["id"] for rule in fact.get("rules", ()))]


async def told(it: World, kind: str) -> list[dict[str, Any]]:
    return [dict(fact) for type_, fact in await emitted(it.runtime) if type_ == f"{kind}.v1"]


async def test_an_opt_out_is_in_force_when_its_answer_comes_and_told_without_the_address(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    answer = await opt_out(it)
    assert answer.status_code == 201
    assert await last(it) == ["suppressed", "HOLD-opt_out"]
    [fact] = await told(it, "optout.received")
    assert fact["borrower_id"] == "B1"
    assert fact["contact_ref"] == answer.json()["contact_ref"]
    assert A not in json.dumps(fact) + answer.text
    assert it.gateway.taken == {}


async def test_another_address_and_another_channel_stay_open(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points("B1", ContactPoint(id="b", channel="sms", address=B, consent="given")))
    await opt_out(it)
    assert await last(it) == ["accepted"]
    assert [message["to"] for message in it.gateway.taken.values()] == [f"+86{B}"]
    await opt_out(it, address=B, keyword="R")
    assert await last(it, "R2") == ["suppressed", "HOLD-opt_out"]


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ({"channel": "sms", "address": A}, True),
        ({"channel": "sms", "address": "+86 138-0013-8000"}, True),
        ({"channel": None, "address": A}, True),
        ({"channel": "sms", "address": None}, True),
        ({"channel": None, "address": None}, True),
        ({"channel": "wechat", "address": A}, False),
        ({"channel": "sms", "address": B}, False),
        ({"channel": "call", "address": None}, False),
    ],
)
async def test_an_opt_out_closes_what_it_names(world: Make, scope: dict[str, Any], closed: bool) -> None:
    it = await world()
    await loans(it, B1=with_points())
    assert (await opt_out(it, **scope)).status_code == 201
    assert (await last(it))[0] == ("suppressed" if closed else "accepted")


@pytest.mark.parametrize("purpose", ["statutory_notice", "service", "reminder_due", "reply_to_inbound"])
async def test_no_purpose_passes_by_the_address_that_was_closed(world: Make, purpose: ContactPurpose) -> None:
    it = await world()
    await loans(it, B1=with_points())
    await opt_out(it)
    assert await last(it, purpose=purpose) == ["suppressed", "HOLD-opt_out"]


async def test_what_is_reserved_is_held_back_and_then_refused(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    await it.request("R1", "L-B1", "B1")
    reservation = await it.reserve()
    await opt_out(it)
    for key, messages in reservation.requests.items():
        await it.sender.hand_over(key, messages, committed_at=float("-inf"))
    await it.tick()
    await it.send()
    assert it.gateway.taken == {}
    assert (await it.words(), (await it.rules())[-1]) == (["suppressed"], ["HOLD-opt_out"])


async def test_no_reservation_is_made_after_the_answer_whatever_runs_beside_it(world: Make) -> None:
    it = await world(batch=1)
    await loans(it, B1=with_points())
    for number in range(8):
        await it.request(f"R{number}", "L-B1", "B1")

    async def stop() -> int:
        assert (await opt_out(it)).status_code == 201
        return len(await attempts(it))

    at_the_answer, *_ = await asyncio.gather(stop(), *(it.reserve() for _ in range(8)))
    await it.reserve()
    assert len(await attempts(it)) == at_the_answer


async def attempts(it: World) -> list[str]:
    async with it.runtime.transaction() as tx:
        return [row.client_ref for row in await tx.execute("SELECT client_ref FROM attempt")]


async def test_an_opt_out_is_for_everyone_behind_the_address_now_and_later(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points("B1"), B2=with_points("B2"))
    await opt_out(it)
    assert sorted(fact["borrower_id"] for fact in await told(it, "optout.received")) == ["B1", "B2"]
    assert list((await sent(it, "B2")).values()) == ["suppressed"]
    await loans(it, B3=with_points("B3"))
    assert (await last(it, "R3", "L-B3")) == ["suppressed", "HOLD-opt_out"]


async def test_the_same_request_again_is_the_same_opt_out_and_another_is_refused(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    answers = await asyncio.gather(*(opt_out(it, "k1") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await told(it, "optout.received")) == 1
    assert (await opt_out(it, "k1", keyword="R")).status_code == 409


@pytest.mark.parametrize(
    "said",
    [
        {"keyword": None},
        {"channel": "pigeon"},
        {"borrower_id": None},
        {"status": "given"},
        {"contact_ref": "x"},
        {"address": "a\u0000b"},
        {"by": "a person"},
    ],
)
async def test_a_request_of_another_shape_is_refused(world: Make, said: dict[str, Any]) -> None:
    it = await world()
    assert (await opt_out(it, **said)).status_code == 422


async def test_an_opt_out_of_someone_not_known_yet_waits_for_them(world: Make) -> None:
    it = await world()
    assert (await opt_out(it, reason="said so in a branch", keyword=None, by="a.7")).status_code == 201
    await loans(it, B1=with_points())
    assert await last(it) == ["suppressed", "HOLD-opt_out"]


async def test_the_reason_is_sealed(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    await opt_out(it, keyword=None, reason="Mrs Wang asked")
    async with it.runtime.transaction() as tx:
        row = (await tx.execute("SELECT w::text AS text FROM consent_word w WHERE kind = 'opt_out'")).one()
    assert "Wang" not in row.text
    assert A not in row.text


async def test_consent_given_anew_opens_that_address_and_the_history_tells_all(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points("B1", ContactPoint(id="b", channel="sms", address=B)))
    await opt_out(it, address=None)
    assert (await last(it))[0] == "suppressed"
    it.at(NOON + timedelta(minutes=1))
    again = {"borrower_id": "B1", "channel": "sms", "address": A, "source": "signed-form", "by": "a.7"}
    async with door(it) as client:
        assert (await client.post("/v1/consents", json=again)).status_code == 201
        page = (await client.get("/v1/consents", params={"borrower_id": "B1"})).json()
        first = (await client.get("/v1/consents", params={"borrower_id": "B1", "limit": 1})).json()
    assert await last(it, "R2") == ["accepted"]
    assert [message["to"] for message in it.gateway.taken.values()] == [f"+86{A}"]
    words = [(word["kind"], word["state"], word["source"]) for word in page["words"]]
    assert words[:2] == [("re_consent", "given", "signed-form"), ("opt_out", "withdrawn", "rest")]
    assert sorted(words[2:]) == [("stated", "given", "core banking"), ("stated", "unknown", "core banking")]
    assert first["words"] == page["words"][:1]
    assert first["next_cursor"] is not None


async def test_a_profile_that_repeats_consent_reopens_nothing_until_it_was_withdrawn_there_too(
    world: Make,
) -> None:
    it = await world()
    await loans(it, B1=with_points())
    await opt_out(it)
    it.at(NOON + timedelta(minutes=1))
    await it.take(with_points())
    assert (await last(it, "R1"))[0] == "suppressed"
    await it.take(with_points(consent="withdrawn"))
    it.at(NOON + timedelta(minutes=2))
    await it.take(with_points(consent="given"))
    assert await last(it, "R2") == ["accepted"]


async def test_a_keyword_sent_to_us_closes_the_address_for_everyone_behind_it(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points("B1"), B2=with_points("B2"))
    answer = await text_us(it, "ＴＤ", sender="+8613800138000")
    assert answer.json() == {"received": 1, "new": 1, "unknown": 0}
    assert list((await sent(it, "B1", "B2")).values()) == ["suppressed", "suppressed"]
    assert [fact["meaning"] for fact in await told(it, "inbound.received")] == ["opt_out", "opt_out"]
    assert {fact["keyword"] for fact in await told(it, "optout.received")} == {"TD"}


async def test_a_text_is_taken_once_and_only_from_who_can_sign(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    forged = await text_us(it, "T", secret=new_secret())
    assert forged.status_code == 401
    assert (await last(it, "R0"))[0] == "accepted"
    answers = await asyncio.gather(*(text_us(it, "T") for _ in range(4)))
    assert sum(answer.json()["new"] for answer in answers) == 1
    again = await text_us(it, "T", webhook="hook-other")
    assert again.json() == {"received": 1, "new": 0, "unknown": 0}
    assert (await text_us(it, "R", webhook="hook-other")).status_code == 409
    assert len(await told(it, "optout.received")) == 1


async def test_a_keyword_from_a_number_that_is_nobody_s_counts_for_who_comes_with_it(world: Make) -> None:
    it = await world()
    assert (await text_us(it, "STOP")).json() == {"received": 1, "new": 1, "unknown": 1}
    await loans(it, B1=with_points())
    assert await last(it) == ["suppressed", "HOLD-opt_out"]


async def test_other_words_are_for_a_person_and_open_a_reply_for_24_hours(world: Make) -> None:
    it = await world(now=NOON.replace(hour=15))  # 23:00 in Shanghai
    await loans(it, B1=with_points())
    assert await last(it, "R1", purpose="reply_to_inbound") == ["deferred", "CN-T1"]
    it.at(NOON.replace(hour=15, minute=1))
    await text_us(it, "我明天能还一半，可以吗？")
    assert await last(it, "R2", purpose="reply_to_inbound") == ["accepted"]
    [fact] = await told(it, "inbound.received")
    assert (fact["meaning"], fact["reply_until"]) == ("other", "2026-11-25T03:59:00Z")
    assert "明天" not in json.dumps(fact, ensure_ascii=False)
    async with door(it) as client:
        shown = (await client.get(f"/v1/inbound/{fact['contact_id']}")).json()
        assert (await client.get("/v1/inbound/none")).status_code == 404
    assert shown["text"] == "我明天能还一半，可以吗？"
    async with it.runtime.transaction() as tx:
        row = (await tx.execute("SELECT i::text AS text FROM inbound i")).one()
    assert "明天" not in row.text
    assert A not in row.text
    it.at(NOON.replace(hour=15) + timedelta(days=1))
    assert await last(it, "R3", purpose="reply_to_inbound") == ["deferred", "CN-T1"]


async def test_a_sign_of_danger_stops_what_runs_by_itself_at_once(world: Make) -> None:
    it = await world()
    await loans(it, B1=with_points())
    await it.request("R1", "L-B1", "B1")
    reservation = await it.reserve()
    await text_us(it, "别逼我了，我不想活了")
    for key, messages in reservation.requests.items():
        await it.sender.hand_over(key, messages, committed_at=float("-inf"))
    assert await last(it, "R2") == ["suppressed", "HOLD-vulnerable"]
    assert it.gateway.taken == {}
    [fact] = await told(it, "inbound.received")
    assert (fact["meaning"], fact["sign"]) == ("danger", "self_harm")
