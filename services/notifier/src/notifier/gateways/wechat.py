"""Template messages of a WeChat official account ("Template message API" of the service account's documentation).

POST /cgi-bin/message/template/send; the token comes from /cgi-bin/stable_token. The platform tells later, by the
event TEMPLATESENDJOBFINISH with its `MsgID`, whether the message arrived; it cannot be asked. `client_msg_id` keeps
the same message to the same person from going out twice within ten minutes, and is sent only where that is agreed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from notifier.gateways.http import HttpLine, Limits, Now, Reply
from notifier.gateways.places import Places, of_template
from notifier.gateways.port import Inquiry, OutMessage, QueryResult, SendResult, State
from notifier.gateways.weixin import Answer, Platform

KEY_LIFE_S: Final = 600.0


class WechatGateway:
    """One official account. The account's verified name, which WeChat shows, stands for a signature that the
    platform's template does not have."""

    can_query = False

    def __init__(
        self,
        base_url: str,
        app_id: str,
        secret: str,
        now: Now,
        templates: Mapping[str, Places],
        *,
        name: str = "wechat",
        honours_idempotency: bool = False,
        key_life_s: float = KEY_LIFE_S,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.honours_idempotency = honours_idempotency
        self.key_life_s = key_life_s if honours_idempotency else 0.0
        self._templates = templates

        async def fetch(line: HttpLine, forced: bool) -> Reply:
            asked = {
                "grant_type": "client_credential",
                "appid": app_id,
                "secret": secret,
                "force_refresh": forced,
            }
            return await line.request("POST", "/cgi-bin/stable_token", body=msgspec.json.encode(asked))

        self._platform = Platform(name, base_url, now, limits, fetch)

    async def warm(self) -> str | None:
        return await self._platform.warm()

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """One request a message."""
        return await self._platform.send(
            "/cgi-bin/message/template/send", messages, self._body, _nothing_wrong
        )

    def _body(self, message: OutMessage) -> dict[str, object] | None:
        places = of_template(message.template, self._templates)
        values = places.filled(message.body) if places else None
        if places is None or values is None:
            return None
        body: dict[str, object] = {
            "touser": message.to,
            "template_id": places.code,
            "data": {name: {"value": value} for name, value in values.items()},
        }
        return {**body, "client_msg_id": message.client_ref} if self.honours_idempotency else body

    async def query(self, asked: Inquiry) -> QueryResult:
        """The platform has nobody to ask: its event or a living key are the only ways to know."""
        return QueryResult(asked.client_ref, State.UNKNOWN, code="cannot_ask")

    async def aclose(self) -> None:
        await self._platform.aclose()


def _nothing_wrong(_: Answer) -> str | None:
    return None
