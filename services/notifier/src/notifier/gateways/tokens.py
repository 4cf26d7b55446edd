"""Access tokens of WeChat and WeCom: fetched by one at a time, kept until shortly before their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

log = structlog.get_logger()

#: A token is renewed so long before its end; the platform keeps the old one alive meanwhile.
EARLY_S: Final = 300.0
#: Not fetched more often than this, whatever goes wrong: the platform counts every fetch.
AGAIN_AFTER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token and how long it lives from now."""

    word: str
    life_s: float

    def __repr__(self) -> str:
        return f"Token(life_s={self.life_s})"


class TokenRefused(Exception):
    """The platform gives no token; `code` is its reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TokenHolder:
    """One token for all who send. `fetch(forced)` gets one; `forced`: the last one turned out not to work."""

    def __init__(
        self, fetch: Callable[[bool], Awaitable[Token]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._word: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._fetched_at = float("-inf")
        self._forced = False
        self._code: str | None = None

    @property
    def word(self) -> str | None:
        """The token, if there is one that lives: never waits."""
        return self._word if self._word is not None and self._clock() < self._ends_at else None

    async def renew(self) -> str | None:
        """Sees to it that there is a token; None when there is, else why not. Who comes while another fetches
        waits for that one."""
        async with self._lock:
            now = self._clock()
            if self._word is not None and now < self._renew_at:
                return None
            if now < self._fetched_at + AGAIN_AFTER_S and (self._forced or self._code):
                return None if self.word else self._code or "no_token"
            self._fetched_at = now
            try:
                token = await self._fetch(self._forced)
            except TokenRefused as refused:
                self._code = refused.code
                log.warning("no access token", code=refused.code)
                return None if self.word else refused.code
            now = self._clock()
            self._word, self._code, self._forced = token.word, None, False
            self._ends_at = now + token.life_s
            self._renew_at = now + max(token.life_s - EARLY_S, token.life_s / 2)
            return None

    def refused(self, word: str) -> None:
        """The platform does not take this token: another is fetched, unless that has happened already."""
        if word == self._word:
            self._word, self._forced = None, True
