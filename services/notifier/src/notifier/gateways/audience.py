"""Whom this process may reach: everyone, nobody, or named test addresses alone, whatever the rules allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from notifier.gateways.port import Inquiry, Outcome, OutMessage, QueryResult, SendResult, State
from notifier.settings import NotifierSettings
from spine.settings import BadSettings

Mode = Literal["live", "shadow", "listed"]
#: Told of what the rules allowed and this process does not send.
SHADOW: Final = "SHADOW"
_WHY: Final[dict[Mode, str]] = {
    "live": "",
    "shadow": "allowed by the rules; this process sends to nobody (shadow)",
    "listed": "allowed by the rules; this process sends to named test addresses alone",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """`listed`: the keyed hashes of the test addresses."""

    mode: Mode = "live"
    listed: frozenset[bytes] = frozenset()

    def hears(self, address_index: bytes) -> bool:
        """Whether anything may be handed over for the address."""
        return self.mode == "live" or (self.mode == "listed" and address_index in self.listed)

    @property
    def why_not(self) -> str:
        return _WHY[self.mode]


EVERYONE: Final = Audience()


def audience_of(settings: NotifierSettings, index: Callable[[str], bytes]) -> Audience:
    """Whom the settings name; the file has one address a line, # begins a remark. Raises BadSettings."""
    mode = settings.mode
    if mode not in _WHY:
        raise BadSettings(f"TACT_NOTIFIER_MODE: live, shadow or listed, not {mode!r}")
    if (settings.test_addresses_file is not None) != (mode == "listed"):
        raise BadSettings("TACT_NOTIFIER_TEST_ADDRESSES_FILE names whom TACT_NOTIFIER_MODE=listed may reach")
    if settings.test_addresses_file is None:
        return Audience(mode)
    try:
        lines = settings.test_addresses_file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadSettings("TACT_NOTIFIER_TEST_ADDRESSES_FILE cannot be read") from None
    named = [line.partition("#")[0].strip() for line in lines]
    return Audience("listed", frozenset(index(address) for address in named if address))


@dataclass(frozen=True, slots=True)
class SilentGateway:
    """Stands where gateways stand when nobody is to be reached: it hands nothing on, whatever it is given."""

    name: str = "shadow"
    honours_idempotency: bool = False
    key_life_s: float = 0.0
    can_query: bool = True

    async def warm(self) -> str | None:
        return None

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        return [SendResult(m.client_ref, Outcome.NOT_SENT, code=SHADOW) for m in messages]

    async def query(self, asked: Inquiry) -> QueryResult:
        return QueryResult(asked.client_ref, State.NOT_FOUND)

    async def aclose(self) -> None:
        return None
