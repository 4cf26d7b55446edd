"""What the routes ask for: the house, the database, pages, idempotency keys."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from pydantic import AwareDatetime, Field

from spine.database import Runtime
from spine.http import runtime_of
from stager.handlers.policies import renew
from stager.policy import House

Limit = Annotated[int, Query(ge=1, le=500)]
RuntimeOf = Annotated[Runtime, Depends(runtime_of)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
#: A business date from which days and months can be counted either way: calendars end at 9999-12-31.
Day = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(9000, 1, 1))]
#: The same of instants, whatever their offset.
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]
#: The opaque id of the person who acts: a member of the team.
MemberId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
#: For whom a list or a detail is asked: a member of an agency sees only what is placed with it. Without it the
#: house asks for itself, which is for its own services alone until access control names everybody.
ActingMember = Annotated[
    str | None, Header(alias="X-Tact-Member", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
]


async def house_of(request: Request, runtime: RuntimeOf) -> House:
    """The house's rules as they are now: what another process activated is taken up first."""
    house: House = request.app.state.house
    async with runtime.transaction() as tx:
        await renew(tx, house)
    return house


HouseOf = Annotated[House, Depends(house_of)]
