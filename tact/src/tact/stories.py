"""The portfolios a demo can play: made-up ones, NDJSON files, and the public UCI data set."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from spine.business_days import business_date
from tact.demo import Story
from tact.portfolio.errors import PortfolioFileUnreadable
from tact.portfolio.files import PortfolioKind, detect, open_portfolio
from tact.portfolio.generator import generate
from tact.portfolio.published import PublishedEvent
from tact.portfolio.uci import ZONE as UCI_ZONE

#: Days played after a file's last event: enough for the last reminders to go out.
_AFTER_LAST_EVENT_DAYS = 7
_LONGEST_DAYS = 400
UCI_YEARS = 21
_ISO_DATE = re.compile(r"\b(20[0-9]{2})(-[0-9]{2}-[0-9]{2})")


def generated_story(*, loans: int, start_on: date, days: int, seed: int, zone: ZoneInfo) -> Story:
    """A made-up portfolio with the roll behaviour of real one."""
    events = generate(loans=loans, start_on=start_on, days=days, seed=seed, zone=zone.key)
    return Story(events, zone, start_on, days)


def portfolio_story(path: Path, *, loans: int, zone: ZoneInfo) -> Story:
    """The events of a file from its first day to a week after its last.

    `loans` bounds the clients taken from the UCI file, whose dates are of its own zone and are moved on: no
    contact rule of today was in force in 2005, so nothing could be said of them then.
    Raises PortfolioFileUnreadable or PortfolioLineBad.
    """
    is_uci = detect(path) is PortfolioKind.UCI
    own_zone = ZoneInfo(UCI_ZONE) if is_uci else zone
    events = open_portfolio(path, zone=own_zone.key, limit=loans)
    if is_uci:
        events = [_years_later(event) for event in events]
    if not events:
        raise PortfolioFileUnreadable(f"{path}: no events in it", path=str(path))
    first = business_date(_first_dated(events), own_zone)
    last = business_date(events[-1].at, own_zone) + timedelta(days=_AFTER_LAST_EVENT_DAYS)
    days = min((last - first).days + 1, _LONGEST_DAYS)
    return Story(iter(events), own_zone, first, days)


def _first_dated(events: Sequence[PublishedEvent]) -> datetime:
    """The first instant a file names: events without any date are stored as of 1970 and come first."""
    return next((event.at for event in events if event.at.year > 1970), events[-1].at)


def _years_later(published: PublishedEvent) -> PublishedEvent:
    """The same event on the same days of the year, `UCI_YEARS` later; the file's months have no leap day."""
    text = json.dumps(published.event, ensure_ascii=False)
    moved = _ISO_DATE.sub(lambda date_: f"{int(date_[1]) + UCI_YEARS}{date_[2]}", text)
    at = published.at.replace(year=published.at.year + UCI_YEARS)
    return PublishedEvent(at, json.loads(moved))
