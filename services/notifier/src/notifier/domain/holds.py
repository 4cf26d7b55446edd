"""Holds and withdrawn consent: reasons of a person or a case that no clock lifts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.conditions import last_consent
from notifier.domain.decision import Fired, Verdict
from notifier.domain.facts import ContactFacts, Hold
from notifier.domain.plan import Act, binds
from notifier.domain.stated_rules import HoldRule


def fired_holds(
    facts: ContactFacts, rules: tuple[HoldRule, ...], act: Act, zones: Sequence[ZoneInfo], now: datetime
) -> list[Fired]:
    """A deny for each kind of hold that is active and blocks the act as it is judged. `zones`: whose days a promise
    is of."""
    if not (facts.holds or facts.consents or facts.party.vulnerable):
        return []
    by_kind = {rule.kind: rule for rule in rules}
    fired: dict[str, Fired] = {}
    held = [(hold, False) for hold in facts.holds]
    held += [(hold, hold.kind == "vulnerable") for hold in _implied(facts, now)]
    for hold, implied in held:
        rule = by_kind.get(hold.kind)
        if hold.active(now) and (
            _blocks(hold, rule, facts, act, implied=implied) or _is_far(hold, rule, act, zones, now)
        ):
            citation = rule.citation if rule is not None else "a hold of unknown kind blocks everything"
            fired[hold.kind] = Fired(f"HOLD-{hold.kind}", Verdict.DENY, None, citation)
    return list(fired.values())


def _implied(facts: ContactFacts, now: datetime) -> Iterator[Hold]:
    """Who is flagged as vulnerable is treated as such, held or not; consent withdrawn last is an opt-out of that
    address."""
    if facts.party.vulnerable:
        yield Hold("vulnerable", now)
    last = last_consent(facts, now)
    if last is not None and last.state == "withdrawn":
        yield Hold("opt_out", now, None, facts.channel, facts.address)


def _blocks(hold: Hold, rule: HoldRule | None, facts: ContactFacts, act: Act, *, implied: bool) -> bool:
    """What a hold blocks beside its own acts it blocks until someone lifts it; a flag nobody could lift."""
    if rule is None:
        return True
    if rule.scope == "address":
        if hold.channel not in (None, facts.channel):
            return False
        if hold.address is not None and facts.address not in (None, hold.address):
            return False
    return binds(rule.blocks, act) if implied else blocks_act(rule, act)


def _is_far(hold: Hold, rule: HoldRule | None, act: Act, zones: Sequence[ZoneInfo], now: datetime) -> bool:
    """Whether the act passes only near the promised day, and that is not near: on every clock that counts."""
    near = rule.near_promise if rule is not None else None
    if near is None or hold.promised_on is None or act.purpose not in near.purposes:
        return False
    first = hold.promised_on - timedelta(days=near.days_before)
    return not all(first <= now.astimezone(zone).date() <= hold.promised_on for zone in zones)


def blocks_act(rule: HoldRule, act: Act) -> bool:
    """Whether a hold of the kind blocks such an act, wherever it goes."""
    return binds(rule.blocks, act) or (rule.also_blocks is not None and binds(rule.also_blocks, act))


def is_stopped(kinds: Iterable[str], rules: tuple[HoldRule, ...], act: Act) -> bool:
    """Whether any of the kinds of hold blocks the act; a kind no one knows blocks everything."""
    by_kind = {rule.kind: rule for rule in rules}
    return any(kind not in by_kind or blocks_act(by_kind[kind], act) for kind in kinds)
