"""Turns the kill switch: one person stops, two start."""

from __future__ import annotations

import structlog

from notifier.store import kill_switch
from notifier.store.kill_switch import Switch
from spine.database import Tx
from spine.errors import Conflict, NotFound

log = structlog.get_logger()


async def stop(tx: Tx, scope: str, *, by: str) -> Switch:
    """Stops a scope; stopping again changes nothing. Waits for reservations under way, so that none is made
    after this commits."""
    switch = await _locked(tx, scope)
    if not switch.stopped:
        await kill_switch.write(tx, scope, stopped=True, by=by, approved_by=None)
        log.warning("sending stopped", scope=scope, by=by)
    return await _locked(tx, scope)


async def start(tx: Tx, scope: str, *, by: str, approved_by: str | None) -> Switch:
    """Starts a scope again. Raises Conflict unless two persons want it, one of whom did not stop it."""
    switch = await _locked(tx, scope)
    if not switch.stopped:
        return switch
    if approved_by is None or approved_by == by:
        raise Conflict("Starting again needs a second person: give approved_by, other than by.")
    if approved_by == switch.changed_by:
        raise Conflict("Who stopped sending may ask to start it again, but another person has to approve.")
    await kill_switch.write(tx, scope, stopped=False, by=by, approved_by=approved_by)
    log.warning("sending started", scope=scope, by=by, approved_by=approved_by)
    return await _locked(tx, scope)


async def _locked(tx: Tx, scope: str) -> Switch:
    switch = await kill_switch.lock(tx, scope)
    if switch is None:
        raise NotFound(f"no switch {scope[:40]}; see GET /v1/kill-switch", scope=scope[:40])
    return switch
