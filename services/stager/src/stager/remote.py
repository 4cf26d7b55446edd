"""Another service asked over REST: a client that never raises for what the other side does or does not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

import httpx
import msgspec
import structlog

from spine.errors import TactError

T = TypeVar("T")
log = structlog.get_logger()

#: Wall time: who waits for an answer is a person at a screen, or a step that can be decided again.
TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The other side gave no answer; `detail` says what a person can do about it."""

    detail: str


class Remote:
    """`token` is read when it is first needed: a process that asks nothing starts without one."""

    service: ClassVar[str]
    setting: ClassVar[str]

    def __init__(
        self, url: str, token: Callable[[], str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._token = token
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Closes connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> T | Unreachable:
        if not self._url:
            return Unreachable(f"{self.setting} is not set: give the {self.service}'s address")
        try:
            reply = await self._connected().request(method, path, json=body, params=query)
            if reply.status_code != httpx.codes.OK:
                return self._refused(method, path, reply)
            return msgspec.json.decode(reply.content, type=answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("not reached", service=self.service, url=self._url, error=type(error).__name__)
            reason = f"does not answer ({type(error).__name__}); is it up?"
            return Unreachable(f"the {self.service} at {self._url} {reason}")
        except msgspec.DecodeError as error:
            return Unreachable(f"the {self.service} at {self._url} answers with something else: {error}")
        except TactError as error:
            return Unreachable(error.detail)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._url,
                headers={"authorization": f"Bearer {self._token()}"},
                timeout=TIMEOUT_S,
                transport=self._transport,
            )
        return self._client

    def _refused(self, method: str, path: str, reply: httpx.Response) -> Unreachable:
        log.warning("refused", service=self.service, method=method, path=path, status=reply.status_code)
        return Unreachable(
            f"the {self.service} refuses {method} {path}: {reply.status_code} {reply.text[:300]}"
        )
