"""What the notifier does by itself, what it has open, and why it might not be sending."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable

from notifier.sending.reconcile import Reconciler
from notifier.sending.sender import Sender
from notifier.settings import NotifierSettings
from notifier.store import attempts, freshness, kill_switch, messages
from notifier.store.freshness import Tick
from spine.database import Tx
from spine.service import Due, Schedule


def schedules(sender: Sender | None, reconciler: Reconciler | None) -> tuple[Schedule, ...]:
    """Sending and finding out; neither without a gateway."""
    if sender is None or reconciler is None:
        return ()
    return (Schedule("send", sender.run, 0.5), Schedule("reconcile", reconciler.run, 1.0))


async def due(tx: Tx) -> Due:
    """Open: messages due now and attempts of which it is not known whether they went out. Receipts block
    nothing."""
    return await messages.due_work(tx, await kill_switch.stopped_scopes(tx, hold=False))


class Readiness:
    """Says why nothing is sent, in sentences a person can act on."""

    def __init__(self, settings: NotifierSettings, unfit: Callable[[Tx], Awaitable[list[str]]]) -> None:
        self._settings = settings
        self._unfit = unfit

    async def reasons(self, tx: Tx) -> list[str]:
        """Empty when messages may leave."""
        reasons = []
        if not self._settings.gateway_url:
            reasons.append("no gateway is set: nothing can be sent without TACT_NOTIFIER_GATEWAY_URL")
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
