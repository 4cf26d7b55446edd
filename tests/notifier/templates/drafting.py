"""Short words for what people do with templates over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from spine.http import create_api
from spine.service import Service
from tests.notifier.world import World

TOKEN = "t" * 40
DRAFTS = "/v1/templates/drafts"


def written(version: int = 2, words: str = "请看", template_id: str = "s1-warm-sms", **more: str) -> str:
    """A version of the first text of S1."""
    given = {"channel": "sms", "stage": "S1", "figures": "false", **more}
    lines = "".join(f"{name}: {value}\n" for name, value in given.items())
    return (
        f"id: {template_id}\nversion: {version}\n{lines}locales:\n  zh-CN:\n    max_chars: 100\n    text: >-\n"
        f"      【{{{{ institution }}}}】{words}，请致电{{{{ hotline }}}}。\n"
    )


@asynccontextmanager
async def door(it: World, service: Service | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(service or it.service, it.runtime, token=TOKEN)
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers) as client:
        yield client


async def draft(client: httpx.AsyncClient, text: str, *, by: str = "ann", key: str | None = None) -> Any:
    headers = {"idempotency-key": key} if key else {}
    answer = await client.post("/v1/templates", json={"text": text, "by": by}, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def act(
    client: httpx.AsyncClient, drafted: Any, what: str, by: str, status: int = 200, **more: str
) -> Any:
    if what == "approve":
        more = {"content_sha256": drafted["content_sha256"], **more}
    answer = await client.post(f"{DRAFTS}/{drafted['draft_id']}/{what}", json={"by": by, **more})
    assert answer.status_code == status, answer.text
    return answer.json()


async def activate(client: httpx.AsyncClient, text: str) -> Any:
    drafted = await draft(client, text)
    await act(client, drafted, "approve", "bob")
    return await act(client, drafted, "activate", "bob")


async def in_force(client: httpx.AsyncClient, template_id: str = "s1-warm-sms") -> tuple[int, list[int], str]:
    listed = (await client.get("/v1/templates")).json()["templates"]
    found = next(each for each in listed if each["id"] == template_id)
    return found["version"], found["versions"], found["source"]


async def put(
    client: httpx.AsyncClient,
    drafted: Any,
    text: str,
    *,
    by: str = "ann",
    etag: str | None = None,
    status: int = 200,
) -> Any:
    etag = etag or f'"{drafted["edition"]}"'
    answer = await client.put(
        f"{DRAFTS}/{drafted['draft_id']}", json={"text": text, "by": by}, headers={"if-match": etag}
    )
    assert answer.status_code == status, answer.text
    return answer.json()
