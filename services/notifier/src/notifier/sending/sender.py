"""Sends what is due: reserve, commit, look once more, hand over, settle - several batches side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.gateways.port import Outcome, OutMessage, SendResult
from notifier.sending.prepare import Desk
from notifier.sending.reserve import Reservation, reserve
from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import attempts
from spine.database import Runtime
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
            # The client itself looks at `not_after` once more, in the transport.
            results = await self.desk.gateways.send(kept, key)
            failpoint("notifier.after_reply")
            heard += [_heard(result) for result in results]
        await self._runtime.run(lambda tx: settle(tx, heard, settle_s=self.pace.settle_s))

    async def _look_again(self, messages: Sequence[OutMessage]) -> list[OutMessage]:
        refs = [message.client_ref for message in messages]
        async with self._runtime.transaction() as tx:
            open_refs = await attempts.may_still_leave(tx, refs, self.desk.packs[0].holds)
        return [message for message in messages if message.client_ref in open_refs]


_NEWS: Final = {
    Outcome.ACCEPTED: News.ACCEPTED,
    Outcome.REJECTED: News.REJECTED,
    Outcome.UNKNOWN: News.UNKNOWN,
    Outcome.NOT_SENT: News.HELD_BACK,
}


def _heard(result: SendResult) -> Heard:
    return Heard(result.client_ref, _NEWS[result.outcome], result.gateway_id, result.code)
