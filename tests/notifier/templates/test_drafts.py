"""Two people put a template into force, as exactly the text the second has read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from notifier.domain.template_drafts import sha256_of
from tests.notifier.templates.drafting import DRAFTS, act, activate, door, draft, in_force, put, written
from tests.notifier.world import World

Make = Callable[..., Awaitable[World]]


async def test_two_people_put_a_template_into_force(world: Make) -> None:
    async with door(await world()) as client:
        assert await in_force(client) == (1, [1], "shipped")
        drafted = await draft(client, written())
        assert (drafted["status"], drafted["edition"], drafted["authors"]) == ("draft", 1, ["ann"])
        assert drafted["content_sha256"] == sha256_of(written())
        assert (await act(client, drafted, "activate", "bob", 409))["code"] == "not_a_draft"
        approved = await act(client, drafted, "approve", "bob")
        assert (approved["approved_by"], approved["approved_sha256"]) == ("bob", drafted["content_sha256"])
        assert await in_force(client) == (1, [1], "shipped")
        active = await act(client, drafted, "activate", "ann")
        assert (active["status"], active["revision"]) == ("active", 1)
        assert await in_force(client) == (2, [1, 2], "activated")
        detail = (await client.get("/v1/templates/s1-warm-sms")).json()
        assert detail["text"] == written()
        assert [(each["version"], each["approved_by"]) for each in detail["history"]] == [(2, "bob")]


@pytest.mark.parametrize("by", ["ann", "ANN", "Ann"])
async def test_nobody_approves_a_text_of_their_own(world: Make, by: str) -> None:
    async with door(await world()) as client:
        drafted = await draft(client, written())
        assert (await act(client, drafted, "approve", by, 403))["code"] == "own_draft"
        edited = await put(client, drafted, written(words="您好"), by="bob")
        # Of an edited text both have written.
        for author in ("ann", "bob"):
            assert (await act(client, edited, "approve", author, 403))["code"] == "own_draft"
        await act(client, edited, "approve", "cid")


async def test_what_was_approved_is_what_is_executed(world: Make) -> None:
    async with door(await world()) as client:
        read = await draft(client, written())
        edited = await put(client, read, written(words="您好"))
        # Bob approves what he has read; it is another text by now.
        assert (await act(client, read, "approve", "bob", 409))["code"] == "edited_meanwhile"
        await act(client, edited, "approve", "bob")
        assert (await act(client, edited, "approve", "bob", 409))["code"] == "not_a_draft"
        assert (await act(client, edited, "approve", "cid", 409))["code"] == "not_a_draft"
        again = await put(client, edited, written(words="再见"))
        assert (again["status"], again["approved_by"], again["approved_sha256"]) == ("draft", None, None)
        assert (await act(client, again, "activate", "bob", 409))["code"] == "not_a_draft"
        await act(client, again, "approve", "cid")
        await act(client, again, "activate", "bob")
        for what, more in (("approve", {}), ("activate", {})):
            assert (await act(client, again, what, "dan", 409, **more))["code"] == "not_a_draft"
        assert (await put(client, again, written(words="您好"), status=409))["code"] == "not_a_draft"
        preview = await client.post("/v1/templates/s1-warm-sms/preview", json={})
        assert "再见" in preview.json()["text"]


async def test_of_many_approvers_at_once_one_approves(world: Make) -> None:
    async with door(await world()) as client:
        drafted = await draft(client, written())
        url = f"{DRAFTS}/{drafted['draft_id']}/approve"
        bodies = [{"by": f"bob{n}", "content_sha256": drafted["content_sha256"]} for n in range(8)]
        answers = await asyncio.gather(*(client.post(url, json=body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        winner = next(answer.json()["approved_by"] for answer in answers if answer.status_code == 200)
        assert (await client.get(f"{DRAFTS}/{drafted['draft_id']}")).json()["approved_by"] == winner


async def test_an_approval_and_an_edit_at_once_never_approve_what_was_not_read(world: Make) -> None:
    async with door(await world()) as client:
        for n in range(6):
            drafted = await draft(client, written(words=f"一{'好' * n}"))
            await asyncio.gather(
                client.post(
                    f"{DRAFTS}/{drafted['draft_id']}/approve",
                    json={"by": "bob", "content_sha256": drafted["content_sha256"]},
                ),
                put(client, drafted, written(words="二")),
            )
            now = (await client.get(f"{DRAFTS}/{drafted['draft_id']}")).json()
            assert (now["status"], now["approved_sha256"], now["text"]) == (
                "draft",
                None,
                written(words="二"),
            )


async def test_of_many_activations_of_one_version_one_is_made(world: Make) -> None:
    async with door(await world()) as client:
        made = [await draft(client, written(words=f"{'好' * n}您好")) for n in range(4)]
        for each in made:
            await act(client, each, "approve", "bob")
        answers = await asyncio.gather(
            *(client.post(f"{DRAFTS}/{each['draft_id']}/activate", json={"by": "bob"}) for each in made)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert {a.json().get("code") for a in answers if a.status_code == 409} == {"version_taken"}


async def test_an_edit_needs_to_know_what_it_changes(world: Make) -> None:
    async with door(await world()) as client:
        drafted = await draft(client, written())
        url = f"{DRAFTS}/{drafted['draft_id']}"
        read = await client.get(url)
        assert read.headers["etag"] == '"1"'
        assert (await client.put(url, json={"text": written(), "by": "ann"})).status_code == 428
        changed = await put(client, drafted, written(words="您好"), etag=read.headers["etag"])
        assert changed["edition"] == 2
        lost = await put(client, drafted, written(words="再见"), etag=read.headers["etag"], status=409)
        assert lost["code"] == "edited_meanwhile"


async def test_the_same_draft_again_is_the_same_draft(world: Make) -> None:
    async with door(await world()) as client:
        first = await draft(client, written(), key="k1")
        assert (await draft(client, written(), key="k1"))["draft_id"] == first["draft_id"]
        other = {"text": written(words="您好"), "by": "ann"}
        answer = await client.post("/v1/templates", json=other, headers={"idempotency-key": "k1"})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_a_draft")
        assert (await draft(client, written()))["draft_id"] != first["draft_id"]
        page = (await client.get(DRAFTS, params={"limit": 1})).json()
        rest = (await client.get(DRAFTS, params={"cursor": page["next_cursor"]})).json()
        assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (1, 1, None)


@pytest.mark.parametrize(
    "words", ["{{ 7*7 }}", "{{ name.__class__ }}", "{{ salary }}", "{% for x in name %}", "{# 逾期 #}"]
)
async def test_what_no_text_may_name_is_refused_when_it_is_drafted(world: Make, words: str) -> None:
    async with door(await world()) as client:
        answer = await client.post("/v1/templates", json={"text": written(words=words), "by": "ann"})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_template")
        assert [(fault["file"], fault["line"]) for fault in answer.json()["found"]] == [("draft", 9)]
        assert (await client.get(DRAFTS)).json()["items"] == []


@pytest.mark.parametrize(
    "words", ["已逾期", "已逾 期", "已逾\u3000期", "ｏｖｅｒｄｕｅ", "оverdue", "違約", "律 師"]
)
async def test_what_a_stage_may_not_say_is_told_by_check_and_never_approved(world: Make, words: str) -> None:
    async with door(await world()) as client:
        drafted = await draft(client, written(words=words))
        check = (await client.post(f"{DRAFTS}/{drafted['draft_id']}/check")).json()
        assert not check["good"]
        assert [(f["file"], f["line"]) for f in check["faults"]] == [("s1-warm-sms.v2.yaml", 9)]
        assert "HOUSE-S1-WORDS" in check["faults"][0]["reason"]
        assert (await act(client, drafted, "approve", "bob", 422))["code"] == "bad_template"
        mended = await put(client, drafted, written())
        assert (await client.post(f"{DRAFTS}/{mended['draft_id']}/check")).json()["good"]


async def test_a_number_names_one_text_for_good(world: Make) -> None:
    async with door(await world()) as client:
        low = await draft(client, written(version=1))
        assert (await act(client, low, "approve", "bob", 409))["code"] == "version_taken"
        active = await activate(client, written(version=3))
        await act(client, active, "withdraw", "eve", reason="a slip of the pen")
        again = await draft(client, written(version=3, words="您好"))
        assert (await act(client, again, "approve", "bob", 409))["code"] == "version_taken"
        between = await draft(client, written(version=2, words="您好"))
        assert (await act(client, between, "approve", "bob", 409))["code"] == "version_taken"
        await activate(client, written(version=4))
        assert await in_force(client) == (4, [1, 4], "activated")


async def test_what_was_withdrawn_is_no_more(world: Make) -> None:
    async with door(await world()) as client:
        active = await activate(client, written())
        gone = await act(client, active, "withdraw", "eve", reason="a complaint")
        assert (gone["status"], gone["withdrawn_by"], gone["withdrawn_for"]) == (
            "withdrawn",
            "eve",
            "a complaint",
        )
        assert await in_force(client) == (1, [1], "shipped")
        for what, more in (("approve", {}), ("activate", {}), ("withdraw", {"reason": "again"})):
            assert (await act(client, active, what, "bob", 409, **more))["code"] == "not_a_draft"
        # One that never was in force changes nothing that is.
        early = await draft(client, written(version=5))
        assert (await act(client, early, "withdraw", "ann", reason="no need"))["revision"] is None


async def test_a_preview_shows_the_text_its_length_and_its_faults(world: Make) -> None:
    async with door(await world()) as client:
        url = "/v1/templates/s1-warm-sms/preview"
        shown = (await client.post(url, json={"values": {"name": "欧阳", "amount_due": "3200.00"}})).json()
        assert "欧阳女士/先生" in shown["text"]
        assert "3,200.00元" in shown["text"]
        assert (shown["encoding"], shown["segments"], shown["faults"]) == ("UCS-2", 2, [])
        assert shown["characters"] == len(shown["text"]) == shown["units"]
        english = (await client.post(url, json={"locale": "en-GB", "without": ["name"]})).json()
        assert (english["language"], "Dear" in english["text"]) == ("en", False)
        drafted = await draft(client, written(words="已逾期"))
        faulty = (await client.post(f"{DRAFTS}/{drafted['draft_id']}/preview", json={})).json()
        assert faulty["faults"] == ["'逾期' must not be said here (HOUSE-S1-WORDS)"]
        refused = await client.post(url, json={"values": {"name": "{{ 7*7 }}"}})
        assert (refused.status_code, refused.json()["variable"]) == (422, "name")
        assert (await client.post(url, json={"values": {"salary": "1"}})).status_code == 422
        wechat = (await client.post("/v1/templates/s2-soft-wechat-morning/preview", json={})).json()
        assert (wechat["encoding"], wechat["segments"]) == (None, None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/templates", {"text": written(), "by": "ann", "approved_by": "bob"}),
        ("/v1/templates", {"text": written(), "by": "ann", "status": "active"}),
        ("/v1/templates", {"text": written(), "by": "an n"}),
        ("/v1/templates", {"text": "", "by": "ann"}),
        (f"{DRAFTS}/x/approve", {"by": "bob"}),
        (f"{DRAFTS}/x/approve", {"by": "bob", "content_sha256": "0"}),
    ],
)
async def test_the_door_takes_nothing_else(world: Make, path: str, body: dict[str, str]) -> None:
    async with door(await world()) as client:
        assert (await client.post(path, json=body)).status_code == 422
        missing = {"by": "bob", "content_sha256": "0" * 64}
        assert (await client.post(f"{DRAFTS}/x/approve", json=missing)).status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "\ud800",
        "[]",
        "id: [",
        "&a [*a, *a]",
        "!!python/object/apply:os.system [id]",
        "- " * 3_000,
        "{" * 3_000,
        written(words="\x07"),
        written(words="{{ 9**9**9**9 }}"),
        written().replace("version: 2", "version: 2147483648"),
        written().replace("zh-CN", "fr"),
        written(template_id="drafts"),
        written().split("locales")[0] + "locales: {}\n",
    ],
)
async def test_no_text_breaks_the_door(world: Make, text: str) -> None:
    async with door(await world()) as client:
        body = json.dumps({"text": text, "by": "ann"}).encode()
        answer = await client.post(
            "/v1/templates", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422, answer.text
        drafted = await draft(client, written())
        broken = {"by": "eve", "reason": "\x00"}
        answer = await client.post(f"{DRAFTS}/{drafted['draft_id']}/withdraw", json=broken)
        assert answer.status_code == 422
        wanted = json.dumps({"values": {"name": "\ud800"}}).encode()
        url = "/v1/templates/s1-warm-sms/preview"
        answer = await client.post(url, content=wanted, headers={"content-type": "application/json"})
        assert answer.status_code == 422
