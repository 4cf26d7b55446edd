"""Facts and packs for tests: a plain SMS about loan l1 to person p1, changed where a test says so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from notifier.domain.decision import PackRef
from notifier.domain.facts import ContactFacts, Party, PastContact
from notifier.domain.pack import (
    Applies,
    CapRule,
    CapWindow,
    Counted,
    GapRule,
    Pack,
    PackFile,
    WindowRule,
    Zones,
)
from spine.calendars import load_calendars

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def facts(zone: str | None = "Asia/Shanghai", **fields: Any) -> ContactFacts:
    plain: dict[str, Any] = {
        "channel": "sms",
        "purpose": "collection",
        "debt": "l1",
        "party": Party("p1", timezone=zone),
        "stage": "S1",
        "address": "a1",
    }
    return ContactFacts(**(plain | fields))


def past(at: datetime, channel: str = "sms", outcome: str = "delivered", **fields: Any) -> PastContact:
    plain: dict[str, Any] = {"address": "a1", "party_id": "p1", "purpose": "collection", "debts": ("l1",)}
    return PastContact(at, channel, outcome, **(plain | fields))


def pack(*rules: WindowRule | CapRule | GapRule, **fields: Any) -> Pack:
    """A pack of these rules judged in the party's own zone."""
    file = PackFile(
        name="test",
        version="1",
        applies=Applies(country="CN", effective_from=date(2020, 1, 1)),
        force="house",
        zones=fields.pop("zones", Zones(rule="party")),
        windows=tuple(rule for rule in rules if isinstance(rule, WindowRule)),
        caps=tuple(rule for rule in rules if isinstance(rule, CapRule)),
        gaps=tuple(rule for rule in rules if isinstance(rule, GapRule)),
        **fields,
    )
    return Pack(PackRef("test", "1", "0" * 64), file, (), load_calendars())


def window(*pairs: tuple[str, str], **fields: Any) -> WindowRule:
    return WindowRule(id="W", citation="test", days={"every_day": pairs}, **fields)


def cap(limit: int, **fields: Any) -> CapRule:
    plain: dict[str, Any] = {
        "id": "C",
        "citation": "test",
        "counts": (Counted(),),
        "per": "person",
        "window": CapWindow(calendar_days=1),
    }
    return CapRule(limit=limit, **(plain | fields))


def gap(minutes: int, **fields: Any) -> GapRule:
    plain: dict[str, Any] = {"id": "G", "citation": "test", "after": (Counted(),), "per": "person"}
    return GapRule(minutes=minutes, **(plain | fields))
