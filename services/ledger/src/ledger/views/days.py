"""What the REST door shows of business dates and of the feed they depend on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from typing_extensions import TypedDict

from ledger.store.day import CloseRun
from ledger.store.feeds import Feed


class Closed(TypedDict):
    closed: date
    open_on: date


class LastClose(TypedDict):
    business_date: date
    started_at: datetime
    finished_at: datetime | None
    loans_visited: int
    loans_changed: int


class FeedState(TypedDict):
    """A publisher of core banking: when it was last heard, and whether that is too long ago."""

    source: str
    last_seen_at: datetime
    heartbeat_at: datetime | None
    silent: bool


class BusinessDate(TypedDict):
    open_on: date
    closes_at: datetime
    last_close: LastClose | None
    feeds: list[FeedState]


def business_date(
    open_on: date, closes_at: datetime, run: CloseRun | None, feeds: Sequence[Feed], silent: Collection[str]
) -> BusinessDate:
    last = None
    if run is not None:
        last = LastClose(
            business_date=run.business_date,
            started_at=run.started_at,
            finished_at=run.finished_at,
            loans_visited=run.loans_visited,
            loans_changed=run.loans_changed,
        )
    states = [
        FeedState(
            source=feed.source,
            last_seen_at=feed.last_seen_at,
            heartbeat_at=feed.heartbeat_at,
            silent=feed.source in silent,
        )
        for feed in feeds
    ]
    return BusinessDate(open_on=open_on, closes_at=closes_at, last_close=last, feeds=states)
