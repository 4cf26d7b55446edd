"""Whose clocks count for a pack, and which day they show."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from notifier.domain.facts import Party
from notifier.domain.local_time import known_zone
from notifier.domain.pack import Pack, Zones

#: The clocks on earth that are furthest behind and ahead of UTC.
_WEST, _EAST = timedelta(hours=-12), timedelta(hours=14)


def zones_of(zones: Zones, party: Party) -> tuple[ZoneInfo, ...] | None:
    """The zones whose clocks all have to agree; None when any of them is unknown."""
    return _zones(zones.rule, zones.fixed, party.timezone, party.candidate_timezones)


@lru_cache(maxsize=2048)
def _zones(
    rule: str, fixed: str | None, stated: str | None, candidates: tuple[str, ...]
) -> tuple[ZoneInfo, ...] | None:
    # Where the person's own zone is not known all candidates bind, because any of them may be true.
    own = (stated,) if stated is not None else candidates
    names = {
        "fixed": (*((fixed,) if fixed is not None else ()), *own),
        "party": own,
        "all_candidates": (*((stated,) if stated is not None else ()), *candidates),
    }[rule]
    found = [known_zone(name) for name in dict.fromkeys(names)]
    known = tuple(zone for zone in found if zone is not None)
    return known if known and len(known) == len(found) else None


def days_at(pack: Pack, party: Party, now: datetime) -> tuple[date, date]:
    """The first and the last local day it may be for the pack: in its zones, else anywhere on earth."""
    zones = zones_of(pack.file.zones, party)
    if pack.file.zones.rule == "fixed":
        fixed = known_zone(pack.file.zones.fixed or "")
        zones = (fixed,) if fixed is not None else None
    if zones is None:
        return (now + _WEST).date(), (now + _EAST).date()
    days = [now.astimezone(zone).date() for zone in zones]
    return min(days), max(days)
