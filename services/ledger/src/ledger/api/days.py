"""Business dates over REST: which one is open, and its close on request."""

from __future__ import annotations

import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from ledger import closing
from ledger.api.asking import IntakeOf, RuntimeOf
from ledger.store import day, feeds
from ledger.views import days as views

router = APIRouter()


class CloseRequest(BaseModel):
    """The business date to close."""

    model_config = ConfigDict(extra="forbid")
    date: datetime.date


@router.post("/v1/business-date/close")
async def close_business_date(body: CloseRequest, runtime: RuntimeOf, intake: IntakeOf) -> views.Closed:
    """Closes the open business date when it is over; closing it again answers the same."""
    done = await closing.close(runtime, intake, body.date)
    return views.Closed(closed=done.closed, open_on=done.open_on)


@router.get("/v1/business-date")
async def get_business_date(runtime: RuntimeOf, intake: IntakeOf) -> views.BusinessDate:
    """The open business date, when it will be closed, how the last close went, and whether the feed is heard."""
    async with runtime.transaction() as tx:
        open_on = await day.hold_open_date(tx, intake.house)
        run = await day.last_run(tx)
        heard = await feeds.feeds(tx)
        silent = {feed.source for feed in await feeds.silent(tx, intake.house.feed_silence)}
    return views.business_date(open_on, intake.house.closes_at(open_on), run, heard, silent)
