"""What a vendor knows of its customer: keys, approved templates, and where it reports to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import httpx
import msgspec
import structlog

log = structlog.get_logger()

MAX_TRIES = 5


class Accounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One customer at each vendor. `templates`: the approved texts by code, with the vendor's own places. Reports
    go to `sms_reports_url` and `wechat_events_url`, where these are given."""

    access_key_id: str = "LTAIexample"
    access_key_secret: str = "example-secret"
    app_id: str = "wx0123456789abcdef"
    app_secret: str = "example-secret"
    corp_id: str = "ww0123456789abcdef"
    corp_secret: str = "example-secret"
    token_life_s: Annotated[int, msgspec.Meta(ge=1)] = 7200
    templates: dict[str, str] = {}
    sms_reports_url: str | None = None
    wechat_events_url: str | None = None
    wechat_token: str = ""
    wechat_aes_key: str = ""


class Reports:
    """Posts what a vendor reports, some time later, a few times until it is taken."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=10, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        return len(self._tasks)

    def later(self, delay_s: float, url: str, make: Callable[[], tuple[dict[str, str], bytes]]) -> None:
        """Posts what `make` gives - query and body, made when it is sent - after a delay."""
        task = asyncio.create_task(self._post(delay_s, url, make))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, delay_s: float, url: str, make: Callable[[], tuple[dict[str, str], bytes]]) -> None:
        await asyncio.sleep(delay_s)
        for n in range(MAX_TRIES):
            query, body = make()
            with suppress(httpx.HTTPError):
                status = (await self._client.post(url, params=query, content=body)).status_code
                if status == 200:
                    return
                log.warning("report refused", status=status)
            await asyncio.sleep(0.1 * 2**n)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()
