"""Decisions and templates over REST: no person is looked at and nothing is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.notifier.domain.test_asked import request
from tests.notifier.test_permits import door
from tests.notifier.world import World
from tests.runtimes import emitted

Make = Callable[..., Awaitable[World]]


async def test_one_decision_or_a_list_in_the_same_order(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        one = await client.post("/v1/decisions", json=request())
        assert (one.status_code, one.json()["verdict"]) == (200, "allow")
        night = request(now="2026-11-24T23:00:00+08:00")
        many = await client.post("/v1/decisions", json=[night, request(), night])
        assert [answer["verdict"] for answer in many.json()] == ["defer", "allow", "defer"]
        assert many.json()[1] == one.json()
        assert (await client.post("/v1/decisions", json=[])).json() == []
    assert await emitted(it.runtime) == []


async def test_a_bad_request_is_named_by_its_place_and_a_long_list_refused(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        bad = await client.post("/v1/decisions", json=[request(), request(stage="S9")])
        assert (bad.status_code, bad.json()["code"]) == (422, "bad_schema")
        assert bad.json()["detail"].startswith("[1] stage")
        for body, code in ((b"[{]", "bad_json"), (b"", "bad_json"), (b"[1]", "bad_schema")):
            reply = await client.post("/v1/decisions", content=body)
            assert (reply.status_code, reply.json()["code"]) == (422, code)
        long = await client.post("/v1/decisions", json=[{}] * 1_001)
        assert (long.status_code, long.json()["code"]) == (422, "bad_schema")


async def test_templates_are_listed_with_languages_and_versions(world: Make) -> None:
    it = await world()
    async with door(it) as client:
        listed = (await client.get("/v1/templates")).json()["templates"]
    by_id = {template["id"]: template for template in listed}
    assert list(by_id) == sorted(by_id)
    warm = by_id["s1-warm-sms"]
    assert (warm["channel"], warm["stage"], warm["versions"]) == ("sms", "S1", [1])
    assert warm["languages"] == ["en", "zh-CN"]
    assert by_id["closure-sms"]["stage"] is None
