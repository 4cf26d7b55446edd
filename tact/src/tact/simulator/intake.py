"""Takes messages in: accepts, rejects, drops what is late, knows what it was given before."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tact.simulator.behaviour import Behaviour
from tact.simulator.record import Line, Outcome, Record, read_record


class Message(msgspec.Struct, frozen=True):
    """One message as it is posted."""

    client_ref: str
    channel: str
    to: str
    body: str
    not_after: datetime
    template: str | None = None


class Posted(msgspec.Struct, frozen=True):
    """The body of POST /v1/messages."""

    messages: list[Message]


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is replied of one message."""

    client_ref: str
    gateway_id: str
    status: str
    code: str | None = None


@dataclass(slots=True)
class Known:
    """A message the gateway has been given; `status` as a query tells it."""

    client_ref: str
    gateway_id: str
    status: str
    code: str | None
    since_s: float


class Intake:
    """The gateway's memory. It is read back from the record, so a restart forgets nothing that was accepted."""

    def __init__(self, path: Path) -> None:
        self._by_ref: dict[str, Known] = {}
        self._by_key: dict[tuple[str, str], Known] = {}
        self._given: dict[str, int] = {}
        for line in read_record(path):
            if line.outcome != "duplicate":
                self._remember(line.client_ref, line.idempotency_key, line.outcome)
        self._record = Record(path)

    def take(
        self,
        messages: Sequence[Message],
        key: str | None,
        now: datetime,
        behaviour: Behaviour,
        *,
        replied: bool,
    ) -> tuple[list[Result], list[Known]]:
        """Takes a request in and records it: the results to reply, and what was newly accepted."""
        results: list[Result] = []
        accepted: list[Known] = []
        lines: list[Line] = []
        wall = datetime.now(UTC)
        for message in messages:
            known = self._by_key.get((key, message.client_ref)) if key is not None else None
            outcome: Outcome = "duplicate"
            if known is None or not behaviour.honours_idempotency:
                outcome = _outcome(message, now, behaviour)
                known = self._remember(message.client_ref, key, outcome)
                if outcome == "accepted":
                    accepted.append(known)
            results.append(_result(known))
            lines.append(
                Line(
                    received_at=now,
                    received_wall=wall,
                    client_ref=message.client_ref,
                    channel=message.channel,
                    to=message.to,
                    body=message.body,
                    idempotency_key=key,
                    not_after=message.not_after,
                    outcome=outcome,
                    replied=replied,
                )
            )
        self._record.append(lines)
        return results, accepted

    def find(self, client_ref: str, lag_s: float) -> Known | None:
        """What became of a message, None if it is not known, or not yet for those who ask."""
        known = self._by_ref.get(client_ref)
        return known if known is not None and time.monotonic() - known.since_s >= lag_s else None

    def refs(self, ending: str) -> list[str]:
        """What was given so far under references that end so."""
        return [ref for ref in self._by_ref if ref.endswith(ending)]

    def close(self) -> None:
        self._record.close()

    def _remember(self, client_ref: str, key: str | None, outcome: Outcome) -> Known:
        time_no = self._given[client_ref] = self._given.get(client_ref, 0) + 1
        # A second message under the same reference is a second message: it has an id of its own.
        gateway_id = "gw-" + hashlib.sha256(f"{client_ref}:{time_no}".encode()).hexdigest()[:20]
        code = {"rejected": "number_refused", "dropped": "too_late"}.get(outcome)
        known = Known(client_ref, gateway_id, outcome, code, time.monotonic())
        self._by_ref[client_ref] = known
        if key is not None:
            self._by_key[key, client_ref] = known
        return known


def _outcome(message: Message, now: datetime, behaviour: Behaviour) -> Outcome:
    if now >= message.not_after:
        return "dropped"
    return "rejected" if behaviour.rejects(message.client_ref) else "accepted"


def _result(known: Known) -> Result:
    # Who posts is told of a drop as of a refusal: nobody was contacted.
    status = "rejected" if known.status in ("rejected", "dropped") else "accepted"
    return Result(known.client_ref, known.gateway_id, status, known.code)
