"""WeCom application messages ("Send application message" of its server API) to those in the application's view.

POST /cgi-bin/message/send with text; the token comes from /cgi-bin/gettoken. Who is not (or no longer) in its view
- the customer whose contact was not accepted - is told in `invaliduser`. The platform cannot be asked afterwards.
`enable_duplicate_check` keeps an equal request from going out twice for a while, and is used only where that is
agreed. Messages that an employee confirms by hand (customer mass messages) are not sent from here: nothing could
promise that they leave inside the hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from notifier.gateways.http import HttpLine, Limits, Now, Reply
from notifier.gateways.port import NOT_SUBSCRIBED, Inquiry, OutMessage, QueryResult, SendResult, State
from notifier.gateways.weixin import Answer, Platform

#: The longest interval of the duplicate check, four hours.
LONGEST_KEY_LIFE_S: Final = 14_400.0
KEY_LIFE_S: Final = 1_800.0
_TEXT_BYTES: Final = 2048


class WecomGateway:
    """One application of one corporation."""

    can_query = False

    def __init__(
        self,
        base_url: str,
        corp_id: str,
        secret: str,
        agent_id: int,
        now: Now,
        *,
        name: str = "wecom",
        honours_idempotency: bool = False,
        key_life_s: float = KEY_LIFE_S,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.honours_idempotency = honours_idempotency
        self.key_life_s = min(key_life_s, LONGEST_KEY_LIFE_S) if honours_idempotency else 0.0
        self._agent_id = agent_id

        async def fetch(line: HttpLine, forced: bool) -> Reply:
            params = {"corpid": corp_id, "corpsecret": secret}
            return await line.request("GET", "/cgi-bin/gettoken", params=params)

        self._platform = Platform(name, base_url, now, limits, fetch)

    async def warm(self) -> str | None:
        return await self._platform.warm()

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """One request a message, so that each has an answer of its own."""
        return await self._platform.send("/cgi-bin/message/send", messages, self._body, _wrong)

    def _body(self, message: OutMessage) -> dict[str, object] | None:
        # Longer texts are cut by the platform: half a message is not what was approved. Several receivers in one
        # address would be several people.
        if len(message.body.encode()) > _TEXT_BYTES or "|" in message.to or message.to == "@all":
            return None
        body: dict[str, object] = {
            "touser": message.to,
            "msgtype": "text",
            "agentid": self._agent_id,
            "text": {"content": message.body},
        }
        if self.honours_idempotency:
            body |= {"enable_duplicate_check": 1, "duplicate_check_interval": int(self.key_life_s)}
        return body

    async def query(self, asked: Inquiry) -> QueryResult:
        """The platform has nobody to ask."""
        return QueryResult(asked.client_ref, State.UNKNOWN, code="cannot_ask")

    async def aclose(self) -> None:
        await self._platform.aclose()


def _wrong(answer: Answer) -> str | None:
    return NOT_SUBSCRIBED if answer.invaliduser or answer.unlicenseduser else None
