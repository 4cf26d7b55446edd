"""Sends what is due: reserve, commit, look once more, hand over, settle - several batches side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.gateways.last_look import LastLook, watched_by
from notifier.gateways.port import Outcome, OutMessage, SendResult
from notifier.sending.prepare import Desk
from notifier.sending.reserve import Reservation, reserve
from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import attempts
from spine.database import Runtime, Tx
from spine.failpoints import failpoint

#: After so long since the commit (wall time) the gates are looked at again before the bytes leave.
LOOK_AGAIN_AFTER_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is sent at once, and the wall-clock bounds of it. `lanes` batches run side by side."""

    batch: int
    lanes: int
    fresh_within_s: float
    settle_s: float


class Sender:
    """The schedule that sends. Channels whose gateways do not answer or ask for patience are left waiting."""

    def __init__(self, runtime: Runtime, desk: Desk, pace: Pace) -> None:
        self._runtime = runtime
        self.desk = desk
        self.pace = pace
        self._lanes = 1

    async def run(self) -> int:
        """One round; returns how many messages got on."""
        rounds = await asyncio.gather(*(self._batch() for _ in range(self._lanes)), return_exceptions=True)
        for outcome in rounds:
            if isinstance(outcome, BaseException):
                raise outcome
        done = [outcome for outcome in rounds if isinstance(outcome, Reservation)]
        # Side by side only while there is enough to do: idle lanes would only ask the database.
        full = any(one.claimed == self.pace.batch for one in done)
        self._lanes = self.pace.lanes if full else 1
        return sum(one.moved for one in done)

    def paused_s(self) -> float:
        """For how long the sender still waits for every gateway, in seconds of wall time."""
        return self.desk.gateways.paused_s()

    async def _batch(self) -> Reservation:
        pace = self.pace
        reservation = await self._runtime.run(
            lambda tx: reserve(tx, self.desk, fresh_within_s=pace.fresh_within_s, batch=pace.batch)
        )
        if reservation.requests:
            committed_at = time.monotonic()
            failpoint("notifier.after_sending_commit")
            for key, messages in reservation.requests.items():
                await self.hand_over(key, messages, committed_at)
        return reservation

    async def hand_over(self, key: str, messages: Sequence[OutMessage], committed_at: float) -> None:
        """One request with what was reserved at `committed_at` (monotonic), and what became of it."""
        late = time.monotonic() - committed_at > LOOK_AGAIN_AFTER_S
        kept = await self._look_again(messages) if late else list(messages)
        left = {message.client_ref for message in messages} - {message.client_ref for message in kept}
        heard = [Heard(ref, News.HELD_BACK, code="gate_closed") for ref in sorted(left)]
        self.desk.gateways.held_back([message for message in messages if message.client_ref in left])
        if kept:
            # The client itself looks at the gates and at `not_after` once more, in the transport.
            with watched_by(self._last_look(committed_at)):
                results = await self.desk.gateways.send(kept, key)
            failpoint("notifier.after_reply")
            heard += [_heard(result) for result in results]
        await self._runtime.run(lambda tx: self._settle(tx, heard))

    async def _settle(self, tx: Tx, heard: Sequence[Heard]) -> None:
        await settle(tx, heard, settle_s=self.pace.settle_s)
        failpoint("notifier.before_settle_commit")

    def _last_look(self, committed_at: float) -> LastLook:
        """Says what may no longer leave, if so much time went by that a gate may have closed."""

        async def look(client_refs: Sequence[str]) -> frozenset[str]:
            if time.monotonic() - committed_at <= LOOK_AGAIN_AFTER_S:
                return frozenset()
            return frozenset(client_refs) - await self._open(client_refs)

        return look

    async def _open(self, client_refs: Sequence[str]) -> set[str]:
        async with self._runtime.transaction() as tx:
            return await attempts.may_still_leave(
                tx, client_refs, self.desk.packs[0].holds, self.desk.closing.texts
            )

    async def _look_again(self, messages: Sequence[OutMessage]) -> list[OutMessage]:
        open_refs = await self._open([message.client_ref for message in messages])
        # What goes through the log is there since the commit: its withdrawal follows it.
        queues = self.desk.gateways.queues
        return [m for m in messages if m.client_ref in open_refs or m.gateway in queues]


_NEWS: Final = {
    Outcome.ACCEPTED: News.ACCEPTED,
    Outcome.REJECTED: News.REJECTED,
    Outcome.UNKNOWN: News.UNKNOWN,
    Outcome.NOT_SENT: News.HELD_BACK,
}


def _heard(result: SendResult) -> Heard:
    return Heard(result.client_ref, _NEWS[result.outcome], result.gateway_id, result.code)
