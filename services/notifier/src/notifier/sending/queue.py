"""What goes through the log: its record is written with its reservation, and withdrawn when its gate closes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from notifier.domain.pack import HoldRule
from notifier.gateways.port import OutMessage
from notifier.sending.states import AttemptState
from notifier.store import attempts, gateways, messages, parties
from notifier.store.gateways import QueuedRow
from spine.database import Runtime, Tx
from spine.events.gateways import GatewayMessage, GatewayWithdrawal
from spine.outbox import emit

log = structlog.get_logger()

_BATCH: Final = 200
_LIVE: Final = (AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.ACCEPTED)


async def enqueue(tx: Tx, outgoing: Sequence[OutMessage]) -> None:
    """Writes the records of messages that are being reserved; the caller has locked their persons."""
    for message in outgoing:
        record = GatewayMessage(
            borrower_id=message.borrower_id,
            client_ref=message.client_ref,
            gateway=message.gateway,
            channel=message.channel,  # type: ignore[arg-type]
            to=message.to,
            body=message.body,
            template=message.template,
            not_after=message.not_after,
        )
        emit(tx, record)
    await gateways.insert_queued(tx, [(m.client_ref, m.not_after) for m in outgoing])


class QueueCare:
    """The schedule that withdraws. A withdrawal follows its message in the same partition, so a gateway that has
    not handed the message on yet finds both; what is past `not_after` it drops by itself."""

    def __init__(self, runtime: Runtime, holds: tuple[HoldRule, ...], closing: Sequence[str]) -> None:
        self._runtime = runtime
        self._holds = holds
        self._closing = closing

    async def run(self) -> int:
        """One round; returns how many messages it withdrew."""
        async with self._runtime.transaction() as tx:
            queued = await gateways.queued(tx, batch=_BATCH)
            refs = [row.client_ref for row in queued]
            open_refs = (
                await attempts.may_still_leave(tx, refs, self._holds, self._closing, _LIVE) if refs else set()
            )
        shut = [row for row in queued if row.client_ref not in open_refs]
        done = await self._runtime.run(lambda tx: _withdraw(tx, shut)) if shut else 0
        await self._runtime.run(gateways.scrub_published)
        return done


async def _withdraw(tx: Tx, shut: list[QueuedRow]) -> int:
    """Each once: whoever marks a row tells the gateway."""
    await messages.lock_messages(tx, [row.message_id for row in shut])
    await parties.lock_persons(tx, [row.borrower_id for row in shut])
    marked = await gateways.mark_withdrawn(tx, [row.client_ref for row in shut])
    for row in sorted(shut, key=lambda r: r.client_ref):
        if row.client_ref in marked:
            withdrawal = GatewayWithdrawal(
                borrower_id=row.borrower_id, client_ref=row.client_ref, gateway=row.gateway, at=tx.now
            )
            emit(tx, withdrawal)
    if marked:
        log.info("messages withdrawn from the log", count=len(marked))
    return len(marked)
