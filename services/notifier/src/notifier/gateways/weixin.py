"""What WeChat and WeCom have in common: `errcode`, an access token in the query, one message a request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from notifier.gateways.http import HttpLine, Limits, Now, Reply, TooLate, all_of, failed, send_in_time
from notifier.gateways.port import Outcome, OutMessage, SendResult
from notifier.gateways.tokens import Token, TokenHolder, TokenRefused
from notifier.gateways.wechat_codes import judged

_AT_ONCE: Final = 8


class Answer(msgspec.Struct, frozen=True):
    """What every call answers; `msgid` is a number with WeChat, a word with WeCom."""

    errcode: int = 0
    msgid: int | str | None = None
    invaliduser: str = ""
    unlicenseduser: str = ""
    access_token: str | None = None
    expires_in: int = 0


_ANSWER: Final = msgspec.json.Decoder(Answer)
#: Makes the body of a message's request; None when it fits nothing the platform would send.
Compose = Callable[[OutMessage], dict[str, object] | None]


class Platform:
    """A line to one platform with its token: each message is a request of its own."""

    def __init__(
        self,
        name: str,
        base_url: str,
        now: Now,
        limits: Limits | None,
        fetch: Callable[[HttpLine, bool], Awaitable[Reply]],
    ) -> None:
        self._name = name
        self._line = HttpLine(base_url, now, limits or Limits())
        self._fetch = fetch
        self.tokens = TokenHolder(self._token)

    async def warm(self) -> str | None:
        """A token, ahead of time: fetching one between reservation and send would take too long."""
        return await self.tokens.renew()

    async def _token(self, forced: bool) -> Token:
        try:
            answer = read_answer(await self._fetch(self._line, forced))
        except Exception as error:
            raise TokenRefused(type(error).__name__) from None
        if answer is None or answer.errcode or not answer.access_token or answer.expires_in <= 0:
            raise TokenRefused(f"errcode_{answer.errcode}" if answer else "malformed_reply")
        return Token(answer.access_token, float(answer.expires_in))

    async def send(
        self,
        path: str,
        messages: Sequence[OutMessage],
        compose: Compose,
        is_wrong: Callable[[Answer], str | None],
    ) -> list[SendResult]:
        """Each message by itself, a few side by side. `is_wrong` finds a refusal in an answer that says ok."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(message: OutMessage) -> SendResult:
            body = compose(message)
            if body is None:
                return SendResult(message.client_ref, Outcome.REJECTED, code="template_mismatch")

            async def send(waiting: list[OutMessage]) -> list[SendResult]:
                return await self._send(path, waiting, msgspec.json.encode(body), is_wrong)

            async with limit:
                return (await send_in_time([message], self._line.now, send))[0]

        return list(await asyncio.gather(*(one(message) for message in messages)))

    async def _send(
        self, path: str, messages: list[OutMessage], body: bytes, is_wrong: Callable[[Answer], str | None]
    ) -> list[SendResult]:
        word = self.tokens.word
        if word is None:
            return all_of(messages, Outcome.NOT_SENT, "no_token")
        try:
            reply = await self._line.request(
                "POST", path, body=body, params={"access_token": word}, messages=messages
            )
        except TooLate:
            raise
        except Exception as error:
            return failed(self._name, messages, error)
        answer = read_answer(reply)
        if answer is None:
            return all_of(messages, Outcome.UNKNOWN, f"http_{reply.status}")
        if answer.errcode:
            outcome, code, wait_s = judged(answer.errcode)
            if code == "token_expired":
                self.tokens.refused(word)
            return all_of(messages, outcome, code, wait_s)
        if (wrong := is_wrong(answer)) is not None:
            return all_of(messages, Outcome.REJECTED, wrong)
        if answer.msgid is None:
            return all_of(messages, Outcome.UNKNOWN, "no_gateway_id")
        return [SendResult(m.client_ref, Outcome.ACCEPTED, str(answer.msgid)) for m in messages]

    async def aclose(self) -> None:
        await self._line.aclose()


def read_answer(reply: Reply) -> Answer | None:
    """The answer of a 200 that is JSON of the expected form and says how it went, else None."""
    if reply.status != 200:
        return None
    try:
        answer = _ANSWER.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return answer if b'"errcode"' in reply.body or answer.access_token else None
