"""Whose clocks count for a pack, and which day they show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from notifier.domain.facts import Party
from notifier.domain.local_time import known_zone
from notifier.domain.pack import Pack, Zones

#: ISO 3166: a country, or a country and its state.
_REGION: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
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


def jurisdiction_of(region: str | None, country: str, packs: Sequence[Pack]) -> tuple[str, str | None]:
    """The country and state whose law counts for a person: where they live, if its codes tell and a pack is of that
    country; else the lender's country, the state not known."""
    told = _REGION.fullmatch(region) if region is not None else None
    if told is None or all(pack.file.applies.country != told[1] for pack in packs):
        return country, None
    return told[1], told[2]
