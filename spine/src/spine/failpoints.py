"""Named places where a test may kill, stop, delay or fail a process: no-ops unless FAILPOINTS says so."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

#: Every failpoint of the product and what has just happened when it is reached.
NAMES: Final = {
    "consumer.before_commit": "effects of a batch are written, not committed",
    "consumer.after_commit": "effects and progress are committed, the broker's hint is not",
    "relay.after_positions": "positions are committed, nothing is published",
    "relay.after_publish": "records are stored by the broker, the mark is not advanced",
    "ledger.after_roll": "a batch of loans was brought to the next business date, the date is still open",
    "stager.before_steps_commit": "due steps are decided and their requests written, not committed",
    "notifier.before_sending_commit": "due messages are claimed, decided and reserved, not committed",
    "notifier.after_sending_commit": "the attempt is reserved, no byte has left",
    "notifier.before_request": "a connection stands, deadline and gates are looked at next, no byte has left",
    "notifier.after_request": "the gateway has the request, its reply is not read",
    "notifier.after_reply": "the reply is read, its result is not committed",
    "notifier.before_settle_commit": "what the gateway said is written, not committed",
}


class FailpointHit(RuntimeError):
    """A failpoint was told to raise."""


@dataclass(frozen=True, slots=True)
class _Action:
    kind: str
    seconds: float
    nth: int | None
    probability: float


def _parse(spec: str) -> dict[str, _Action]:
    """`name=kill@3;other=sleep(5)@p0.1`: kill, stop, raise or sleep(s); at the n-th hit or with probability."""
    actions = {}
    for part in filter(None, (piece.strip() for piece in spec.split(";"))):
        name, _, what = part.partition("=")
        if name not in NAMES:
            raise ValueError(f"FAILPOINTS: no failpoint {name!r}")
        verb, _, when = what.partition("@")
        seconds = float(verb[6:-1]) if verb.startswith("sleep(") else 0.0
        kind = "sleep" if seconds else verb
        if kind not in ("kill", "stop", "raise", "sleep"):
            raise ValueError(f"FAILPOINTS: {name}: kill, stop, raise or sleep(s), not {verb!r}")
        chance = when.startswith("p")
        actions[name] = _Action(
            kind,
            seconds,
            None if chance or not when else int(when),
            float(when[1:]) if chance else 1.0,
        )
    return actions


_ACTIVE: Final = _parse(os.environ.get("FAILPOINTS", ""))
_HITS: Counter[str] = Counter()


def arm(spec: str) -> None:
    """Does from now on what FAILPOINTS would tell: in a process that was made for it. ValueError names what is
    wrong."""
    _ACTIVE.update(_parse(spec))


def failpoint(name: str) -> None:
    """Does what FAILPOINTS tells of this place; nothing in production."""
    if not _ACTIVE:
        return
    action = _ACTIVE.get(name)
    if action is None:
        return
    _HITS[name] += 1
    if action.nth is not None and _HITS[name] != action.nth:
        return
    if random.random() >= action.probability:
        return
    if action.kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action.kind == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action.kind == "sleep":
        # Blocks the whole process on purpose: a starved event loop is one of the faults.
        time.sleep(action.seconds)
    else:
        raise FailpointHit(name)
