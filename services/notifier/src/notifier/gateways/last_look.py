"""The last look: what the sender still has to say when a connection stands and the bytes are about to leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

#: Of these messages (client_refs), those that may no longer leave.
LastLook = Callable[[Sequence[str]], Awaitable[frozenset[str]]]

_LOOK: Final[ContextVar[LastLook | None]] = ContextVar("last_look", default=None)


@contextmanager
def watched_by(look: LastLook) -> Iterator[None]:
    """Whatever is handed to a gateway in this block is looked at once more by `look`, in the transport.

    Not an argument of every adapter: between the sender and the socket stand adapters that have nothing to say
    about it, and one of them could forget to pass it on.
    """
    token = _LOOK.set(look)
    try:
        yield
    finally:
        _LOOK.reset(token)


async def barred(client_refs: Sequence[str]) -> frozenset[str]:
    """Those of the messages that may no longer leave; none where nobody watches."""
    look = _LOOK.get()
    return frozenset() if look is None else await look(client_refs)
