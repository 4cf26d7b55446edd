"""What the notifier does by itself, what it has open, and why it might not be sending."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from notifier.gateway_health import stopped_channels
from notifier.gateways.switchboard import Switchboard
from notifier.handlers import silent_permits
from notifier.handlers.silent_permits import tell_silent
from notifier.sending.care import GatewayCare
from notifier.sending.claims import Claims
from notifier.sending.queue import QueueCare
from notifier.sending.reconcile import Reconciler
from notifier.sending.sender import Sender
from notifier.settings import NotifierSettings
from notifier.store import attempts, freshness, kill_switch, messages
from notifier.store.freshness import Tick
from spine.database import Runtime, Tx
from spine.service import Due, Schedule


def schedules(runtime: Runtime, sender: Sender | None, reconciler: Reconciler | None) -> tuple[Schedule, ...]:
    """Sending, finding out, and looking after gateways: nothing of it without a gateway; and permits nobody
    reported."""
    silent = Schedule("silent-permits", partial(tell_silent, runtime), 30.0)
    if sender is None or reconciler is None:
        return (silent,)
    switchboard = sender.desk.gateways
    claims = Claims(runtime, switchboard, reconciler.inquiry, settle_s=sender.pace.settle_s)
    queue = QueueCare(runtime, sender.desk.packs[0].holds, sender.desk.closing.texts)
    return (
        silent,
        Schedule("send", sender.run, 0.5),
        Schedule("reconcile", reconciler.run, 1.0),
        Schedule("claims", claims.run, 1.0),
        Schedule("gateways", GatewayCare(runtime, switchboard).run, 1.0),
        *((Schedule("queue", queue.run, 0.25),) if switchboard.queues else ()),
    )


async def due(tx: Tx) -> Due:
    """Open: messages due now and attempts of which it is not known whether they went out. Receipts block
    nothing."""
    work = await messages.due_work(tx, await kill_switch.stopped_scopes(tx, hold=False))
    silent_at = await silent_permits.next_at(tx)
    if silent_at is None:
        return work
    if silent_at <= tx.now:
        return replace(work, open=work.open + 1)
    return replace(work, next_at=min(silent_at, work.next_at or silent_at))


class Readiness:
    """Says why nothing is sent, in sentences a person can act on."""

    def __init__(
        self,
        settings: NotifierSettings,
        switchboard: Switchboard | None,
        unfit: Callable[[Tx], Awaitable[list[str]]],
    ) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._unfit = unfit

    async def reasons(self, tx: Tx) -> list[str]:
        """Empty when messages may leave."""
        reasons = []
        if self._switchboard is None:
            reasons.append("no gateway is set: nothing can be sent without TACT_NOTIFIER_GATEWAY_URL")
        else:
            reasons += await stopped_channels(tx, self._switchboard)
        for scope in await kill_switch.stopped_scopes(tx, hold=False):
            what = "all sending" if scope == kill_switch.ALL else f"channel {scope}"
            reasons.append(f"{what} is stopped by the kill switch; POST /v1/kill-switch starts it again")
        reasons += await self._unfit(tx)
        reasons += _stale(await freshness.ticks_of(tx), self._settings.fresh_within_s)
        human = await attempts.waiting_for_a_person(tx)
        if human:
            reasons.append(
                f"{human} message(s) wait for a person: the gateway cannot tell whether they went out;"
                " GET /v1/messages?status=human lists them"
            )
        return reasons


def _stale(ticks: list[Tick], within_s: float) -> list[str]:
    by_topic: dict[str, list[Tick]] = defaultdict(list)
    for tick in ticks:
        if not freshness.is_fresh(tick, within_s):
            by_topic[tick.topic].append(tick)
    reasons = []
    for topic, stale in sorted(by_topic.items()):
        places = ", ".join(str(tick.partition) for tick in stale)
        where = f"{topic} partition{'s' if len(stale) > 1 else ''} {places}"
        ages = [tick.age_s for tick in stale if tick.age_s is not None]
        if len(ages) < len(stale):
            how = "never ticked"
        elif min(ages) < 0:
            how = f"ticks {-min(ages):.0f} s ahead of this clock"
        else:
            how = f"{'are' if len(stale) > 1 else 'is'} stale for {max(ages):.0f} s"
        reasons.append(f"sending is stopped: {where} {how}")
    return reasons
