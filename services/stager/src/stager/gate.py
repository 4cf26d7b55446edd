"""Asks the notifier what may be said and done now: one gate for people and machines alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

import httpx
import msgspec
import structlog

from spine.errors import TactError

T = TypeVar("T")
log = structlog.get_logger()

#: Wall time: who waits for an answer is a person at a screen, or a step that can be decided again.
TIMEOUT_S: Final = 3.0
NOT_SET: Final = (
    "TACT_STAGER_NOTIFIER_URL is not set: give the notifier's address, such as http://notifier-api:8103"
)

Verdict = Literal["allow", "defer", "review", "deny"]


class RuleFired(msgspec.Struct, frozen=True):
    """One rule that spoke against the contact."""

    id: str
    verdict: Verdict
    until: datetime | None = None
    citation: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """The gate's answer. `until`: with defer the first instant at which to ask again."""

    verdict: Verdict
    until: datetime | None = None
    rules: tuple[RuleFired, ...] = ()
    facts_digest: str | None = None

    @property
    def is_allowed(self) -> bool:
        return self.verdict == "allow"


class TemplateVersions(msgspec.Struct, frozen=True):
    """One template: the stage it is written for (None: any), its languages and the versions there are."""

    id: str
    channel: str
    stage: str | None
    languages: tuple[str, ...]
    versions: tuple[int, ...]


class _TemplateList(msgspec.Struct, frozen=True):
    templates: tuple[TemplateVersions, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The gate gave no answer. Nothing is allowed then; `detail` says what a person can do about it."""

    detail: str


class Gate:
    """A client of the notifier. It never raises for what the other side does or does not do.

    `token` is read when it is first needed: a process that asks nothing starts without one.
    """

    def __init__(
        self, url: str, token: Callable[[], str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._token = token
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def check(
        self,
        borrower_id: str,
        loan_id: str,
        channel: str,
        purpose: str,
        stage: str | None,
        by: str,
        *,
        agents: Sequence[str] = (),
        visit_notice_at: datetime | None = None,
    ) -> Answer | Unreachable:
        """Whether the contact may be made now, by all the notifier knows. Reserves nothing."""
        asked = {
            "borrower_id": borrower_id,
            "loan_id": loan_id,
            "channel": channel,
            "purpose": purpose,
            "stage": stage,
            "by": by,
            "agents": list(agents),
            "visit_notice_at": visit_notice_at.isoformat() if visit_notice_at else None,
        }
        given = {name: value for name, value in asked.items() if value is not None and value != []}
        return await self._ask("POST", "/v1/permits/check", Answer, given)

    async def decide(self, request: Mapping[str, Any]) -> Answer | Unreachable:
        """The decision on stated facts alone (contracts.md 3.2 in and out)."""
        return await self._ask("POST", "/v1/decisions", Answer, dict(request))

    async def templates(self) -> tuple[TemplateVersions, ...] | Unreachable:
        """The templates that exist."""
        found = await self._ask("GET", "/v1/templates", _TemplateList)
        return found if isinstance(found, Unreachable) else found.templates

    async def aclose(self) -> None:
        """Closes connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(
        self, method: str, path: str, answer: type[T], body: dict[str, Any] | None = None
    ) -> T | Unreachable:
        if not self._url:
            return Unreachable(NOT_SET)
        try:
            reply = await self._connected().request(method, path, json=body)
            if reply.status_code != httpx.codes.OK:
                return _refused(method, path, reply)
            return msgspec.json.decode(reply.content, type=answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("gate not reached", url=self._url, error=type(error).__name__)
            return Unreachable(
                f"the notifier at {self._url} does not answer ({type(error).__name__}); is it up?"
            )
        except msgspec.DecodeError as error:
            return Unreachable(f"the notifier at {self._url} answers with something else: {error}")
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


def _refused(method: str, path: str, reply: httpx.Response) -> Unreachable:
    log.warning("gate refused", method=method, path=path, status=reply.status_code)
    return Unreachable(f"the notifier refuses {method} {path}: {reply.status_code} {reply.text[:300]}")
